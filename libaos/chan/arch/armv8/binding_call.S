/* The one-trap call. Entered from client stubs (aos/arch_lmp.h) by `bl binding_call_asmN`: in
 * x0 binding, x1 header without txid and hash, x2.. N payload words, x10 capability to send
 * (KPI_XFER_*), x11 x1 ^ header of the expected answer, [sp] a value that the stub keeps, and its
 * return address  out  x0 error, and if it is 0: x1 header of the answer, x2-x9 its words, x10 and
 * x11 its capability (kpi/lmp.h)  x12-x18, x30 and NZCV are clobbered; everything else is kept.
 *
 * The fast path is taken when nothing else is to be done in this domain: no other thread runnable,
 * and nothing that makes the channel a slow one (CHAN_SLOW_*): txid slot 0 in use, no open LMP
 * channel, no sweep timer. The system call returns at once if anything is pending. So no other code
 * of this domain runs from the look at these to the answer, and the call needs no entry in the
 * pending table.
 *
 * This takes no disabled section. An upcall that interrupts it at
 *   begin .. sent      sends it back to the begin: nothing has happened but that a generation was
 *                      used up
 *   sent .. parked_at  makes it go on there, disabled: what has come is still in registers
 * (call_interrupted.c). At the `ret` of a good answer the call is over. Anything but a good answer
 * is delivered on the upcall stack, which nobody uses then: the thread's is not touched while
 * disabled. */
#include <abi/syscalls.h>

#include "call_frame.h"

#define PAGE_DISABLED 0x0                /* struct kpi_dispatcher */
#define PAGE_UPCALL_SP 0x10
#define PAGE_RUN_HEAD 0x408              /* struct disp_user in it: run.head */
#define CHAN_TX       0x0                /* struct chan: tx, hash */
#define CHAN_END      0x8
#define CHAN_SLOW     0xc
#define SLOW_CARRIER  0                  /* bit of CHAN_SLOW_CARRIER */
#define GEN_ONE       (1 << 22)          /* MSG_GEN_SHIFT */
#define ANY_SHAPE     63                 /* bit of MSG_ANY_SHAPE */
#define NOT_SHAPE     0xffffe000ffffffff /* ~MSG_SHAPE_MASK */
/* Off the fast path, on the upcall stack, x12, x13 and SP above FRAME */
#define FRAME_UPCALL  32
#define REGS_SP       248                /* struct kpi_regs */

    .text
    .macro entry n
    .global binding_call_asm\n
    .type binding_call_asm\n, %function
binding_call_asm\n:
    .endm

    .macro place name
    .global binding_call_\name
binding_call_\name:
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
    place   begin
    mrs     x17, tpidrro_el0
    ldr     w13, [x0, #CHAN_SLOW]
    ldr     x16, [x17, #PAGE_RUN_HEAD]
    ldr     x14, [x0, #CHAN_TX]
    orr     x13, x13, x16
    cbnz    x13, .Lslow
    add     w15, w14, #GEN_ONE
    str     w15, [x0, #CHAN_TX]
    orr     x1, x1, x14
    eor     x14, x1, x11
    stp     x0, x14, [sp, #-16]!
    place   pushed
    ldr     w0, [x0, #CHAN_END]
    svc     #SYSCALL_CALL
    place   sent
    ldp     x12, x13, [sp], #16          /* the binding, and the expected header */
    place   popped
    subs    x0, x0, x12
    ccmp    x1, x13, #0, eq
    ccmp    x10, #0, #0, eq
    b.ne    .Lother
    place   good
    ret

/* Perhaps the stub judges the shape. */
.Lother:
    cbnz    x0, .Lpark
    cbnz    x10, .Lpark
    tbz     x13, #ANY_SHAPE, .Lpark
    eor     x14, x13, x1
    eor     x14, x14, #1 << ANY_SHAPE
    tst     x14, #NOT_SHAPE
    b.ne    .Lpark
    place   good_shape
    ret
.Lpark:
    mrs     x17, tpidrro_el0
    mov     w16, #1
    str     w16, [x17, #PAGE_DISABLED]

/* Not the answer that was expected: the call is entered in the pending table now, and this thread
 * blocks. Disabled. */
    place   parked_at
    mrs     x17, tpidrro_el0
    ldr     x15, [x17, #PAGE_UPCALL_SP]
    mov     x14, sp
    sub     sp, x15, #FRAME_UPCALL
    stp     x12, x13, [sp]
    str     x14, [sp, #16]
    save_regs
    add     x2, x0, x12                  /* the cookie */
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
    b       binding_call_restore
/* Nothing is sent yet. */
.Lslow:
    ldr     w13, [x0, #CHAN_SLOW]
    tbnz    w13, #SLOW_CARRIER, ump_call_short
    place   slow
    save
    add     x1, sp, #REGS
    bl      binding_call_regs
    place   restore
    ldp     x1, x2, [sp, #REGS]
    ldp     x3, x4, [sp, #REGS + 16]
    ldp     x5, x6, [sp, #REGS + 32]
    ldp     x7, x8, [sp, #REGS + 48]
    ldp     x9, x10, [sp, #REGS + 64]
    ldp     x11, x16, [sp, #REGS + 80]
    ldp     x29, x30, [sp], #FRAME
    ldr     x29, [sp]
    str     x16, [sp]
    ret
    .size binding_call_asm8, . - binding_call_asm8

/* void binding_call_park(const struct kpi_regs *): the interrupted thread goes on at
 * `parked_at`. */
    .global binding_call_park
    .type binding_call_park, %function
binding_call_park:
    mov     x17, x0
    ldr     x0, [x17, #REGS_SP]
    mov     sp, x0
    ldp     x0, x1, [x17]
    ldp     x2, x3, [x17, #2 * 8]
    ldp     x4, x5, [x17, #4 * 8]
    ldp     x6, x7, [x17, #6 * 8]
    ldp     x8, x9, [x17, #8 * 8]
    ldp     x10, x11, [x17, #10 * 8]
    ldp     x12, x13, [x17, #12 * 8]
    ldp     x19, x20, [x17, #19 * 8]
    ldp     x21, x22, [x17, #21 * 8]
    ldp     x23, x24, [x17, #23 * 8]
    ldp     x25, x26, [x17, #25 * 8]
    ldp     x27, x28, [x17, #27 * 8]
    ldp     x29, x30, [x17, #29 * 8]
    b       binding_call_parked_at
    .size binding_call_park, . - binding_call_park
