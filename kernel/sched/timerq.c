/* The timer queue: a leftist heap by deadline, its links in the dispatchers. The right spine of
 * every subtree is at most log2(n + 1) long, so insertion, removal of any entry and of the first
 * are O(log n), without memory. */
#include <kernel/sched.h>

static struct dispatcher *timerq_root; /* owner: this file; the earliest deadline, or NULL */

static uint64_t timerq_rank(const struct dispatcher *d)
{
    return d == NULL ? 0 : d->heap_rank;
}

/* Restores the order of `d`'s children and its rank; false if the rank did not change. */
static bool timerq_fix(struct dispatcher *d)
{
    uint64_t old = d->heap_rank;

    if (timerq_rank(d->heap_left) < timerq_rank(d->heap_right)) {
        struct dispatcher *left = d->heap_left;

        d->heap_left = d->heap_right;
        d->heap_right = left;
    }
    d->heap_rank = timerq_rank(d->heap_right) + 1;
    return d->heap_rank != old;
}

/* Merges two heaps along their right spines, without recursion: down to find the order, up to fix
 * the ranks. The result's root has the parent NULL. */
static struct dispatcher *timerq_merge(struct dispatcher *a, struct dispatcher *b)
{
    struct dispatcher *last = NULL;

    while (a != NULL && b != NULL) {
        if (b->deadline < a->deadline) {
            struct dispatcher *first = b;

            b = a;
            a = first;
        }
        a->heap_parent = last;
        if (last != NULL) {
            last->heap_right = a;
        }
        last = a;
        a = a->heap_right;
    }

    struct dispatcher *rest = a != NULL ? a : b;

    if (rest != NULL) {
        rest->heap_parent = last;
    }
    if (last == NULL) {
        return rest;
    }
    last->heap_right = rest;
    for (;;) {
        (void)timerq_fix(last);
        if (last->heap_parent == NULL) {
            return last;
        }
        last = last->heap_parent;
    }
}

void timerq_insert(struct dispatcher *d, uint64_t deadline_ticks)
{
    if (d->in_timerq) {
        timerq_remove(d);
    }
    d->deadline = deadline_ticks;
    d->heap_left = NULL;
    d->heap_right = NULL;
    d->heap_parent = NULL;
    d->heap_rank = 1;
    d->in_timerq = true;
    timerq_root = timerq_merge(timerq_root, d);
}

void timerq_remove(struct dispatcher *d)
{
    if (!d->in_timerq) {
        return;
    }

    struct dispatcher *parent = d->heap_parent;
    struct dispatcher *rest = timerq_merge(d->heap_left, d->heap_right);

    d->in_timerq = false;
    if (parent == NULL) {
        timerq_root = rest;
        return;
    }
    if (parent->heap_left == d) {
        parent->heap_left = rest;
    } else {
        parent->heap_right = rest;
    }
    if (rest != NULL) {
        rest->heap_parent = parent;
    }
    /* Each ancestor whose rank changes has a larger one than the last: at most log n steps. */
    while (parent != NULL && timerq_fix(parent)) {
        parent = parent->heap_parent;
    }
}

struct dispatcher *timerq_first(void)
{
    return timerq_root;
}
