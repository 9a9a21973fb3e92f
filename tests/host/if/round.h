/* The tests of test_round.c that stand in files of their own, and what they share. */
#pragma once

#include "sink.h"

extern struct sink sink;
extern struct kitchen_sink_binding b;

/* A client `b` of a new server `sink`; and the end of both, with a check that nothing is left. */
void round_start(void);
void round_end(void);

/* round_types.c */
void arrays(void);
void structs(void);
void tables(void);
void unions(void);
void gifts(void);
void below_zero(void);
