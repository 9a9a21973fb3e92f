/* Carries messages that Python made (run.py) through generated code, and writes down what came of
 * them. For each interface and carrier there is this chain:
 *
 *     raw client -> generated server, whose handlers call the generated client -> raw server
 *
 * The raw ends are the runtime without generated code: they send the words that they are given, and
 * write down those that they get. So a request is decoded and encoded again by generated C, and its
 * reply too. Handlers also write down the values, by name.
 *
 * In: records on stdin (class Script in run.py). Out: lines of text, `.` after each record:
 *   q VALUES          the handler of the first server was called
 *   w KIND WORDS c CAPS l LENT      what the raw server got
 *   p ERROR VALUES    what the generated client returned
 *   i WORDS c CAPS    an item of a stream, as the raw client got it
 *   r ERROR WORDS c CAPS l LENT     what the raw client got; for an event `e`
 *   leak COUNT        capabilities that are left over */
#include <check.h>

#include "../../../libaos/chan/chan_priv.h"
#include "fake.h"
#include "proof.h"

#define LENDS_MAX  16u
#define MEMORY_MAX 64u
#define ITEMS_MAX  16u /* of one stream: the largest window */

errval_t carrier_open_loop(struct binding *b, struct server *server,
                           const struct client_interface *iface);
errval_t carrier_open_ump(struct binding *b, struct server *server,
                          const struct client_interface *iface);

struct server_conn *proof_conn;

/* --- the script ----------------------------------------------------------------------------- */

struct sent_cap {
    uint8_t type, rights, mask, move;
};

/* One direction of a message. */
struct side {
    uint64_t words[MSG_WORDS_MAX];
    uint32_t count;
    uint32_t caps_count;
    struct sent_cap caps[MSG_CAPS_MAX];
};

static struct {
    uint32_t ordinal, flexible;
    struct side request, reply;
    uint32_t reply_words, reply_caps; /* room for the reply */
    errval_t err;                     /* the raw server's answer, unless ERR_OK */
    uint32_t window;                  /* not 0: a stream, whose end `err` is */
    uint32_t items_count;
    struct side items[ITEMS_MAX];
    struct lend_set set;
    struct lend_info lends[LENDS_MAX];
    struct binding_lend lent[LENDS_MAX];
    uint8_t *out[LENDS_MAX]; /* what the raw server lends out, if in the region */
    uint32_t out_len[LENDS_MAX];
} script;

static uint64_t take(uint32_t bytes)
{
    uint64_t value = 0;
    CHECK(fread(&value, 1, bytes, stdin) == bytes);
    return value;
}

static void *memory[MEMORY_MAX];
static uint32_t memory_count;

void *proof_memory(size_t bytes)
{
    CHECK(memory_count < MEMORY_MAX);
    void *made = calloc(1, bytes != 0 ? bytes : 1);
    CHECK(made != NULL);
    memory[memory_count++] = made;
    return made;
}

static void take_side(struct side *side)
{
    side->count = (uint32_t)take(2);
    for (uint32_t i = 0; i < side->count; i++) {
        side->words[i] = take(8);
    }
    side->caps_count = (uint32_t)take(1);
    for (uint32_t i = 0; i < side->caps_count; i++) {
        struct sent_cap *cap = &side->caps[i];
        *cap = (struct sent_cap){(uint8_t)take(1), (uint8_t)take(1), (uint8_t)take(1),
                                 (uint8_t)take(1)};
    }
}

static uint8_t *take_bytes(uint32_t *ret_count)
{
    *ret_count = (uint32_t)take(4);
    uint8_t *bytes = proof_memory(*ret_count);
    CHECK(fread(bytes, 1, *ret_count, stdin) == *ret_count);
    return bytes;
}

static void take_lends(void)
{
    uint32_t count = (uint32_t)take(1);
    script.set = (struct lend_set){script.lends, (uint8_t)count, (uint8_t)take(1)};
    for (uint32_t i = 0; i < count; i++) {
        struct lend_info *info = &script.lends[i];
        struct binding_lend *lent = &script.lent[i];
        *info = (struct lend_info){.bound = (uint32_t)take(4)};
        info->word = (uint8_t)take(1);
        info->out = take(1) != 0;
        info->count_word = (uint8_t)take(1);
        info->count_shift = (uint8_t)take(1);
        info->count_bits = (uint8_t)take(1);
        *lent = (struct binding_lend){.len = (uint32_t)take(4)};
        lent->bulk = take(1) != 0;
        if (info->out) {
            lent->out = proof_memory(lent->len);
            script.out[i] = take_bytes(&script.out_len[i]);
        } else {
            uint32_t bytes;
            lent->in = take_bytes(&bytes);
            CHECK(!lent->bulk || bytes == lent->len);
        }
    }
}

static void take_message(void)
{
    script.ordinal = (uint32_t)take(2);
    script.flexible = (uint32_t)take(1);
    take_side(&script.request);
    script.reply_words = (uint32_t)take(2);
    script.reply_caps = (uint32_t)take(1);
    take_lends();
    script.err = take(8);
    take_side(&script.reply);
    script.window = (uint32_t)take(1);
    script.items_count = (uint32_t)take(1);
    CHECK(script.items_count <= script.window && script.window <= ITEMS_MAX);
    for (uint32_t i = 0; i < script.items_count; i++) {
        take_side(&script.items[i]);
    }
}

/* --- writing down --------------------------------------------------------------------------- */

void proof_line(const char *what)
{
    printf("%s", what);
}

void proof_end_line(void)
{
    printf("\n");
}

void proof_error(errval_t err)
{
    printf(" %llx", (unsigned long long)err);
}

void proof_number(const char *name, uint64_t value)
{
    printf(" %s=%llu", name, (unsigned long long)value);
}

void proof_integer(const char *name, int64_t value)
{
    printf(" %s=%lld", name, (long long)value);
}

static void write_hex(const uint8_t *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        putchar(digits[bytes[i] >> 4]);
        putchar(digits[bytes[i] & 15]);
    }
}

void proof_bytes(const char *name, const void *bytes, size_t count)
{
    printf(" %s=\"", name);
    write_hex(bytes, count);
    putchar('"');
}

void proof_absent(const char *name)
{
    printf(" %s=-", name);
}

void proof_open(const char *name)
{
    printf(" %s={", name);
}

void proof_close(void)
{
    printf(" }");
}

static void write_words(const uint64_t *words, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        printf(" %llx", (unsigned long long)words[i]);
    }
}

static void write_info(uint32_t info)
{
    printf(" %u/%u", info & 0xff, info >> 8);
}

/* --- capabilities --------------------------------------------------------------------------- */

static caddr_t later[10 * MSG_CAPS_MAX];
static uint32_t later_count;

static void delete_later(caddr_t cap)
{
    CHECK(later_count < sizeof(later) / sizeof(later[0]));
    later[later_count++] = cap;
}

static void make_caps(const struct side *side, struct msg_cap *ret_caps)
{
    for (uint32_t i = 0; i < side->caps_count; i++) {
        const struct sent_cap *cap = &side->caps[i];
        ret_caps[i] = (struct msg_cap){fake_cap((enum captype)cap->type, cap->rights), cap->mask,
                                       cap->move};
        if (cap->move != MSG_CAP_MOVE) {
            delete_later(ret_caps[i].cap);
        }
    }
}

void proof_cap(struct server_ctx *ctx, const char *name, caddr_t cap, bool kept)
{
    struct cap_info info = {0};
    if (cap == 0) {
        proof_absent(name);
        return;
    }
    CHECK_EQ(cap_identify(cap, &info), ERR_OK);
    printf(" %s=%u/%u", name, info.type, info.rights);
    if (ctx != NULL && !kept) {
        server_take_cap(ctx, cap);
    } else if (ctx == NULL && kept) {
        delete_later(cap);
    }
}

void proof_cap_held(struct server_ctx *ctx, const char *name, caddr_t cap, bool kept)
{
    proof_cap(ctx, name, cap, kept);
    if (ctx != NULL && kept && cap != 0) {
        server_take_cap(ctx, cap);
        delete_later(cap);
    }
}

void *proof_lease(const struct lease *l, bool strings)
{
    char *bytes = proof_memory(lease_len(l));
    CHECK_EQ(strings ? lease_read_strings(l, bytes) : lease_read(l, 0, bytes, lease_len(l)),
             ERR_OK);
    return bytes;
}

/* --- the raw server ------------------------------------------------------------------------- */

static errval_t raw_stream(struct server_ctx *ctx)
{
    struct server_responder sink = server_defer(ctx);
    for (uint32_t i = 0; i < script.items_count; i++) {
        struct msg_cap caps[MSG_CAPS_MAX] = {{0}};
        make_caps(&script.items[i], caps);
        CHECK_EQ(server_put(&sink, ERR_OK, script.items[i].words, script.items[i].count, caps[0]),
                 ERR_OK);
    }
    server_respond(&sink, script.err, NULL, 0, NULL, 0);
    return SERVER_DEFERRED;
}

static errval_t raw_shim(struct server_ctx *ctx, struct lmp_msg *msg)
{
    uint64_t words[MSG_WORDS_MAX];
    (void)msg;
    CHECK_EQ(server_request(ctx, words, MSG_WORDS_MAX), ERR_OK);
    printf("w %u %u %u", msg_ordinal(ctx->header), msg_kind(ctx->header),
           (ctx->header & MSG_FLEXIBLE) != 0);
    write_words(words, msg_words(ctx->header));
    printf(" c");
    for (uint32_t i = 0; i < ctx->caps_count; i++) {
        write_info(ctx->caps_info[i]);
    }
    printf(" l");
    struct lease lent[LENDS_MAX];
    if (script.set.count != 0) {
        CHECK(server_leases(ctx, &script.set, words, lent));
        for (uint32_t i = 0; i < script.set.count; i++) {
            if (!script.lends[i].out && lent[i].conn != NULL) {
                proof_bytes("", proof_lease(&lent[i], false), lease_len(&lent[i]));
            }
        }
    }
    proof_end_line();
    if (msg_kind(ctx->header) == MSG_ONEWAY) {
        return ERR_OK;
    }
    if (script.window != 0) {
        return raw_stream(ctx);
    }
    if (err_is_fail(script.err)) {
        return script.err;
    }
    for (uint32_t i = 0; i < script.set.count; i++) {
        if (script.lends[i].out && lent[i].conn != NULL) {
            CHECK_EQ(lease_write(&lent[i], 0, script.out[i], script.out_len[i]), ERR_OK);
        }
    }
    struct msg_cap caps[MSG_CAPS_MAX];
    make_caps(&script.reply, caps);
    for (uint32_t i = 0; i < script.reply.caps_count; i++) {
        server_reply_cap(ctx, caps[i]);
    }
    return server_reply_words(ctx, script.reply.words, script.reply.count);
}

static struct server_method raw_methods[MSG_ORDINAL_MASK + 1];

static struct server_interface raw_server_interface(const struct server_interface *of)
{
    struct server_interface raw = *of;
    for (uint32_t i = 0; i < of->method_count; i++) {
        raw_methods[i] = of->methods[i];
        if (of->methods[i].shim != NULL) {
            raw_methods[i].shim = raw_shim;
            raw_methods[i].exact &= (of->methods[i].exact & SERVER_STREAM) != 0 ? 0xffff : 0;
        }
    }
    raw.methods = raw_methods;
    return raw;
}

/* --- the raw client ------------------------------------------------------------------------- */

static struct waitset ws;
static struct server servers[2];           /* the generated one, the raw one */
static struct server_interface raw_server; /* of the second */
static struct client_interface raw_client;
static struct binding binding; /* of the raw client, to the first server */
static const struct proof_interface *now;

static void settle(void)
{
    while (waitset_poll(&ws)) {
    }
    chan_tidy();
}

static void raw_event(struct binding *b, const struct binding_call *event)
{
    (void)b;
    printf("e %u %u %u", msg_ordinal(event->header), msg_kind(event->header),
           (event->header & MSG_FLEXIBLE) != 0);
    write_words(event->words, msg_words(event->header));
    proof_end_line();
}

static void raw_result(errval_t err, const struct binding_call *call)
{
    printf("r %llx", (unsigned long long)err);
    if (err_is_ok(err)) {
        write_words(call->words, msg_words(call->header));
        printf(" c");
        for (uint32_t i = 0; i < msg_caps(call->header); i++) {
            write_info(call->got_info[i]);
            CHECK_EQ(cap_destroy(call->got[i]), ERR_OK);
        }
        printf(" l");
        for (uint32_t i = 0; i < script.set.count; i++) {
            const struct lend_info *info = &script.lends[i];
            if (info->out && script.lent[i].bulk) {
                uint64_t n = call->words[info->count_word] >> info->count_shift;
                n = info->count_bits == 32 ? (uint32_t)n : n;
                proof_bytes("", script.lent[i].out, n);
            }
        }
    }
    proof_end_line();
}

/* Reads a stream to its end. */
static errval_t raw_items(struct binding_call *call)
{
    static struct lmp_msg items[ITEMS_MAX];
    struct binding_stream stream;
    errval_t err = binding_stream_open(&binding, call, &stream, items, (uint8_t)script.window);
    if (err_is_fail(err)) {
        return err;
    }
    while (err_is_ok(err = binding_stream_next(&stream, call))) {
        printf("i");
        write_words(call->words, msg_words(call->header));
        printf(" c");
        for (uint32_t i = 0; i < msg_caps(call->header); i++) {
            write_info(call->got_info[i]);
            CHECK_EQ(cap_destroy(call->got[i]), ERR_OK);
        }
        proof_end_line();
    }
    binding_stream_close(&stream);
    return err;
}

static void raw_request(enum msg_kind kind)
{
    uint64_t words[MSG_WORDS_MAX];
    struct msg_cap caps[MSG_CAPS_MAX];
    caddr_t got[MSG_CAPS_MAX];
    uint32_t info[MSG_CAPS_MAX];
    memcpy(words, script.request.words, 8u * script.request.count);
    make_caps(&script.request, caps);
    struct binding_call call = {
        .header = MSG_HEADER(script.ordinal, kind, script.request.count,
                             script.request.caps_count) |
                  (script.flexible != 0 ? MSG_FLEXIBLE : 0),
        .words = words,
        .words_max = script.reply_words,
        .caps_max = script.reply_caps,
        .caps = caps,
        .got = got,
        .got_info = info,
        .lends = script.set.count != 0 ? &script.set : NULL,
        .lent = script.lent,
    };
    errval_t err = kind == MSG_ONEWAY     ? binding_oneway(&binding, &call)
                   : script.window != 0 ? raw_items(&call)
                                        : binding_call(&binding, &call);
    for (uint32_t i = 0; i < script.request.caps_count; i++) {
        if (caps[i].move == MSG_CAP_MOVE) {
            binding_moved(err, caps[i].cap);
        }
    }
    settle();
    if (kind == MSG_CALL || err_is_fail(err)) {
        raw_result(err, &call);
    }
}

static void raw_send_event(void)
{
    uint32_t index = 0;
    while (raw_server.events[index].ordinal != script.ordinal) {
        index++;
    }
    server_event(server_conn_next(&servers[1], NULL), index, script.request.words,
                 script.request.count);
    settle();
}

/* --- an interface --------------------------------------------------------------------------- */

static void subscribe(struct binding *b)
{
    for (uint32_t i = 0; i < raw_server.event_count; i++) {
        CHECK_EQ(binding_subscribe(b, raw_server.events[i].ordinal, true), ERR_OK);
    }
}

static void open_interface(uint32_t index, bool ump)
{
    errval_t (*open)(struct binding *, struct server *, const struct client_interface *) =
        ump ? carrier_open_ump : carrier_open_loop;
    CHECK(index < proof_interfaces_count);
    now = proof_interfaces[index];
    fake_start();
    fake_waitset = &ws;
    ws = (struct waitset){0};
    raw_server = raw_server_interface(now->server);
    raw_client = *now->client;
    raw_client.on_event = raw_event;
    server_init(&servers[0], now->server, now->server_ops, NULL, NULL, &ws);
    server_init(&servers[1], &raw_server, NULL, NULL, NULL, &ws);
    CHECK_EQ(open(now->binding, &servers[1], now->client), ERR_OK);
    CHECK_EQ(open(&binding, &servers[0], &raw_client), ERR_OK);
    proof_conn = servers[0].conns;
    binding_set_waitset(now->binding, &ws);
    binding_set_waitset(&binding, &ws);
    now->binding->events = now->event_ops;
    binding.events = &ws; /* whatever: raw_event does not use it */
    subscribe(now->binding);
    subscribe(&binding);
}

static void close_interface(void)
{
    binding_close(&binding);
    binding_close(now->binding);
    server_deinit(&servers[0]);
    server_deinit(&servers[1]);
    settle();
    fake_check_clean();
}

/* What one record left behind. */
static void clear(uint32_t caps_before)
{
    while (later_count != 0) {
        CHECK_EQ(cap_destroy(later[--later_count]), ERR_OK);
    }
    while (memory_count != 0) {
        free(memory[--memory_count]);
    }
    /* The first large message and the first lent buffer make frames that stay; a binding keeps the
     * slots of a loan. */
    uint32_t made = 0;
    struct binding *const bindings[] = {&binding, now->binding};
    for (uint32_t i = 0; i < 2; i++) {
        made += bindings[i]->chan.in.frame != 0;
        made += bindings[i]->chan.out.frame != 0;
        made += bindings[i]->chan.region.frame != 0;
        made += 2 * bindings[i]->loan_slots.count;
    }
    if (fake_caps_in_use() != caps_before + made) {
        printf("leak %u\n", fake_caps_in_use() - caps_before - made);
    }
    printf(".\n");
}

int main(void)
{
    int op;
    while ((op = getchar()) != EOF) {
        if (op == 'I') {
            uint32_t index = (uint32_t)take(2);
            open_interface(index, take(1) != 0);
            continue;
        }
        if (op == 'X') {
            close_interface();
            continue;
        }
        take_message();
        if (op == 'C') {
            raw_request(MSG_CALL);
        } else if (op == 'O') {
            raw_request(MSG_ONEWAY);
        } else {
            CHECK_EQ(op, 'E');
            raw_send_event();
        }
        clear(0);
    }
    return 0;
}
