/* Recording messages. All channels are in one list, so that tracing can be turned on for those that
 * are there; a new one is born traced while it is on. */
#include "chan_priv.h"

#include <abi/captypes.h>
#include <aos/arch_copy.h>
#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/paging.h>
#include <aos/time.h>
#include <aos/trace.h>
#include <kpi/startup.h>

#define CHAN_NUMBER_SHIFT 6 /* of addresses: channels are larger than this */

static struct chan *chans;
static bool tracing;

void chan_enlist_disabled(struct chan *c)
{
    c->all_next = chans;
    chans = c;
    c->slow |= tracing ? CHAN_SLOW_TRACE : 0;
}

void chan_delist_disabled(const struct chan *c)
{
    for (struct chan **at = &chans; *at != NULL; at = &(*at)->all_next) {
        if (*at == c) {
            *at = c->all_next;
            return;
        }
    }
}

void chan_sweep_due_disabled(void)
{
    for (struct chan *c = chans; c != NULL; c = c->all_next) {
        c->slow |= c->role == CHAN_BINDING ? CHAN_SLOW_SWEEP : 0;
    }
}

static struct trace_ring *trace_ring(void)
{
    size_t bytes;
    struct trace_ring *ring = domain_trace(&bytes);
    if (ring != NULL && ring->magic != TRACE_MAGIC) {
        ring->version = TRACE_VERSION;
        ring->record_bytes = sizeof(struct trace_record);
        ring->records = (uint32_t)((bytes - sizeof(*ring)) / sizeof(struct trace_record));
        __atomic_store_n(&ring->magic, TRACE_MAGIC, __ATOMIC_RELEASE);
    }
    return ring;
}

void chan_asked_disabled(void)
{
    const struct trace_ring *ring = trace_ring();
    tracing = ring != NULL && __atomic_load_n(&ring->on, __ATOMIC_ACQUIRE) != 0;
    for (struct chan *c = chans; c != NULL; c = c->all_next) {
        c->slow = tracing ? c->slow | CHAN_SLOW_TRACE : c->slow & ~CHAN_SLOW_TRACE;
    }
}

static void trace_put_disabled(struct trace_ring *ring, struct trace_record *r)
{
    size_t bytes;
    (void)domain_trace(&bytes);
    uint64_t places = (bytes - sizeof(*ring)) / sizeof(*r);
    static uint64_t last; /* not the one in the ring, which others can see */
    struct trace_record *to = &ring->record[last++ % places];
    __atomic_store_n(&to->number, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    r->number = 0;
    *to = *r;
    __atomic_store_n(&to->number, last, __ATOMIC_RELEASE);
    __atomic_store_n(&ring->last, last, __ATOMIC_RELEASE);
}

/* `words` NULL: they are in slot `slot` of `area`. */
static void trace_message(struct trace_record *r, const struct chan *c, const uint64_t *words,
                          const struct chan_area *area, uint32_t slot)
{
    uint32_t count = msg_words(r->header);
    count = count < TRACE_WORDS ? count : TRACE_WORDS;
    bool read = true;
    if (words != NULL) {
        __builtin_memcpy(r->word, words, 8u * count);
    } else {
        read = chan_area_read(area, slot, r->word, count);
    }
    r->words = (uint8_t)(read ? count : 0);
    r->time_ns = time_now_ns();
    r->chan = (uint32_t)((uintptr_t)c >> CHAN_NUMBER_SHIFT);
    r->pid = domain_pid();
    disp_disable();
    struct trace_ring *ring = trace_ring();
    if (ring != NULL) {
        trace_put_disabled(ring, r);
    }
    disp_enable();
}

void trace_client(const struct binding *b, bool sent, uint64_t header, const uint64_t *words,
                  errval_t err)
{
    struct trace_record r = {.header = header,
                             .err = err,
                             .peer = TRACE_NOBODY,
                             .iface = b->iface != NULL ? b->iface->id : 0,
                             .how = sent ? TRACE_SENT : 0};
    trace_message(&r, &b->chan, words, NULL, 0);
}

void trace_server(const struct server_conn *conn, uint16_t iface, bool sent, uint64_t header,
                  const uint64_t *words)
{
    struct trace_record r = {.header = header,
                             .peer = (uint32_t)conn->pid,
                             .iface = iface,
                             .how = (uint8_t)(TRACE_SERVER | (sent ? TRACE_SENT : 0))};
    trace_message(&r, &conn->chan, words, sent ? &conn->chan.out : &conn->chan.in,
                  msg_slot(header));
}

errval_t pending_read(struct binding *b, struct pending *p, struct binding_call *call)
{
    errval_t err = pending_judge(b, p, call);
    if (chan_traced(&b->chan)) {
        bool came = err_is_ok(p->err);
        bool reply = came && err_is_ok(err);
        trace_client(b, false, came ? p->msg.header : p->header & ~MSG_SHAPE_MASK,
                     reply ? call->words : p->msg.words, err);
    }
    return err;
}

/* --- readers -------------------------------------------------------------------------------- */

errval_t trace_map(caddr_t frame, const struct trace_ring **ret_ring, size_t *ret_bytes)
{
    struct chan_area area;
    struct cap_info info;
    errval_t err = cap_identify(frame, &info);

    if (err_is_ok(err) && (info.type != CAPTYPE_FRAME || info.b != KPI_TRACE_BYTES)) {
        err = LIB_ERR_RANGE;
    }
    if (err_is_ok(err)) {
        err = chan_area_attach(&area, frame, KPI_TRACE_BYTES, KPI_TRACE_BYTES, AOS_VM_READ);
    }
    if (err_is_ok(err)) {
        *ret_ring = (const struct trace_ring *)(const void *)area.base;
        *ret_bytes = KPI_TRACE_BYTES;
    }
    return err;
}

uint64_t trace_last(const struct trace_ring *ring)
{
    uint64_t head[4];
    if (!arch_copy_words(head, ring, 4) || head[0] != TRACE_MAGIC) {
        return 0;
    }
    return head[3];
}

bool trace_read(const struct trace_ring *ring, size_t bytes, uint64_t number,
                struct trace_record *ret_record)
{
    struct trace_record r, again;
    const struct trace_record *from =
        &ring->record[(number - 1) % ((bytes - sizeof(*ring)) / sizeof(r))];
    const uint32_t words = sizeof(r) / sizeof(uint64_t);
    if (!arch_copy_words((uint64_t *)(void *)&r, from, words)) {
        return false;
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (r.number != number || !arch_copy_words((uint64_t *)(void *)&again, from, 1) ||
        again.number != number || r.words > TRACE_WORDS) {
        return false;
    }
    *ret_record = r;
    return true;
}
