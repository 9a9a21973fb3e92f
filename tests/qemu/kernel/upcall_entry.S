// Upcalls of upcall.c.
#include <abi/syscalls.h>

        .text
        .global upcall_entry
upcall_entry:                           // x0 = why
        bl      upcall_c
        mrs     x17, tpidrro_el0
        ldr     x1, [x17, #0x80 + 0x100]
        add     x1, x1, x0, lsl #2      // instructions to skip
        str     x1, [x17, #0x80 + 0x100]
        b       kt_resume

// Called disabled with something pending: resumes at its own return address, enabled.
        .global upcall_probe_resume
upcall_probe_resume:
        mrs     x17, tpidrro_el0
        str     x30, [x17, #0x30]
        str     xzr, [x17, #0x38]
        svc     #SYSCALL_RESUME

        .section .rodata
        .global upcall_bad
upcall_bad:
        .inst   0
        ret
