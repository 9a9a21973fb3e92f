/* Waiting and polling from C. Both run disabled. kpi/lmp.h has the registers.
 *
 * void arch_wait(struct arch_received *ret): svc CALL that sends nothing.
 * void arch_poll(struct arch_received *ret): svc POLL. */
#include <abi/syscalls.h>

    .macro receive syscall
    stp     x29, x30, [sp, #-32]!
    mov     x29, sp
    str     x19, [sp, #16]
    mov     x19, x0
    mov     x0, #0
    mov     x10, #0
    svc     #\syscall
    stp     x0, x1, [x19]
    stp     x2, x3, [x19, #16]
    stp     x4, x5, [x19, #32]
    stp     x6, x7, [x19, #48]
    stp     x8, x9, [x19, #64]
    stp     w10, w11, [x19, #80]
    ldr     x19, [sp, #16]
    ldp     x29, x30, [sp], #32
    ret
    .endm

    .global arch_wait
    .type arch_wait, %function
arch_wait:
    receive SYSCALL_CALL

    .global arch_poll
    .type arch_poll, %function
arch_poll:
    receive SYSCALL_POLL
