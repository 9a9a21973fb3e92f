/* void fuzz_svc(uint64_t number, uint64_t regs[12]): enters the kernel by svc #number (0..7) with
 * x0-x11 from `regs`, and stores what comes back there. */
    .text
    .global fuzz_svc
    .type fuzz_svc, %function
fuzz_svc:
    stp     x29, x30, [sp, #-32]!
    mov     x29, sp
    stp     x19, x20, [sp, #16]
    mov     x19, x1
    and     x0, x0, #7
    adr     x20, 1f
    add     x20, x20, x0, lsl #3
    ldp     x10, x11, [x19, #80]
    ldp     x8, x9, [x19, #64]
    ldp     x6, x7, [x19, #48]
    ldp     x4, x5, [x19, #32]
    ldp     x2, x3, [x19, #16]
    ldp     x0, x1, [x19]
    br      x20
1:
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7
    svc     #\n
    b       2f
    .endr
2:  stp     x0, x1, [x19]
    stp     x2, x3, [x19, #16]
    stp     x4, x5, [x19, #32]
    stp     x6, x7, [x19, #48]
    stp     x8, x9, [x19, #64]
    stp     x10, x11, [x19, #80]
    ldp     x19, x20, [sp, #16]
    ldp     x29, x30, [sp], #32
    ret
    .size fuzz_svc, . - fuzz_svc
