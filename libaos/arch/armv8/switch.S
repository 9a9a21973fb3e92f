/* Register switches between threads. All of it runs disabled.
 *
 * A thread that gave up the core by itself is on its own stack: x19-x30 in a frame at THREAD_SP.
 * One that was preempted (THREAD_MODE not 0) has all its registers in THREAD_REGS and goes on
 * through svc RESUME. */
#include <abi/syscalls.h>
#include "offsets_priv.h"

#define FRAME_BYTES  176                 /* x19-x30, then d8-d15 and FPCR where FP is in use */
#define FRAME_FP     96
#define FRAME_FPCR   160

    .arch armv8-a+fp+simd

/* void thread_yield(void): to the next runnable thread, if there is one. The whole way in one
 * place: pop the head of the run queue, push the current thread, switch, enable. */
    .global thread_yield
    .type thread_yield, %function
thread_yield:
    stp     x29, x30, [sp, #-16]!
    mov     x29, sp
    mrs     x9, tpidrro_el0
    str     xzr, [sp, #-FRAME_BYTES]     /* the stack may grow by a fault now, and not later */
    str     w9, [x9]                     /* disabled: anything but 0 */
    add     x14, x9, #PAGE_RUN_HEAD      /* address of the queue */
    ldp     x0, x1, [x14, #PAGE_CURRENT - PAGE_RUN_HEAD]
    cbz     x1, 2f
    ldp     x13, x11, [x14, #PAGE_RUN_TAIL - PAGE_RUN_HEAD]
    cbnz    x11, 4f
    ldr     x12, [x1, #THREAD_NEXT]
    cbz     x12, 3f
    str     xzr, [x12, #THREAD_PREV]
    str     x0, [x13, #THREAD_NEXT]
    stp     xzr, x13, [x0, #THREAD_NEXT]
    str     x12, [x9, #PAGE_RUN_HEAD]
1:
    str     x0, [x9, #PAGE_RUN_TAIL]
    str     x14, [x0, #THREAD_QUEUE]
    str     xzr, [x1, #THREAD_QUEUE]
    str     x1, [x9, #PAGE_CURRENT]
    bl      thread_switch
    mrs     x9, tpidrro_el0
2:
    str     wzr, [x9]                    /* enabled */
    ldr     w10, [x9, #PAGE_PENDING]
    ldp     x29, x30, [sp], #16
    cbnz    w10, disp_enable_pending
    ret
3:
    stp     xzr, xzr, [x0, #THREAD_NEXT] /* the queue had one thread and gets another */
    str     x0, [x9, #PAGE_RUN_HEAD]
    b       1b
4:                                       /* there are threads of several levels */
    str     wzr, [x9]
    ldp     x29, x30, [sp], #16
    b       thread_yield_levels

/* void thread_switch(struct thread *from, struct thread *to) */
    .global thread_switch
    .type thread_switch, %function
thread_switch:
    stp     x29, x30, [sp, #-FRAME_BYTES]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    mrs     x9, tpidrro_el0
    mov     x10, sp
    ldr     w9, [x9, #PAGE_FP_LIVE]
    str     x10, [x0, #THREAD_SP]
    cbz     w9, 1f
    mrs     x11, fpcr
    mov     w12, #THREAD_FP_FRAME
    stp     d8, d9, [sp, #FRAME_FP]
    stp     d10, d11, [sp, #FRAME_FP + 16]
    stp     d12, d13, [sp, #FRAME_FP + 32]
    stp     d14, d15, [sp, #FRAME_FP + 48]
    str     x11, [sp, #FRAME_FPCR]
    str     w12, [x0, #THREAD_FP_STATE]
1:
    mov     x0, x1
    b       2f

/* void thread_load(struct thread *to): goes to `to` and forgets where it was. */
    .global thread_load
    .type thread_load, %function
thread_load:
    mrs     x9, tpidrro_el0
    ldr     w9, [x9, #PAGE_FP_LIVE]
2:
    ldp     w12, w13, [x0, #THREAD_MODE] /* mode, FP state */
    ldp     x10, x11, [x0, #THREAD_SP]   /* SP, TPIDR */
    cbnz    w12, 5f
    mov     sp, x10
    msr     tpidr_el0, x11
    cbnz    w9, 4f
3:
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     x29, x30, [sp], #FRAME_BYTES
    ret
4:
    mov     x11, #0                      /* a thread from before the first use of FP */
    cbz     w13, 6f
    str     wzr, [x0, #THREAD_FP_STATE]
    ldp     d8, d9, [sp, #FRAME_FP]
    ldp     d10, d11, [sp, #FRAME_FP + 16]
    ldp     d12, d13, [sp, #FRAME_FP + 32]
    ldp     d14, d15, [sp, #FRAME_FP + 48]
    ldr     x11, [sp, #FRAME_FPCR]
6:
    msr     fpcr, x11
    b       3b

5:  /* Preempted. Its FP registers are still in place, or all of them are in the record. */
    cbz     w9, 7f
    cbz     w13, 7f
    mov     x19, x0
    add     x0, x0, #THREAD_FP
    bl      arch_fp_load_all
    mov     x0, x19
7:
    add     x1, x0, #THREAD_REGS

/* void thread_load_regs(struct thread *to, const struct kpi_regs *regs): goes to `to` with these
 * registers; those of FP are in place. */
    .global thread_load_regs
    .type thread_load_regs, %function
thread_load_regs:
    str     wzr, [x0, #THREAD_FP_STATE]
    str     wzr, [x0, #THREAD_MODE]
    mov     x17, x1
    mrs     x16, tpidrro_el0
    ldp     x0, x1, [x17, #16 * 8]       /* x16, x17, PC and PSTATE travel in the page */
    ldp     x2, x3, [x17, #REGS_PC]
    stp     x0, x1, [x16, #PAGE_RESUME]
    stp     x2, x3, [x16, #PAGE_RESUME + 16]
    ldr     x0, [x17, #REGS_SP]
    ldr     x1, [x17, #REGS_TPIDR]
    mov     sp, x0
    msr     tpidr_el0, x1
    ldp     x0, x1, [x17, #0]
    ldp     x2, x3, [x17, #2 * 8]
    ldp     x4, x5, [x17, #4 * 8]
    ldp     x6, x7, [x17, #6 * 8]
    ldp     x8, x9, [x17, #8 * 8]
    ldp     x10, x11, [x17, #10 * 8]
    ldp     x12, x13, [x17, #12 * 8]
    ldp     x14, x15, [x17, #14 * 8]
    ldp     x18, x19, [x17, #18 * 8]
    ldp     x20, x21, [x17, #20 * 8]
    ldp     x22, x23, [x17, #22 * 8]
    ldp     x24, x25, [x17, #24 * 8]
    ldp     x26, x27, [x17, #26 * 8]
    ldp     x28, x29, [x17, #28 * 8]
    ldr     x30, [x17, #30 * 8]
    svc     #SYSCALL_RESUME
    brk     #1                           /* not reached */

/* void arch_fp_save_all(struct thread_fp *), arch_fp_load_all(const struct thread_fp *) */
    .global arch_fp_save_all
    .type arch_fp_save_all, %function
arch_fp_save_all:
    stp     q0, q1, [x0, #0]
    stp     q2, q3, [x0, #32]
    stp     q4, q5, [x0, #64]
    stp     q6, q7, [x0, #96]
    stp     q8, q9, [x0, #128]
    stp     q10, q11, [x0, #160]
    stp     q12, q13, [x0, #192]
    stp     q14, q15, [x0, #224]
    stp     q16, q17, [x0, #256]
    stp     q18, q19, [x0, #288]
    stp     q20, q21, [x0, #320]
    stp     q22, q23, [x0, #352]
    stp     q24, q25, [x0, #384]
    stp     q26, q27, [x0, #416]
    stp     q28, q29, [x0, #448]
    stp     q30, q31, [x0, #480]
    add     x1, x0, #THREAD_FP_STATUS
    mrs     x2, fpsr
    mrs     x3, fpcr
    stp     x2, x3, [x1]
    ret

    .global arch_fp_load_all
    .type arch_fp_load_all, %function
arch_fp_load_all:
    ldp     q0, q1, [x0, #0]
    ldp     q2, q3, [x0, #32]
    ldp     q4, q5, [x0, #64]
    ldp     q6, q7, [x0, #96]
    ldp     q16, q17, [x0, #256]
    ldp     q18, q19, [x0, #288]
    ldp     q20, q21, [x0, #320]
    ldp     q22, q23, [x0, #352]
    ldp     q24, q25, [x0, #384]
    ldp     q26, q27, [x0, #416]
    ldp     q28, q29, [x0, #448]
    ldp     q30, q31, [x0, #480]
    ldp     q8, q9, [x0, #128]
    ldp     q10, q11, [x0, #160]
    ldp     q12, q13, [x0, #192]
    ldp     q14, q15, [x0, #224]
    add     x1, x0, #THREAD_FP_STATUS
    ldp     x2, x3, [x1]
    msr     fpsr, x2
    msr     fpcr, x3
    ret
