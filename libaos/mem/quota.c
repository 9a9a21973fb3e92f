/* See <aos/quota.h>. */
#include <aos/quota.h>

_Static_assert(QUOTA_SHARE == 1, "quota_available divides what is left by 1 + QUOTA_SHARE");

/* What an account counts for in its parent. */
static uint64_t quota_counts_for(const struct quota *q)
{
    return q->limit > q->charge ? q->limit : q->charge;
}

/* `q` counts for `before` in its parent and is to count for what it does now: corrects everything
 * above it. Additions wrap where something became less. */
static void quota_propagate(struct quota *q, uint64_t before)
{
    uint64_t change = quota_counts_for(q) - before;

    for (struct quota *p = q->parent; p != NULL && change != 0; p = p->parent) {
        before = quota_counts_for(p);
        p->charge += change;
        change = quota_counts_for(p) - before;
    }
}

/* Changes what is taken from `q` itself. */
static void quota_add(struct quota *q, uint64_t change)
{
    uint64_t before = quota_counts_for(q);

    q->own += change;
    q->charge += change;
    for (struct quota *a = q; a != NULL; a = a->parent) {
        a->used += change;
    }
    quota_propagate(q, before);
}

uint64_t quota_available(const struct quota *q)
{
    const struct quota *chain[QUOTA_DEPTH_MAX + 1];
    uint32_t count = 0;
    uint64_t available;

    while (q != NULL && q->limit == 0) { /* ends: quota_open bounds the depth */
        chain[count++] = q;
        q = q->parent;
    }
    if (q == NULL) {
        return QUOTA_NO_LIMIT;
    }
    available = q->limit > q->charge ? q->limit - q->charge : 0;
    while (count > 0) {
        uint64_t charge = chain[--count]->charge;

        available = available > charge ? (available - charge) / (1 + QUOTA_SHARE) : 0;
    }
    return available;
}

errval_t quota_open(struct quota *q, struct quota *parent, uint64_t limit)
{
    if (parent != NULL
        && (parent->depth >= QUOTA_DEPTH_MAX || limit > quota_available(parent))) {
        return LIB_ERR_QUOTA;
    }
    *q = (struct quota){.parent = parent, .limit = limit};
    if (parent != NULL) {
        q->depth = parent->depth + 1;
        parent->children++;
        quota_propagate(q, 0);
    }
    return ERR_OK;
}

void quota_end(struct quota *q)
{
    uint64_t before = quota_counts_for(q);

    q->limit = 0;
    quota_propagate(q, before);
}

void quota_close(struct quota *q)
{
    quota_end(q);
    if (q->parent != NULL) {
        q->parent->children--;
        q->parent = NULL;
    }
}

/* Without `q` (minus) or with it (plus), from its parent up. Additions wrap where it is less. */
static void quota_attach(struct quota *q, bool plus)
{
    uint64_t used = plus ? q->used : 0 - q->used, counts_for = quota_counts_for(q);

    for (struct quota *a = q->parent; a != NULL; a = a->parent) {
        a->used += used;
    }
    if (plus) {
        quota_propagate(q, 0);
    } else {
        quota_propagate(q, 2 * counts_for); /* so the change is minus that */
    }
    q->parent->children += plus ? 1u : UINT32_MAX;
}

void quota_move(struct quota *q, struct quota *parent)
{
    quota_attach(q, /* plus= */ false);
    q->parent = parent;
    q->depth = parent->depth + 1;
    quota_attach(q, /* plus= */ true);
}

errval_t quota_take(struct quota *q, uint64_t amount)
{
    if (amount > quota_available(q)) {
        return LIB_ERR_QUOTA;
    }
    quota_add(q, amount);
    return ERR_OK;
}

void quota_give(struct quota *q, uint64_t amount)
{
    quota_add(q, 0 - amount);
}

errval_t quota_set_limit(struct quota *q, uint64_t limit)
{
    uint64_t before = quota_counts_for(q);
    uint64_t after = limit > q->charge ? limit : q->charge;

    if (q->parent != NULL && after > before && after - before > quota_available(q->parent)) {
        return LIB_ERR_QUOTA;
    }
    q->limit = limit;
    quota_propagate(q, before);
    return ERR_OK;
}
