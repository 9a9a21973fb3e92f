/* The invariants of memory_priv.h, spelled out. */
#include "memory_priv.h"

struct memory_sums {
    uint64_t free, dying, programs;
    uint32_t free_count, dying_count, regions;
};

static bool memory_check_in_list(const struct memory_region *head, const struct memory_region *r)
{
    return (r->prev == NULL ? head == r : r->prev->next == r)
        && (r->next == NULL || r->next->prev == r);
}

/* Invariant 3 for one region; adds it to the sums. */
static const char *memory_check_region(const struct memory_core *m, const struct memory_region *r,
                                       struct memory_sums *sums)
{
    sums->regions++;
    if ((r->state == MEMORY_FREE) != (r->charged == NULL)
        || (r->state == MEMORY_USED) != (r->owner != NULL)) {
        return "a region is on the wrong account";
    }
    sums->programs += r->state != MEMORY_FREE && r->charged->program ? r->bytes : 0;
    switch ((enum memory_state)r->state) {
    case MEMORY_FREE:
        sums->free += r->bytes;
        sums->free_count++;
        break;
    case MEMORY_DYING:
        sums->dying += r->bytes;
        sums->dying_count++;
        if (!memory_check_in_list(m->dying_regions, r)
            || (r->next == NULL) != (r == m->dying_end)) {
            return "a dying region is not in its list";
        }
        break;
    case MEMORY_USED:
        if (!memory_check_in_list(r->owner->regions, r)) {
            return "a used region is not in the list of its owner";
        }
        break;
    }
    return NULL;
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
        if (r->below != below || r->root != root || regions_at(m->tree, r->base) != r) {
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

/* What stands on the account `a`: by its regions, and by those of others. */
static void memory_check_count(const struct memory_core *m, const struct memory_account *a,
                               uint64_t *ret_own, uint32_t *ret_holds)
{
    *ret_own = 0;
    *ret_holds = 0;
    for (uint32_t root = 0; root < m->root_count; root++) {
        for (const struct memory_region *r = m->roots[root].first; r != NULL; r = r->above) {
            *ret_own += r->charged == a ? r->bytes : 0;
            *ret_holds += (r->charged == a ? 1u : 0) + (r->owner == a ? 1u : 0);
        }
    }
}

/* Invariant 1 of <aos/quota.h> for the account. */
static bool memory_check_quota(const struct memory_core *m, const struct memory_account *a)
{
    const struct quota *q = &a->quota;
    uint64_t used = q->own, charge = q->own;
    uint32_t children = 0;

    for (const struct memory_account *c = m->accounts; c != NULL; c = c->next) {
        if (c->quota.parent == q) {
            used += c->quota.used;
            charge += c->quota.limit > c->quota.charge ? c->quota.limit : c->quota.charge;
            children++;
        }
    }
    return q->used == used && q->charge == charge && q->children == children;
}

/* Invariants 4 and 6. */
static const char *memory_check_account(const struct memory_core *m,
                                        const struct memory_account *a)
{
    uint64_t own;
    uint32_t holds;

    memory_check_count(m, a, &own, &holds);
    if (own != a->quota.own || holds != a->holds) {
        return "an account's sum is wrong";
    }
    if (!memory_check_quota(m, a)) {
        return "an account does not know what its children use";
    }
    if ((accounts_find(m, a->pid) == a) == a->ended) {
        return "an account is found although its domain has ended, or the opposite";
    }
    if (a != m->own && !a->opened && a->connections == 0 && holds == 0 && a->quota.children == 0
        && a->quota.limit == 0) {
        return "nobody holds an account";
    }
    return NULL;
}

const char *memory_check(const struct memory_core *m)
{
    struct memory_sums sums = {0};
    uint64_t used = 0;
    uint32_t accounts = 0;
    const char *wrong = regions_check(m->tree);

    for (uint32_t root = 0; wrong == NULL && root < m->root_count; root++) {
        wrong = memory_check_root(m, root, &sums);
    }
    for (const struct memory_account *a = m->accounts; wrong == NULL && a != NULL; a = a->next) {
        wrong = memory_check_account(m, a);
        used += a->quota.own;
        accounts++;
    }
    if (wrong != NULL) {
        return wrong;
    }
    if (sums.programs != m->programs || sums.free != m->free
        || sums.dying != m->dying || sums.dying_count != m->dying_count
        || sums.free_count != m->free_count || sums.regions != m->region_count
        || accounts != m->account_count || m->free + used != m->total) {
        return "the sums are wrong";
    }
    return NULL;
}
