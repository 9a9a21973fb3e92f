/* The chain of fuzz.h. Whatever an input does to it, the next one finds it whole: connections that
 * ended are made again, and capabilities that are left over are deleted. */
#include "fuzz.h"

#include <check.h>

#include "../../../libaos/chan/chan_priv.h"
#include "fake.h"

#define MEMORY_MAX  16u
#define STACK_WORDS 2048u
#define SLOTS      512u /* those of fake.c */

struct server_conn *fuzz_conn;
bool fuzz_async, fuzz_deferred;
uint32_t fuzz_unbounded;

/* --- the input ------------------------------------------------------------------------------ */

static struct fuzz_record now;
static struct fuzz_outcome outcome;
static uint32_t lengths; /* that could have grown */
static uint64_t stale; /* the last word of the reply before this one */

static uint64_t take(struct fuzz_input *in, uint32_t bytes)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < bytes && in->at != in->end; i++) {
        value |= (uint64_t)*in->at++ << (8u * i);
    }
    return value;
}

static void take_side(struct fuzz_input *in, struct fuzz_side *side)
{
    side->words_count = (uint32_t)take(in, 1) % (MSG_WORDS_MAX + 1u);
    for (uint32_t i = 0; i < side->words_count; i++) {
        side->words[i] = take(in, 8);
    }
    side->caps_count = (uint32_t)take(in, 1) % (MSG_CAPS_MAX + 1u);
    for (uint32_t i = 0; i < side->caps_count; i++) {
        side->type[i] = (uint8_t)take(in, 1);
        side->rights[i] = (uint8_t)take(in, 1);
    }
}

void fuzz_read(struct fuzz_input *input, struct fuzz_record *ret_record)
{
    ret_record->ordinal = (uint32_t)take(input, 2);
    ret_record->flags = (uint32_t)take(input, 1);
    take_side(input, &ret_record->request);
    take_side(input, &ret_record->reply);
    ret_record->grow = (uint32_t)take(input, 1);
}

static void make_caps(const struct fuzz_side *side, struct msg_cap *ret_caps)
{
    for (uint32_t i = 0; i < side->caps_count; i++) {
        uint8_t type = side->type[i] != CAPTYPE_NULL ? side->type[i] : CAPTYPE_FRAME;
        ret_caps[i] = (struct msg_cap){fake_cap((enum captype)type, side->rights[i]),
                                       CAP_RIGHTS_ALL, MSG_CAP_MOVE};
    }
}

/* --- for handlers --------------------------------------------------------------------------- */

static void *memory[MEMORY_MAX];
static uint32_t memory_count;
static struct server_ctx *serving; /* by the generated server */

/* Capabilities that a handler passes on are its own; what it keeps goes with the input. */
void fuzz_called(void)
{
    outcome.called++;
    for (uint32_t i = 0; serving != NULL && i < serving->caps_count; i++) {
        serving->caps[i] = 0;
    }
}

bool fuzz_grows(enum fuzz_grown kind)
{
    if (++lengths != now.grow) {
        return false;
    }
    outcome.grown = kind;
    return true;
}

void fuzz_put(errval_t err)
{
    outcome.put = err;
}

errval_t fuzz_returned(errval_t err)
{
    outcome.returned = err;
    return err;
}

__attribute__((noinline)) void fuzz_stack(void)
{
    volatile uint64_t words[STACK_WORDS];
    for (uint32_t i = 0; i < STACK_WORDS; i++) {
        words[i] = stale;
    }
    stale = words[STACK_WORDS - 1];
}

void *fuzz_lease(const struct lease *l, bool read)
{
    CHECK(memory_count < MEMORY_MAX);
    void *made = calloc(1, lease_len(l) + 1u);
    CHECK(made != NULL);
    memory[memory_count++] = made;
    if (read) {
        (void)lease_read(l, 0, made, lease_len(l));
    }
    return made;
}

/* --- the raw server ------------------------------------------------------------------------- */

static errval_t raw_shim(struct server_ctx *ctx, struct lmp_msg *msg)
{
    (void)msg;
    if ((now.flags & FUZZ_ERROR) != 0 || msg_kind(ctx->header) == MSG_ONEWAY) {
        return RPC_ERR_AGAIN;
    }
    struct msg_cap caps[MSG_CAPS_MAX];
    make_caps(&now.reply, caps);
    if (ctx->conn->server->iface->methods[msg_ordinal(ctx->header)].exact & SERVER_STREAM) {
        struct server_responder sink = server_defer(ctx);
        (void)server_put(&sink, ERR_OK, now.reply.words, now.reply.words_count,
                         now.reply.caps_count != 0 ? caps[0] : (struct msg_cap){0});
        server_respond(&sink, ERR_OK, NULL, 0, NULL, 0);
        return SERVER_DEFERRED;
    }
    for (uint32_t i = 0; i < now.reply.caps_count; i++) {
        server_reply_cap(ctx, caps[i]);
    }
    return server_reply_words(ctx, now.reply.words, now.reply.words_count);
}

/* --- the one-trap call ---------------------------------------------------------------------- */

errval_t __real_binding_call_regs(struct binding *b, struct lmp_regs *r);
errval_t __wrap_binding_call_regs(struct binding *b, struct lmp_regs *r);

/* On the target a reply without a capability comes straight from the peer, the shape of its header
 * unchecked (aos/arch_lmp.h); nothing else on this machine does that. */
errval_t __wrap_binding_call_regs(struct binding *b, struct lmp_regs *r)
{
    if (b != fuzz_interface.middle || (now.flags & FUZZ_REGS) == 0) {
        return __real_binding_call_regs(b, r);
    }
    const struct fuzz_side *reply = &now.reply;
    if ((r->cap & KPI_XFER_MOVE) != 0) {
        (void)cap_delete((caddr_t)r->cap);
    }
    r->header = r->header | MSG_HEADER(0, MSG_REPLY, 0, 0);
    r->header = (r->header & ~MSG_SHAPE_MASK) | (uint64_t)reply->words_count << MSG_WORDS_SHIFT |
                (uint64_t)reply->caps_count << MSG_CAPS_SHIFT |
                ((now.flags & FUZZ_MORE) != 0 ? MSG_MORE : 0);
    for (uint32_t i = 0; i < MSG_REG_WORDS; i++) {
        r->w[i] = i < reply->words_count ? reply->words[i] : 0;
    }
    r->cap = 0;
    r->cap_info = 0;
    return ERR_OK;
}

/* --- the chain ------------------------------------------------------------------------------ */

static struct server_method methods[2][MSG_ORDINAL_MASK + 1]; /* of the servers */
static struct server_interface served[2];
static struct client_interface calling[2]; /* the raw client, the generated one */
static struct client_method called[MSG_ORDINAL_MASK + 1]; /* of the raw client */
static struct server servers[2];           /* the generated one, the raw one */
static struct waitset ws;
static struct binding raw;
static bool is_open;

static errval_t watched_shim(struct server_ctx *ctx, struct lmp_msg *msg)
{
    struct server_ctx *before = serving;
    serving = ctx;
    errval_t err = fuzz_interface.server->methods[msg_ordinal(ctx->header)].shim(ctx, msg);
    serving = before;
    return err;
}

static void raw_event(struct binding *b, const struct binding_call *event)
{
    (void)b;
    (void)event;
    outcome.events++;
}

static void settle(void)
{
    while (waitset_poll(&ws)) {
    }
    chan_tidy();
}

static void forget_bound(void)
{
    struct server_method *m = &methods[0][fuzz_unbounded >> 3u];
    switch (fuzz_unbounded & 7u) {
    case 1:
        m->words_min = 0;
        break;
    case 2:
        m->words_max = MSG_WORDS_MAX;
        break;
    case 3:
        m->caps_min = 0;
        break;
    case 4:
        m->caps_max = MSG_CAPS_MAX;
        break;
    }
}

static void prepare(void)
{
    for (uint32_t i = 0; i < 2; i++) {
        served[i] = *fuzz_interface.server;
        served[i].methods = methods[i];
        calling[i] = *fuzz_interface.client;
        calling[i].request_area_words = MSG_WORDS_MAX; /* bad messages have any length */
        calling[i].reply_area_words = MSG_WORDS_MAX;
        for (uint32_t k = 0; k < served[i].method_count; k++) {
            methods[i][k] = fuzz_interface.server->methods[k];
            if (methods[i][k].shim != NULL) {
                methods[i][k].shim = i == 0 ? watched_shim : raw_shim;
            }
            if ((methods[i][k].exact & SERVER_STREAM) == 0) {
                methods[i][k].exact = 0;
            }
        }
    }
    forget_bound();
    calling[0].on_event = raw_event;
    calling[0].methods = called;
    for (uint32_t k = 0; k < calling[0].method_count; k++) {
        called[k] = fuzz_interface.client->methods[k];
        called[k].large = true; /* what is sent to it may need the area, whatever it should be */
    }
}

static void subscribe(struct binding *b)
{
    for (uint32_t i = 0; i < fuzz_interface.server->event_count; i++) {
        CHECK_EQ(binding_subscribe(b, fuzz_interface.server->events[i].ordinal, true), ERR_OK);
    }
}

static void open_all(void)
{
    struct binding *middle = fuzz_interface.middle;
    prepare();
    fake_start();
    fake_waitset = &ws;
    ws = (struct waitset){0};
    server_init(&servers[0], &served[0], fuzz_interface.server_ops, NULL, NULL, &ws);
    server_init(&servers[1], &served[1], NULL, NULL, NULL, &ws);
    CHECK_EQ(binding_open_loop(middle, &servers[1], &calling[1]), ERR_OK);
    CHECK_EQ(binding_open_loop(&raw, &servers[0], &calling[0]), ERR_OK);
    if (calling[0].region_bytes != 0) {
        CHECK_EQ(lend_setup(&raw, calling[0].region_bytes), ERR_OK);
    }
    fuzz_conn = servers[0].conns;
    binding_set_waitset(middle, &ws);
    binding_set_waitset(&raw, &ws);
    middle->events = fuzz_interface.event_ops;
    raw.events = &ws; /* whatever: raw_event does not use it */
    subscribe(middle);
    subscribe(&raw);
    is_open = true;
}

static void close_all(void)
{
    binding_close(&raw);
    binding_close(fuzz_interface.middle);
    server_deinit(&servers[0]);
    server_deinit(&servers[1]);
    settle();
    is_open = false;
}

static bool is_kept(const struct binding *b, caddr_t slot)
{
    const struct binding_loans *l = &b->loan_slots;
    return slot == b->chan.in.frame || slot == b->chan.out.frame || slot == b->chan.region.frame ||
           (l->count != 0 && slot >= l->first && slot < l->first + 2u * l->count);
}

static void clear(void)
{
    settle();
    if (!binding_is_open(&raw) || !binding_is_open(fuzz_interface.middle) ||
        servers[0].conns == NULL || servers[1].conns == NULL) {
        close_all();
    }
    while (memory_count != 0) {
        free(memory[--memory_count]);
    }
    for (caddr_t slot = 1; slot < SLOTS; slot++) {
        if (!fake_slot_is_empty(slot) &&
            !(is_open && (is_kept(&raw, slot) || is_kept(fuzz_interface.middle, slot)))) {
            (void)cap_destroy(slot);
        }
    }
}

/* --- one input ------------------------------------------------------------------------------ */

static errval_t send_request(uint32_t kind, bool stream)
{
    static uint64_t words[MSG_WORDS_MAX];
    static struct lmp_msg items[UINT8_MAX];
    struct msg_cap caps[MSG_CAPS_MAX];
    caddr_t got[MSG_CAPS_MAX];
    uint32_t info[MSG_CAPS_MAX];
    __builtin_memcpy(words, now.request.words, sizeof(words));
    make_caps(&now.request, caps);
    struct binding_call call = {
        .header = MSG_HEADER(now.ordinal, kind, now.request.words_count, now.request.caps_count),
        .words = words,
        .words_max = MSG_WORDS_MAX,
        .caps_max = MSG_CAPS_MAX,
        .caps = caps,
        .got = got,
        .got_info = info,
    };
    errval_t err;
    if (stream) {
        struct binding_stream s = {0};
        err = binding_stream_open(&raw, &call, &s, items, fuzz_interface.server->window);
        if (err_is_ok(err)) {
            err = binding_stream_next(&s, &call);
            binding_stream_close(&s);
        }
    } else {
        err = kind == MSG_CALL ? binding_call(&raw, &call) : binding_oneway(&raw, &call);
    }
    for (uint32_t i = 0; i < now.request.caps_count; i++) {
        binding_moved(err, caps[i].cap);
    }
    return err;
}

struct fuzz_outcome fuzz_one(struct fuzz_input *input)
{
    const struct server_interface *iface = fuzz_interface.server;
    outcome = (struct fuzz_outcome){0};
    const struct fuzz_side *before = now.reply.words_count != 0 ? &now.reply : &now.request;
    if (before->words_count != 0) {
        stale = before->words[before->words_count - 1];
    }
    fuzz_read(input, &now);
    const uint32_t ordinal = now.ordinal;
    lengths = 0;
    fuzz_async = (now.flags & FUZZ_ASYNC) != 0;
    fuzz_deferred = (now.flags & FUZZ_DEFER) != 0;
    if (!is_open) {
        open_all();
    }
    for (uint32_t i = 0; i < iface->event_count; i++) {
        if (iface->events[i].ordinal == ordinal) {
            server_event(server_conn_next(&servers[1], NULL), i, now.request.words,
                         now.request.words_count);
            fuzz_stack();
        }
    }
    if (ordinal < iface->method_count && iface->methods[ordinal].shim != NULL) {
        const struct server_method *m = &iface->methods[ordinal];
        outcome.answer = send_request(m->kind, (m->exact & SERVER_STREAM) != 0);
    }
    clear();
    return outcome;
}
