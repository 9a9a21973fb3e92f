/* The FP and SIMD unit belongs to the dispatcher that used it last; it is switched when another one
 * uses it (trap), not when dispatchers are. */
#pragma once

#include <stdint.h>

struct dispatcher;

/* `d` runs and needs the unit. */
void fpu_take(struct dispatcher *d);
/* `d` ends: what is in the unit is nobody's. */
void fpu_forget(struct dispatcher *d);

/* fpu.S: `area` is the part of struct dispatcher from `fp` on. */
void fpu_save(uint64_t *area);
void fpu_load(const uint64_t *area);
