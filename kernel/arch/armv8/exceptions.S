// Entry from user mode and back. While a dispatcher runs in user mode, SP_EL1 is its block.
//
// A system call or interrupt saves only what a C function may destroy (x0-x18, x29, x30; ELR, SPSR
// and SP_EL0 stay where they are: interrupts are off in the kernel) and calls C on the kernel
// stack. C answers in x1 whether the dispatcher simply goes on. If not, the rest of its registers
// is saved, still unchanged by the rules of the procedure call standard, and trap_switch tells who
// is next.
#include <kernel/dispatcher.h>
#include <abi/syscalls.h>

// EC 0x15, IL; the immediate is in bits 15:0 (DDI 0487 D19.2.37)
#define ESR_SVC (0x56000000)

        .macro fatal_slot slot
        .balign 128
        msr     tpidr_el1, x0
        mov     x0, #\slot
        b       fatal_entry
        .endm

        .macro save_arguments
        stp     x0, x1, [sp, #DISP_X(0)]
        stp     x2, x3, [sp, #DISP_X(2)]
        stp     x4, x5, [sp, #DISP_X(4)]
        stp     x6, x7, [sp, #DISP_X(6)]
        stp     x8, x9, [sp, #DISP_X(8)]
        .endm

        .macro call_c handler
        stp     x29, x30, [sp, #DISP_X(29)]
        mov     x0, sp
        adrp    x17, _stack_top
        add     sp, x17, :lo12:_stack_top
        mov     x29, xzr
        bl      \handler
        .endm

        .macro enter_c handler
        save_arguments
        stp     x10, x11, [sp, #DISP_X(10)]
        stp     x12, x13, [sp, #DISP_X(12)]
        stp     x14, x15, [sp, #DISP_X(14)]
        str     x18, [sp, #DISP_X(18)]
        mov     x1, x16
        call_c  \handler
        b       trap_leave
        .endm

        .section .vectors, "ax"
        .balign 2048
        .global vectors
vectors:
        .irp    slot, 0, 1, 2, 3, 4, 5, 6, 7
        fatal_slot \slot
        .endr

        .balign 128                     // synchronous, from user mode
        stp     x16, x17, [sp, #DISP_X(16)]
        mrs     x16, esr_el1
        mov     w17, #ESR_SVC
        .if     SYSCALL_CALL
        movk    w17, #SYSCALL_CALL
        .endif
        subs    w17, w16, w17
        b.eq    lmp_fast
        cmp     w17, #(SYSCALL_INVOKE - SYSCALL_CALL)
        b.eq    trap_invoke_slow
        cmp     w17, #(SYSCALL_SEND - SYSCALL_CALL)
        b.eq    trap_send_slow
        b       trap_sync_slow

        .balign 128                     // IRQ, from user mode
        stp     x16, x17, [sp, #DISP_X(16)]
        b       trap_irq_slow

        fatal_slot 10                   // FIQ: never enabled

        .balign 128                     // SError, from user mode
        stp     x16, x17, [sp, #DISP_X(16)]
        mrs     x16, esr_el1
        b       trap_serror_slow

        .irp    slot, 12, 13, 14, 15
        fatal_slot \slot
        .endr
        .balign 2048

        .text
        .global trap_sync_slow
trap_sync_slow:                         // x16 = ESR
        enter_c trap_sync
trap_irq_slow:
        enter_c trap_irq
trap_serror_slow:
        enter_c trap_serror

// A SEND may destroy x11-x18, an invocation x9-x18: what the frame still holds there from earlier
// is the caller's own.
trap_send_slow:
        save_arguments
        str     x10, [sp, #DISP_X(10)]
        call_c  trap_send
        b       trap_leave
trap_invoke_slow:
        save_arguments
        call_c  trap_invoke

// x0 = dispatcher that trapped, x1 = 0: it goes on.
trap_leave:
        cbnz    x1, trap_full
        mov     sp, x0
        ldp     x2, x3, [sp, #DISP_X(2)]
        ldp     x4, x5, [sp, #DISP_X(4)]
        ldp     x6, x7, [sp, #DISP_X(6)]
        ldp     x8, x9, [sp, #DISP_X(8)]
        ldp     x10, x11, [sp, #DISP_X(10)]
        ldp     x12, x13, [sp, #DISP_X(12)]
        ldp     x14, x15, [sp, #DISP_X(14)]
        ldp     x16, x17, [sp, #DISP_X(16)]
        ldr     x18, [sp, #DISP_X(18)]
        ldp     x29, x30, [sp, #DISP_X(29)]
        ldp     x0, x1, [sp, #DISP_X(0)]
        eret

trap_full:
        mrs     x2, sp_el0
        mrs     x3, elr_el1
        mrs     x4, spsr_el1
        mrs     x5, tpidr_el0
        stp     x19, x20, [x0, #DISP_X(19)]
        stp     x21, x22, [x0, #DISP_X(21)]
        stp     x23, x24, [x0, #DISP_X(23)]
        stp     x25, x26, [x0, #DISP_X(25)]
        stp     x27, x28, [x0, #DISP_X(27)]
        stp     x2, x3, [x0, #DISP_SP]
        stp     x4, x5, [x0, #DISP_PSTATE]
        bl      trap_switch

// context_enter(struct dispatcher *): loads every register from its frame and goes to user mode.
// Its address space and the other system registers are in place.
        .global context_enter
context_enter:
        mov     sp, x0
        ldp     x1, x2, [sp, #DISP_SP]
        ldp     x3, x4, [sp, #DISP_PSTATE]
        msr     sp_el0, x1
        msr     elr_el1, x2
        msr     spsr_el1, x3
        msr     tpidr_el0, x4
        ldp     x2, x3, [sp, #DISP_X(2)]
        ldp     x4, x5, [sp, #DISP_X(4)]
        ldp     x6, x7, [sp, #DISP_X(6)]
        ldp     x8, x9, [sp, #DISP_X(8)]
        ldp     x10, x11, [sp, #DISP_X(10)]
        ldp     x12, x13, [sp, #DISP_X(12)]
        ldp     x14, x15, [sp, #DISP_X(14)]
        ldp     x16, x17, [sp, #DISP_X(16)]
        ldp     x18, x19, [sp, #DISP_X(18)]
        ldp     x20, x21, [sp, #DISP_X(20)]
        ldp     x22, x23, [sp, #DISP_X(22)]
        ldp     x24, x25, [sp, #DISP_X(24)]
        ldp     x26, x27, [sp, #DISP_X(26)]
        ldp     x28, x29, [sp, #DISP_X(28)]
        ldr     x30, [sp, #DISP_X(30)]
        ldp     x0, x1, [sp, #DISP_X(0)]
        eret

// context_copy(to, from): one frame.
        .global context_copy
context_copy:
        .irp    n, 0, 4, 8, 12, 16, 20, 24, 28, 32
        ldp     x2, x3, [x1, #DISP_X(\n)]
        ldp     x4, x5, [x1, #DISP_X(\n) + 16]
        stp     x2, x3, [x0, #DISP_X(\n)]
        stp     x4, x5, [x0, #DISP_X(\n) + 16]
        .endr
        ret
