/* bool arch_copy_words(x0 to, x1 from, w2 words), arch_copy_bytes(x0 to, x1 from, w2 bytes): every
 * load and store is between arch_copy_first and arch_copy_last, where no state is kept outside the
 * registers that a call may change, so a fault handler may leave it at any point. */
    .text
    .global arch_copy_words, arch_copy_first, arch_copy_last, arch_copy_failed
    .type arch_copy_words, %function
arch_copy_words:
    lsl     w2, w2, #3
    .size arch_copy_words, . - arch_copy_words

/* Words come in from above. 64 bytes a round, then words, then bytes; the memory is normal, so
 * nothing has to be aligned. */
    .global arch_copy_bytes
    .type arch_copy_bytes, %function
arch_copy_bytes:
arch_copy_first:
    subs    w2, w2, #64
    b.lo    2f
1:  ldp     x3, x4, [x1], #64
    ldp     x5, x6, [x1, #-48]
    ldp     x7, x8, [x1, #-32]
    ldp     x9, x10, [x1, #-16]
    stp     x3, x4, [x0], #64
    stp     x5, x6, [x0, #-48]
    stp     x7, x8, [x0, #-32]
    stp     x9, x10, [x0, #-16]
    subs    w2, w2, #64
    b.hs    1b
2:  adds    w2, w2, #56
    b.mi    4f
3:  ldr     x3, [x1], #8
    str     x3, [x0], #8
    subs    w2, w2, #8
    b.pl    3b
4:  adds    w2, w2, #8
    b.eq    6f
5:  ldrb    w3, [x1], #1
    strb    w3, [x0], #1
    subs    w2, w2, #1
    b.ne    5b
6:  mov     w0, #1
    ret
arch_copy_last:
arch_copy_failed:
    mov     w0, wzr
    ret
    .size arch_copy_bytes, . - arch_copy_bytes
