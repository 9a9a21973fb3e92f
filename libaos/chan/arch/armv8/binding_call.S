/* The one-trap call. Entered from client stubs (aos/arch_lmp.h) by `bl binding_call_asmN`: in
 * x0 binding, x1 header without txid and hash, x2.. N payload words, x10 capability to send
 * (KPI_XFER_*) out  x0 error, and if it is 0: x1 header of the reply, x2-x9 its words, x10 and
 * x11 its capability (kpi/lmp.h) x12-x18, x30 and NZCV are clobbered; everything else is kept.
 * The fast path is taken when nothing else is to be done in this domain: no other thread
 * runnable, nothing pending, txid slot 0 free, the channel an open LMP channel, the sweep timer
 * armed. Then no other code of this domain runs between the system call and its return, so the
 * call needs no entry in the pending table. Anything else leaves for C.
 * The stack of the thread is not touched while disabled: what has to wait until the answer is there
 * waits in the dispatcher page, and a message that is not the answer is delivered on the upcall
 * stack, which nobody uses then. */
#include <abi/syscalls.h>

#define PAGE_DISABLED 0x0                /* struct kpi_dispatcher */
#define PAGE_PENDING  0x4
#define PAGE_RUN_HEAD 0x408              /* struct disp_user in it: run.head */
#define CHAN_HASH     0x0                /* struct chan */
#define CHAN_END      0x8                /* end, slow */
#define CHAN_TX       0x10
#define GEN_ONE       (1 << 22)          /* MSG_GEN_SHIFT */
#define KIND_REPLY    0x1000             /* MSG_REPLY << MSG_KIND_SHIFT */
#define NOT_SHAPE     0xffffe000ffffffff /* what a reply's header must share with the call's */
#define PAGE_UPCALL_SP 0x10
#define PAGE_SCRATCH  0x60
/* Off the fast path: x29, x30; struct lmp_regs at REGS */
#define FRAME         112
#define REGS          16
/* and on the upcall stack x12, x13 and SP above it */
#define FRAME_UPCALL  32

    .text
    .macro entry n
    .global binding_call_asm\n
    .type binding_call_asm\n, %function
binding_call_asm\n:
    .endm

    entry 0
    mov     x2, xzr
    entry 1
    mov     x3, xzr
    entry 2
    mov     x4, xzr
    entry 3
    mov     x5, xzr
    entry 4
    mov     x6, xzr
    entry 5
    mov     x7, xzr
    entry 6
    mov     x8, xzr
    entry 7
    mov     x9, xzr
    entry 8
    mrs     x17, tpidrro_el0
    adrp    x14, chan_sweep_off
    ldr     w14, [x14, #:lo12:chan_sweep_off]
    ldp     w12, w13, [x0, #CHAN_END]
    str     w17, [x17, #PAGE_DISABLED]   /* anything but 0 */
    ldr     w15, [x17, #PAGE_PENDING]
    ldr     x16, [x17, #PAGE_RUN_HEAD]
    orr     w13, w13, w14
    orr     w13, w13, w15
    orr     x13, x13, x16
    cbnz    x13, .Lslow
    ldr     w14, [x0, #CHAN_TX]
    ldr     x13, [x0, #CHAN_HASH]
    add     w14, w14, #GEN_ONE
    str     w14, [x0, #CHAN_TX]
    orr     x13, x13, x14
    orr     x1, x1, x13
    stp     x0, x1, [x17, #PAGE_SCRATCH]
    mov     w0, w12
    svc     #SYSCALL_CALL
    mrs     x17, tpidrro_el0
    ldp     x12, x13, [x17, #PAGE_SCRATCH]
    cmp     x0, x12
    b.ne    .Lparked
    eor     x14, x13, x1
    eor     x14, x14, #KIND_REPLY
    tst     x14, #NOT_SHAPE
    b.ne    .Lparked
    cbnz    x10, .Lparked
    str     wzr, [x17, #PAGE_DISABLED]
    ldr     w0, [x17, #PAGE_PENDING]
    cbnz    w0, .Lpending
    ret

    .macro save
    stp     x29, x30, [sp, #-FRAME]!
    mov     x29, sp
    stp     x1, x2, [sp, #REGS]
    stp     x3, x4, [sp, #REGS + 16]
    stp     x5, x6, [sp, #REGS + 32]
    stp     x7, x8, [sp, #REGS + 48]
    stp     x9, x10, [sp, #REGS + 64]
    str     x11, [sp, #REGS + 80]
    .endm

/* Something came in meanwhile; the reply is complete. */
.Lpending:
    save
    bl      disp_enable_pending
    mov     x0, xzr
    b       .Lrestore
/* Not the reply that was expected: the call is entered in the pending table now, and this thread
 * blocks. */
.Lparked:
    ldr     x15, [x17, #PAGE_UPCALL_SP]
    mov     x14, sp
    sub     sp, x15, #FRAME_UPCALL
    stp     x12, x13, [sp]
    str     x14, [sp, #16]
    save
    mov     x2, x0
    mov     x0, x12
    mov     x1, x13
    add     x3, sp, #REGS
    bl      binding_park_disabled
    ldp     x29, x30, [sp], #FRAME
    ldp     x12, x13, [sp]
    ldr     x14, [sp, #16]
    mrs     x17, tpidrro_el0
    mov     sp, x14
    str     wzr, [x17, #PAGE_DISABLED]   /* what is pending is taken in when the thread waits */
    save
    mov     x2, x0
    mov     x0, x12
    mov     x1, x13
    add     x3, sp, #REGS
    bl      binding_call_parked
    b       .Lrestore
/* Nothing is sent yet. */
.Lslow:
    str     wzr, [x17, #PAGE_DISABLED]
    save
    add     x1, sp, #REGS
    bl      binding_call_regs
.Lrestore:
    ldp     x1, x2, [sp, #REGS]
    ldp     x3, x4, [sp, #REGS + 16]
    ldp     x5, x6, [sp, #REGS + 32]
    ldp     x7, x8, [sp, #REGS + 48]
    ldp     x9, x10, [sp, #REGS + 64]
    ldr     x11, [sp, #REGS + 80]
    ldp     x29, x30, [sp], #FRAME
    ret
    .size binding_call_asm8, . - binding_call_asm8
