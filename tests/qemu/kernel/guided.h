/* Programs of system calls, made up and run (guided.c, guided_run.c). */
#pragma once

#include "ktest.h"
#include <abi/grammar.h>
#include <kpi/coverage.h>

#define GUIDED_OPS_MAX   24u
#define GUIDED_ARGS      8u              /* one byte each: what it means depends on the grammar */
#define GUIDED_DOMAINS   2u

/* Beside the invocations of the grammar. */
enum guided_call {
    GUIDED_SEND = GRAMMAR_COUNT, GUIDED_CALL, GUIDED_POLL, GUIDED_YIELD, GUIDED_CALLS
};

struct guided_op {
    uint8_t call;                        /* enum grammar_name, enum guided_call */
    uint8_t domain;                      /* who makes it */
    uint8_t object;                      /* what is invoked, or the end that sends */
    uint8_t recv_slot;                   /* for the next message that brings a capability */
    uint8_t args[GUIDED_ARGS];
};

struct guided_program {
    uint32_t count;
    struct guided_op ops[GUIDED_OPS_MAX];
};

/* guided_run.c: once; then any number of times. Returns how many operations were made. When it
 * returns, nothing of the domains is left. */
void guided_run_init(void);
uint32_t guided_run(const struct guided_program *program);
/* Problems so far: violated invariants, objects left behind. */
uint64_t guided_run_problems(void);

/* guided_seeds.c: programs that once found something, and first steps. */
extern const struct guided_program guided_seeds[];
extern const uint32_t guided_seed_count;
