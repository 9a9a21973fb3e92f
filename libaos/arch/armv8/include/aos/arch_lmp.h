/* The system calls of messages (kpi/lmp.h), and the one-trap call of client stubs. */
#pragma once

#include <abi/syscalls.h>
#include <abi/user.h>
#include <aos/dispatch.h>
#include <aos/msg.h>

struct binding;

#define ARCH_LMP_STR2(x)  #x
#define ARCH_LMP_STR(x)   ARCH_LMP_STR2(x)
#define ARCH_LMP_CLOBBERS "x12", "x13", "x14", "x15", "x16", "x17", "x18", "memory", "cc"

static inline errval_t arch_lmp_bind(caddr_t end, uint64_t cookie)
{
    return inv_endpoint_bind(end, cookie);
}

static inline errval_t arch_lmp_hold(caddr_t end)
{
    return inv_endpoint_hold(end);
}

/* svc #SYSCALL_CALL: sends `msg` on `end` (0: nothing) and waits. Returns the cookie, `msg` is what
 * came; cookie 0: the events are msg->header, with KPI_EVENT_ERROR the error is msg->words[0].
 * Disabled. */
static inline uint64_t arch_lmp_call(uint64_t end, uint64_t xfer, struct lmp_msg *msg)
{
    register uint64_t x0 __asm__("x0") = end;
    register uint64_t x1 __asm__("x1") = msg->header;
    register uint64_t x2 __asm__("x2") = msg->words[0];
    register uint64_t x3 __asm__("x3") = msg->words[1];
    register uint64_t x4 __asm__("x4") = msg->words[2];
    register uint64_t x5 __asm__("x5") = msg->words[3];
    register uint64_t x6 __asm__("x6") = msg->words[4];
    register uint64_t x7 __asm__("x7") = msg->words[5];
    register uint64_t x8 __asm__("x8") = msg->words[6];
    register uint64_t x9 __asm__("x9") = msg->words[7];
    register uint64_t x10 __asm__("x10") = xfer;
    register uint64_t x11 __asm__("x11");
    __asm__ volatile("svc #" ARCH_LMP_STR(SYSCALL_CALL)
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5), "+r"(x6),
                       "+r"(x7), "+r"(x8), "+r"(x9), "+r"(x10), "=r"(x11)
                     :
                     : ARCH_LMP_CLOBBERS);
    msg->header = x1;
    msg->words[0] = x2;
    msg->words[1] = x3;
    msg->words[2] = x4;
    msg->words[3] = x5;
    msg->words[4] = x6;
    msg->words[5] = x7;
    msg->words[6] = x8;
    msg->words[7] = x9;
    msg->cap = (caddr_t)x10;
    msg->cap_info = (uint32_t)x11;
    return x0;
}

/* svc #SYSCALL_SEND. */
static inline errval_t arch_lmp_send(uint64_t end, uint64_t xfer, const struct lmp_msg *msg)
{
    register uint64_t x0 __asm__("x0") = end;
    register uint64_t x1 __asm__("x1") = msg->header;
    register uint64_t x2 __asm__("x2") = msg->words[0];
    register uint64_t x3 __asm__("x3") = msg->words[1];
    register uint64_t x4 __asm__("x4") = msg->words[2];
    register uint64_t x5 __asm__("x5") = msg->words[3];
    register uint64_t x6 __asm__("x6") = msg->words[4];
    register uint64_t x7 __asm__("x7") = msg->words[5];
    register uint64_t x8 __asm__("x8") = msg->words[6];
    register uint64_t x9 __asm__("x9") = msg->words[7];
    register uint64_t x10 __asm__("x10") = xfer;
    __asm__ volatile("svc #" ARCH_LMP_STR(SYSCALL_SEND)
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5), "+r"(x6),
                       "+r"(x7), "+r"(x8), "+r"(x9), "+r"(x10)
                     :
                     : "x11", ARCH_LMP_CLOBBERS);
    return x0;
}

/* lmp_callN(binding, header, header of the answer, capability to send, N words, keep, result): a
 * call whose request and reply fit the registers. The two headers are of the stub: ordinal, kind,
 * shape, and of the answer perhaps MSG_ANY_SHAPE. `keep` is in the result again: a value that the
 * stub still needs, and for which it does not need a frame.
 *
 * Parameters stand one register lower than words: moved from the last to the first, each is moved
 * once.
 * Entered with the kernel's register assignment, so that nothing goes through memory
 * (libaos/chan/arch/armv8/binding_call.S, which knows what is on the stack). */
/* The compiler would take all parameters out of the way first. */
#define LMP_IN_ORDER(reg) __asm__ volatile("" : "+r"(reg))
#define LMP_CALL_BODY(n, ...)                                                                      \
    register uint64_t x0 __asm__("x0") = (uint64_t)b;                                              \
    register uint64_t x1 __asm__("x1") = header;                                                   \
    register uint64_t x10 __asm__("x10") = xfer;                                                   \
    register uint64_t x11 __asm__("x11") = header ^ answer;                                        \
    register uint64_t x12 __asm__("x12");                                                          \
    __asm__ volatile("stp %x[keep], x30, [sp, #-16]!\n\t"                                          \
                     "bl binding_call_asm" #n "\n\t"                                               \
                     "ldp x12, x30, [sp], #16"                                                     \
                     : "+r"(x0), "+r"(x1), "+r"(x10), "+r"(x11), "=r"(x12), __VA_ARGS__            \
                     : [keep] "rZ"(keep)                                                           \
                     : "x13", "x14", "x15", "x16", "x17", "x18", "memory", "cc");                  \
    r->header = x1;                                                                                \
    r->cap = x10;                                                                                  \
    r->cap_info = x11;                                                                             \
    r->keep = x12;                                                                                 \
    r->w[0] = x2;                                                                                  \
    r->w[1] = x3;                                                                                  \
    r->w[2] = x4;                                                                                  \
    r->w[3] = x5;                                                                                  \
    r->w[4] = x6;                                                                                  \
    r->w[5] = x7;                                                                                  \
    r->w[6] = x8;                                                                                  \
    r->w[7] = x9;                                                                                  \
    return x0

static inline errval_t lmp_call0(struct binding *b, uint64_t header, uint64_t answer, uint64_t xfer,
                                 uintptr_t keep, struct lmp_regs *r)
{
    register uint64_t x9 __asm__("x9");
    register uint64_t x8 __asm__("x8");
    register uint64_t x7 __asm__("x7");
    register uint64_t x6 __asm__("x6");
    register uint64_t x5 __asm__("x5");
    register uint64_t x4 __asm__("x4");
    register uint64_t x3 __asm__("x3");
    register uint64_t x2 __asm__("x2");
    LMP_CALL_BODY(0, "=r"(x2), "=r"(x3), "=r"(x4), "=r"(x5), "=r"(x6), "=r"(x7), "=r"(x8),
                  "=r"(x9));
}

static inline errval_t lmp_call1(struct binding *b, uint64_t header, uint64_t answer, uint64_t xfer,
                                 uint64_t w0, uintptr_t keep, struct lmp_regs *r)
{
    register uint64_t x9 __asm__("x9");
    register uint64_t x8 __asm__("x8");
    register uint64_t x7 __asm__("x7");
    register uint64_t x6 __asm__("x6");
    register uint64_t x5 __asm__("x5");
    register uint64_t x4 __asm__("x4");
    register uint64_t x3 __asm__("x3");
    register uint64_t x2 __asm__("x2") = w0;
    LMP_IN_ORDER(x2);
    LMP_CALL_BODY(1, "+r"(x2), "=r"(x3), "=r"(x4), "=r"(x5), "=r"(x6), "=r"(x7), "=r"(x8),
                  "=r"(x9));
}

static inline errval_t lmp_call2(struct binding *b, uint64_t header, uint64_t answer, uint64_t xfer,
                                 uint64_t w0, uint64_t w1, uintptr_t keep, struct lmp_regs *r)
{
    register uint64_t x9 __asm__("x9");
    register uint64_t x8 __asm__("x8");
    register uint64_t x7 __asm__("x7");
    register uint64_t x6 __asm__("x6");
    register uint64_t x5 __asm__("x5");
    register uint64_t x4 __asm__("x4");
    register uint64_t x3 __asm__("x3") = w1;
    LMP_IN_ORDER(x3);
    register uint64_t x2 __asm__("x2") = w0;
    LMP_IN_ORDER(x2);
    LMP_CALL_BODY(2, "+r"(x2), "+r"(x3), "=r"(x4), "=r"(x5), "=r"(x6), "=r"(x7), "=r"(x8),
                  "=r"(x9));
}

static inline errval_t lmp_call3(struct binding *b, uint64_t header, uint64_t answer, uint64_t xfer,
                                 uint64_t w0, uint64_t w1, uint64_t w2, uintptr_t keep,
                                 struct lmp_regs *r)
{
    register uint64_t x9 __asm__("x9");
    register uint64_t x8 __asm__("x8");
    register uint64_t x7 __asm__("x7");
    register uint64_t x6 __asm__("x6");
    register uint64_t x5 __asm__("x5");
    register uint64_t x4 __asm__("x4") = w2;
    LMP_IN_ORDER(x4);
    register uint64_t x3 __asm__("x3") = w1;
    LMP_IN_ORDER(x3);
    register uint64_t x2 __asm__("x2") = w0;
    LMP_IN_ORDER(x2);
    LMP_CALL_BODY(3, "+r"(x2), "+r"(x3), "+r"(x4), "=r"(x5), "=r"(x6), "=r"(x7), "=r"(x8),
                  "=r"(x9));
}

static inline errval_t lmp_call4(struct binding *b, uint64_t header, uint64_t answer, uint64_t xfer,
                                 uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3, uintptr_t keep,
                                 struct lmp_regs *r)
{
    register uint64_t x9 __asm__("x9");
    register uint64_t x8 __asm__("x8");
    register uint64_t x7 __asm__("x7");
    register uint64_t x6 __asm__("x6");
    register uint64_t x5 __asm__("x5") = w3;
    LMP_IN_ORDER(x5);
    register uint64_t x4 __asm__("x4") = w2;
    LMP_IN_ORDER(x4);
    register uint64_t x3 __asm__("x3") = w1;
    LMP_IN_ORDER(x3);
    register uint64_t x2 __asm__("x2") = w0;
    LMP_IN_ORDER(x2);
    LMP_CALL_BODY(4, "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5), "=r"(x6), "=r"(x7), "=r"(x8),
                  "=r"(x9));
}

static inline errval_t lmp_call5(struct binding *b, uint64_t header, uint64_t answer, uint64_t xfer,
                                 uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3, uint64_t w4,
                                 uintptr_t keep, struct lmp_regs *r)
{
    register uint64_t x9 __asm__("x9");
    register uint64_t x8 __asm__("x8");
    register uint64_t x7 __asm__("x7");
    register uint64_t x6 __asm__("x6") = w4;
    LMP_IN_ORDER(x6);
    register uint64_t x5 __asm__("x5") = w3;
    LMP_IN_ORDER(x5);
    register uint64_t x4 __asm__("x4") = w2;
    LMP_IN_ORDER(x4);
    register uint64_t x3 __asm__("x3") = w1;
    LMP_IN_ORDER(x3);
    register uint64_t x2 __asm__("x2") = w0;
    LMP_IN_ORDER(x2);
    LMP_CALL_BODY(5, "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5), "+r"(x6), "=r"(x7), "=r"(x8),
                  "=r"(x9));
}

static inline errval_t lmp_call6(struct binding *b, uint64_t header, uint64_t answer, uint64_t xfer,
                                 uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3, uint64_t w4,
                                 uint64_t w5, uintptr_t keep, struct lmp_regs *r)
{
    register uint64_t x9 __asm__("x9");
    register uint64_t x8 __asm__("x8");
    register uint64_t x7 __asm__("x7") = w5;
    LMP_IN_ORDER(x7);
    register uint64_t x6 __asm__("x6") = w4;
    LMP_IN_ORDER(x6);
    register uint64_t x5 __asm__("x5") = w3;
    LMP_IN_ORDER(x5);
    register uint64_t x4 __asm__("x4") = w2;
    LMP_IN_ORDER(x4);
    register uint64_t x3 __asm__("x3") = w1;
    LMP_IN_ORDER(x3);
    register uint64_t x2 __asm__("x2") = w0;
    LMP_IN_ORDER(x2);
    LMP_CALL_BODY(6, "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5), "+r"(x6), "+r"(x7), "=r"(x8),
                  "=r"(x9));
}

static inline errval_t lmp_call7(struct binding *b, uint64_t header, uint64_t answer, uint64_t xfer,
                                 uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3, uint64_t w4,
                                 uint64_t w5, uint64_t w6, uintptr_t keep, struct lmp_regs *r)
{
    register uint64_t x9 __asm__("x9");
    register uint64_t x8 __asm__("x8") = w6;
    LMP_IN_ORDER(x8);
    register uint64_t x7 __asm__("x7") = w5;
    LMP_IN_ORDER(x7);
    register uint64_t x6 __asm__("x6") = w4;
    LMP_IN_ORDER(x6);
    register uint64_t x5 __asm__("x5") = w3;
    LMP_IN_ORDER(x5);
    register uint64_t x4 __asm__("x4") = w2;
    LMP_IN_ORDER(x4);
    register uint64_t x3 __asm__("x3") = w1;
    LMP_IN_ORDER(x3);
    register uint64_t x2 __asm__("x2") = w0;
    LMP_IN_ORDER(x2);
    LMP_CALL_BODY(7, "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5), "+r"(x6), "+r"(x7), "+r"(x8),
                  "=r"(x9));
}

static inline errval_t lmp_call8(struct binding *b, uint64_t header, uint64_t answer, uint64_t xfer,
                                 uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3, uint64_t w4,
                                 uint64_t w5, uint64_t w6, uint64_t w7, uintptr_t keep,
                                 struct lmp_regs *r)
{
    register uint64_t x9 __asm__("x9") = w7;
    LMP_IN_ORDER(x9);
    register uint64_t x8 __asm__("x8") = w6;
    LMP_IN_ORDER(x8);
    register uint64_t x7 __asm__("x7") = w5;
    LMP_IN_ORDER(x7);
    register uint64_t x6 __asm__("x6") = w4;
    LMP_IN_ORDER(x6);
    register uint64_t x5 __asm__("x5") = w3;
    LMP_IN_ORDER(x5);
    register uint64_t x4 __asm__("x4") = w2;
    LMP_IN_ORDER(x4);
    register uint64_t x3 __asm__("x3") = w1;
    LMP_IN_ORDER(x3);
    register uint64_t x2 __asm__("x2") = w0;
    LMP_IN_ORDER(x2);
    LMP_CALL_BODY(8, "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5), "+r"(x6), "+r"(x7), "+r"(x8),
                  "+r"(x9));
}
