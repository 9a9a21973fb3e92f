// Entry of a test program, its system calls, and an upcall handler that only resumes.
#include <abi/syscalls.h>

#define PAGE_SAVE       0x80
#define PAGE_RESUME_X16 0x20
#define PAGE_RESUME_PC  0x30
#define REGS_SP         0xf8
#define REGS_PC         0x100
#define REGS_PSTATE     0x108
#define REGS_TPIDR      0x110

        .text
        .global _start
_start: mov     x29, xzr
        bl      test_main
        bl      kt_end

// First code of a further dispatcher: x0 points at {function, argument}.
        .global kt_thread_entry
kt_thread_entry:
        mov     x29, xzr
        ldp     x1, x0, [x0]
        blr     x1
        mov     x0, xzr
        bl      kt_exit

        .macro message number
        stp     x29, x30, [sp, #-32]!
        str     x19, [sp, #16]
        mov     x29, sp
        mov     x19, x0
        ldp     x0, x1, [x19]
        ldp     x2, x3, [x19, #16]
        ldp     x4, x5, [x19, #32]
        ldp     x6, x7, [x19, #48]
        ldp     x8, x9, [x19, #64]
        ldr     x10, [x19, #80]
        svc     #\number
        .endm
        .macro message_end
        ldr     x19, [sp, #16]
        ldp     x29, x30, [sp], #32
        ret
        .endm
        .macro message_store
        stp     x0, x1, [x19]
        stp     x2, x3, [x19, #16]
        stp     x4, x5, [x19, #32]
        stp     x6, x7, [x19, #48]
        stp     x8, x9, [x19, #64]
        stp     x10, x11, [x19, #80]
        .endm

        .global kt_call, kt_poll, kt_send, kt_yield
kt_call:
        message SYSCALL_CALL
        message_store
        message_end
kt_poll:
        message SYSCALL_POLL
        message_store
        message_end
kt_send:
        message SYSCALL_SEND
        message_end
kt_yield:
        svc     #SYSCALL_YIELD
        ret

// Upcall: counts in the word at `user` of the page, and resumes the saved thread.
        .global kt_upcall_resume
kt_upcall_resume:
        mrs     x17, tpidrro_el0
        ldr     x16, [x17, #0x400]
        add     x16, x16, #1
        str     x16, [x17, #0x400]
        .global kt_resume
kt_resume:                              // resumes page.save; x17 = page
        ldp     x0, x1, [x17, #PAGE_SAVE + 16 * 8]
        stp     x0, x1, [x17, #PAGE_RESUME_X16]
        ldp     x0, x1, [x17, #PAGE_SAVE + REGS_PC]
        stp     x0, x1, [x17, #PAGE_RESUME_PC]
        ldr     x0, [x17, #PAGE_SAVE + REGS_SP]
        mov     sp, x0
        ldr     x0, [x17, #PAGE_SAVE + REGS_TPIDR]
        msr     tpidr_el0, x0
        add     x17, x17, #PAGE_SAVE
        ldp     x0, x1, [x17]
        ldp     x2, x3, [x17, #16]
        ldp     x4, x5, [x17, #32]
        ldp     x6, x7, [x17, #48]
        ldp     x8, x9, [x17, #64]
        ldp     x10, x11, [x17, #80]
        ldp     x12, x13, [x17, #96]
        ldp     x14, x15, [x17, #112]
        ldp     x18, x19, [x17, #144]
        ldp     x20, x21, [x17, #160]
        ldp     x22, x23, [x17, #176]
        ldp     x24, x25, [x17, #192]
        ldp     x26, x27, [x17, #208]
        ldp     x28, x29, [x17, #224]
        ldr     x30, [x17, #240]
        svc     #SYSCALL_RESUME
