/* Ranges: see memory_priv.h. */
#include "memory_priv.h"

#include <string.h>

_Static_assert(offsetof(struct memory_account, quota) == 0, "a quota's parent is an account's");

static uint64_t memory_round_up(uint64_t x, uint64_t unit)
{
    return (x + unit - 1) & ~(unit - 1);
}

/* --- records -------------------------------------------------------------------------------- */

void memory_add_records(struct memory_core *m, void *memory, size_t bytes)
{
    union memory_record *records = memory;

    for (size_t i = 0; i < bytes / sizeof(*records); i++) {
        memory_record_put(m, &records[i]);
    }
}

void *memory_record_get(struct memory_core *m)
{
    union memory_record *r = m->spare;

    if (r != NULL) {
        m->spare = r->spare;
        m->spare_count--;
        memset(r, 0, sizeof(*r));
    }
    return r;
}

void memory_record_put(struct memory_core *m, void *record)
{
    union memory_record *r = record;

    r->spare = m->spare;
    m->spare = r;
    m->spare_count++;
}

/* --- lists and sums ------------------------------------------------------------------------- */

static struct memory_region **memory_list_of(struct memory_core *m, const struct memory_region *r)
{
    return r->state == MEMORY_DYING ? &m->dying_regions : &r->owner->regions;
}

/* A used or dying region enters its list, a free one the sums; `state`, `owner` and `charged` are
 * set. Its account has room. */
static void memory_enter(struct memory_core *m, struct memory_region *r)
{
    struct memory_region **head;

    if (r->state == MEMORY_FREE) {
        m->free += r->bytes;
        m->free_count++;
        return;
    }
    m->programs += r->charged->program ? r->bytes : 0;
    head = memory_list_of(m, r);
    r->prev = NULL;
    r->next = *head;
    if (r->next != NULL) {
        r->next->prev = r;
    }
    *head = r;
    r->charged->holds++;
    if (r->state == MEMORY_DYING) {
        r->seen_ns = 0;
        m->dying += r->bytes;
        m->dying_count++;
        m->dying_end = r->next == NULL ? r : m->dying_end;
    } else {
        r->owner->holds++;
    }
}

/* The opposite. */
static void memory_leave(struct memory_core *m, struct memory_region *r)
{
    if (r->state == MEMORY_FREE) {
        m->free -= r->bytes;
        m->free_count--;
        return;
    }
    m->programs -= r->charged->program ? r->bytes : 0;
    if (r->prev != NULL) {
        r->prev->next = r->next;
    } else {
        *memory_list_of(m, r) = r->next;
    }
    if (r->next != NULL) {
        r->next->prev = r->prev;
    } else if (r->state == MEMORY_DYING) {
        m->dying_end = r->prev;
    }
    r->charged->holds--;
    if (r->state == MEMORY_DYING) {
        m->dying -= r->bytes;
        m->dying_count--;
    } else {
        r->owner->holds--;
    }
}

/* --- cutting and joining: regions that have left ------------------------------------------- */

/* Cuts `r` at `bytes`. Returns the upper part, which has not entered. */
static struct memory_region *memory_cut(struct memory_core *m, struct memory_region *r,
                                        uint64_t bytes)
{
    struct memory_region *upper = memory_record_get(m);

    upper->base = r->base + bytes;
    upper->bytes = r->bytes - bytes;
    upper->kept = 0;
    upper->state = r->state;
    upper->root = r->root;
    upper->patient = r->patient;
    upper->owner = r->owner;
    upper->charged = r->charged;
    upper->below = r;
    upper->above = r->above;
    if (upper->above != NULL) {
        upper->above->below = upper;
    }
    r->bytes = bytes;
    r->above = upper;
    m->region_count++;
    regions_refresh(r);
    regions_insert(&m->tree, upper);
    return upper;
}

/* Makes `r` [base, base + bytes); what is left on either side enters. Uses up to two records.
 * Returns the region. */
static struct memory_region *memory_carve(struct memory_core *m, struct memory_region *r,
                                          uint64_t base, uint64_t bytes)
{
    if (base != r->base) {
        struct memory_region *lower = r;

        r = memory_cut(m, lower, base - lower->base);
        memory_enter(m, lower);
    }
    if (bytes != r->bytes) {
        memory_enter(m, memory_cut(m, r, bytes));
    }
    return r;
}

/* Joins `upper` to `lower`, its neighbour. */
static void memory_join(struct memory_core *m, struct memory_region *lower,
                        struct memory_region *upper)
{
    regions_remove(&m->tree, upper);
    lower->bytes += upper->bytes;
    lower->above = upper->above;
    if (lower->above != NULL) {
        lower->above->below = lower;
    }
    m->region_count--;
    memory_record_put(m, upper);
}

/* Makes `r` free, joins it with free neighbours, and enters it. */
static void memory_make_free(struct memory_core *m, struct memory_region *r)
{
    struct memory_account *charged = r->charged;

    quota_give(&charged->quota, r->bytes);
    r->state = MEMORY_FREE;
    r->owner = NULL;
    r->charged = NULL;
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
    regions_refresh(r);
    memory_enter(m, r);
    accounts_put(m, charged);
}

/* A region that has left is dying from now on. */
static void memory_make_dying(struct memory_core *m, struct memory_region *r, bool patient)
{
    struct memory_account *owner = r->owner;

    r->state = MEMORY_DYING;
    r->owner = NULL;
    r->patient = patient;
    memory_enter(m, r);
    accounts_put(m, owner);
}

/* --- interface ------------------------------------------------------------------------------ */

void memory_core_init(struct memory_core *m, uint32_t services_end)
{
    memset(m, 0, sizeof(*m));
    m->services_end = services_end;
}

errval_t memory_add(struct memory_core *m, uint64_t base, uint64_t bytes)
{
    struct memory_region *r;
    uint32_t root = 0;

    while (root < m->root_count && m->roots[root].bytes != 0) {
        root++;
    }
    if (root == MEMORY_ROOTS_MAX || m->spare_count == 0 || bytes < MEMORY_PAGE
        || bytes / MEMORY_PAGE > UINT32_MAX) {
        return MEMORY_ERR_NO_MEMORY;
    }
    r = memory_record_get(m);
    r->base = base;
    r->bytes = bytes & ~(MEMORY_PAGE - 1);
    r->root = (uint8_t)root;
    m->roots[root].base = base;
    m->roots[root].bytes = r->bytes;
    m->roots[root].first = r;
    m->root_count += root == m->root_count;
    m->region_count++;
    m->total += r->bytes;
    regions_insert(&m->tree, r);
    memory_enter(m, r);
    return ERR_OK;
}

uint32_t memory_root_at(const struct memory_core *m, uint64_t base)
{
    uint32_t root = 0;

    while (root < m->root_count && (m->roots[root].bytes == 0 || m->roots[root].base != base)) {
        root++;
    }
    return root;
}

bool memory_remove(struct memory_core *m, uint32_t root)
{
    struct memory_region *r = m->roots[root].first;

    if (m->roots[root].bytes == 0 || r->state != MEMORY_FREE || r->bytes != m->roots[root].bytes
        || m->free - r->bytes < MEMORY_OWN_BYTES
        || m->total - r->bytes < m->programs + (m->programs != 0 ? m->reserve : 0)) {
        return false;
    }
    memory_leave(m, r);
    regions_remove(&m->tree, r);
    m->total -= r->bytes;
    m->region_count--;
    m->roots[root].base = m->roots[root].bytes = 0;
    m->roots[root].first = NULL;
    memory_record_put(m, r);
    return true;
}

static struct memory_region *memory_find(const struct memory_core *m, uint64_t bytes,
                                         uint64_t room, uint32_t class)
{
    return bytes < MEMORY_LARGE ? regions_lowest(m->tree, room / MEMORY_PAGE, class)
                                : regions_highest(m->tree, room / MEMORY_PAGE, class);
}

/* A free region with room, and where in it. An alignment between two classes is sure to be had only
 * in one with room at the larger, or with so much more room at the smaller. */
static struct memory_region *memory_find_room(const struct memory_core *m, uint64_t bytes,
                                              uint64_t align, uint64_t *ret_base)
{
    struct memory_region *r;
    uint32_t class = 0;

    while (class + 1 < MEMORY_CLASSES && regions_align(class + 1) <= align) {
        class++;
    }
    r = memory_find(m, bytes, bytes + (align - regions_align(class)), class);
    if (r == NULL && class + 1 < MEMORY_CLASSES && align > regions_align(class)) {
        r = memory_find(m, bytes, bytes, class + 1);
    }
    if (r != NULL) {
        *ret_base = bytes < MEMORY_LARGE ? memory_round_up(r->base, align)
                                         : (r->base + r->bytes - bytes) & ~(align - 1);
    }
    return r;
}

/* So much is there, for the owner and on that account. */
static bool memory_has(const struct memory_core *m, const struct memory_account *owner,
                       const struct memory_account *charged, uint64_t bytes)
{
    uint64_t kept = m->own == NULL || owner == m->own ? 0 : MEMORY_OWN_BYTES;

    return bytes + kept <= m->free
        && (!charged->program || m->programs + bytes + m->reserve <= m->total);
}

errval_t memory_take(struct memory_core *m, struct memory_account *owner,
                     struct memory_account *charged, uint64_t bytes, uint64_t align,
                     struct memory_range *ret_range)
{
    uint32_t reserve = 2 + (owner == m->own ? 0 : MEMORY_RECORDS_RESERVE);
    struct memory_region *r;
    uint64_t base = 0;

    if (bytes > m->total) {
        return MEMORY_ERR_NO_MEMORY;
    }
    if (align > m->total) {
        return MEMORY_ERR_BAD_ALIGN;
    }
    bytes = memory_round_up(bytes, MEMORY_PAGE);
    align = align < MEMORY_PAGE ? MEMORY_PAGE : align;
    if (owner->ended || quota_available(&charged->quota) < bytes) {
        return MEMORY_ERR_QUOTA;
    }
    if (m->spare_count < reserve || !keep_has_room(m, reserve)
        || !memory_has(m, owner, charged, bytes)) {
        return MEMORY_ERR_NO_MEMORY;
    }
    r = memory_find_room(m, bytes, align, &base);
    if (r == NULL) {
        return MEMORY_ERR_NO_MEMORY;
    }
    (void)quota_take(&charged->quota, bytes);
    memory_leave(m, r);
    r = memory_carve(m, r, base, bytes);
    r->state = MEMORY_USED;
    r->owner = owner;
    r->charged = charged;
    regions_refresh(r);
    memory_enter(m, r);
    keep_region(m, r);
    *ret_range = (struct memory_range){
        .root = r->root, .off = base - m->roots[r->root].base, .base = base, .bytes = bytes,
    };
    return ERR_OK;
}

struct memory_region *memory_restore(struct memory_core *m, struct memory_account *owner,
                                     struct memory_account *charged, uint64_t base,
                                     uint64_t bytes)
{
    struct memory_region *r = regions_at(m->tree, base);

    if (r == NULL || r->state != MEMORY_FREE || m->spare_count < 2 || bytes == 0) {
        return NULL;
    }
    bytes = bytes < r->bytes - (base - r->base) ? bytes : r->bytes - (base - r->base);
    if (err_is_fail(quota_take(&charged->quota, bytes))) {
        return NULL;
    }
    memory_leave(m, r);
    r = memory_carve(m, r, base, bytes);
    r->state = owner == NULL ? MEMORY_DYING : MEMORY_USED;
    r->owner = owner;
    r->charged = charged;
    regions_refresh(r);
    memory_enter(m, r);
    return r;
}

errval_t memory_give_check(struct memory_core *m, const struct memory_account *owner,
                           uint64_t base, uint64_t bytes, struct memory_range *ret_range)
{
    struct memory_region *r = regions_at(m->tree, base);

    if (r == NULL || r->state != MEMORY_USED || r->owner != owner || bytes == 0
        || base % MEMORY_PAGE != 0 || bytes % MEMORY_PAGE != 0
        || bytes > r->bytes - (base - r->base)) {
        return MEMORY_ERR_NOT_YOURS;
    }
    if (bytes != r->bytes && (m->spare_count < 2 || !keep_has_room(m, 2))) {
        return MEMORY_ERR_NO_MEMORY;
    }
    *ret_range = (struct memory_range){
        .root = r->root, .off = base - m->roots[r->root].base, .base = base, .bytes = bytes,
    };
    return ERR_OK;
}

bool memory_is_awaited(const struct memory_core *m, uint64_t base, uint64_t bytes)
{
    const struct memory_region *r = regions_at(m->tree, base);

    return r != NULL && r->state == MEMORY_DYING && r->patient
        && bytes <= r->bytes - (base - r->base);
}

/* The range as a region of its own that has left. */
static struct memory_region *memory_take_out(struct memory_core *m, uint64_t base, uint64_t bytes)
{
    struct memory_region *r = regions_at(m->tree, base);

    memory_leave(m, r);
    return memory_carve(m, r, base, bytes);
}

/* Keeps what has become of the region that `r` was cut out of: from above (keep.h). */
static void memory_keep_cut(struct memory_core *m, struct memory_region *r, bool stays)
{
    bool was_cut = r->kept == 0;         /* then the record is that of the part below */

    if (r->above != NULL && r->above->state == MEMORY_USED && r->above->kept == 0) {
        keep_region(m, r->above);
    }
    if (stays) {
        keep_region(m, r);
    } else {
        keep_drop(m, r);
    }
    if (was_cut && r->below != NULL && r->below->kept != 0) {
        keep_region(m, r->below);
    }
}

void memory_give(struct memory_core *m, uint64_t base, uint64_t bytes)
{
    struct memory_region *r = memory_take_out(m, base, bytes);
    struct memory_account *owner = r->owner;

    memory_keep_cut(m, r, /* stays= */ false);
    owner->holds++;                      /* it may be what the region is charged to */
    memory_make_free(m, r);
    owner->holds--;
    accounts_put(m, owner);
}

void memory_retire(struct memory_core *m, uint64_t base, uint64_t bytes)
{
    struct memory_region *r = memory_take_out(m, base, bytes);
    struct memory_account *owner = r->owner;

    owner->holds++;
    memory_make_dying(m, r, /* patient= */ false);
    memory_keep_cut(m, r, /* stays= */ true);
    owner->holds--;
    accounts_put(m, owner);
}

void memory_retire_all(struct memory_core *m, struct memory_account *a, bool patient)
{
    while (a->regions != NULL) {
        struct memory_region *r = a->regions;

        memory_leave(m, r);
        memory_make_dying(m, r, patient);
        keep_region(m, r);
    }
}

void memory_retire_for(struct memory_core *m, struct memory_account *a,
                       const struct memory_account *charged)
{
    struct memory_region *r = a->regions;

    while (r != NULL) {
        struct memory_region *next = r->next;

        if (r->charged == charged) {
            memory_leave(m, r);
            memory_make_dying(m, r, /* patient= */ false);
            keep_region(m, r);
        }
        r = next;
    }
}

struct memory_region *memory_dying_next(struct memory_core *m, struct memory_region *region)
{
    return region == NULL ? m->dying_regions : region->next;
}

void memory_dying_last(struct memory_core *m, struct memory_region *region)
{
    if (region == m->dying_end) {
        return;
    }
    if (region->prev != NULL) {
        region->prev->next = region->next;
    } else {
        m->dying_regions = region->next;
    }
    region->next->prev = region->prev;
    region->prev = m->dying_end;
    region->next = NULL;
    m->dying_end->next = region;
    m->dying_end = region;
}

void memory_reap(struct memory_core *m, struct memory_region *region)
{
    memory_leave(m, region);
    keep_drop(m, region);
    memory_make_free(m, region);
}

uint64_t memory_largest(const struct memory_core *m)
{
    return m->tree == NULL ? 0 : m->tree->room[0] * MEMORY_PAGE;
}

bool memory_is_low(const struct memory_core *m)
{
    return m->free < m->total / MEMORY_LOW_DIVISOR;
}
