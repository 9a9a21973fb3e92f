/* What both ways of a call in assembly put aside when they go on in C: struct lmp_regs, in the
 * frame of a function that the stub would have called. */
#pragma once

#define FRAME 112 /* x29, x30; struct lmp_regs at REGS */
#define REGS  16

    .macro save_regs
    stp     x29, x30, [sp, #-FRAME]!
    mov     x29, sp
    stp     x1, x2, [sp, #REGS]
    stp     x3, x4, [sp, #REGS + 16]
    stp     x5, x6, [sp, #REGS + 32]
    stp     x7, x8, [sp, #REGS + 48]
    stp     x9, x10, [sp, #REGS + 64]
    stp     x11, x16, [sp, #REGS + 80]
    .endm

    /* The stub has no frame of its own: what it keeps makes room for a record of it. */
    .macro save
    ldr     x16, [sp]
    str     x29, [sp]
    mov     x29, sp
    save_regs
    .endm
