/* Host tests have no kernel: every channel is loopback, and calls go the long way. */
#pragma once

#include <aos/dispatch.h>
#include <aos/msg.h>

struct binding;

/* libaos/chan/binding.c */
errval_t binding_call_regs(struct binding *b, struct lmp_regs *r);

static inline errval_t arch_lmp_bind(caddr_t end, uint64_t cookie)
{
    (void)end;
    (void)cookie;
    return SYS_ERR_CAP_NOT_FOUND;
}

static inline errval_t arch_lmp_hold(caddr_t end)
{
    (void)end;
    return SYS_ERR_CAP_NOT_FOUND;
}

static inline uint64_t arch_lmp_call(uint64_t end, uint64_t xfer, struct lmp_msg *msg)
{
    (void)end;
    (void)xfer;
    msg->header = KPI_EVENT_ERROR;
    msg->words[0] = SYS_ERR_CAP_NOT_FOUND;
    return 0;
}

static inline errval_t arch_lmp_send(uint64_t end, uint64_t xfer, const struct lmp_msg *msg)
{
    (void)end;
    (void)xfer;
    (void)msg;
    return SYS_ERR_CAP_NOT_FOUND;
}

static inline errval_t lmp_call0(struct binding *b, uint64_t header, uint64_t answer, uint64_t xfer,
                                 uintptr_t keep, struct lmp_regs *r)
{
    *r = (struct lmp_regs){.header = header,
                           .w = {0},
                           .cap = xfer,
                           .answer = header ^ answer,
                           .keep = keep};
    return binding_call_regs(b, r);
}

static inline errval_t lmp_call1(struct binding *b, uint64_t header, uint64_t answer, uint64_t xfer,
                                 uint64_t w0, uintptr_t keep, struct lmp_regs *r)
{
    *r = (struct lmp_regs){.header = header,
                           .w = {w0},
                           .cap = xfer,
                           .answer = header ^ answer,
                           .keep = keep};
    return binding_call_regs(b, r);
}

static inline errval_t lmp_call2(struct binding *b, uint64_t header, uint64_t answer, uint64_t xfer,
                                 uint64_t w0, uint64_t w1, uintptr_t keep, struct lmp_regs *r)
{
    *r = (struct lmp_regs){.header = header,
                           .w = {w0, w1},
                           .cap = xfer,
                           .answer = header ^ answer,
                           .keep = keep};
    return binding_call_regs(b, r);
}

static inline errval_t lmp_call3(struct binding *b, uint64_t header, uint64_t answer, uint64_t xfer,
                                 uint64_t w0, uint64_t w1, uint64_t w2, uintptr_t keep,
                                 struct lmp_regs *r)
{
    *r = (struct lmp_regs){.header = header,
                           .w = {w0, w1, w2},
                           .cap = xfer,
                           .answer = header ^ answer,
                           .keep = keep};
    return binding_call_regs(b, r);
}

static inline errval_t lmp_call4(struct binding *b, uint64_t header, uint64_t answer, uint64_t xfer,
                                 uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3, uintptr_t keep,
                                 struct lmp_regs *r)
{
    *r = (struct lmp_regs){.header = header,
                           .w = {w0, w1, w2, w3},
                           .cap = xfer,
                           .answer = header ^ answer,
                           .keep = keep};
    return binding_call_regs(b, r);
}

static inline errval_t lmp_call5(struct binding *b, uint64_t header, uint64_t answer, uint64_t xfer,
                                 uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3, uint64_t w4,
                                 uintptr_t keep, struct lmp_regs *r)
{
    *r = (struct lmp_regs){.header = header,
                           .w = {w0, w1, w2, w3, w4},
                           .cap = xfer,
                           .answer = header ^ answer,
                           .keep = keep};
    return binding_call_regs(b, r);
}

static inline errval_t lmp_call6(struct binding *b, uint64_t header, uint64_t answer, uint64_t xfer,
                                 uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3, uint64_t w4,
                                 uint64_t w5, uintptr_t keep, struct lmp_regs *r)
{
    *r = (struct lmp_regs){.header = header,
                           .w = {w0, w1, w2, w3, w4, w5},
                           .cap = xfer,
                           .answer = header ^ answer,
                           .keep = keep};
    return binding_call_regs(b, r);
}

static inline errval_t lmp_call7(struct binding *b, uint64_t header, uint64_t answer, uint64_t xfer,
                                 uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3, uint64_t w4,
                                 uint64_t w5, uint64_t w6, uintptr_t keep, struct lmp_regs *r)
{
    *r = (struct lmp_regs){.header = header,
                           .w = {w0, w1, w2, w3, w4, w5, w6},
                           .cap = xfer,
                           .answer = header ^ answer,
                           .keep = keep};
    return binding_call_regs(b, r);
}

static inline errval_t lmp_call8(struct binding *b, uint64_t header, uint64_t answer, uint64_t xfer,
                                 uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3, uint64_t w4,
                                 uint64_t w5, uint64_t w6, uint64_t w7, uintptr_t keep,
                                 struct lmp_regs *r)
{
    *r = (struct lmp_regs){.header = header,
                           .w = {w0, w1, w2, w3, w4, w5, w6, w7},
                           .cap = xfer,
                           .answer = header ^ answer,
                           .keep = keep};
    return binding_call_regs(b, r);
}
