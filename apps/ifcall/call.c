/* What generated stubs do at compile time: the table of methods, the request, the judgement of the
 * reply. */
#include <stdlib.h>

#include "ifcall_priv.h"

#define DEADLINE_NS 5000000000ull

/* What the binding must know of the interface: of this one method only. */
static bool ifcall_interface(const struct ifcall *c, struct client_interface *ret_iface)
{
    uint32_t count = c->m->ordinal + 1u;
    struct client_method *methods = calloc(count, sizeof(*methods));
    uint16_t *fails = calloc(c->m->fails_count + 1u, sizeof(*fails));
    if (methods == NULL || fails == NULL) {
        free(methods);
        free(fails);
        return false;
    }
    for (uint32_t i = 0; i < c->m->fails_count; i++) {
        fails[i] = ifdesc_fails(c->d, c->m, i);
    }
    methods[c->m->ordinal] = (struct client_method){
        .fails = fails, .fails_count = (uint8_t)c->m->fails_count, .large = c->m->large};
    ifdesc_client_interface(c->d, ret_iface);
    ret_iface->deadline_ns = DEADLINE_NS;
    ret_iface->method_count = (uint16_t)count;
    ret_iface->methods = methods;
    return true;
}

static void ifcall_interface_free(struct client_interface *iface, uint16_t ordinal)
{
    free((void *)(uintptr_t)iface->methods[ordinal].fails);
    free((void *)(uintptr_t)iface->methods);
}

/* Lent buffers that do not fit the messages have memory of their own. */
static bool ifcall_lend(struct ifdesc_message *msg)
{
    for (uint32_t i = 0; i < msg->lends.count; i++) {
        if (msg->lend_info[i].out && msg->lent[i].len != 0) {
            msg->lent[i].out = malloc(msg->lent[i].len);
            if (msg->lent[i].out == NULL) {
                return false;
            }
        }
    }
    if (msg->lends.count != 0) {
        msg->count = lend_words(&msg->lends, msg->lent, msg->words, msg->count);
    }
    return true;
}

/* Gives the results what the server wrote into the region. */
static void ifcall_lent_out(struct ifcall *c, const uint64_t *words)
{
    struct ifdesc_value *v = &c->results->kids[c->m->results];
    for (uint32_t i = 0; i < c->msg.lends.count; i++) {
        const struct lend_info *info = &c->msg.lend_info[i];
        if (!info->out) {
            continue;
        }
        if (c->msg.lent[i].bulk) {
            uint64_t n = words[info->count_word] >> info->count_shift;
            v->bytes = c->msg.lent[i].out;
            v->count = (uint32_t)n; /* not more than was lent: the binding has seen to it */
        }
        v++;
    }
}

static errval_t ifcall_reply(struct ifcall *c, const uint64_t *words, uint64_t header)
{
    bool bulk = false;
    for (uint32_t i = 0; i < c->msg.lends.count; i++) {
        bulk = bulk || (c->msg.lend_info[i].out && c->msg.lent[i].bulk);
    }
    c->room->wrong[0] = '\0';
    if (!ifdesc_decode(c->d, c->m->reply_type, bulk ? c->m->bulk_image : c->m->reply_image, words,
                       msg_words(header), false, c->room, &c->results) ||
        ifdesc_caps(c->d, c->results) != c->caps_count) {
        c->results = NULL;
        return RPC_ERR_BAD_REPLY;
    }
    if (bulk) {
        ifcall_lent_out(c, words);
    }
    return ERR_OK;
}

/* Shows all items of a stream. */
static errval_t ifcall_stream(struct ifcall *c, struct binding *b, struct binding_call *call)
{
    static struct binding_stream stream;
    const struct ifdesc_room empty = *c->room;
    struct lmp_msg *items = calloc(c->m->window, sizeof(*items));
    if (items == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    errval_t err = binding_stream_open(b, call, &stream, items, c->m->window);
    bool opened = err_is_ok(err);
    while (err_is_ok(err)) {
        struct ifdesc_value *item;
        err = binding_stream_next(&stream, call);
        if (err_is_fail(err)) {
            break;
        }
        *c->room = empty; /* the item before is forgotten */
        c->caps_count = msg_caps(call->header);
        if (!ifdesc_decode(c->d, c->m->item_type, c->m->item_image, call->words,
                           msg_words(call->header), false, c->room, &item) ||
            ifdesc_caps(c->d, item) != c->caps_count) {
            err = binding_stream_bad(&stream, c->caps, c->caps_count);
            c->caps_count = 0;
        } else {
            c->on_item(c, item);
        }
    }
    if (opened) {
        binding_stream_close(&stream);
    }
    free(items);
    return err_no(err) == RPC_ERR_STREAM_END ? ERR_OK : err;
}

static errval_t ifcall_send(struct ifcall *c, struct binding *b)
{
    static uint64_t words[MSG_WORDS_MAX];
    if (c->m->since > b->version) {
        return RPC_ERR_VERSION;
    }
    __builtin_memcpy(words, c->msg.words, sizeof(words));
    struct binding_call call = {
        .header = MSG_HEADER(c->m->ordinal, c->m->kind, c->msg.count, 0),
        .words = words,
        .words_max = MSG_WORDS_MAX,
        .caps_max = MSG_CAPS_MAX,
        .got = c->caps,
        .got_info = c->caps_info,
        .lends = c->msg.lends.count != 0 ? &c->msg.lends : NULL,
        .lent = c->msg.lent,
    };
    if (c->m->kind == MSG_ONEWAY) {
        errval_t err = binding_oneway(b, &call);
        /* Nobody answers a oneway, and a server does not care for what a client said that is gone.
         * This is answered, with an error, after the server has looked at what came before. */
        static struct waitset ws; /* as this has to do with events */
        waitset_init(&ws);
        binding_set_waitset(b, &ws);
        (void)binding_subscribe(b, c->m->ordinal, false);
        return err;
    }
    if (c->m->window != 0) {
        return ifcall_stream(c, b, &call);
    }
    errval_t err = binding_call(b, &call);
    if (err_is_fail(err)) {
        return err;
    }
    c->caps_count = msg_caps(call.header);
    return ifcall_reply(c, words, call.header);
}

errval_t ifcall_call(struct ifcall *c, ifcall_open open, void *peer)
{
    static struct binding binding; /* one call at a time */
    struct client_interface iface;
    if (!ifcall_lend(&c->msg) || !ifcall_interface(c, &iface)) {
        return LIB_ERR_NO_MEMORY;
    }
    errval_t err = open(peer, &binding, &iface);
    if (err_is_ok(err)) {
        err = ifcall_send(c, &binding);
        binding_close(&binding);
    }
    ifcall_interface_free(&iface, c->m->ordinal);
    return err;
}

void ifcall_free(struct ifcall *c)
{
    for (uint32_t i = 0; i < c->msg.lends.count; i++) {
        free(c->msg.lent[i].out);
        c->msg.lent[i].out = NULL;
    }
}
