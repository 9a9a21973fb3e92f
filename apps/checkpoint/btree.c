/* See btree.h. Insertion splits full nodes on its way down, so it never goes back up. */
#include "btree.h"

#include <string.h>

#define KEYS_MAX 15u                     /* odd: a full node splits into two and a key */
#define KEYS_MIN (KEYS_MAX / 2)

struct node {
    uint32_t count;
    bool leaf;
    uint64_t keys[KEYS_MAX];
    uint64_t values[KEYS_MAX];
    struct node *children[KEYS_MAX + 1];
};

struct btree {
    struct node *root;
    size_t count;
    size_t used, bytes;                  /* of the memory, which starts with this */
    uint32_t depth;
};

static struct node *node_make(struct btree *t, bool leaf)
{
    struct node *n = (struct node *)(void *)((char *)t + t->used);

    t->used += sizeof(*n);
    n->count = 0;
    n->leaf = leaf;
    return n;
}

struct btree *btree_make(void *memory, size_t bytes)
{
    struct btree *t = memory;

    t->used = sizeof(*t);
    t->bytes = bytes;
    t->depth = 1;
    t->root = node_make(t, true);
    return t;
}

/* The first place whose key is not below `key`. */
static uint32_t node_place(const struct node *n, uint64_t key)
{
    uint32_t i = 0;

    while (i < n->count && n->keys[i] < key) {
        i++;
    }
    return i;
}

static void node_open(struct node *n, uint32_t i)
{
    uint32_t after = n->count - i;

    memmove(&n->keys[i + 1], &n->keys[i], after * sizeof(n->keys[0]));
    memmove(&n->values[i + 1], &n->values[i], after * sizeof(n->values[0]));
    if (!n->leaf) {
        memmove(&n->children[i + 2], &n->children[i + 1], after * sizeof(n->children[0]));
    }
    n->count++;
}

/* Child `i` of `parent` is full: its upper half becomes a node, its middle key goes up. */
static void node_split(struct btree *t, struct node *parent, uint32_t i)
{
    struct node *low = parent->children[i];
    struct node *high = node_make(t, low->leaf);

    high->count = KEYS_MIN;
    memcpy(high->keys, &low->keys[KEYS_MIN + 1], KEYS_MIN * sizeof(low->keys[0]));
    memcpy(high->values, &low->values[KEYS_MIN + 1], KEYS_MIN * sizeof(low->values[0]));
    if (!low->leaf) {
        memcpy(high->children, &low->children[KEYS_MIN + 1],
               (KEYS_MIN + 1) * sizeof(low->children[0]));
    }
    low->count = KEYS_MIN;
    node_open(parent, i);
    parent->keys[i] = low->keys[KEYS_MIN];
    parent->values[i] = low->values[KEYS_MIN];
    parent->children[i + 1] = high;
}

bool btree_put(struct btree *t, uint64_t key, uint64_t value)
{
    if (t->bytes - t->used < (t->depth + 1) * sizeof(struct node)) {
        return false;                    /* every level may split, and the root grow one more */
    }
    if (t->root->count == KEYS_MAX) {
        struct node *root = node_make(t, false);

        root->children[0] = t->root;
        t->root = root;
        t->depth++;
        node_split(t, root, 0);
    }
    for (struct node *n = t->root;;) {
        uint32_t i = node_place(n, key);

        if (i < n->count && n->keys[i] == key) {
            n->values[i] = value;
            return true;
        }
        if (n->leaf) {
            node_open(n, i);
            n->keys[i] = key;
            n->values[i] = value;
            t->count++;
            return true;
        }
        if (n->children[i]->count == KEYS_MAX) {
            node_split(t, n, i);
        } else {
            n = n->children[i];
        }
    }
}

bool btree_get(const struct btree *t, uint64_t key, uint64_t *ret_value)
{
    for (const struct node *n = t->root;;) {
        uint32_t i = node_place(n, key);

        if (i < n->count && n->keys[i] == key) {
            *ret_value = n->values[i];
            return true;
        }
        if (n->leaf) {
            return false;
        }
        n = n->children[i];
    }
}

size_t btree_count(const struct btree *t)
{
    return t->count;
}

size_t btree_bytes(const struct btree *t)
{
    return t->used;
}

/* Keys of `n` and below are in [low, high]; counts them. */
static bool node_valid(const struct node *n, bool root, uint32_t depth, uint64_t low, uint64_t high,
                       size_t *io_count)
{
    if (n->count > KEYS_MAX || (!root && n->count < KEYS_MIN) || n->leaf != (depth == 1)) {
        return false;
    }
    *io_count += n->count;
    for (uint32_t i = 0; i < n->count; i++) {
        uint64_t below = i == 0 ? low : n->keys[i - 1] + 1;

        if (n->keys[i] < below || n->keys[i] > high
            || (!n->leaf && (n->keys[i] == 0 || !node_valid(n->children[i], false, depth - 1,
                                                            below, n->keys[i] - 1, io_count)))) {
            return false;
        }
    }
    return n->leaf || node_valid(n->children[n->count], false, depth - 1,
                                 n->count == 0 ? low : n->keys[n->count - 1] + 1, high, io_count);
}

bool btree_valid(const struct btree *t)
{
    size_t count = 0;

    return node_valid(t->root, true, t->depth, 0, UINT64_MAX, &count) && count == t->count;
}
