// Exception vectors of a kernel without user space: every exception is a fault of the kernel.
        .macro  fatal_slot slot
        .balign 128
        msr     tpidr_el1, x0
        mov     x0, #\slot
        b       fatal_entry
        .endm

        .section .vectors, "ax"
        .balign 2048
        .global vectors
vectors:
        .irp    slot, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        fatal_slot \slot
        .endr
        .balign 2048
