// svc #SYSCALL_CALL, the case that matters: a message to a receiver that waits for it, from one who
// has nothing pending. Everything is checked before anything is changed; any other case goes to C
// (trap_sync_slow) with all registers but x11-x15, x17 and x18, which CALL may destroy.
//
// In: sp = running dispatcher, x16 and x17 saved in its frame, x16 = ESR; x0 own end, x1 header,
// x2-x9 words, x10 capability. The words stay in their registers from sender to receiver.
#include <kernel/dispatcher.h>
#include <kernel/lmp.h>
#include <kernel/fastpath.h>

        .section .fastpath, "ax"
        .balign 64
        .global lmp_fast
lmp_fast:
#ifdef CONFIG_STRETCH
        b       slow                            // counted where it is written in C
#endif
        ldp     x11, x12, [sp, #DISP_L1]        // slots of the L1 node, their number
        lsr     x13, x0, #8
        cmp     x13, x12
        b.hs    slow
        add     x13, x11, x13, lsl #CTE_SHIFT
        ldr     w11, [x13, #CTE_HEAD]
        movz    w12, #:abs_g0:fastpath_l2cnode
        and     w11, w11, #CTE_HEAD_TYPE_FLAGS  // a dying node has a flag
        cmp     w11, w12
        b.ne    slow
        ldr     w11, [x13, #CTE_PAGE]
        and     x13, x0, #0xff
        lsl     x11, x11, #CTE_PAGE_SHIFT
        orr     x11, x11, #FASTPATH_LINEAR_BASE
        add     x13, x11, x13, lsl #CTE_SHIFT
        ldr     w11, [x13, #CTE_HEAD]
        ldr     x14, [x13, #CTE_AUX]
        movz    w12, #:abs_g0:fastpath_endpoint
        tbz     w11, #CTE_HEAD_W_BIT, slow
        and     w11, w11, #CTE_HEAD_TYPE_FLAGS
        cmp     w11, w12
        b.ne    slow
        eor     x14, x14, #ENDPOINT_BYTES       // the peer
        ldr     x15, [x14, #ENDPOINT_FAST]      // its receiver, if nothing is queued there
        cbz     x15, slow
        ldr     x12, [x15, #DISP_STATE]         // waiting, and nothing pending
        cmp     x12, #DISP_WAITING
        b.ne    slow
        ldr     x13, [sp, #DISP_STATE]          // nothing pending here
        cmp     x13, #DISP_RUNNABLE
        b.ne    slow
        mov     x11, xzr                        // what comes with a capability
        cbnz    x10, with_cap

// Nothing fails from here on. x10, x11 as the receiver gets them; x12 = DISP_WAITING, x13 =
// DISP_RUNNABLE: the two change places.
go:     ldr     x0, [x14, #ENDPOINT_FAST + 8]   // cookie
        str     w12, [sp, #DISP_STATE]
        str     w13, [x15, #DISP_STATE]
        mrs     x17, cntvct_el0
        ldp     x12, x13, [sp, #DISP_CPU]
        add     x12, x12, x17
        add     x13, x13, #1
        stp     x12, x13, [sp, #DISP_CPU]
        ldr     x12, [x15, #DISP_CPU]
        sub     x12, x12, x17
        str     x12, [x15, #DISP_CPU]
        mrs     x12, sp_el0
        mrs     x13, elr_el1
        mrs     x17, tpidr_el0
        stp     x12, x13, [sp, #DISP_SP]
        str     x17, [sp, #DISP_TPIDR]
        stp     x19, x20, [sp, #DISP_X(19)]
        stp     x21, x22, [sp, #DISP_X(21)]
        stp     x23, x24, [sp, #DISP_X(23)]
        stp     x25, x26, [sp, #DISP_X(25)]
        stp     x27, x28, [sp, #DISP_X(27)]
        stp     x29, x30, [sp, #DISP_X(29)]
        mov     sp, x15
        ldp     x12, x13, [sp, #DISP_TTBR0]     // and the page address
        msr     ttbr0_el1, x12
        msr     tpidrro_el0, x13
        ldp     x12, x13, [sp, #DISP_CPACR]     // and messages received
        add     x13, x13, #1
        msr     cpacr_el1, x12
        str     x13, [sp, #DISP_CPACR + 8]
        ldp     x12, x13, [sp, #DISP_SP]
        ldr     x17, [sp, #DISP_TPIDR]
        msr     sp_el0, x12
        msr     elr_el1, x13
        msr     spsr_el1, xzr                   // user mode, flags zero
        msr     tpidr_el0, x17
        ldp     x19, x20, [sp, #DISP_X(19)]
        ldp     x21, x22, [sp, #DISP_X(21)]
        ldp     x23, x24, [sp, #DISP_X(23)]
        ldp     x25, x26, [sp, #DISP_X(25)]
        ldp     x27, x28, [sp, #DISP_X(27)]
        ldp     x29, x30, [sp, #DISP_X(29)]
        mov     x14, xzr                        // nothing of the kernel's, and of the sender's
        mov     x15, xzr                        // only the message: x12, x13 and x17 are the
        mov     x18, xzr                        // receiver's own, x16 is that of any CALL
        eret

// C gives the capability to the receiver: lmp_fast_cap.
with_cap:
        stp     x0, x1, [sp, #DISP_X(0)]
        stp     x2, x3, [sp, #DISP_X(2)]
        stp     x4, x5, [sp, #DISP_X(4)]
        stp     x6, x7, [sp, #DISP_X(6)]
        stp     x8, x9, [sp, #DISP_X(8)]
        stp     x29, x30, [sp, #DISP_X(29)]
        adrp    x17, _stack_top
        add     x17, x17, :lo12:_stack_top
        stp     x14, x15, [x17, #-48]!
        stp     x10, x16, [x17, #16]
        mov     x0, sp
        str     x0, [x17, #32]
        mov     sp, x17
        mov     x29, xzr
        mov     x1, x15
        mov     x2, x14
        mov     x3, x10
        bl      lmp_fast_cap
        mov     x11, x1
        mov     x17, x0
        ldp     x14, x15, [sp]
        ldp     x10, x16, [sp, #16]
        ldr     x12, [sp, #32]
        mov     sp, x12
        ldp     x29, x30, [sp, #DISP_X(29)]
        ldp     x0, x1, [sp, #DISP_X(0)]
        ldp     x2, x3, [sp, #DISP_X(2)]
        ldp     x4, x5, [sp, #DISP_X(4)]
        ldp     x6, x7, [sp, #DISP_X(6)]
        ldp     x8, x9, [sp, #DISP_X(8)]
        cbz     x17, slow
        mov     x10, x17
        mov     x12, #DISP_WAITING
        mov     x13, #DISP_RUNNABLE
        b       go

slow:   b       trap_sync_slow
