/* What the tests of test_hostile.c share with those that stand in files of their own. */
#pragma once

#include <kpi/lmp.h>

#include "sink.h"

extern struct sink sink;
extern struct kitchen_sink_binding b; /* its peer records what it sends: */
extern struct lmp_msg sent;           /* the last request */
extern uint64_t sent_area[MSG_WORDS_MAX];

void hostile_start(void);
void hostile_end(void);

/* Sends the recorded message after a change of one word, and gives the error that is answered,
 * ERR_OK for a reply. */
errval_t with_word(uint32_t index, uint64_t clear, uint64_t set);
/* The same for the words of the message area, after which the message has `count`. */
errval_t with_area(uint32_t index, uint64_t word, uint32_t count);

/* hostile_types.c */
void tables_and_unions(void);
void fields_of_newer_tables(void);
