#pragma once

#include <stdbool.h>
#include <stdint.h>

/* svc.S */
void fuzz_svc(uint64_t number, uint64_t regs[12]);

/* Enters the kernel `operations` times with whatever comes out of `seed`. A gentle run leaves its
 * own life-critical capabilities alone, so that it gets far; a wild one does not care. Returns if
 * it lives so long. */
void fuzz_child(uint64_t seed, uint64_t operations, bool wild);
