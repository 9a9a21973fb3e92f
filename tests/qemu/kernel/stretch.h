/* What both files of the program `stretch` use. */
#pragma once

#include "kobj.h"
#include <kpi/core.h>

/* What no entry into the kernel may take, in instructions. */
#define STRETCH_MAX 16000u

#define MIB        (1u << 20)
#define NODE_SLOTS KPI_L2_SLOTS
#define SLOTS      8u

/* SLOTS slots of the task node, for every test. */
extern caddr_t slot0;

/* The longest since the last call. */
uint64_t stretch(void);
/* The same against the bound. */
void judge(const char *what);

/* Nodes, in a node in the slot `parent`, with more than 10 000 capabilities: copies of what is in
 * slot0 + 1, or frames of the arena. */
void many(caddr_t parent, void (*fill)(caddr_t node));
void fill_copies(caddr_t node);
void fill_frames(caddr_t node);

/* stretch_cores.c. */
void test_mapping(void);
void test_sweep(void);
void test_look(void);
void test_core(void);
