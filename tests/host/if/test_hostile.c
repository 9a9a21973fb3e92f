/* Bad messages. Good ones are recorded from the client stub, spoilt, and given to the server, and
 * the other way round; so nothing here knows an ordinal. The server must answer every call, run no
 * handler for a malformed one, and keep no capability; the client must end every call with an error
 * and set no result. */
#include <check.h>

#include "../../../libaos/chan/chan_priv.h"
#include "fake.h"
#include "hostile.h"

struct sink sink;
struct kitchen_sink_binding b; /* its peer is `server_side`: what it sends is recorded */
static struct kitchen_sink_binding c; /* an honest client; its connection is the one attacked */
static struct server_conn *conn;
static struct chan server_side, client_side;

struct lmp_msg sent; /* the last request of b */
uint64_t sent_area[MSG_WORDS_MAX];
static struct lmp_msg heard; /* the last reply of conn */
static uint32_t heard_count;
static void (*answer)(const struct lmp_msg *request);

static void listen(struct chan *at, const struct lmp_msg *msg)
{
    if (at == &client_side) {
        heard = *msg;
        heard_count++;
        chan_discard_cap_disabled(msg->cap);
        return;
    }
    if (msg_kind(msg->header) == MSG_CONTROL) {
        chan_discard_cap_disabled(msg->cap);
        return;
    }
    sent = *msg;
    if (msg_in_area(msg->header)) {
        memcpy(sent_area, b.base.chan.out.base + msg_slot(msg->header) * b.base.chan.out.slot_bytes,
               8u * msg_words(msg->header));
    }
    chan_discard_cap_disabled(msg->cap);
    if (answer != NULL) {
        answer(msg);
    }
}

void hostile_start(void)
{
    fake_start();
    sink_init(&sink);
    fake_listener = listen;
    CHECK_EQ(binding_open_loop(&b.base, &sink.server.base, &kitchen_sink_client_interface), ERR_OK);
    CHECK_EQ(binding_open_loop(&c.base, &sink.server.base, &kitchen_sink_client_interface), ERR_OK);
    conn = (struct server_conn *)(void *)c.base.chan.peer;
    chan_open(&server_side, CHAN_SOURCE, 0, NULL);
    chan_open(&client_side, CHAN_SOURCE, 0, NULL);
    b.base.chan.peer->peer = NULL; /* b's own connection is left alone */
    b.base.chan.peer = &server_side;
    server_side.peer = &b.base.chan;
    /* An area for the attacked connection. */
    uint32_t length;
    CHECK_EQ(kitchen_sink_write(&c, "x", 1, &length), ERR_OK);
    conn->chan.peer = &client_side;
    client_side.peer = &conn->chan;
    answer = NULL;
    heard_count = 0;
    sink.calls = 0;
}

void hostile_end(void)
{
    while (waitset_poll(&sink.ws)) {
    }
    fake_listener = NULL;
    c.base.chan.peer = NULL;
    b.base.chan.peer = NULL;
    conn->chan.peer = NULL;
    kitchen_sink_close(&b);
    kitchen_sink_close(&c);
    sink_deinit(&sink);
    chan_tidy();
    fake_check_clean();
}

/* Gives `msg` to the attacked connection, with the words of the area if it is large. */
static void inject(const struct lmp_msg *msg, const uint64_t *area)
{
    struct lmp_msg m = *msg;
    if (msg_in_area(m.header) && msg_slot(m.header) < CHAN_CALLS_MAX &&
        8u * msg_words(m.header) <= conn->chan.in.slot_bytes) {
        memcpy(conn->chan.in.base + msg_slot(m.header) * conn->chan.in.slot_bytes, area,
               8u * msg_words(m.header));
    }
    disp_disable();
    chan_deliver_disabled((uint64_t)(uintptr_t)conn, &m);
    disp_enable();
    while (waitset_poll(&sink.ws)) {
    }
    chan_tidy();
}

/* The same, and the error that is answered; ERR_OK for a reply. The txid must come back. */
static errval_t answer_to(const struct lmp_msg *msg)
{
    uint32_t before = heard_count;
    inject(msg, sent_area);
    CHECK_EQ(heard_count, before + 1);
    CHECK_EQ(heard.header & MSG_TXID_MASK, msg->header & MSG_TXID_MASK);
    if (msg_kind(heard.header) == MSG_REPLY) {
        return ERR_OK;
    }
    CHECK_EQ(msg_kind(heard.header), MSG_ERROR);
    CHECK_EQ(heard.header & MSG_SHAPE_MASK, MSG_SHAPE(1, 0));
    CHECK(heard.words[0] != 0);
    return heard.words[0];
}

/* As answer_to for the recorded message after a change of the header. */
static errval_t with_header(uint64_t clear, uint64_t set)
{
    struct lmp_msg m = sent;
    m.header = (m.header & ~clear) | set;
    return answer_to(&m);
}

errval_t with_word(uint32_t index, uint64_t clear, uint64_t set)
{
    struct lmp_msg m = sent;
    m.words[index] = (m.words[index] & ~clear) | set;
    return answer_to(&m);
}

static void headers_to_the_server(void)
{
    hostile_start();
    uint64_t out;
    CHECK_EQ(kitchen_sink_one(&b, 5, &out), RPC_ERR_TIMEOUT);
    CHECK_EQ(with_header(0, 0), ERR_OK);
    CHECK_EQ(sink.calls, 1);
    const struct {
        uint64_t clear, set;
        errval_t expected;
    } cases[] = {
        {MSG_ORDINAL_MASK, MSG_ORDINAL_MASK, RPC_ERR_UNKNOWN_METHOD},
        {MSG_ORDINAL_MASK, 0x7ff, RPC_ERR_UNKNOWN_METHOD},
        {MSG_SHAPE_MASK, MSG_SHAPE(0, 0), RPC_ERR_MALFORMED},
        {MSG_SHAPE_MASK, MSG_SHAPE(2, 0), RPC_ERR_MALFORMED},
        {MSG_SHAPE_MASK, MSG_SHAPE(255, 0), RPC_ERR_MALFORMED},
        {MSG_SHAPE_MASK, MSG_SHAPE(1, 1), RPC_ERR_MALFORMED},
        {0, MSG_MORE, RPC_ERR_MALFORMED},
        {0, 1ull << 53, RPC_ERR_MALFORMED},
        {0, 1ull << 63, RPC_ERR_MALFORMED},
        {(uint64_t)0x3f << MSG_SLOT_SHIFT, (uint64_t)CHAN_CALLS_MAX << MSG_SLOT_SHIFT,
         RPC_ERR_MALFORMED},
        {(uint64_t)0x3f << MSG_SLOT_SHIFT, (uint64_t)0x3f << MSG_SLOT_SHIFT, RPC_ERR_MALFORMED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_EQ(with_header(cases[i].clear, cases[i].set), cases[i].expected);
    }
    struct lmp_msg m = sent;
    m.header ^= 1ull << MSG_HASH_SHIFT;
    CHECK_EQ(answer_to(&m), RPC_ERR_MALFORMED);
    /* A capability that the header does not tell of. */
    m = sent;
    m.cap = fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL);
    m.cap_info = CAPTYPE_RAM | CAP_RIGHTS_ALL << 8;
    CHECK_EQ(answer_to(&m), RPC_ERR_MALFORMED);
    CHECK_EQ(sink.calls, 1);
    /* Kinds that a server does not take are dropped. */
    uint32_t before = heard_count;
    for (uint64_t kind = MSG_REPLY; kind <= MSG_MALFORMED; kind++) {
        m = sent;
        m.header |= kind << MSG_KIND_SHIFT;
        if (kind != MSG_CONTROL) {
            inject(&m, sent_area);
        }
    }
    CHECK_EQ(heard_count, before);
    CHECK_EQ(sink.calls, 1);
    hostile_end();
}

static void words_to_the_server(void)
{
    hostile_start();
    uint64_t out;
    size_t length;
    char upper[17];
    CHECK_EQ(kitchen_sink_wrong_error(&b, 1), RPC_ERR_TIMEOUT);
    CHECK_EQ(with_word(0, 0, 1ull << 32), RPC_ERR_MALFORMED); /* padding */
    CHECK_EQ(with_word(0, 0, 1ull << 63), RPC_ERR_MALFORMED);
    CHECK_EQ(sink.calls, 0);
    CHECK_EQ(kitchen_sink_cap_out(&b, true, (caddr_t *)&out, &out), RPC_ERR_TIMEOUT);
    CHECK_EQ(with_word(0, 0xff, 2), RPC_ERR_MALFORMED); /* a bool of 2 */
    CHECK_EQ(with_word(0, 0, 0x100), RPC_ERR_MALFORMED);
    CHECK_EQ(kitchen_sink_short(&b, "abc", 3, upper, &length), RPC_ERR_TIMEOUT);
    CHECK_EQ(sink.calls, 0);
    CHECK_EQ(with_word(0, 0, 0), ERR_OK);
    CHECK_EQ(sink.calls, 1);
    CHECK_EQ(with_word(0, 0xff, 4), RPC_ERR_MALFORMED);            /* a NUL in the text */
    CHECK_EQ(with_word(0, 0xff, 2), RPC_ERR_MALFORMED);            /* text in the padding */
    CHECK_EQ(with_word(0, 0xff, 9), RPC_ERR_MALFORMED);            /* beyond the message */
    CHECK_EQ(with_word(0, 0xff, 17), RPC_ERR_MALFORMED);           /* beyond the bound */
    CHECK_EQ(with_word(0, 0xff, 0), RPC_ERR_MALFORMED);            /* words left over */
    CHECK_EQ(with_word(1, 0xff, 0xff), RPC_ERR_MALFORMED);         /* not UTF-8 */
    CHECK_EQ(with_word(1, 0xffffff, 0x80a0ed), RPC_ERR_MALFORMED); /* a surrogate */
    CHECK_EQ(with_word(1, 0xffff, 0x80c0), RPC_ERR_MALFORMED);     /* not the shortest form */
    CHECK_EQ(with_word(1, 0, 1ull << 40), RPC_ERR_MALFORMED);      /* padding */
    CHECK_EQ(sink.calls, 1);
    hostile_end();
}

/* As with_word for the recorded words of the message area, after which the message has `count`. */
errval_t with_area(uint32_t index, uint64_t word, uint32_t count)
{
    struct lmp_msg m = sent;
    m.header = (m.header & ~MSG_SHAPE_MASK) | MSG_SHAPE(count, 0);
    uint64_t kept = sent_area[index];
    sent_area[index] = word;
    errval_t err = answer_to(&m);
    sent_area[index] = kept;
    return err;
}

static void capabilities_to_the_server(void)
{
    hostile_start();
    uint64_t out;
    CHECK_EQ(kitchen_sink_cap_in(&b, fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL), &out), RPC_ERR_TIMEOUT);
    const struct {
        uint8_t type, rights;
        errval_t expected;
    } cases[] = {
        {CAPTYPE_RAM, CAP_RIGHT_R | CAP_RIGHT_W, KITCHEN_SINK_ERR_REFUSED},
        {CAPTYPE_RAM, CAP_RIGHT_R, RPC_ERR_CAPABILITY},
        {CAPTYPE_RAM, 0, RPC_ERR_CAPABILITY},
        {CAPTYPE_FRAME, CAP_RIGHTS_ALL, RPC_ERR_CAPABILITY},
        {CAPTYPE_ENDPOINT, CAP_RIGHTS_ALL, RPC_ERR_CAPABILITY},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t before = fake_caps_in_use();
        struct lmp_msg m = sent;
        m.cap = fake_cap(cases[i].type, cases[i].rights);
        m.cap_info = cases[i].type | (uint32_t)cases[i].rights << 8;
        CHECK_EQ(answer_to(&m), cases[i].expected);
        CHECK_EQ(fake_caps_in_use(), before);
    }
    struct lmp_msg m = sent;
    m.cap = 0;
    CHECK_EQ(answer_to(&m), RPC_ERR_MALFORMED);
    /* Several: one is missing for ever. It waits, and hurts nobody else; what came is deleted at
     * the end. */
    m = sent;
    m.header = (m.header & ~MSG_SHAPE_MASK) | MSG_SHAPE(0, 3);
    m.cap = fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL);
    uint32_t before = heard_count;
    inject(&m, sent_area);
    CHECK_EQ(heard_count, before);
    hostile_end();
}

static void the_framework(void)
{
    hostile_start();
    const uint64_t slot = 1ull << MSG_SLOT_SHIFT | chan_hash(&conn->chan);
    const struct {
        uint32_t count;
        uint64_t words[4];
        errval_t expected;
    } cases[] = {
        {0, {0}, RPC_ERR_UNKNOWN_METHOD},
        {1, {99}, RPC_ERR_UNKNOWN_METHOD},
        {3, {CHAN_OP_BIND, KITCHEN_SINK_ID | 3ull << 32, KITCHEN_SINK_HASH}, RPC_ERR_MALFORMED},
        {2, {CHAN_OP_BIND}, RPC_ERR_MALFORMED},
        {3, {CHAN_OP_CLONE, 1, 0}, RPC_ERR_CAPABILITY},
        {3, {CHAN_OP_CLONE, BINDING_CLONE_OWN, 1}, RPC_ERR_CAPABILITY},
        {3, {CHAN_OP_CLONE, BINDING_CLONE_OWN, 2}, RPC_ERR_MALFORMED},
        {4, {CHAN_OP_AREA, 0, 64, 4096}, RPC_ERR_MALFORMED}, /* there is one already */
        {4, {CHAN_OP_AREA, 2, 64, 4096}, RPC_ERR_MALFORMED},
        {3, {CHAN_OP_SUBSCRIBE, 4095, 1}, RPC_ERR_UNKNOWN_METHOD},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmp_msg m = {.header = MSG_HEADER(0, MSG_CALL, cases[i].count, 0) | slot};
        memcpy(m.words, cases[i].words, sizeof(cases[i].words));
        CHECK_EQ(err_no(answer_to(&m)), cases[i].expected);
    }
    chan_area_free(&conn->chan.in);
    const uint64_t sizes[][2] = {{0, 4096},  {7, 4096},     {64, 0},
                                 {64, 4097}, {64, 1 << 20}, {1 << 20, 4096}};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct lmp_msg m = {.header = MSG_HEADER(0, MSG_CALL, 4, 0) | slot,
                            .words = {CHAN_OP_AREA, 0, sizes[i][0], sizes[i][1]}};
        CHECK_EQ(answer_to(&m), RPC_ERR_MALFORMED);
    }
    struct lmp_msg m = {.header = MSG_HEADER(0, MSG_CALL, 4, 0) | slot,
                        .words = {CHAN_OP_AREA, 0, 64, 4096}};
    CHECK_EQ(answer_to(&m), RPC_ERR_CAPABILITY);
    m.header = MSG_HEADER(0, MSG_CALL, 4, 1) | slot;
    m.cap = fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL);
    m.cap_info = CAPTYPE_RAM | CAP_RIGHTS_ALL << 8;
    CHECK_EQ(answer_to(&m), RPC_ERR_CAPABILITY);
    /* A message in an area that is not there. */
    uint32_t length;
    char text[40];
    memset(text, 't', sizeof(text));
    CHECK_EQ(kitchen_sink_write(&b, text, 40, &length), RPC_ERR_TIMEOUT);
    m = sent;
    m.header = (m.header & ~MSG_SHAPE_MASK) | MSG_SHAPE(9, 0);
    CHECK_EQ(answer_to(&m), RPC_ERR_MALFORMED);
    CHECK_EQ(sink.calls, 0);
    hostile_end();
}

static void a_flood(void)
{
    hostile_start();
    uint64_t out;
    CHECK_EQ(kitchen_sink_one(&b, 5, &out), RPC_ERR_TIMEOUT);
    disp_disable();
    for (uint32_t i = 0; i < 3 * SERVER_QUEUE_MAX; i++) {
        chan_deliver_disabled((uint64_t)(uintptr_t)conn, &sent);
    }
    disp_enable();
    CHECK_EQ(heard_count, 2 * SERVER_QUEUE_MAX);
    CHECK_EQ(heard.words[0], RPC_ERR_AGAIN);
    while (waitset_poll(&sink.ws)) {
    }
    CHECK_EQ(heard_count, 3 * SERVER_QUEUE_MAX);
    hostile_end();
}

/* Every bit of good messages, one at a time. Whatever happens: no fault, an answer, nothing kept.
 */
static void flip(const struct lmp_msg *good)
{
    for (uint32_t bit = 0; bit < 64u * (1 + MSG_REG_WORDS); bit++) {
        struct lmp_msg m = *good;
        uint64_t *word = bit < 64 ? &m.header : &m.words[bit / 64 - 1];
        *word ^= 1ull << bit % 64;
        uint32_t before = heard_count;
        inject(&m, sent_area);
        if (msg_kind(m.header) == MSG_CALL && msg_caps(m.header) <= 1) {
            CHECK_EQ(heard_count, before + 1);
        }
        if (conn->server == NULL) {
            return; /* a oneway too many closes; nothing here sends that many */
        }
    }
    for (uint32_t bit = 0; msg_in_area(good->header) && bit < 64u * msg_words(good->header);
         bit++) {
        uint32_t before = heard_count;
        sent_area[bit / 64] ^= 1ull << bit % 64;
        inject(good, sent_area);
        sent_area[bit / 64] ^= 1ull << bit % 64;
        CHECK_EQ(heard_count, before + 1);
    }
}

static void every_bit(void)
{
    hostile_start();
    struct kitchen_sink_size size = {.rows = 1, .cols = 2}, sizes_out[7];
    struct kitchen_sink_size pair[2] = {{.rows = 1, .cols = 1}, {.rows = 2, .cols = 2}};
    const struct kitchen_sink_string7 names[2] = {{.text_len = 2, .text = "ok"}};
    struct kitchen_sink_string7 names_out[3];
    uint32_t r, fixed_out[4];
    const uint32_t fixed[4] = {1, 2, 3, 4};
    const kitchen_sink_op_t ops[3] = {1, 2, 3};
    const bool bools[2] = {true, false};
    bool p, q, t;
    char text[256], args[200];
    uint8_t data[300];
    size_t n, n2, n3;
    uint64_t mid;
    CHECK_EQ(kitchen_sink_ranges(&b, 8, 64, 4, 10, 20, &mid), RPC_ERR_TIMEOUT);
    flip(&sent);
    CHECK_EQ(kitchen_sink_optional(&b, true, 5, true, 1, true, &size, true, "text", 4, &p, &r, &q,
                                   &size, &t, text, &n),
             RPC_ERR_TIMEOUT);
    flip(&sent);
    CHECK_EQ(kitchen_sink_text(&b, "p\xc3\xa9th", 6, "a\0b\0", 4, "data", 4, text, &n, args, &n2,
                               data, &n3),
             RPC_ERR_TIMEOUT);
    flip(&sent);
    CHECK_EQ(kitchen_sink_text(&b, "a path that is longer, for the area, h\xc3\xa9", 41, "a\0b\0",
                               4, "and so is this", 14, text, &n, args, &n2, data, &n3),
             RPC_ERR_TIMEOUT);
    flip(&sent);
    binding_close(&b.base);
    CHECK_EQ(binding_open_loop(&b.base, &sink.server.base, &kitchen_sink_client_interface), ERR_OK);
    b.base.chan.peer->peer = NULL;
    b.base.chan.peer = &server_side;
    CHECK_EQ(kitchen_sink_arrays(&b, fixed, ops, 3, bools, 2, pair, 2, pair, names, &r, fixed_out,
                                 sizes_out, &n, names_out, &n2),
             RPC_ERR_TIMEOUT);
    flip(&sent);
    struct kitchen_sink_box box = {.size = {.rows = 1, .cols = 2},
                                   .has_note = true,
                                   .note_len = 4,
                                   .note = "note",
                                   .has_weight = true,
                                   .weight = 5,
                                   .ops_count = 2,
                                   .ops = {3, 1}};
    struct kitchen_sink_prop prop = {.key_len = 3, .key = "key", .value_len = 5, .value = "value"};
    struct kitchen_sink_prop props_out[4];
    CHECK_EQ(kitchen_sink_structs(&b, &box, &prop, 1, &box, props_out, &n), RPC_ERR_TIMEOUT);
    flip(&sent);
    hostile_end();
}

/* --- the client ----------------------------------------------------------------------------- */

static struct lmp_msg reply; /* what the server answers; its txid is the request's ^ spoil */
static uint64_t spoil;

static void answer_badly(const struct lmp_msg *request)
{
    struct lmp_msg m = reply;
    m.header |= request->header & (MSG_ORDINAL_MASK | MSG_TXID_MASK | MSG_HASH_MASK);
    m.header ^= spoil;
    if (m.cap != 0) {
        m.cap = fake_cap(m.cap_info & 0xff, (uint8_t)(m.cap_info >> 8));
    }
    chan_deliver_disabled((uint64_t)(uintptr_t)&b.base, &m);
}

static void replies_to_the_client(void)
{
    hostile_start();
    answer = answer_badly;
    uint64_t out = 77;
    const uint64_t good = MSG_HEADER(0, MSG_REPLY, 1, 0);
    const struct {
        uint64_t header, spoil, word;
        uint32_t cap_info;
        errval_t expected;
    } cases[] = {
        {MSG_HEADER(0, MSG_REPLY, 0, 0), 0, 5, 0, RPC_ERR_BAD_REPLY},
        {MSG_HEADER(0, MSG_REPLY, 2, 0), 0, 5, 0, RPC_ERR_BAD_REPLY},
        {MSG_HEADER(0, MSG_REPLY, 200, 0), 0, 5, 0, RPC_ERR_BAD_REPLY},
        {MSG_HEADER(0, MSG_REPLY, 1, 1), 0, 5, 0, RPC_ERR_BAD_REPLY},
        {good, MSG_MORE, 5, 0, RPC_ERR_BAD_REPLY},
        {MSG_HEADER(0, MSG_REPLY, 1, 1), 0, 5, CAPTYPE_RAM | 0xf00, RPC_ERR_BAD_REPLY},
        {good, 0, 5, CAPTYPE_RAM | 0xf00, RPC_ERR_BAD_REPLY},
        {MSG_HEADER(0, MSG_ERROR, 1, 0), 0, 0, 0, RPC_ERR_BAD_REPLY},
        {MSG_HEADER(0, MSG_ERROR, 1, 0), 0, KITCHEN_SINK_ERR_LATE, 0, RPC_ERR_BAD_REPLY},
        {MSG_HEADER(0, MSG_ERROR, 1, 0), 0, 0xffff, 0, RPC_ERR_BAD_REPLY},
        {MSG_HEADER(0, MSG_ERROR, 1, 0), 0, RPC_ERR_AGAIN, 0, RPC_ERR_AGAIN},
        {MSG_HEADER(0, MSG_MALFORMED, 0, 0), 0, 0, 0, RPC_ERR_MALFORMED},
        /* Not an answer to this call: dropped. */
        {good, 1ull << MSG_GEN_SHIFT, 5, 0, RPC_ERR_TIMEOUT},
        {good, 1ull << MSG_SLOT_SHIFT, 5, 0, RPC_ERR_TIMEOUT},
        {good, 0x3full << MSG_SLOT_SHIFT, 5, 0, RPC_ERR_TIMEOUT},
        {good, 1ull << MSG_HASH_SHIFT, 5, 0, RPC_ERR_TIMEOUT},
        {good, 1ull << 53, 5, 0, RPC_ERR_TIMEOUT},
        {good, 1, 5, CAPTYPE_RAM | 0xf00, RPC_ERR_TIMEOUT},
        {MSG_HEADER(0, MSG_CALL, 1, 0), 0, 5, CAPTYPE_RAM | 0xf00, RPC_ERR_TIMEOUT},
    };
    uint32_t before = fake_caps_in_use();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        reply = (struct lmp_msg){.header = cases[i].header,
                                 .words = {cases[i].word},
                                 .cap = cases[i].cap_info,
                                 .cap_info = cases[i].cap_info};
        spoil = cases[i].spoil;
        CHECK_EQ(err_no(kitchen_sink_one(&b, 5, &out)), cases[i].expected);
        CHECK_EQ(out, 77);
        chan_tidy();
        CHECK_EQ(fake_caps_in_use(), before);
        if (cases[i].expected == RPC_ERR_TIMEOUT) {
            disp_disable();
            for (uint32_t k = 0; k < CHAN_CALLS_MAX; k++) {
                if (b.base.pending[k].state == PENDING_LOST) {
                    pending_free_disabled(&b.base, &b.base.pending[k]);
                }
            }
            disp_enable();
        }
    }
    /* A capability of the wrong kind. */
    caddr_t cap = 9;
    reply = (struct lmp_msg){.header = MSG_HEADER(0, MSG_REPLY, 0, 1),
                             .cap = 1,
                             .cap_info = CAPTYPE_RAM | CAP_RIGHTS_ALL << 8};
    spoil = 0;
    CHECK_EQ(kitchen_sink_cap_get(&b, &cap), RPC_ERR_BAD_REPLY);
    reply.cap_info = CAPTYPE_FRAME | CAP_RIGHT_W << 8;
    CHECK_EQ(kitchen_sink_cap_get(&b, &cap), RPC_ERR_BAD_REPLY);
    CHECK(cap == 9 && fake_caps_in_use() == before);
    reply.cap_info = CAPTYPE_FRAME | CAP_RIGHT_R << 8;
    CHECK_EQ(kitchen_sink_cap_get(&b, &cap), ERR_OK);
    CHECK_EQ(cap_destroy(cap), ERR_OK);
    hostile_end();
}

/* Both sides compare id, version and hash, and judge errors, whatever the other does. */
static void what_both_sides_check(void)
{
    hostile_start();
    const uint64_t slot = 1ull << MSG_SLOT_SHIFT, version = KITCHEN_SINK_VERSION;
    const struct {
        uint64_t id, version, hash;
        errval_t server, client;
    } cases[] = {
        {KITCHEN_SINK_ID, version, KITCHEN_SINK_HASH ^ 1, RPC_ERR_VERSION, RPC_ERR_VERSION},
        {KITCHEN_SINK_ID + 1, version, KITCHEN_SINK_HASH, RPC_ERR_VERSION, ERR_OK},
        {KITCHEN_SINK_ID, 0, KITCHEN_SINK_HASH, RPC_ERR_VERSION, RPC_ERR_VERSION},
        {KITCHEN_SINK_ID, version - 1, 1, ERR_OK, ERR_OK},
        {KITCHEN_SINK_ID, version + 1, 1, ERR_OK, ERR_OK},
        {KITCHEN_SINK_ID, version, KITCHEN_SINK_HASH, ERR_OK, ERR_OK},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmp_msg m = {
            .header = MSG_HEADER(0, MSG_CALL, 3, 0) | slot,
            .words = {CHAN_OP_BIND, cases[i].id | cases[i].version << 32, cases[i].hash}};
        conn->chan.slow |= CHAN_SLOW_UNBOUND;
        conn->chan.hash = 0;
        CHECK_EQ(answer_to(&m), cases[i].server);
        answer = answer_badly;
        b.base.chan.hash = 0;
        reply = (struct lmp_msg){.header = MSG_HEADER(0, MSG_REPLY, 2, 0),
                                 .words = {cases[i].version, cases[i].hash}};
        spoil = 0;
        CHECK_EQ(binding_handshake(&b.base), cases[i].client);
    }
    answer = NULL;
    CHECK_EQ(kitchen_sink_wrong_error(&b, 1), RPC_ERR_TIMEOUT);
    CHECK_EQ(with_word(0, 0, 0), err_push(LIB_ERR_QUOTA, RPC_ERR_BAD_REPLY));
    hostile_end();
}

int main(void)
{
    const struct check_test tests[] = {
        {"STUB0020 headers to the server", headers_to_the_server},
        {"STUB0021 words to the server", words_to_the_server},
        {"STUB0022 capabilities to the server", capabilities_to_the_server},
        {"STUB0023 the framework's own calls", the_framework},
        {"STUB0024 a flood", a_flood},
        {"STUB0025 every bit of good messages", every_bit},
        {"STUB0026 replies to the client", replies_to_the_client},
        {"STUB0029 what both sides check", what_both_sides_check},
        {"STUB0027 tables and unions", tables_and_unions},
        {"STUB0028 fields of newer tables", fields_of_newer_tables},
    };
    return CHECK_MAIN(tests);
}
