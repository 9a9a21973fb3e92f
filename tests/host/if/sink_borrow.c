/* Handlers that keep what they only borrowed, as far as they can. */
#include <check.h>

#include <aos/slot.h>

#include "fake.h"
#include "sink.h"

static void sink_hoard(struct sink *s, struct server_ctx *ctx, caddr_t cap)
{
    caddr_t copy;
    CHECK(s->kept_count + 2 <= sizeof(s->kept) / sizeof(s->kept[0]));
    CHECK_EQ(slot_alloc(&copy), ERR_OK);
    CHECK_EQ(cap_mint(copy, cap, CAP_RIGHT_R), ERR_OK);
    server_take_cap(ctx, cap);
    s->kept[s->kept_count++] = cap;
    s->kept[s->kept_count++] = copy;
}

errval_t sink_inspect(struct server_ctx *ctx, caddr_t thing, const caddr_t *more,
                      size_t more_count, caddr_t other, caddr_t gift, uint32_t *ret_count)
{
    struct sink *s = ctx->state;
    s->calls++;
    *ret_count = 1 + (uint32_t)more_count + (other != 0);
    if (s->keep_caps) {
        sink_hoard(s, ctx, thing);
        for (size_t i = 0; i < more_count; i++) {
            sink_hoard(s, ctx, more[i]);
        }
        if (other != 0) {
            sink_hoard(s, ctx, other);
        }
    }
    return gift != 0 && more_count == 0 ? KITCHEN_SINK_ERR_REFUSED : ERR_OK;
}

errval_t sink_hold(struct server_ctx *ctx, caddr_t thing, uint64_t *ret_value)
{
    struct sink *s = ctx->state;
    s->calls++;
    *ret_value = 5;
    sink_hoard(s, ctx, thing);
    s->holding = kitchen_sink_hold_defer(ctx);
    if (s->when_deferred != NULL) {
        s->when_deferred();
    }
    return SERVER_DEFERRED;
}
