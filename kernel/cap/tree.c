/* The derivation tree: an AA tree (a red-black tree with red right children only) of the nodes
 * themselves. It is also an interval tree: each node keeps the largest end page of its subtree,
 * with and without Mappings, so that an overlap is found in O(log^2 n). Parent links make whatever
 * starts at a node independent of the size of the tree, nearly always. */
#include <kernel/check.h>

static struct cte *root; /* owner: this file */
static uint64_t node_counts[CAPTYPE_COUNT]; /* by type; owner: this file */
static struct cte *latest; /* inserted after something, NULL = not in the tree; owner: this file */

struct cap_key cap_key_of(const struct cte *cte)
{
    uint64_t place = cte->type == CAPTYPE_MAPPING ? cte->aux : 0;
    if (cte->type == CAPTYPE_ENDPOINT)
        place = cte->detail;
    return cap_key_make(cte_type(cte), cte->page, cte->pages, place);
}

bool cap_key_before(const struct cap_key *a, const struct cap_key *b)
{
    if (a->range != b->range)
        return a->range < b->range;
    if (a->type != b->type)
        return a->type < b->type;
    return a->place < b->place;
}

static bool tie_before_node(const struct cap_key *key, const struct cte *node)
{
    struct cap_key other = cap_key_of(node);
    return cap_key_before(key, &other);
}

static bool node_before_tie(const struct cte *node, const struct cap_key *key)
{
    struct cap_key other = cap_key_of(node);
    return cap_key_before(&other, key);
}

/* Nearly always the range decides: that is what a step down the tree costs. */
static inline uint64_t node_range(const struct cte *node)
{
    return (uint64_t)node->page << 32 | (uint32_t)~node->pages;
}

static inline bool key_before_node(const struct cap_key *key, const struct cte *node)
{
    uint64_t range = node_range(node);
    return key->range != range ? key->range < range : tie_before_node(key, node);
}

static inline bool node_before_key(const struct cte *node, const struct cap_key *key)
{
    uint64_t range = node_range(node);
    return key->range != range ? range < key->range : node_before_tie(node, key);
}

static uint8_t tree_level(const struct cte *node)
{
    return node == NULL ? 0 : node->level;
}

static uint32_t tree_reach(const struct cte *node, bool objects)
{
    if (node == NULL)
        return 0;
    return objects ? node->object_reach : node->reach;
}

static uint32_t max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Recomputes what a node knows of its subtree. */
static inline void tree_pull(struct cte *node)
{
    uint32_t end = node->page + node->pages;
    uint32_t object_end = node->type == CAPTYPE_MAPPING ? 0 : end;
    node->reach =
        max_u32(end, max_u32(tree_reach(node->left, false), tree_reach(node->right, false)));
    node->object_reach =
        max_u32(object_end, max_u32(tree_reach(node->left, true), tree_reach(node->right, true)));
}

/* The link to a node. */
static struct cte **tree_link(struct cte *node)
{
    struct cte *parent = node->parent;
    if (parent == NULL)
        return &root;
    return parent->left == node ? &parent->left : &parent->right;
}

static void tree_set_parent(struct cte *node, struct cte *parent)
{
    if (node != NULL)
        node->parent = parent;
}

/* What follows takes the root of a subtree and returns the new one, which the caller links. The
 * subtree stays the same as a whole, so the new root knows of it what the old one did.
 *
 * A left child of the same level becomes the parent. */
static struct cte *tree_skew(struct cte *node)
{
    struct cte *left = node->left;
    if (left == NULL || left->level != node->level)
        return node;
    node->left = left->right;
    tree_set_parent(node->left, node);
    left->right = node;
    left->parent = node->parent;
    node->parent = left;
    left->reach = node->reach;
    left->object_reach = node->object_reach;
    tree_pull(node);
    return left;
}

/* Of three of the same level in a row the middle one rises. */
static struct cte *tree_split(struct cte *node)
{
    struct cte *right = node->right;
    if (right == NULL || right->right == NULL || right->right->level != node->level)
        return node;
    node->right = right->left;
    tree_set_parent(node->right, node);
    right->left = node;
    right->parent = node->parent;
    node->parent = right;
    right->level++;
    right->reach = node->reach;
    right->object_reach = node->object_reach;
    tree_pull(node);
    return right;
}

/* A node one of whose subtrees has become lower by a level comes down itself. */
static struct cte *tree_lower(struct cte *node, uint8_t level)
{
    node->level = level;
    if (node->right != NULL && level < node->right->level)
        node->right->level = level;
    node = tree_skew(node);
    if (node->right != NULL) {
        node->right = tree_skew(node->right);
        if (node->right->right != NULL)
            node->right->right = tree_skew(node->right->right);
        tree_pull(node->right);
    }
    tree_pull(node);
    node = tree_split(node);
    if (node->right != NULL)
        node->right = tree_split(node->right);
    tree_pull(node);
    return node;
}

/* Repairs a node below which something was removed. */
static struct cte *tree_repair(struct cte *node)
{
    uint8_t left = tree_level(node->left), right = tree_level(node->right);
    uint8_t level = (uint8_t)((left < right ? left : right) + 1);
    tree_pull(node);
    return level < node->level ? tree_lower(node, level) : node;
}

/* What an ancestor can see of a subtree. */
struct tree_view {
    uint32_t reach, object_reach;
    uint8_t level;
};

static struct tree_view tree_view_of(const struct cte *node)
{
    return (struct tree_view){node->reach, node->object_reach, node->level};
}

static bool tree_view_same(struct tree_view a, const struct cte *node)
{
    struct tree_view b = tree_view_of(node);
    return a.reach == b.reach && a.object_reach == b.object_reach && a.level == b.level;
}

/* Repairs what is above a node that has come to its place, or risen. What is lower than its parent
 * is no trouble to anything above. */
static void tree_rise(struct cte *node)
{
    struct cte *above;
    while ((above = node->parent) != NULL && above->level == node->level) {
        struct cte **link = tree_link(above);
        if (above->left == node) {
            if (tree_level(above->right) == above->level) {
                above->level++;          /* as tree_skew and tree_split would leave it */
                node = above;
            } else {
                *link = tree_skew(above);
            }
        } else if (tree_level(node->right) == node->level) {
            *link = tree_split(above);
        } else {
            node = above;
        }
    }
}

/* Adds a leaf below `parent` (NULL: as the root), where `link` is. */
static void tree_add(struct cte *node, struct cte *parent, struct cte **link)
{
    node->left = node->right = NULL;
    node->parent = parent;
    node->level = 1;
    tree_pull(node);
    *link = node;
    check_touch(node);
    node_counts[node->type]++;
    for (struct cte *above = parent;
         above != NULL &&
         (above->reach < node->reach || above->object_reach < node->object_reach);
         above = above->parent) {
        above->reach = max_u32(above->reach, node->reach);
        above->object_reach = max_u32(above->object_reach, node->object_reach);
    }
    tree_rise(node);
}

void tree_insert(struct cte *node)
{
    struct cap_key key = cap_key_of(node);
    struct cte **link = &root, *parent = NULL;
    while (*link != NULL) {
        parent = *link;
        link = key_before_node(&key, parent) ? &parent->left : &parent->right;
    }
    tree_add(node, parent, link);
}

void tree_insert_after(struct cte *node, struct cte *before)
{
    struct cap_key key = cap_key_of(node);
    /* Whoever maps one page after the other puts each Mapping right after the one before. */
    if (latest != NULL && latest->page >= before->page && !key_before_node(&key, latest))
        before = latest;
    struct cte *parent = before;
    /* Up to the first subtree behind which everything comes after the key. What is behind `parent`
     * and before that is to the right of it. */
    for (struct cte *at = before; at->parent != NULL; at = at->parent) {
        if (at->parent->left == at) {
            if (key_before_node(&key, at->parent))
                break;
            parent = at->parent;
        }
    }
    struct cte **link = &parent->right;
    while (*link != NULL) {
        parent = *link;
        link = key_before_node(&key, parent) ? &parent->left : &parent->right;
    }
    tree_add(node, parent, link);
    latest = node;
}

/* Takes a node out that has no left child; returns its parent. */
static struct cte *tree_cut(struct cte *node)
{
    *tree_link(node) = node->right;
    tree_set_parent(node->right, node->parent);
    return node->parent;
}

void tree_remove(struct cte *node)
{
    struct cte *heir = NULL, *at;
    if (node->left == NULL) {
        at = tree_cut(node);
    } else {
        /* The successor takes its place. */
        heir = tree_next(node);
        at = tree_cut(heir);
        if (at == node)
            at = heir;
        tree_replace(node, heir);
    }
    node->level = 0;
    if (node == latest)
        latest = NULL;
    check_touch(at);
    node_counts[node->type]--;
    /* From the heir's place on: once an ancestor sees no difference nothing further up changes. */
    while (at != NULL) {
        struct cte *above = at->parent, **link = tree_link(at);
        struct tree_view before = tree_view_of(at);
        if (at == heir)
            heir = NULL;
        *link = tree_repair(at);
        if (heir == NULL && tree_view_same(before, *link))
            break;
        at = above;
    }
}

void tree_replace(struct cte *node, struct cte *heir)
{
    *tree_link(node) = heir;
    tree_set_parent(node->left, heir);
    tree_set_parent(node->right, heir);
    heir->parent = node->parent;
    heir->level = node->level;
    heir->left = node->left;
    heir->right = node->right;
    heir->reach = node->reach;
    heir->object_reach = node->object_reach;
    node->level = 0;
    if (node == latest)
        latest = heir;
    check_touch(heir);
}

struct cte *tree_find(const struct cap_key *key)
{
    struct cte *node = root;
    while (node != NULL) {
        if (key_before_node(key, node))
            node = node->left;
        else if (node_before_key(node, key))
            node = node->right;
        else
            return node;
    }
    return NULL;
}

struct cte *tree_after(const struct cap_key *key)
{
    struct cte *node = root, *best = NULL;
    while (node != NULL) {
        if (key_before_node(key, node)) {
            best = node;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return best;
}

struct cte *tree_at(enum captype type, uint32_t page, uint32_t pages)
{
    uint64_t range = (uint64_t)page << 32 | (uint32_t)~pages;
    struct cte *node = root, *best = NULL;
    while (node != NULL) {
        uint64_t at = node_range(node);
        if (at > range || (at == range && node->type >= type)) {
            best = node;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return best;
}

struct cte *tree_last_from(uint32_t page)
{
    struct cte *node = root, *best = NULL;
    while (node != NULL) {
        if (node->page <= page) {
            best = node;
            node = node->right;
        } else {
            node = node->left;
        }
    }
    return best;
}

struct cte *tree_next(const struct cte *node)
{
    struct cte *next = node->right;
    if (next == NULL) {
        next = node->parent;
        while (next != NULL && next->right == node) {
            node = next;
            next = next->parent;
        }
        return next;
    }
    while (next->left != NULL)
        next = next->left;
    return next;
}

static bool tree_hit(const struct cte *node, uint32_t first, uint32_t end, bool objects)
{
    return node->page < end && node->page + node->pages > first &&
           !(objects && node->type == CAPTYPE_MAPPING);
}

/* Overlap in a whole subtree. If anything on the left reaches beyond `first` and yet nothing there
 * overlaps, then that starts at or after `end`, and so does everything to the right of it. */
static struct cte *tree_overlap_below(struct cte *node, uint32_t first, uint32_t end, bool objects)
{
    while (tree_reach(node, objects) > first) {
        if (tree_reach(node->left, objects) > first)
            node = node->left;
        else if (tree_hit(node, first, end, objects))
            return node;
        else if (node->page >= end)
            return NULL;
        else
            node = node->right;
    }
    return NULL;
}

struct cte *tree_overlap(const struct cap_key *key, uint32_t first, uint32_t end, bool objects)
{
    struct cte *node = root;
    while (tree_reach(node, objects) > first) {
        if (!key_before_node(key, node)) {
            node = node->right;
            continue;
        }
        if (tree_hit(node, first, end, objects))
            return node;
        if (node->page < end) {
            struct cte *hit = tree_overlap_below(node->right, first, end, objects);
            if (hit != NULL)
                return hit;
        }
        node = node->left;
    }
    return NULL;
}

struct cte *tree_root(void)
{
    return root;
}

uint64_t tree_count(void)
{
    uint64_t count = 0;

    for (unsigned type = 0; type < CAPTYPE_COUNT; type++) {
        count += node_counts[type];
    }
    return count;
}

uint64_t tree_count_type(enum captype type)
{
    return node_counts[type];
}
