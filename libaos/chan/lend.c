/* Lent buffers, client side. Invariants:
 *  1. The range of a call hangs on its txid slot from the moment the slot is taken until it is free
 * again, so that of a call which timed out stays taken until its answer or the end of the peer.
 *  2. Ranges of one binding do not overlap and lie in the part of the region that the server has
 * mapped.
 *  3. What the server put into the region is copied once, and judged after that. */
#include "chan_priv.h"

#include <aos/cap.h>
#include <aos/paging.h>

static uint32_t lend_round(uint32_t bytes)
{
    return (bytes + LEND_ALIGN - 1u) & ~(LEND_ALIGN - 1u);
}

static uint32_t lend_words_of(uint32_t bytes)
{
    return (bytes + 7u) / 8u;
}

/* Moves the words from `at` on to make room for `bytes` bytes, and puts them there. */
static uint32_t lend_insert(uint64_t *words, uint32_t pos, uint32_t at, const void *from,
                            uint32_t bytes)
{
    uint32_t count = lend_words_of(bytes), end = at;
    __builtin_memmove(words + at + count, words + at, 8u * (pos - at));
    msg_put_bytes(words, &end, from, bytes);
    return pos + count;
}

uint32_t lend_words(const struct lend_set *set, struct binding_lend *lent, uint64_t *words,
                    uint32_t pos)
{
    uint32_t in = 0, out = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        *(set->info[i].out ? &out : &in) += lend_words_of(lent[i].len);
    }
    bool bulk_in = pos + in > MSG_WORDS_MAX, bulk_out = out > set->room_words;
    for (uint32_t i = set->count; i-- > 0;) {
        struct binding_lend *l = &lent[i];
        l->bulk = l->len != 0 && (set->info[i].out ? bulk_out : bulk_in);
        words[set->info[i].word] = l->len | (l->bulk ? LEND_BULK : 0);
        if (l->len != 0 && !l->bulk && !set->info[i].out) {
            pos = lend_insert(words, pos, l->at, l->in, l->len);
        }
    }
    return pos;
}

uint32_t lend_bytes(const struct binding_call *call)
{
    uint32_t bytes = 0;
    for (uint32_t i = 0; call->lends != NULL && i < call->lends->count; i++) {
        bytes += call->lent[i].bulk ? lend_round(call->lent[i].len) : 0;
    }
    return bytes;
}

/* Tells the server of `bytes` of the region `a`, and how much of it both have then. */
static errval_t lend_offer(struct binding *b, const struct chan_area *a, uint32_t bytes,
                           uint32_t *ret_bytes)
{
    uint64_t words[MSG_REG_WORDS] = {CHAN_OP_REGION, bytes};
    const struct msg_cap cap = {
        a->frame, (uint8_t)(CAP_RIGHT_R | (b->iface->region_written ? CAP_RIGHT_W : 0)), false};
    errval_t err = binding_framework(b, words, 2, 1, cap, NULL);
    if (err_is_ok(err) && words[0] > bytes) {
        err = RPC_ERR_BAD_REPLY;
    }
    if (err_is_ok(err)) {
        *ret_bytes = (uint32_t)words[0] & ~(LEND_ALIGN - 1u);
    }
    return err;
}

/* Makes the region and tells the server. */
static errval_t lend_create(struct binding *b)
{
    const struct client_interface *iface = b->iface;
    struct chan_area a;
    errval_t err = chan_area_create(&a, 1, iface->region_bytes, AOS_VM_RW);
    if (err_is_fail(err)) {
        return err;
    }
    if (b->chan.peer != NULL) { /* loopback */
        b->chan.peer->region = a;
        b->chan.peer->region.frame = 0;
        b->chan.peer->region.shared = true;
        b->chan.region = a;
        return ERR_OK;
    }
    uint32_t bytes;
    err = lend_offer(b, &a, a.bytes, &bytes);
    if (err_is_fail(err)) {
        chan_area_free(&a);
        return err;
    }
    disp_disable();
    b->chan.region = a;
    b->chan.region.bytes = bytes;
    disp_enable();
    return ERR_OK;
}

errval_t lend_tell(struct binding *b)
{
    uint32_t bytes;
    errval_t err = lend_offer(b, &b->chan.region, b->chan.region.bytes, &bytes);
    if (err_is_ok(err)) {
        disp_disable();
        b->chan.region.bytes = bytes;
        disp_enable();
    }
    return err;
}

errval_t lend_setup(struct binding *b, uint32_t bytes)
{
    errval_t err = ERR_OK;
    if (b->chan.region.base == NULL) {
        mutex_lock(&b->setup_lock);
        if (b->chan.region.base == NULL) {
            err = lend_create(b);
        }
        mutex_unlock(&b->setup_lock);
    }
    return err_is_fail(err) || bytes <= b->chan.region.bytes ? err : RPC_ERR_TOO_LARGE;
}

/* The end of the first taken range that overlaps [off, off + bytes); 0: it is free. */
static uint32_t lend_taken(const struct binding *b, uint32_t off, uint32_t bytes)
{
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        const struct pending *p = &b->pending[i];
        if (p->lent_bytes != 0 && p->lent_off < off + bytes && off < p->lent_off + p->lent_bytes) {
            return p->lent_off + p->lent_bytes;
        }
    }
    return 0;
}

bool lend_take_disabled(struct binding *b, struct pending *p, uint32_t bytes)
{
    uint32_t off = 0, end;
    while (off + bytes <= b->chan.region.bytes) {
        end = lend_taken(b, off, bytes);
        if (end == 0) {
            p->lent_off = off;
            p->lent_bytes = bytes;
            return true;
        }
        off = end; /* grows each time, and at most to the end of the last range */
    }
    return false;
}

void lend_fill(struct binding *b, const struct pending *p, const struct binding_call *call)
{
    uint32_t off = p->lent_off;
    for (uint32_t i = 0; i < call->lends->count; i++) {
        const struct binding_lend *l = &call->lent[i];
        if (!l->bulk) {
            continue;
        }
        uint64_t *const word = &call->words[call->lends->info[i].word];
        /* Not only added: a call may be repeated. */
        *word = (*word & (LEND_BULK | UINT32_MAX)) | (uint64_t)off << 32;
        if (!call->lends->info[i].out) {
            (void)chan_area_put(&b->chan.region, off, l->in, l->len); /* one's own memory */
        }
        off += lend_round(l->len);
    }
}

errval_t lend_fetch(struct binding *b, const struct pending *p, const struct binding_call *call)
{
    uint32_t off = p->lent_off, words = msg_words(call->header);
    for (uint32_t i = 0; call->lends != NULL && i < call->lends->count; i++) {
        const struct lend_info *info = &call->lends->info[i];
        const struct binding_lend *l = &call->lent[i];
        if (!l->bulk) {
            continue;
        }
        if (info->out) {
            if (info->count_word >= words) {
                return RPC_ERR_BAD_REPLY;
            }
            uint64_t n = call->words[info->count_word] >> info->count_shift;
            n = info->count_bits == 32 ? (uint32_t)n : n;
            if (n > l->len) {
                return RPC_ERR_BAD_REPLY;
            }
            (void)chan_area_get(&b->chan.region, off, l->out, (uint32_t)n);
        }
        off += lend_round(l->len);
    }
    return ERR_OK;
}
