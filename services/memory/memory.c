/* See memory_priv.h. */
#include "memory_priv.h"

#include <string.h>

static uint64_t memory_round_up(uint64_t x, uint64_t unit)
{
    return (x + unit - 1) & ~(unit - 1);
}

/* A free region of n pages is in bin floor(log2 n). */
static uint32_t memory_bin_of(uint64_t bytes)
{
    return 63u - (uint32_t)__builtin_clzll(bytes / MEMORY_PAGE);
}

static uint32_t memory_hash_of(uint64_t base)
{
    return (uint32_t)((base / MEMORY_PAGE * 0x9e3779b97f4a7c15ull) >> 40) & (MEMORY_BUCKETS - 1);
}

static void memory_link(struct memory_region **head, struct memory_region *r)
{
    r->prev = NULL;
    r->next = *head;
    if (*head != NULL) {
        (*head)->prev = r;
    }
    *head = r;
}

static void memory_unlink(struct memory_region **head, struct memory_region *r)
{
    if (r->prev != NULL) {
        r->prev->next = r->next;
    } else {
        *head = r->next;
    }
    if (r->next != NULL) {
        r->next->prev = r->prev;
    }
}

static struct memory_region *memory_record_get(struct memory_core *m)
{
    struct memory_region *r = m->spare;

    m->spare = r->next;
    memset(r, 0, sizeof(*r));
    return r;
}

static void memory_record_put(struct memory_core *m, struct memory_region *r)
{
    r->next = m->spare;
    m->spare = r;
}

static bool memory_has_records(const struct memory_core *m, uint32_t count)
{
    const struct memory_region *r = m->spare;

    while (count > 0 && r != NULL) {
        r = r->next;
        count--;
    }
    return count == 0;
}

static struct memory_client *memory_client_find(const struct memory_core *m, uint32_t pid)
{
    for (size_t i = 0; i < MEMORY_CLIENTS_MAX; i++) {
        if (m->clients[i].live && m->clients[i].pid == pid) {
            return (struct memory_client *)&m->clients[i];
        }
    }
    return NULL;
}

static struct memory_client *memory_client_get(struct memory_core *m, uint32_t pid)
{
    struct memory_client *c = memory_client_find(m, pid);

    for (size_t i = 0; c == NULL && i < MEMORY_CLIENTS_MAX; i++) {
        if (!m->clients[i].live) {
            c = &m->clients[i];
            *c = (struct memory_client){.pid = pid, .live = true};
        }
    }
    return c;
}

static void memory_client_put(struct memory_client *c)
{
    if (c->connections == 0 && c->regions == NULL && c->quota == 0) {
        c->live = false;
    }
}

/* Puts a region that is in no list into those of its state. */
static void memory_enter(struct memory_core *m, struct memory_region *r)
{
    struct memory_client *c = r->client != 0 ? &m->clients[r->client - 1] : NULL;
    uint32_t h = memory_hash_of(r->base);

    if (r->state == MEMORY_FREE) {
        memory_link(&m->bins[memory_bin_of(r->bytes)], r);
        m->free += r->bytes;
        m->free_count++;
        return;
    }
    r->hash_next = m->hash[h];
    m->hash[h] = r;
    if (r->state == MEMORY_USED) {
        memory_link(&c->regions, r);
        c->used += r->bytes;
        c->region_count++;
    } else {
        r->seen_ns = 0;
        memory_link(&m->dying_regions, r);
        m->dying += r->bytes;
    }
}

/* The opposite. */
static void memory_leave(struct memory_core *m, struct memory_region *r)
{
    struct memory_client *c = r->client != 0 ? &m->clients[r->client - 1] : NULL;
    struct memory_region **p = &m->hash[memory_hash_of(r->base)];

    if (r->state == MEMORY_FREE) {
        memory_unlink(&m->bins[memory_bin_of(r->bytes)], r);
        m->free -= r->bytes;
        m->free_count--;
        return;
    }
    while (*p != r) {
        p = &(*p)->hash_next;
    }
    *p = r->hash_next;
    if (r->state == MEMORY_USED) {
        memory_unlink(&c->regions, r);
        c->used -= r->bytes;
        c->region_count--;
    } else {
        memory_unlink(&m->dying_regions, r);
        m->dying -= r->bytes;
    }
}

/* Cuts `r`, which is in no list, at `bytes`; the upper part is entered with the state of `r`. */
static void memory_cut(struct memory_core *m, struct memory_region *r, uint64_t bytes)
{
    struct memory_region *upper = memory_record_get(m);

    *upper = *r;
    upper->base = r->base + bytes;
    upper->bytes = r->bytes - bytes;
    upper->below = r;
    if (upper->above != NULL) {
        upper->above->below = upper;
    }
    r->bytes = bytes;
    r->above = upper;
    memory_enter(m, upper);
}

/* Makes `r`, which is in no list, [base, base + bytes); what is left on either side is entered.
 * Uses up to two records. Returns the region. */
static struct memory_region *memory_carve(struct memory_core *m, struct memory_region *r,
                                          uint64_t base, uint64_t bytes)
{
    if (base != r->base) {
        struct memory_region *lower = r;

        memory_cut(m, lower, base - lower->base);
        r = lower->above;
        memory_leave(m, r);
        memory_enter(m, lower);
    }
    if (bytes != r->bytes) {
        memory_cut(m, r, bytes);
    }
    return r;
}

/* Joins `upper` to `lower`, its neighbour; both are in no list. */
static void memory_join(struct memory_core *m, struct memory_region *lower,
                        struct memory_region *upper)
{
    lower->bytes += upper->bytes;
    lower->above = upper->above;
    if (lower->above != NULL) {
        lower->above->below = lower;
    }
    memory_record_put(m, upper);
}

/* Makes `r`, which is in no list, free and merges it with free neighbours. */
static void memory_make_free(struct memory_core *m, struct memory_region *r)
{
    r->state = MEMORY_FREE;
    r->client = 0;
    if (r->above != NULL && r->above->state == MEMORY_FREE) {
        memory_leave(m, r->above);
        memory_join(m, r, r->above);
    }
    if (r->below != NULL && r->below->state == MEMORY_FREE) {
        struct memory_region *below = r->below;

        memory_leave(m, below);
        memory_join(m, below, r);
        r = below;
    }
    memory_enter(m, r);
}

void memory_core_init(struct memory_core *m, struct memory_region *records, size_t count)
{
    memset(m, 0, sizeof(*m));
    for (size_t i = 0; i < count; i++) {
        memory_record_put(m, &records[i]);
    }
}

errval_t memory_add(struct memory_core *m, uint64_t base, uint64_t bytes)
{
    struct memory_region *r;

    if (m->root_count == MEMORY_ROOTS_MAX || !memory_has_records(m, 1) || bytes < MEMORY_PAGE) {
        return MEMORY_ERR_NO_MEMORY;
    }
    r = memory_record_get(m);
    r->base = base;
    r->bytes = bytes & ~(MEMORY_PAGE - 1);
    r->root = m->root_count;
    m->roots[m->root_count].base = base;
    m->roots[m->root_count].bytes = r->bytes;
    m->roots[m->root_count].first = r;
    m->root_count++;
    m->total += r->bytes;
    memory_enter(m, r);
    return ERR_OK;
}

/* The first free region with room, from the bin of the size upwards; within a bin the smallest. */
static struct memory_region *memory_find_room(const struct memory_core *m, uint64_t bytes,
                                              uint64_t align)
{
    struct memory_region *best = NULL;

    for (uint32_t bin = memory_bin_of(bytes); best == NULL && bin < MEMORY_BINS; bin++) {
        for (struct memory_region *r = m->bins[bin]; r != NULL; r = r->next) {
            uint64_t pad = memory_round_up(r->base, align) - r->base;

            if (pad < r->bytes && bytes <= r->bytes - pad
                && (best == NULL || r->bytes < best->bytes)) {
                best = r;
            }
        }
    }
    return best;
}

errval_t memory_take(struct memory_core *m, uint32_t pid, uint64_t bytes, uint64_t align,
                     struct memory_range *ret_range)
{
    struct memory_client *c = memory_client_find(m, pid);
    struct memory_region *r;

    if (bytes > m->total) {
        return MEMORY_ERR_NO_MEMORY;
    }
    if (align > m->total) {
        return MEMORY_ERR_BAD_ALIGN;
    }
    bytes = memory_round_up(bytes, MEMORY_PAGE);
    align = align < MEMORY_PAGE ? MEMORY_PAGE : align;
    if (c != NULL && ((c->quota != 0 && (c->used > c->quota || bytes > c->quota - c->used))
                      || c->region_count == MEMORY_CLIENT_REGIONS_MAX)) {
        return MEMORY_ERR_QUOTA;
    }
    r = memory_find_room(m, bytes, align);
    if (r == NULL || !memory_has_records(m, 2)) {
        return MEMORY_ERR_NO_MEMORY;
    }
    c = memory_client_get(m, pid);
    if (c == NULL) {
        return MEMORY_ERR_NO_MEMORY;
    }
    memory_leave(m, r);
    r = memory_carve(m, r, memory_round_up(r->base, align), bytes);
    r->state = MEMORY_USED;
    r->client = (uint16_t)(c - m->clients + 1);
    memory_enter(m, r);
    *ret_range = (struct memory_range){
        .root = r->root, .off = r->base - m->roots[r->root].base, .base = r->base, .bytes = bytes,
    };
    return ERR_OK;
}

/* The allocation of `pid` that contains the range. Nearly always it starts there. */
static struct memory_region *memory_find_taken(const struct memory_core *m, uint32_t pid,
                                               uint64_t base, uint64_t bytes)
{
    const struct memory_client *c = memory_client_find(m, pid);
    struct memory_region *r = m->hash[memory_hash_of(base)];

    if (c == NULL || bytes == 0 || base % MEMORY_PAGE != 0 || bytes % MEMORY_PAGE != 0) {
        return NULL;
    }
    while (r != NULL && r->base != base) {
        r = r->hash_next;
    }
    if (r == NULL) {
        r = c->regions;
        while (r != NULL && (base < r->base || base - r->base >= r->bytes)) {
            r = r->next;
        }
    }
    if (r == NULL || r->state != MEMORY_USED || &m->clients[r->client - 1] != c
        || bytes > r->bytes - (base - r->base)) {
        return NULL;
    }
    return r;
}

errval_t memory_give_check(struct memory_core *m, uint32_t pid, uint64_t base, uint64_t bytes,
                           struct memory_range *ret_range)
{
    struct memory_region *r = memory_find_taken(m, pid, base, bytes);

    if (r == NULL) {
        return MEMORY_ERR_NOT_YOURS;
    }
    if (!memory_has_records(m, 2)) {
        return MEMORY_ERR_NO_MEMORY;
    }
    *ret_range = (struct memory_range){
        .root = r->root, .off = base - m->roots[r->root].base, .base = base, .bytes = bytes,
    };
    return ERR_OK;
}

void memory_give(struct memory_core *m, uint32_t pid, uint64_t base, uint64_t bytes)
{
    struct memory_region *r = memory_find_taken(m, pid, base, bytes);
    struct memory_client *c = memory_client_find(m, pid);

    memory_leave(m, r);
    r = memory_carve(m, r, base, bytes);
    memory_make_free(m, r);
    memory_client_put(c);
}

void memory_retire(struct memory_core *m, uint32_t pid, uint64_t base, uint64_t bytes)
{
    struct memory_region *r = memory_find_taken(m, pid, base, bytes);
    struct memory_client *c = memory_client_find(m, pid);

    memory_leave(m, r);
    r = memory_carve(m, r, base, bytes);
    r->state = MEMORY_DYING;
    r->client = 0;
    r->patient = false;
    memory_enter(m, r);
    memory_client_put(c);
}

errval_t memory_client_opened(struct memory_core *m, uint32_t pid)
{
    struct memory_client *c = memory_client_get(m, pid);

    if (c == NULL) {
        return MEMORY_ERR_NO_MEMORY;
    }
    c->connections++;
    return ERR_OK;
}

void memory_client_closed(struct memory_core *m, uint32_t pid, bool patient)
{
    struct memory_client *c = memory_client_find(m, pid);

    if (c == NULL || c->connections == 0 || --c->connections > 0) {
        return;
    }
    while (c->regions != NULL) {
        struct memory_region *r = c->regions;

        memory_leave(m, r);
        r->state = MEMORY_DYING;
        r->client = 0;
        r->patient = patient;
        memory_enter(m, r);
    }
    c->quota = 0;
    memory_client_put(c);
}

struct memory_region *memory_dying_next(struct memory_core *m, struct memory_region *region)
{
    return region == NULL ? m->dying_regions : region->next;
}

void memory_reap(struct memory_core *m, struct memory_region *region)
{
    memory_leave(m, region);
    memory_make_free(m, region);
}

errval_t memory_set_quota(struct memory_core *m, uint32_t pid, uint64_t quota)
{
    struct memory_client *c = memory_client_get(m, pid);

    if (c == NULL) {
        return MEMORY_ERR_NO_MEMORY;
    }
    c->quota = quota;
    memory_client_put(c);
    return ERR_OK;
}

errval_t memory_get_usage(const struct memory_core *m, uint32_t pid, uint64_t *ret_used,
                          uint64_t *ret_quota)
{
    const struct memory_client *c = memory_client_find(m, pid);

    if (c == NULL) {
        return MEMORY_ERR_NO_PID;
    }
    *ret_used = c->used;
    *ret_quota = c->quota;
    return ERR_OK;
}

uint64_t memory_largest(const struct memory_core *m)
{
    uint64_t largest = 0;

    for (uint32_t bin = MEMORY_BINS; largest == 0 && bin-- > 0;) {
        for (const struct memory_region *r = m->bins[bin]; r != NULL; r = r->next) {
            largest = r->bytes > largest ? r->bytes : largest;
        }
    }
    return largest;
}

bool memory_is_low(const struct memory_core *m)
{
    return m->free < m->total / MEMORY_LOW_DIVISOR;
}
