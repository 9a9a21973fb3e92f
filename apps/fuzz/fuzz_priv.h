#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FUZZ_WAIT_NS 200000u             /* a call that waits is woken after this */

/* svc.S */
void fuzz_svc(uint64_t number, uint64_t regs[12]);
/* What a dispatcher without stack, libaos or end does: enters the kernel with random capability
 * addresses and small numbers, for ever. x0: its seed. */
void fuzz_racer(void);

/* The same sequence everywhere. */
void fuzz_random_seed(uint64_t seed);
uint64_t fuzz_random(void);
uint64_t fuzz_below(uint64_t limit);
/* Interesting ones more often. */
uint64_t fuzz_number(void);

/* Enters the kernel `operations` times with whatever comes out of `seed`. A gentle run leaves its
 * own life-critical capabilities alone, so that it gets far; a wild one does not care. Returns if
 * it lives so long. */
void fuzz_child(uint64_t seed, uint64_t operations, bool wild);

/* Does `operations` plausible things with objects of its own making, so that most of them get past
 * the first checks. Ends the domain. */
void fuzz_crafty(uint64_t seed, uint64_t operations) __attribute__((noreturn));
