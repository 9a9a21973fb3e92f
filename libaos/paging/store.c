/* Stores: where the pages of regions that are filled on demand come from. A store is one Frame of a
 * few pages, so that a page costs no capability and no kernel call of its own. A page that comes
 * back is dirty; the kernel clears a whole store when it is made. */
#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/slot.h>

#include "mem_priv.h"
#include "paging_priv.h"

#define STORE_PAGES_MIN 4u               /* of the first one; they grow with what is in use */

static struct {
    struct paging_store *open;           /* stores of 4 KiB pages with free ones */
    uint64_t pages_used;
} stores;

uint64_t store_pages_used(void)
{
    return stores.pages_used;
}

static uint32_t store_size(void)
{
    uint64_t half = stores.pages_used / 2;
    uint32_t pages = STORE_PAGES_MIN;
    while (pages < STORE_PAGES_MAX && pages < half) {
        pages *= 2;
    }
    return pages;
}

uint64_t store_need(uint64_t unit)
{
    if (unit != AOS_PAGE_BYTES) {
        return unit;
    }
    return stores.open != NULL ? 0 : store_size() * AOS_PAGE_BYTES;
}

static void store_link(struct paging_store *s)
{
    s->prev = NULL;
    s->next = stores.open;
    if (s->next != NULL) {
        s->next->prev = s;
    }
    stores.open = s;
}

static void store_unlink(struct paging_store *s)
{
    if (s->prev != NULL) {
        s->prev->next = s->next;
    } else {
        stores.open = s->next;
    }
    if (s->next != NULL) {
        s->next->prev = s->prev;
    }
}

static errval_t store_make(uint64_t unit, uint32_t pages, struct paging_store **ret_store)
{
    caddr_t frame = slot_take(1);
    uint64_t base;
    USER_CHECK(frame != 0);
    errval_t err = ram_make(frame, CAPTYPE_FRAME, unit * pages, unit, &base);
    if (err_is_fail(err)) {
        slot_free(frame);
        return err;
    }
    struct paging_store *s = mem_new(MEM_SLAB_STORE);
    s->frame = frame;
    s->base = base;
    s->unit = unit;
    s->pages = pages;
    s->clean = (uint16_t)((1u << pages) - 1);
    *ret_store = s;
    return ERR_OK;
}

static void store_destroy(struct paging_store *s)
{
    errval_t err = cap_destroy(s->frame);
    USER_CHECK(err_is_ok(err));
    if (s->base != 0) {
        ram_give(s->base, s->unit * s->pages);
    }
    mem_free(MEM_SLAB_STORE, s);
}

/* A new store, all of whose pages are free. */
static errval_t store_open(uint64_t unit, struct paging_store **ret_store)
{
    if (unit != AOS_PAGE_BYTES) {
        return store_make(unit, 1, ret_store);
    }
    errval_t err = store_make(unit, store_size(), ret_store);
    if (err_is_fail(err)) {
        err = store_make(unit, 1, ret_store);
    }
    if (err_is_ok(err)) {
        store_link(*ret_store);
    }
    return err;
}

static inline void store_take_from(struct paging_store *s, uint32_t want, struct paging_part *p)
{
    uint32_t first = (uint32_t)__builtin_ctz(~(uint32_t)s->used);
    bool clean = (s->clean >> first & 1) != 0;
    /* Free ones that are alike, from the first on. */
    uint32_t alike = ~(uint32_t)s->used & (clean ? s->clean : ~(uint32_t)s->clean);
    alike = (alike & ((1u << s->pages) - 1)) >> first;
    uint32_t count = (uint32_t)__builtin_ctz(~alike);
    count = count < want ? count : want;
    uint32_t taken = ((1u << count) - 1) << first;
    s->used = (uint16_t)(s->used | taken);
    s->clean = (uint16_t)(s->clean & ~taken);
    for (uint32_t i = first; i < first + count; i++) {
        s->refs[i] = 1;
    }
    s->live += count;
    stores.pages_used += count;
    if (s->live == s->pages && s->unit == AOS_PAGE_BYTES) {
        store_unlink(s);
    }
    p->store = s;
    p->first = first;
    p->count = (uint16_t)count;
    p->clean = clean;
}

/* Apart, so that what is common needs no stack. */
static __attribute__((noinline)) errval_t store_take_new(uint64_t unit, uint32_t want,
                                                         struct paging_part *p)
{
    struct paging_store *s;
    errval_t err = store_open(unit, &s);
    if (err_is_ok(err)) {
        store_take_from(s, want, p);
    }
    return err;
}

errval_t store_take(uint64_t unit, uint32_t want, struct paging_part *p)
{
    if (unit != AOS_PAGE_BYTES || stores.open == NULL) {
        return store_take_new(unit, want, p);
    }
    store_take_from(stores.open, want, p);
    return ERR_OK;
}

errval_t store_foreign(caddr_t frame, struct paging_store **ret_store)
{
    caddr_t copy = slot_take(1);
    USER_CHECK(copy != 0);
    errval_t err = cap_copy(copy, frame);
    if (err_is_fail(err)) {
        slot_free(copy);
        return err;
    }
    struct paging_store *s = mem_new(MEM_SLAB_STORE);
    s->frame = copy;
    s->unit = AOS_PAGE_BYTES;
    s->live = 1;
    *ret_store = s;
    return ERR_OK;
}

void store_hold(struct paging_store *s, uint32_t first, uint32_t count)
{
    if (s->base == 0) {
        s->live += count;
        return;
    }
    for (uint32_t i = first; i < first + count; i++) {
        s->refs[i]++;
    }
}

void store_release(struct paging_store *s, uint32_t first, uint32_t count)
{
    bool was_full = s->live == s->pages;
    if (s->base == 0) {
        s->live -= count;
        if (s->live == 0) {
            store_destroy(s);
        }
        return;
    }
    uint32_t freed = 0;
    for (uint32_t i = first; i < first + count; i++) {
        USER_CHECK(s->refs[i] != 0);
        s->refs[i]--;
        if (s->refs[i] == 0) {
            s->used = (uint16_t)(s->used & ~(1u << i));
            freed++;
        }
    }
    s->live -= freed;
    stores.pages_used -= freed;
    if (s->unit == AOS_PAGE_BYTES && was_full && freed != 0) {
        store_link(s);
    }
    if (s->live != 0) {
        return;
    }
    /* An empty store goes, unless it is the only one with free pages. */
    if (s->unit != AOS_PAGE_BYTES) {
        store_destroy(s);
    } else if (s->prev != NULL || s->next != NULL) {
        store_unlink(s);
        store_destroy(s);
    }
}

bool store_alone(const struct paging_store *s, uint32_t page)
{
    return s->base != 0 && s->refs[page] == 1;
}
