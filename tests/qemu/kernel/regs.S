// regs_spin(area): loads every register a thread has from `in`, adds 1 to x0-x30 until bit 12 of
// x0 is set, and stores them in `out`. The loop touches no memory, and SP is part of what is
// checked. struct regs_area: in { x[31], nzcv, tpidr, fpcr, fpsr, sp kept for the return, pad[2];
// q[32] }, out the same.
        .arch_extension fp
        .arch_extension simd

#define IN_NZCV  0x0f8
#define IN_TPIDR 0x100
#define IN_FPCR  0x108
#define IN_FPSR  0x110
#define KEPT_SP  0x118
#define IN_Q     0x130
#define OUT      0x330

        .text
        .global regs_spin
regs_spin:
        stp     x29, x30, [sp, #-112]!
        stp     x19, x20, [sp, #16]
        stp     x21, x22, [sp, #32]
        stp     x23, x24, [sp, #48]
        stp     x25, x26, [sp, #64]
        stp     x27, x28, [sp, #80]
        mrs     x1, tpidr_el0
        str     x1, [sp, #96]
        mov     x1, sp
        str     x1, [x0, #KEPT_SP]
        add     sp, x0, #OUT
        ldr     x1, [x0, #IN_FPCR]
        msr     fpcr, x1
        ldr     x1, [x0, #IN_FPSR]
        msr     fpsr, x1
        ldr     x1, [x0, #IN_TPIDR]
        msr     tpidr_el0, x1
        ldp     q0, q1, [x0, #IN_Q + 0]
        ldp     q2, q3, [x0, #IN_Q + 32]
        ldp     q4, q5, [x0, #IN_Q + 64]
        ldp     q6, q7, [x0, #IN_Q + 96]
        ldp     q8, q9, [x0, #IN_Q + 128]
        ldp     q10, q11, [x0, #IN_Q + 160]
        ldp     q12, q13, [x0, #IN_Q + 192]
        ldp     q14, q15, [x0, #IN_Q + 224]
        ldp     q16, q17, [x0, #IN_Q + 256]
        ldp     q18, q19, [x0, #IN_Q + 288]
        ldp     q20, q21, [x0, #IN_Q + 320]
        ldp     q22, q23, [x0, #IN_Q + 352]
        ldp     q24, q25, [x0, #IN_Q + 384]
        ldp     q26, q27, [x0, #IN_Q + 416]
        ldp     q28, q29, [x0, #IN_Q + 448]
        ldp     q30, q31, [x0, #IN_Q + 480]
        ldr     x1, [x0, #IN_NZCV]
        msr     nzcv, x1
        ldp     x1, x2, [x0, #8]
        ldp     x3, x4, [x0, #24]
        ldp     x5, x6, [x0, #40]
        ldp     x7, x8, [x0, #56]
        ldp     x9, x10, [x0, #72]
        ldp     x11, x12, [x0, #88]
        ldp     x13, x14, [x0, #104]
        ldp     x15, x16, [x0, #120]
        ldp     x17, x18, [x0, #136]
        ldp     x19, x20, [x0, #152]
        ldp     x21, x22, [x0, #168]
        ldp     x23, x24, [x0, #184]
        ldp     x25, x26, [x0, #200]
        ldp     x27, x28, [x0, #216]
        ldp     x29, x30, [x0, #232]
        ldr     x0, [x0]
1:
        add     x0, x0, #1
        add     x1, x1, #1
        add     x2, x2, #1
        add     x3, x3, #1
        add     x4, x4, #1
        add     x5, x5, #1
        add     x6, x6, #1
        add     x7, x7, #1
        add     x8, x8, #1
        add     x9, x9, #1
        add     x10, x10, #1
        add     x11, x11, #1
        add     x12, x12, #1
        add     x13, x13, #1
        add     x14, x14, #1
        add     x15, x15, #1
        add     x16, x16, #1
        add     x17, x17, #1
        add     x18, x18, #1
        add     x19, x19, #1
        add     x20, x20, #1
        add     x21, x21, #1
        add     x22, x22, #1
        add     x23, x23, #1
        add     x24, x24, #1
        add     x25, x25, #1
        add     x26, x26, #1
        add     x27, x27, #1
        add     x28, x28, #1
        add     x29, x29, #1
        add     x30, x30, #1
        orr     v31.16b, v31.16b, v31.16b // changes nothing, needs the unit
        tbz     x0, #12, 1b
        stp     x0, x1, [sp, #0]
        stp     x2, x3, [sp, #16]
        stp     x4, x5, [sp, #32]
        stp     x6, x7, [sp, #48]
        stp     x8, x9, [sp, #64]
        stp     x10, x11, [sp, #80]
        stp     x12, x13, [sp, #96]
        stp     x14, x15, [sp, #112]
        stp     x16, x17, [sp, #128]
        stp     x18, x19, [sp, #144]
        stp     x20, x21, [sp, #160]
        stp     x22, x23, [sp, #176]
        stp     x24, x25, [sp, #192]
        stp     x26, x27, [sp, #208]
        stp     x28, x29, [sp, #224]
        str     x30, [sp, #240]
        mrs     x0, nzcv
        mrs     x1, tpidr_el0
        stp     x0, x1, [sp, #IN_NZCV]
        mrs     x0, fpcr
        mrs     x1, fpsr
        stp     x0, x1, [sp, #IN_FPCR]
        stp     q0, q1, [sp, #IN_Q + 0]
        stp     q2, q3, [sp, #IN_Q + 32]
        stp     q4, q5, [sp, #IN_Q + 64]
        stp     q6, q7, [sp, #IN_Q + 96]
        stp     q8, q9, [sp, #IN_Q + 128]
        stp     q10, q11, [sp, #IN_Q + 160]
        stp     q12, q13, [sp, #IN_Q + 192]
        stp     q14, q15, [sp, #IN_Q + 224]
        stp     q16, q17, [sp, #IN_Q + 256]
        stp     q18, q19, [sp, #IN_Q + 288]
        stp     q20, q21, [sp, #IN_Q + 320]
        stp     q22, q23, [sp, #IN_Q + 352]
        stp     q24, q25, [sp, #IN_Q + 384]
        stp     q26, q27, [sp, #IN_Q + 416]
        stp     q28, q29, [sp, #IN_Q + 448]
        stp     q30, q31, [sp, #IN_Q + 480]
        sub     x0, sp, #OUT
        ldr     x0, [x0, #KEPT_SP]
        mov     sp, x0
        ldr     x0, [sp, #96]
        msr     tpidr_el0, x0
        ldp     x19, x20, [sp, #16]
        ldp     x21, x22, [sp, #32]
        ldp     x23, x24, [sp, #48]
        ldp     x25, x26, [sp, #64]
        ldp     x27, x28, [sp, #80]
        ldp     x29, x30, [sp], #112
        ret

// fp_touch(seed): writes the FP registers, so that the unit changes hands.
        .global fp_touch
fp_touch:
        dup     v0.2d, x0
        dup     v1.2d, x0
        dup     v2.2d, x0
        dup     v3.2d, x0
        dup     v4.2d, x0
        dup     v5.2d, x0
        dup     v6.2d, x0
        dup     v7.2d, x0
        dup     v8.2d, x0
        dup     v9.2d, x0
        dup     v10.2d, x0
        dup     v11.2d, x0
        dup     v12.2d, x0
        dup     v13.2d, x0
        dup     v14.2d, x0
        dup     v15.2d, x0
        dup     v16.2d, x0
        dup     v17.2d, x0
        dup     v18.2d, x0
        dup     v19.2d, x0
        dup     v20.2d, x0
        dup     v21.2d, x0
        dup     v22.2d, x0
        dup     v23.2d, x0
        dup     v24.2d, x0
        dup     v25.2d, x0
        dup     v26.2d, x0
        dup     v27.2d, x0
        dup     v28.2d, x0
        dup     v29.2d, x0
        dup     v30.2d, x0
        dup     v31.2d, x0
        msr     fpcr, xzr
        msr     fpsr, xzr
        ret
