/* Layout that arch/ARCH/switch.S relies on; thread_priv.h checks it. Numbers only: assembly
 * includes this. */
#pragma once

#define THREAD_NEXT     0
#define THREAD_PREV     8
#define THREAD_QUEUE    16
#define THREAD_SP       24
#define THREAD_TPIDR    32
#define THREAD_MODE     40
#define THREAD_FP_STATE 44
#define THREAD_REGS     64
#define THREAD_FP       352              /* struct thread_fp: q0-q31, then */
#define THREAD_FP_STATUS 512             /* in it: FPSR, FPCR */

#define THREAD_FP_NONE  0                /* in the unit, or never used */
#define THREAD_FP_FRAME 1                /* d8-d15 and FPCR in the frame of thread_switch */
#define THREAD_FP_ALL   2                /* everything in the record */

#define REGS_SP         248
#define REGS_PC         256
#define REGS_TPIDR      272

#define PAGE_PENDING    0x04
#define PAGE_FP_LIVE    0x1c
#define PAGE_RESUME     0x20
#define PAGE_CURRENT    0x400
#define PAGE_RUN_HEAD   0x408
#define PAGE_RUN_TAIL   0x410
#define PAGE_SPECIAL    0x418
