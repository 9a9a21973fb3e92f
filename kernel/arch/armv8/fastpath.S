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
        ldr     x11, [x15, #DISP_STATE]         // waiting, and nothing pending
        cmp     x11, #DISP_WAITING
        b.ne    slow
        ldr     x11, [sp, #DISP_STATE]          // nothing pending here
        cmp     x11, #DISP_RUNNABLE
        b.ne    slow
        mov     x18, xzr                        // x17 is zero, too: the number of the system call
        cbnz    x10, with_cap

// Nothing fails from here on.
go:     ldr     x0, [x14, #ENDPOINT_FAST + 8]   // cookie
        mov     w11, #DISP_WAITING
        mov     w12, #DISP_RUNNABLE
        str     w11, [sp, #DISP_STATE]
        str     w12, [x15, #DISP_STATE]
        mrs     x10, cntvct_el0
        ldp     x11, x12, [sp, #DISP_CPU]
        add     x11, x11, x10
        add     x12, x12, #1
        stp     x11, x12, [sp, #DISP_CPU]
        ldr     x11, [x15, #DISP_CPU]
        sub     x11, x11, x10
        str     x11, [x15, #DISP_CPU]
        mrs     x11, sp_el0
        mrs     x12, elr_el1
        mrs     x13, tpidr_el0
        stp     x11, x12, [sp, #DISP_SP]
        str     x13, [sp, #DISP_TPIDR]
        stp     x19, x20, [sp, #DISP_X(19)]
        stp     x21, x22, [sp, #DISP_X(21)]
        stp     x23, x24, [sp, #DISP_X(23)]
        stp     x25, x26, [sp, #DISP_X(25)]
        stp     x27, x28, [sp, #DISP_X(27)]
        stp     x29, x30, [sp, #DISP_X(29)]
        mov     sp, x15
        ldp     x11, x12, [sp, #DISP_TTBR0]     // and the page address
        msr     ttbr0_el1, x11
        msr     tpidrro_el0, x12
        ldp     x11, x12, [sp, #DISP_CPACR]     // and messages received
        add     x12, x12, #1
        msr     cpacr_el1, x11
        str     x12, [sp, #DISP_CPACR + 8]
        ldp     x11, x12, [sp, #DISP_SP]
        ldr     x13, [sp, #DISP_TPIDR]
        msr     sp_el0, x11
        msr     elr_el1, x12
        msr     spsr_el1, xzr                   // user mode, flags zero
        msr     tpidr_el0, x13
        ldp     x19, x20, [sp, #DISP_X(19)]
        ldp     x21, x22, [sp, #DISP_X(21)]
        ldp     x23, x24, [sp, #DISP_X(23)]
        ldp     x25, x26, [sp, #DISP_X(25)]
        ldp     x27, x28, [sp, #DISP_X(27)]
        ldp     x29, x30, [sp, #DISP_X(29)]
        mov     x10, x17                        // the capability
        mov     x11, x18
        mov     x12, xzr                        // and nothing of the sender's
        mov     x13, xzr
        mov     x14, xzr
        mov     x15, xzr
        mov     x16, xzr
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
        mov     x17, x0
        mov     x18, x1
        ldp     x14, x15, [sp]
        ldp     x10, x16, [sp, #16]
        ldr     x11, [sp, #32]
        mov     sp, x11
        ldp     x29, x30, [sp, #DISP_X(29)]
        ldp     x0, x1, [sp, #DISP_X(0)]
        ldp     x2, x3, [sp, #DISP_X(2)]
        ldp     x4, x5, [sp, #DISP_X(4)]
        ldp     x6, x7, [sp, #DISP_X(6)]
        ldp     x8, x9, [sp, #DISP_X(8)]
        cbnz    x17, go

slow:   b       trap_sync_slow
