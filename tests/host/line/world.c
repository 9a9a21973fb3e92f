/* Monitors and what is between them: the functions that line.c asks its host and libaos for. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/ram.h>
#include <aos/slot.h>

#define STEP_FAILS 40u                   /* one in so many capabilities cannot be sent */
#define CROSS_FAILS 8u                   /* ... or does not cross */

struct object *slots[SLOTS];
struct channel channels[CHANNELS];
uint32_t cores, self, allocated;
static struct lines saved[CORES_MAX];
static struct parcel *net[CORES_MAX][CORES_MAX];
static uint32_t frames;

/* --- objects -------------------------------------------------------------------------------- */

static struct object *object_new(bool is_end)
{
    struct object *o = calloc(1, sizeof(*o));

    o->is_end = is_end;
    o->refs = 1;
    allocated++;
    return o;
}

struct object *frame_new(void)
{
    struct object *o = object_new(false);

    o->frame = ++frames;
    return o;
}

static void object_free(struct object *o)
{
    if (--o->refs == 0) {
        allocated--;
        free(o);
    }
}

struct side *side_of(const struct object *end)
{
    return &channels[end->channel].side[end->side];
}

struct side *peer_of(const struct object *end)
{
    return &channels[end->channel].side[1 - end->side];
}

void side_close(struct object *end)
{
    struct side *s = side_of(end);
    uint32_t channel = end->channel;

    s->exists = false;
    if (s->wanted && channels[channel].side[1 - end->side].raw != NULL) {
        channels[channel].side[1 - end->side].raw->room = true;
    }
    object_free(end);
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->caps[i] != NULL) {
            object_drop(s->caps[i]);
        }
    }
    s->count = 0;
    channels[channel].used = channels[channel].side[0].exists || channels[channel].side[1].exists;
}

void object_drop(struct object *o)
{
    if (o->is_end) {
        side_close(o);
    } else {
        object_free(o);
    }
}

caddr_t slot_put(struct object *o)
{
    for (caddr_t i = 1; i < SLOTS; i++) {
        if (slots[i] == NULL) {
            slots[i] = o;
            return i;
        }
    }
    fail("no slot");
}

struct object *object_of(caddr_t slot)
{
    if (slot == 0 || slot >= SLOTS || slots[slot] == NULL) {
        fail("slot %u is empty", slot);
    }
    return slots[slot];
}

struct object *slot_take(caddr_t slot)
{
    struct object *o = object_of(slot);

    slots[slot] = NULL;
    return o;
}

/* --- libaos --------------------------------------------------------------------------------- */

/* A slot that is taken and still empty. */
static struct object reserved;

errval_t slot_alloc(caddr_t *ret_slot)
{
    if (one_in(STEP_FAILS)) {
        return LIB_ERR_NO_SLOTS;
    }
    *ret_slot = slot_put(&reserved);
    return ERR_OK;
}

void slot_free(caddr_t slot)
{
    if (slot_take(slot) != &reserved) {
        fail("slot %u is not empty", slot);
    }
}

errval_t cap_mint(caddr_t dest, caddr_t src, uint8_t rights)
{
    struct object *o = object_of(src);

    (void)rights;
    if (object_of(dest) != &reserved || o->is_end) {
        fail("mint %u of %u", dest, src);
    }
    o->refs++;
    slots[dest] = o;
    return ERR_OK;
}

errval_t cap_destroy(caddr_t c)
{
    object_drop(slot_take(c));
    return ERR_OK;
}

errval_t cap_identify(caddr_t c, struct cap_info *ret_info)
{
    const struct object *o = object_of(c);

    *ret_info = (struct cap_info){
        .type = o->is_end ? CAPTYPE_ENDPOINT : CAPTYPE_FRAME, .a = o->channel, .b = o->side,
    };
    return ERR_OK;
}

errval_t frame_alloc(uint64_t bytes, caddr_t *ret_frame, uint64_t *ret_bytes)
{
    if (one_in(STEP_FAILS)) {
        return LIB_ERR_NO_MEMORY;
    }
    *ret_frame = slot_put(frame_new());
    *ret_bytes = bytes;
    return ERR_OK;
}

errval_t chan_create(caddr_t *ret_own, caddr_t *ret_peer)
{
    uint32_t i = 0;

    while (i < CHANNELS && channels[i].used) {
        i++;
    }
    if (i == CHANNELS) {
        fail("no channel");
    }
    channels[i] = (struct channel){.used = true, .side = {{.exists = true}, {.exists = true}}};
    for (uint32_t s = 0; s < 2; s++) {
        struct object *o = object_new(true);

        o->channel = i;
        o->side = s;
        *(s == 0 ? ret_own : ret_peer) = slot_put(o);
    }
    return ERR_OK;
}

/* As the kernel does, who tells a monitor that waits for it of room; a program looks for itself. */
struct lmp_msg side_take(const struct object *end, struct object **ret_cap)
{
    struct side *s = side_of(end);
    struct raw_chan *sender = peer_of(end)->raw;
    struct lmp_msg m = s->queue[0];

    *ret_cap = s->caps[0];
    s->count--;
    memmove(s->queue, s->queue + 1, s->count * sizeof(s->queue[0]));
    memmove(s->caps, s->caps + 1, s->count * sizeof(s->caps[0]));
    if (s->wanted && s->count <= RING / 2) {
        s->wanted = false;
        if (sender != NULL) {
            sender->room = true;
        }
    }
    return m;
}

/* The kernel hands over what there is room for. */
static void side_deliver(const struct object *end)
{
    struct side *s = side_of(end);
    struct raw_chan *r = s->raw;
    struct object *cap;

    while (r->count < RAW_QUEUE_MAX && s->count != 0) {
        struct lmp_msg *m = &r->queue[(r->head + r->count++) % RAW_QUEUE_MAX];

        *m = side_take(end, &cap);
        if (cap != NULL) {
            m->cap_info = cap->is_end ? CAPTYPE_ENDPOINT : CAPTYPE_FRAME;
            m->cap = slot_put(cap);
        }
    }
}

bool side_put(struct side *to, const struct lmp_msg *msg, struct object *cap)
{
    if (to->count == RING) {
        return false;
    }
    to->queue[to->count] = *msg;
    to->queue[to->count].cap = 0;
    to->caps[to->count++] = cap;
    return true;
}

errval_t raw_open(struct raw_chan *r, struct waitset *ws, caddr_t end,
                  void (*message)(struct raw_chan *r, const struct lmp_msg *msg), void *arg)
{
    *r = (struct raw_chan){.message = message, .arg = arg};
    (void)ws;
    if (scarce && one_in(STEP_FAILS)) {
        (void)cap_destroy(end);
        return LIB_ERR_NO_MEMORY;
    }
    r->queue = calloc(RAW_QUEUE_MAX, sizeof(*r->queue));
    r->chan.end = end;
    side_of(object_of(end))->raw = r;
    return ERR_OK;
}

errval_t raw_send(struct raw_chan *r, const struct lmp_msg *msg, struct msg_cap cap)
{
    struct side *to = peer_of(object_of(r->chan.end));

    if (!to->exists) {
        return SYS_ERR_LMP_PEER_GONE;
    }
    if (!side_put(to, msg, cap.cap != 0 ? object_of(cap.cap) : NULL)) {
        to->wanted = true;
        return SYS_ERR_LMP_FULL;
    }
    if (cap.cap != 0) {
        (void)slot_take(cap.cap);
    }
    return ERR_OK;
}

void raw_hold(struct raw_chan *r, bool hold)
{
    r->held = hold;
}

void raw_close(struct raw_chan *r)
{
    for (; r->count != 0; r->count--) {
        caddr_t cap = r->queue[r->head].cap;

        if (cap != 0) {
            (void)cap_destroy(cap);
        }
        r->head = (r->head + 1u) % RAW_QUEUE_MAX;
    }
    free(r->queue);
    r->queue = NULL;
    side_of(object_of(r->chan.end))->raw = NULL;
    (void)cap_destroy(r->chan.end);
    r->chan.end = 0;
}

void raw_own_ram(struct raw_chan *r)
{
    (void)r;
}

/* --- what lines ask of their host ----------------------------------------------------------- */

static struct parcel *parcel_add(uint32_t to)
{
    struct parcel *p = calloc(1, sizeof(*p)), **at = &net[self][to];

    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = p;
    p->talk = -1;
    return p;
}

static errval_t host_send(uint32_t to, const struct line_wire *w, caddr_t cap)
{
    struct parcel *p;

    if (cap != 0 && one_in(STEP_FAILS)) {
        talk_refused(w);
        return LIB_ERR_NO_MEMORY;
    }
    p = parcel_add(to);
    p->wire = *w;
    p->slot = cap;
    p->crossing = cap != 0;
    return ERR_OK;
}

static void host_free_frame(caddr_t frame)
{
    (void)cap_destroy(frame);
}

void world_send_end(uint32_t to, caddr_t slot, int talk)
{
    struct line_wire w = {0};
    struct parcel *p;

    if (err_is_fail(line_export(to, slot, &w))) {
        (void)cap_destroy(slot);
        talk_lost_end(talk);
        return;
    }
    p = parcel_add(to);
    p->wire = w;
    p->talk = talk;
}

/* --- steps ---------------------------------------------------------------------------------- */

void world_enter(uint32_t core)
{
    if (core != self) {
        saved[self] = lines;
        lines = saved[core];
        self = core;
    }
}

/* What a monitor has room for it has said to itself before; here nothing of that is counted. */
static errval_t host_room(uint32_t count)
{
    (void)count;
    return one_in(STEP_FAILS) ? LIB_ERR_NO_MEMORY : ERR_OK;
}

static void host_refuse(uint32_t peer, uint32_t number)
{
    const struct line_wire w = {.line = number, .ended = true};

    (void)host_send(peer, &w, 0);
}

static const struct line_host host = {host_send, host_free_frame, host_room, host_refuse};

void world_start(uint32_t count)
{
    cores = count;
    for (self = 0; self < CORES_MAX; self++) {
        line_init(&host, (struct waitset *)(void *)&host);
        saved[self] = lines;
    }
    self = 0;
    lines = saved[0];
}

/* A monitor looks at one of its channels. */
static bool line_work(struct line *l)
{
    struct lmp_msg msg = {.header = KPI_CONTROL_HEADER(KPI_CONTROL_PEER_GONE)};
    struct raw_chan *r = &l->raw;

    if (l->told || r->queue == NULL) {
        return false;
    }
    side_deliver(object_of(r->chan.end));
    if (r->room) {
        r->room = false;
        r->writable(r);
        return true;
    }
    if (r->held || (r->count == 0 && peer_of(object_of(r->chan.end))->exists)) {
        return false;
    }
    if (r->count != 0) {
        msg = r->queue[r->head];
        r->head = (r->head + 1u) % RAW_QUEUE_MAX;
        r->count--;
    }
    r->message(r, &msg);
    return true;
}

bool world_work(void)
{
    for (uint32_t i = 0, first = rnd(cores); i < cores; i++) {
        world_enter((first + i) % cores);
        for (struct line *l = lines.lines; l != NULL; l = l->next) {
            if (!one_in(3) && line_work(l)) {
                return true;
            }
        }
        for (struct line *l = lines.lines; l != NULL; l = l->next) {
            if (line_work(l)) {
                return true;
            }
        }
    }
    return false;
}

static void parcel_cross(uint32_t from, uint32_t to, struct parcel *p)
{
    world_enter(from);
    p->crossing = false;
    if (from != to && one_in(CROSS_FAILS)) {
        (void)cap_destroy(p->slot);
        talk_refused(&p->wire);
        line_refused(to, &p->wire);
    } else {
        p->cap = slot_take(p->slot);
    }
    p->slot = 0;
}

static void parcel_arrive(uint32_t from, uint32_t to, struct parcel *p)
{
    caddr_t end;

    world_enter(to);
    if (p->talk < 0) {
        p->wire.serial = UINT32_MAX;     /* it is not told */
        line_receive(from, &p->wire, p->cap != NULL ? slot_put(p->cap) : 0);
    } else if (err_is_ok(line_import(from, &p->wire, &end))) {
        talk_got_end(p->talk, to, end);
    } else {
        talk_lost_end(p->talk);
    }
    free(p);
}

bool world_parcel(void)
{
    for (uint32_t i = 0, first = rnd(cores * cores); i < cores * cores; i++) {
        uint32_t pair = (first + i) % (cores * cores), from = pair / cores, to = pair % cores;
        struct parcel *p = net[from][to];

        for (struct parcel *q = p; q != NULL; q = q->next) {
            if (q->crossing && one_in(2)) {
                parcel_cross(from, to, q);
                return true;
            }
        }
        if (p != NULL && !p->crossing) {
            net[from][to] = p->next;
            parcel_arrive(from, to, p);
            return true;
        }
        if (p != NULL) {
            parcel_cross(from, to, p);
            return true;
        }
    }
    return false;
}

static void parcels_drop(uint32_t from, uint32_t to)
{
    while (net[from][to] != NULL) {
        struct parcel *p = net[from][to];

        net[from][to] = p->next;
        if (p->slot != 0) {
            (void)cap_destroy(p->slot);
        }
        if (p->cap != NULL) {
            object_drop(p->cap);
        }
        if (p->talk >= 0) {
            talk_lost_end(p->talk);
        }
        free(p);
    }
}

/* Its programs have ended; what was on its way is lost; the others hear of it. */
void world_stop(uint32_t core)
{
    for (uint32_t i = 0; i < cores; i++) {
        parcels_drop(i, core);
        parcels_drop(core, i);
    }
    world_enter(core);
    for (uint32_t i = 0; i < cores; i++) {
        line_peer_gone(i);
    }
    line_init(&host, (struct waitset *)(void *)&host);
    for (uint32_t i = 0; i < cores; i++) {
        if (i != core) {
            world_enter(i);
            line_peer_gone(core);
        }
    }
}

void world_end(void)
{
    for (uint32_t i = 0; i < cores; i++) {
        world_enter(i);
        if (line_count() != 0) {
            fail("%u lines are left on core %u", line_count(), i);
        }
    }
    for (uint32_t i = 1; i < SLOTS; i++) {
        if (slots[i] != NULL) {
            fail("slot %u is in use still", i);
        }
    }
    if (allocated != 0) {
        fail("%u objects are left", allocated);
    }
}
