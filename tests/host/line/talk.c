/* The programs, and the naive model: what each side of a talk has said, in order. */
#include "sim.h"

#include <string.h>

#include <aos/cap.h>

#define CALLS_MAX CHAN_CALLS_MAX
#define TXID(n)   ((uint64_t)(n) << MSG_GEN_SHIFT)

enum { CLIENT, SERVER };

struct said {
    uint64_t header, seq;
    const struct object *frame;  /* that goes with it */
    int end;                     /* talk whose end goes with it; -1 */
    bool upgrade;
    bool refused;                /* what goes with it cannot cross */
    bool answered;               /* a refused call, by the client's monitor */
    bool reached;                /* a call: it has reached the server as such */
};

/* What `from` says to the other one. */
struct direction {
    struct said said[SAID_MAX];
    uint32_t put, got;
};

struct party {
    bool open, gone;
    uint32_t core;
    caddr_t slot;                /* 0: closed, or the end is on its way */
};

static struct talk {
    struct direction from[2];
    struct party party[2];
    uint32_t path;               /* cores that it may go by */
    bool shaky;                  /* one of them has stopped */
    bool upgraded;
    bool lazy;                   /* much is said, and hardly heard */
    uint64_t name;               /* that no other has, or had */
    uint32_t txid, calls;        /* of the client: the last one; not answered yet */
    uint64_t due[CALLS_MAX];     /* of the server: headers of calls to be answered */
    uint32_t due_count;
} talks[TALKS_MAX];

bool scarce, settling;
static uint64_t names;

static const char *const who[] = {"client", "server"};

void talks_start(void)
{
    memset(talks, 0, sizeof(talks));
}

/* --- beginning and end ------------------------------------------------------------------------ */

static void talk_open(int t)
{
    struct talk *k = &talks[t];
    uint32_t home = rnd(cores), to = rnd(cores);
    caddr_t own, end;

    memset(k, 0, sizeof(*k));
    world_enter(home);
    if (err_is_fail(chan_create(&own, &end))) {
        fail("no channel");
    }
    k->party[SERVER] = (struct party){.open = true, .core = home, .slot = own};
    k->party[CLIENT] = (struct party){.open = true, .core = to};
    k->name = ++names;
    k->path = 1u << home | 1u << to;
    k->shaky = scarce;
    k->lazy = one_in(3);
    say("talk %d: server on %u, client on %u", t, home, to);
    world_send_end(to, end, t);
}

void talk_got_end(int t, uint32_t core, caddr_t slot)
{
    struct party *p = &talks[t].party[CLIENT];

    say("talk %d: the client is on %u", t, core);
    talks[t].path |= 1u << core;
    p->core = core;
    p->slot = slot;
}

void talk_lost_end(int t)
{
    say("talk %d: its end is lost", t);
    talks[t].party[CLIENT].open = false;
}

static void party_close(struct talk *k, uint32_t side)
{
    struct party *p = &k->party[side];

    say("talk %d: the %s ends", (int)(k - talks), who[side]);
    p->open = false;
    if (p->slot != 0) {
        (void)cap_destroy(p->slot);
        p->slot = 0;
    }
}

void talks_core_stops(uint32_t core)
{
    for (struct talk *k = talks; k < talks + TALKS_MAX; k++) {
        k->shaky |= (k->path & 1u << core) != 0;
        for (uint32_t side = 0; side < 2; side++) {
            if (k->party[side].open && k->party[side].slot != 0 && k->party[side].core == core) {
                party_close(k, side);
            }
        }
    }
}

void talks_close_all(void)
{
    for (struct talk *k = talks; k < talks + TALKS_MAX; k++) {
        for (uint32_t side = 0; side < 2; side++) {
            if (k->party[side].slot != 0) {
                party_close(k, side);
            }
        }
    }
}

/* --- saying ----------------------------------------------------------------------------------- */

void talk_refused(const struct line_wire *w)
{
    for (struct talk *k = talks; k < talks + TALKS_MAX; k++) {
        for (uint32_t side = 0; side < 2; side++) {
            for (uint32_t i = k->from[side].got; i < k->from[side].put; i++) {
                struct said *s = &k->from[side].said[i];
                s->refused |= !s->upgrade && w->words[5] == k->name && w->words[6] == s->seq;
            }
        }
    }
}

/* The client end of another talk, that this party has, too, and has never used. -1: none. */
static int party_spare_end(const struct talk *k, const struct party *p)
{
    /* No end goes by way of itself: nobody could ever close that. */
    for (int t = (int)(k - talks) + 1; t < TALKS_MAX; t++) {
        const struct party *c = &talks[t].party[CLIENT];

        if (c->slot != 0 && c->core == p->core && talks[t].from[CLIENT].put == 0
            && talks[t].from[SERVER].got == 0 && !c->gone) {
            return t;
        }
    }
    return -1;
}

static uint64_t party_header(struct talk *k, uint32_t side, struct said *s)
{
    if (side == SERVER) {
        uint64_t call;

        if (k->due_count == 0 || one_in(3)) {
            return MSG_HEADER(5, MSG_EVENT, 7, 0);
        }
        call = k->due[--k->due_count];
        s->upgrade = msg_ordinal(call) == 0;
        return MSG_HEADER(msg_ordinal(call), s->upgrade && one_in(3) ? MSG_ERROR : MSG_REPLY, 7, 0)
            | (call & MSG_TXID_MASK);
    }
    if (k->calls == CALLS_MAX || one_in(2)) {
        return MSG_HEADER(5, MSG_ONEWAY, 7, 0);
    }
    k->calls++;
    s->upgrade = !k->upgraded && one_in(4);
    k->upgraded |= s->upgrade;
    return MSG_HEADER(s->upgrade ? 0 : 5, MSG_CALL, 7, 0) | TXID(++k->txid % 1000 + 1);
}

static void party_say(struct talk *k, uint32_t side)
{
    struct party *p = &k->party[side];
    struct direction *d = &k->from[side];
    struct side *to = peer_of(object_of(p->slot));
    struct said *s = &d->said[d->put];
    struct lmp_msg msg = {0};
    struct object *cap = NULL;

    if (d->put == SAID_MAX || !to->exists || to->count == RING) {
        return;
    }
    *s = (struct said){.end = -1, .seq = d->put + 1};
    s->header = party_header(k, side, s);
    msg.header = s->header;
    msg.words[0] = s->upgrade && side == CLIENT ? CHAN_OP_UPGRADE : 99;
    msg.words[5] = k->name;
    msg.words[6] = s->seq + ((uint64_t)side << 32);
    s->seq = msg.words[6];
    if (!s->upgrade && one_in(3)) {
        cap = frame_new();
        s->frame = cap;
    } else if (!s->upgrade && one_in(4) && (s->end = party_spare_end(k, p)) >= 0) {
        cap = slot_take(talks[s->end].party[CLIENT].slot);
        talks[s->end].party[CLIENT].slot = 0;
        talks[s->end].path |= k->path;
        talks[s->end].shaky |= k->shaky;
    }
    if (cap != NULL) {
        msg.header |= MSG_SHAPE(0, 1);
    }
    say("talk %d: the %s says %llx, kind %u%s%s", (int)(k - talks), who[side],
        (unsigned long long)s->seq, (unsigned)msg_kind(s->header),
        cap == NULL ? "" : " with a capability", s->upgrade ? ", upgrade" : "");
    d->put++;
    (void)side_put(to, &msg, cap);
}

void talk_act(void)
{
    int t = (int)rnd(TALKS_MAX);
    struct talk *k = &talks[t];
    uint32_t side = rnd(2);

    if (!k->party[CLIENT].open && !k->party[SERVER].open) {
        if (one_in(8)) {
            talk_open(t);
        }
    } else if (k->party[side].slot != 0 && !k->party[side].gone) {
        if (one_in(60)) {
            party_close(k, side);
        } else {
            for (uint32_t i = 0; i < (k->lazy ? 6u : 1u); i++) {
                party_say(k, side);
            }
        }
    } else if (k->party[side].slot != 0 && one_in(10)) {
        party_close(k, side);
    }
}

/* --- hearing ---------------------------------------------------------------------------------- */

/* An answer of the client's own monitor? */
static bool party_own_answer(struct talk *k, const struct lmp_msg *m)
{
    struct direction *d = &k->from[CLIENT];

    for (uint32_t i = 0; i < d->put && msg_kind(m->header) == MSG_ERROR && m->words[6] == 0; i++) {
        struct said *s = &d->said[i];

        if (msg_kind(s->header) == MSG_CALL && !s->answered && !s->reached
            && ((s->header ^ m->header) & MSG_TXID_MASK) == 0
            && (s->refused || s->upgrade || s->end >= 0)) {
            s->answered = true;
            k->calls--;
            return true;
        }
    }
    return false;
}

/* What became of the capability of `s`, which came as `cap` or not. */
static void party_check_cap(struct talk *k, const struct said *s, uint32_t side, struct object *cap,
                            bool *ret_keep)
{
    *ret_keep = false;
    if (s->end >= 0 && cap != NULL) {
        if (!cap->is_end) {
            fail("talk %d: no end", (int)(k - talks));
        }
        talk_got_end(s->end, k->party[side].core, slot_put(cap));
        *ret_keep = true;
    } else if (s->end >= 0) {
        talk_lost_end(s->end);
    } else if (s->frame != NULL && !s->refused && cap != s->frame) {
        fail("talk %d: %llx has lost its capability", (int)(k - talks),
             (unsigned long long)s->seq);
    } else if (s->refused && cap != NULL) {
        fail("talk %d: %llx has a capability", (int)(k - talks), (unsigned long long)s->seq);
    }
}

static bool party_is(const struct said *s, uint32_t from, const struct lmp_msg *m)
{
    bool cancel = msg_kind(m->header) == MSG_CONTROL
        && msg_ordinal(m->header) == CHAN_CONTROL_CANCEL;
    bool tx = ((s->header ^ m->header) & MSG_TXID_MASK) == 0;

    if (from == CLIENT && cancel) {
        return tx && (s->refused || s->upgrade || s->end >= 0);
    }
    if (s->upgrade && from == CLIENT) {
        return tx && m->words[0] == CHAN_OP_UPGRADE && msg_kind(m->header) == MSG_CALL;
    }
    if (from == SERVER && msg_kind(s->header) == MSG_REPLY && msg_kind(m->header) == MSG_ERROR) {
        return tx && m->words[6] == 0;
    }
    return m->words[6] == s->seq && msg_kind(s->header) == msg_kind(m->header);
}

static void party_hear(struct talk *k, uint32_t side, const struct lmp_msg *m, struct object *cap)
{
    struct direction *d = &k->from[1 - side];
    struct said *s;
    bool keep;

    say("talk %d: the %s hears %llx, header %llx%s", (int)(k - talks), who[side],
        (unsigned long long)m->words[6], (unsigned long long)m->header,
        cap == NULL ? "" : " with a capability");
    if (msg_kind(m->header) == MSG_CONTROL && msg_ordinal(m->header) == CHAN_CONTROL_REMOTE) {
        return;
    }
    if (side == CLIENT && party_own_answer(k, m)) {
        return;
    }
    s = &d->said[d->got];
    while (d->got < d->put && side == SERVER && s->upgrade && !party_is(s, CLIENT, m)) {
        s = &d->said[++d->got];          /* its monitor had no memory for the rings */
    }
    if (d->got == d->put || !party_is(s, 1 - side, m)) {
        fail("talk %d: the %s hears %llx, header %llx, instead of %llx", (int)(k - talks),
             who[side], (unsigned long long)m->words[6], (unsigned long long)m->header,
             (unsigned long long)(d->got == d->put ? 0 : s->seq));
    }
    d->got++;
    party_check_cap(k, s, side, cap, &keep);
    if (cap != NULL && !keep) {
        object_drop(cap);
    }
    if (side == SERVER && msg_kind(m->header) == MSG_CALL) {
        k->due[k->due_count++] = s->header;
        s->reached = true;
    }
    if (side == CLIENT && msg_ordinal(s->header) != 1
        && (msg_kind(s->header) == MSG_REPLY || msg_kind(s->header) == MSG_ERROR)) {
        k->calls--;
    }
}

static bool party_read(struct talk *k, uint32_t side)
{
    struct party *p = &k->party[side];
    struct side *s;
    struct lmp_msg m;
    struct object *cap;

    if (p->slot == 0 || p->gone || (k->lazy && !settling && !one_in(50))) {
        return false;
    }
    s = side_of(object_of(p->slot));
    if (s->count == 0 && !peer_of(object_of(p->slot))->exists) {
        say("talk %d: the %s hears the end", (int)(k - talks), who[side]);
        p->gone = true;
        return true;
    }
    /* An end that is still to be passed on is not listened to. */
    if (s->count == 0 || (side == CLIENT && k->from[CLIENT].put == 0 && !settling && one_in(2))) {
        return false;
    }
    m = side_take(object_of(p->slot), &cap);
    party_hear(k, side, &m, cap);
    return true;
}

bool talks_read(void)
{
    for (uint32_t i = 0, first = rnd(2 * TALKS_MAX); i < 2 * TALKS_MAX; i++) {
        uint32_t n = (first + i) % (2 * TALKS_MAX);

        world_enter(talks[n / 2].party[n % 2].core);
        if (party_read(&talks[n / 2], n % 2)) {
            return true;
        }
    }
    return false;
}

/* Has the server's monitor got anything from the client? A question for rings may be answered by
 * the client's. */
static bool talk_has_begun(const struct talk *k)
{
    uint32_t put = k->from[CLIENT].put;

    return put > 1 || (put == 1 && !k->from[CLIENT].said[0].upgrade);
}

/* Nothing is under way. */
void talks_check(void)
{
    for (struct talk *k = talks; k < talks + TALKS_MAX; k++) {
        for (uint32_t side = 0; side < 2; side++) {
            const struct party *me = &k->party[side], *other = &k->party[1 - side];
            struct direction *d = &k->from[1 - side];

            /* The end at home is listened to when the client has said something. */
            if (me->slot == 0 || (side == CLIENT && !talk_has_begun(k))) {
                continue;
            }
            if (side == SERVER && other->open && other->slot == 0) {
                continue;                /* its client's end is in a message that nobody reads */
            }
            bool both = k->shaky && me->gone && (other->gone || !talk_has_begun(k));

            if (me->gone != (other->slot == 0) && !both) {
                fail("talk %d: the %s %s", (int)(k - talks), who[side],
                     me->gone ? "hears of an end that was not" : "has not heard of the end");
            }
            while (side == SERVER && d->got < d->put && d->said[d->got].upgrade) {
                d->got++;
            }
            if (!k->shaky && d->got != d->put) {
                fail("talk %d: the %s has not heard %llx", (int)(k - talks), who[side],
                     (unsigned long long)d->said[d->got].seq);
            }
        }
    }
}
