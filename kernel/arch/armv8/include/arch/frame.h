// Registers at an exception taken in the kernel. fatal.S knows the offsets.
#pragma once

#define KFRAME_SP     248
#define KFRAME_ELR    256
#define KFRAME_SPSR   264
#define KFRAME_ESR    272
#define KFRAME_FAR    280
#define KFRAME_VECTOR 288
#define KFRAME_SIZE   304

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

struct kframe {
    uint64_t x[31];
    uint64_t sp, elr, spsr, esr, far, vector;
    uint64_t pad;
};

_Static_assert(offsetof(struct kframe, sp) == KFRAME_SP, "fatal.S");
_Static_assert(offsetof(struct kframe, elr) == KFRAME_ELR, "fatal.S");
_Static_assert(offsetof(struct kframe, vector) == KFRAME_VECTOR, "fatal.S");
_Static_assert(sizeof(struct kframe) == KFRAME_SIZE, "fatal.S");

// C end of fatal.S: an exception in the kernel is always a bug of the kernel.
_Noreturn void kernel_fault(const struct kframe *frame);
#endif
