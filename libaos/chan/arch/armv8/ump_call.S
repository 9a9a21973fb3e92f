/* The short way of a call over UMP: what ump_call (ump_fast.c) does, with the words in registers
 * from the stub to the line and back. binding_call.S comes here with everything as it was entered
 * and x17 the dispatcher page; the channel has a carrier. The other side of each rule of ordering
 * stands in ump_ring.h.
 *
 * Unused words are zero at the entry, so whole lines are stored. Everything is in registers, and
 * disabled, until the answer has come in one line, or until ump_call_sent has to look after it. */
#define PAGE_DISABLED 0x0                /* struct kpi_dispatcher */
#define PAGE_PENDING  0x4
#define PAGE_LOST     0x1b8              /* shared_lost */
#define PAGE_RUN_HEAD 0x408              /* struct disp_user in it: run.head */
#define STACK_BYTES   2048               /* DISP_STACK_BYTES */
#define CHAN_TX       0x0                /* struct chan: tx, hash */
#define CHAN_SLOW     0xc
#define CHAN_UMP      0x38
#define NOT_SHORT     0xfffffdf6         /* ~(CHAN_SLOW_CARRIER | _DEADLINE | _SWEEP) */
#define GEN_ONE       (1 << 22)          /* MSG_GEN_SHIFT */
#define NOT_ONE_LINE  0x1ff800000000     /* capabilities, and more than 7 words */
#define MESSAGE       0x1fffffffffffff   /* ~MSG_UMP_MASK */
#define COUNT_SHIFT   53
#define NOT_COUNT     0x801fffffffffffff /* ~UMP_COUNT_BITS */
#define EPOCH         63
#define LINE_HEADER   56
/* struct ump, which begins with struct ump_ring */
#define OUT_NEXT      0
#define OUT_END       8
#define IN_NEXT       16
#define IN_END        24
#define OUT           32
#define IN            40
#define OUT_TOP       48
#define IN_EPOCH      56
#define IN_SEEN       64
#define RUNG          72
#define SENT          80                 /* and `acked` */
#define ACKED         84
#define SENT_MAX      88
#define CONSUMED      92
#define TOLD          96
#define ODD           112
#define SPIN          116

#include "call_frame.h"

    .text
    /* The line after the last is the first, with the other epoch. */
    .macro lap frame, epoch, line, scratch
    ldr     \line, [x12, #\frame]
    ldr     \scratch, [x12, #\epoch]
    add     \line, \line, #64
    eor     \scratch, \scratch, #1 << EPOCH
    str     \scratch, [x12, #\epoch]
    .endm

    .global ump_call_short
    .type ump_call_short, %function
ump_call_short:
    ldr     x12, [x0, #CHAN_UMP]
    cbz     x12, binding_call_slow       /* loopback */
    sub     x16, sp, #STACK_BYTES
    str     xzr, [x16]
    mov     w16, #1
    str     w16, [x17, #PAGE_DISABLED]
    ldr     w13, [x0, #CHAN_SLOW]
    ldr     x14, [x17, #PAGE_RUN_HEAD]
    ldr     w15, [x12, #ODD]
    mov     w16, #NOT_SHORT
    and     w13, w13, w16
    orr     w13, w13, w15
    orr     x13, x13, x14
    cbnz    x13, .Llong
    ldp     w14, w15, [x12, #SENT]
    ldr     w16, [x12, #SENT_MAX]
    sub     w15, w14, w15
    cmp     w15, w16
    b.hs    .Llong
    tst     x1, #NOT_ONE_LINE
    b.ne    .Llong

    /* The line. */
    ldr     x15, [x0, #CHAN_TX]
    ldr     x16, [x12, #OUT_NEXT]
    orr     x1, x1, x15
    add     w15, w15, #GEN_ONE
    str     w15, [x0, #CHAN_TX]
    stp     x2, x3, [x16]
    stp     x4, x5, [x16, #16]
    stp     x6, x7, [x16, #32]
    str     x8, [x16, #48]
    ldr     x13, [x12, #OUT_TOP]
    add     x15, x16, #LINE_HEADER
    orr     x13, x13, x1
    stlr    x13, [x15]                   /* (1), (2), (3) */
    add     w14, w14, #1
    ldr     w13, [x12, #CONSUMED]
    str     w14, [x12, #SENT]
    str     w13, [x12, #TOLD]
    ldr     x14, [x12, #OUT_END]
    add     x15, x15, #8
    cmp     x15, x14
    b.eq    .Lout_lap
.Lout_next:
    str     x15, [x12, #OUT_NEXT]
    ldr     x14, [x12, #IN]
    ldr     x15, [x12, #RUNG]
    dmb     ish                          /* (3), for emulators */
    ldar    x14, [x14]                   /* (3) */
    eor     x13, x1, x11                 /* the header of the answer */
    cmp     x14, x15
    b.ne    .Lsent
    tbnz    x13, #EPOCH, .Lsent          /* MSG_ANY_SHAPE */
    tst     x13, #NOT_ONE_LINE           /* of the answer: UMP0128 */
    b.ne    .Lsent

    ldr     x14, [x12, #IN_EPOCH]
    ldr     x15, [x12, #IN_NEXT]
    ldr     w10, [x12, #SPIN]
    orr     x13, x13, x14
    add     x16, x15, #LINE_HEADER
.Llook:
    ldar    x14, [x16]                   /* (1), (2) */
    eor     x9, x14, x13
    tst     x9, #NOT_COUNT
    b.ne    .Lother

    /* The answer. */
    ldp     w9, w11, [x12, #SENT]
    ubfx    x10, x14, #COUNT_SHIFT, #10
    sub     w9, w9, w11
    sub     w10, w10, w11
    and     w10, w10, #1023
    cmp     w10, w9
    b.hi    .Lsent_exact                 /* it acknowledges what was not sent */
    add     w11, w11, w10
    str     w11, [x12, #ACKED]
    ldp     x2, x3, [x15]                /* (4) */
    ldp     x4, x5, [x15, #16]
    ldp     x6, x7, [x15, #32]
    ldr     x8, [x15, #48]
    ldr     w9, [x12, #CONSUMED]
    ldr     x10, [x12, #OUT_TOP]
    add     w9, w9, #1
    bfi     x10, x9, #COUNT_SHIFT, #10
    str     w9, [x12, #CONSUMED]
    ldr     x9, [x12, #IN_END]
    str     x10, [x12, #OUT_TOP]
    add     x15, x15, #64
    cmp     x15, x9
    b.eq    .Lin_lap
.Lin_next:
    str     x15, [x12, #IN_NEXT]
    and     x1, x14, #MESSAGE
    mov     x9, xzr
    mov     x10, xzr
    mov     x11, xzr
    str     wzr, [x17, #PAGE_DISABLED]
    ldr     w16, [x17, #PAGE_PENDING]
    mov     x0, xzr
    cbnz    w16, .Lpending
    ret

.Lout_lap:
    lap     OUT, OUT_TOP, x15, x14
    b       .Lout_next
.Lin_lap:
    lap     IN, IN_EPOCH, x15, x9
    b       .Lin_next

/* Not the answer: nothing new, or something that ump_call_sent takes in. */
.Lother:
    ldr     x9, [x12, #IN_EPOCH]
    eor     x9, x9, x14
    tbz     x9, #EPOCH, .Lnew
.Lagain:
    yield                                /* to whom else the core could run meanwhile */
    cbz     w10, .Lsent_exact
    ldr     w9, [x17, #PAGE_PENDING]
    cbnz    w9, .Lsent_exact
    ldr     x9, [x17, #PAGE_LOST]
    adrp    x18, ump_lost_seen
    ldr     x18, [x18, #:lo12:ump_lost_seen]
    sub     w10, w10, #1
    cmp     x9, x18
    b.eq    .Llook
    b       .Lsent_exact
.Lnew:
    ldr     x9, [x12, #IN_SEEN]
    cmp     x9, x14
    b.eq    .Lagain
.Lsent_exact:
    and     x13, x13, #~(1 << EPOCH)
.Lsent:
    mov     x10, xzr
    save
    mov     x1, x13
    add     x2, sp, #REGS
    bl      ump_call_sent
    b       binding_call_restore

/* The answer is there, and something else. */
.Lpending:
    stp     x29, x30, [sp, #-80]!
    mov     x29, sp
    stp     x1, x2, [sp, #16]
    stp     x3, x4, [sp, #32]
    stp     x5, x6, [sp, #48]
    stp     x7, x8, [sp, #64]
    bl      disp_enable_pending
    ldp     x1, x2, [sp, #16]
    ldp     x3, x4, [sp, #32]
    ldp     x5, x6, [sp, #48]
    ldp     x7, x8, [sp, #64]
    mov     x0, xzr
    mov     x9, xzr
    mov     x10, xzr
    mov     x11, xzr
    ldp     x29, x30, [sp], #80
    ret

/* What is pending is taken in by the long way. */
.Llong:
    str     wzr, [x17, #PAGE_DISABLED]
    b       binding_call_slow
    .size ump_call_short, . - ump_call_short
