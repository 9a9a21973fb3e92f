// An exception taken at EL1 ends here: always a bug of the kernel, perhaps its stack overflowed.
// A vector slot does: msr tpidr_el1, x0; mov x0, #slot; b fatal_entry. Saves every register in a
// static frame, so the stack pointer at the fault is not trusted, and goes on with the emergency
// stack. A second fault while reporting the first overwrites the frame; kernel_fault counts them.
#include <arch/frame.h>

        .text
        .global fatal_entry
fatal_entry:
        msr     contextidr_el1, x0      // slot number; x0 itself is in tpidr_el1
        adrp    x0, fatal_frame
        add     x0, x0, :lo12:fatal_frame
        stp     x1, x2, [x0, #8]
        stp     x3, x4, [x0, #24]
        stp     x5, x6, [x0, #40]
        stp     x7, x8, [x0, #56]
        stp     x9, x10, [x0, #72]
        stp     x11, x12, [x0, #88]
        stp     x13, x14, [x0, #104]
        stp     x15, x16, [x0, #120]
        stp     x17, x18, [x0, #136]
        stp     x19, x20, [x0, #152]
        stp     x21, x22, [x0, #168]
        stp     x23, x24, [x0, #184]
        stp     x25, x26, [x0, #200]
        stp     x27, x28, [x0, #216]
        stp     x29, x30, [x0, #232]
        mrs     x1, tpidr_el1
        str     x1, [x0]
        mov     x1, sp
        mrs     x2, elr_el1
        stp     x1, x2, [x0, #KFRAME_SP]
        mrs     x1, spsr_el1
        mrs     x2, esr_el1
        stp     x1, x2, [x0, #KFRAME_SPSR]
        mrs     x1, far_el1
        mrs     x2, contextidr_el1
        stp     x1, x2, [x0, #KFRAME_FAR]
        adrp    x1, _emergency_top
        add     x1, x1, :lo12:_emergency_top
        mov     sp, x1
        bl      kernel_fault
        b       .

        .bss
        .balign 16
fatal_frame:
        .space  KFRAME_SIZE
