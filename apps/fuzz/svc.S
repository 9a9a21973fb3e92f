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

/* Every round is one step of a linear congruential generator (Knuth's MMIX) in x19, which the
 * kernel keeps; its high bits choose. Addresses are in the L2 node at FUZZ_L1 = 200. */
    .global fuzz_racer
    .type fuzz_racer, %function
fuzz_racer:
    mov     x19, x0
    ldr     x20, =6364136223846793005
    ldr     x21, =1442695040888963407
    mov     x22, #(200 << 8)
1:  madd    x19, x19, x20, x21
    ubfx    x9, x19, #56, #6
    orr     x0, x22, x9             /* an object */
    ubfx    x1, x19, #52, #4        /* a method, or a header */
    ubfx    x9, x19, #46, #6
    orr     x2, x22, x9             /* another object, or an index */
    ubfx    x3, x19, #40, #6
    lsl     x3, x3, #12             /* an offset */
    ubfx    x4, x19, #36, #4        /* a type */
    mov     x5, #4096
    mov     x6, #1
    ubfx    x7, x19, #30, #6
    mov     x10, x2
    ubfx    x23, x19, #26, #4
    tbz     x23, #3, 3f
    mov     w0, #200                /* the node itself: its slots come and go */
    orr     w0, w0, #0x80000000
    cmp     x1, #6                  /* what takes one index */
    b.lo    3f
    ubfx    x2, x19, #46, #6
3:  cbz     x23, 4f
    svc     #2
    b       1b
4:  svc     #3
    svc     #4
    svc     #5
    b       1b
    .ltorg
    .size fuzz_racer, . - fuzz_racer
