/* The invariants of memory_priv.h, spelled out. */
#include "memory_priv.h"

struct memory_sums {
    uint64_t free, dying, used;
    uint32_t free_count;
};

static bool memory_check_in_list(const struct memory_region *head, const struct memory_region *r)
{
    while (head != NULL && head != r) {
        head = head->next;
    }
    return head == r;
}

static bool memory_check_in_bins(const struct memory_core *m, const struct memory_region *r)
{
    uint64_t pages = r->bytes / MEMORY_PAGE;
    uint32_t bin = 0;

    while (pages >> (bin + 1) != 0) {
        bin++;
    }
    return memory_check_in_list(m->bins[bin], r);
}

static bool memory_check_in_hash(const struct memory_core *m, const struct memory_region *r)
{
    for (size_t i = 0; i < MEMORY_BUCKETS; i++) {
        for (const struct memory_region *h = m->hash[i]; h != NULL; h = h->hash_next) {
            if (h == r) {
                return true;
            }
        }
    }
    return false;
}

/* Invariant 3 for one region; adds it to the sums. */
static const char *memory_check_region(const struct memory_core *m, const struct memory_region *r,
                                       struct memory_sums *sums)
{
    switch ((enum memory_state)r->state) {
    case MEMORY_FREE:
        sums->free += r->bytes;
        sums->free_count++;
        return memory_check_in_bins(m, r) ? NULL : "a free region is in the wrong bin";
    case MEMORY_DYING:
        sums->dying += r->bytes;
        if (!memory_check_in_list(m->dying_regions, r)) {
            return "a dying region is not in its list";
        }
        break;
    case MEMORY_USED:
        sums->used += r->bytes;
        if (r->client == 0 || r->client > MEMORY_CLIENTS_MAX
            || !memory_check_in_list(m->clients[r->client - 1].regions, r)) {
            return "a used region is not in the list of its client";
        }
        break;
    }
    return memory_check_in_hash(m, r) ? NULL : "a region is not in the hash";
}

/* Invariants 1 and 2. */
static const char *memory_check_root(const struct memory_core *m, uint32_t root,
                                     struct memory_sums *sums)
{
    uint64_t at = m->roots[root].base;
    const struct memory_region *below = NULL;

    for (const struct memory_region *r = m->roots[root].first; r != NULL; r = r->above) {
        const char *wrong = memory_check_region(m, r, sums);

        if (wrong != NULL) {
            return wrong;
        }
        if (r->base != at || r->bytes == 0 || r->bytes % MEMORY_PAGE != 0) {
            return "a region does not follow its neighbour";
        }
        if (r->below != below || r->root != root) {
            return "the region list is damaged";
        }
        if (below != NULL && below->state == MEMORY_FREE && r->state == MEMORY_FREE) {
            return "two free neighbours";
        }
        at += r->bytes;
        below = r;
    }
    return at == m->roots[root].base + m->roots[root].bytes ? NULL : "a root is not covered";
}

const char *memory_check(const struct memory_core *m)
{
    struct memory_sums sums = {0};
    uint64_t used = 0;

    for (uint32_t root = 0; root < m->root_count; root++) {
        const char *wrong = memory_check_root(m, root, &sums);

        if (wrong != NULL) {
            return wrong;
        }
    }
    for (size_t i = 0; i < MEMORY_CLIENTS_MAX; i++) {
        const struct memory_client *c = &m->clients[i];
        uint64_t sum = 0;

        for (const struct memory_region *r = c->regions; r != NULL; r = r->next) {
            sum += r->bytes;
        }
        if (sum != c->used || (!c->live && c->regions != NULL)) {
            return "a client's sum is wrong";
        }
        used += c->used;
    }
    if (sums.free != m->free || sums.dying != m->dying || sums.used != used
        || sums.free_count != m->free_count || m->free + m->dying + used != m->total) {
        return "the sums are wrong";
    }
    return NULL;
}
