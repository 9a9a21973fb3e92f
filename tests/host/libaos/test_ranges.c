/* Trees and sets of ranges against a map of units. */
#include <check.h>

#include <ranges_priv.h>

#define UNIT  4096ull
#define UNITS 2000u
#define BASE  0x10000000ull

static struct slab nodes;
static struct tree_node *root;
static bool is_free[UNITS];
static uint64_t seed = 12345;

static void setup(void)
{
    static uint64_t memory[UNITS * 2 * 8];
    slab_init(&nodes, sizeof(struct tree_node));
    slab_grow(&nodes, memory, sizeof(memory));
    root = NULL;
    CHECK(ranges_give(&root, &nodes, BASE, UNITS * UNIT, 0, UINT64_MAX));
    for (unsigned i = 0; i < UNITS; i++) {
        is_free[i] = true;
    }
}

static bool model_holds(unsigned first, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        if (first + i >= UNITS || !is_free[first + i]) {
            return false;
        }
    }
    return true;
}

static void model_set(uint64_t start, uint64_t count, bool value)
{
    for (uint64_t i = 0; i < count; i++) {
        is_free[(start - BASE) / UNIT + i] = value;
    }
}

static unsigned depth(const struct tree_node *n)
{
    if (n == NULL) {
        return 0;
    }
    unsigned l = depth(n->left);
    unsigned r = depth(n->right);
    return 1 + (l > r ? l : r);
}

/* From every node the same is found as from the root. */
static void check_near(const struct tree_node *n, uint64_t key)
{
    if (n == NULL) {
        return;
    }
    uint64_t end;
    const struct tree_node *above = tree_above(root, key + 1);
    CHECK(tree_below_near((struct tree_node *)(uintptr_t)n, key, &end) == tree_below(root, key));
    CHECK_EQ(end, above != NULL ? above->key : UINT64_MAX);
    check_near(n->left, key);
    check_near(n->right, key);
}

/* Order, maxima, links, and that the ranges are exactly the free units with no two neighbours
 * apart. */
static unsigned check_nodes(const struct tree_node *n, uint64_t *end)
{
    if (n == NULL) {
        return 0;
    }
    unsigned count = check_nodes(n->left, end);
    CHECK(n->key > *end || *end == 0);
    *end = n->key + n->bytes;
    CHECK(model_holds((unsigned)((n->key - BASE) / UNIT), n->bytes / UNIT));
    uint64_t largest = n->bytes;
    largest = n->left != NULL && n->left->largest > largest ? n->left->largest : largest;
    CHECK(n->left == NULL || n->left->parent == n);
    CHECK(n->right == NULL || n->right->parent == n);
    uint64_t right_end = *end;
    count += 1 + check_nodes(n->right, &right_end);
    *end = right_end;
    largest = n->right != NULL && n->right->largest > largest ? n->right->largest : largest;
    CHECK_EQ(n->largest, largest);
    return count;
}

static void check_all(void)
{
    uint64_t end = 0;
    unsigned runs = 0;
    for (unsigned i = 0; i < UNITS; i++) {
        runs += is_free[i] && (i == 0 || !is_free[i - 1]) ? 1 : 0;
    }
    CHECK(root == NULL || root->parent == NULL);
    CHECK_EQ(check_nodes(root, &end), runs);
    CHECK(depth(root) < 60);
}

static void step_take(uint64_t *starts, uint64_t *counts, unsigned *used)
{
    uint64_t count = check_random(&seed) % 20 + 1;
    uint64_t align = UNIT << check_random(&seed) % 4;
    uint64_t start;
    bool taken = ranges_take(&root, &nodes, count * UNIT, align, &start);
    unsigned first = 0;
    while (first < UNITS && !((BASE + first * UNIT) % align == 0 && model_holds(first, count))) {
        first++;
    }
    CHECK_EQ(taken, first < UNITS);
    if (taken) {
        CHECK(start % align == 0 && model_holds((unsigned)((start - BASE) / UNIT), count));
        model_set(start, count, false);
        starts[*used] = start;
        counts[(*used)++] = count;
    }
}

static void LIB1001_ranges_match_a_model(void)
{
    static uint64_t starts[UNITS], counts[UNITS];
    unsigned used = 0;
    setup();
    for (int step = 0; step < 20000; step++) {
        if (used < UNITS && check_random(&seed) % 100 < (step / 4000 % 2 != 0 ? 30 : 70)) {
            step_take(starts, counts, &used);
        } else if (used > 0) {
            unsigned i = (unsigned)(check_random(&seed) % used);
            CHECK(ranges_give(&root, &nodes, starts[i], counts[i] * UNIT, 0, UINT64_MAX));
            model_set(starts[i], counts[i], true);
            starts[i] = starts[--used];
            counts[i] = counts[used];
        }
        if (step % 50 == 0) {
            check_all();
        }
    }
    while (used > 0) {
        used--;
        CHECK(ranges_give(&root, &nodes, starts[used], counts[used] * UNIT, 0, UINT64_MAX));
    }
    CHECK(root != NULL && root->bytes == UNITS * UNIT && root->left == NULL && root->right == NULL);
}

static void LIB1017_near_and_far_find_the_same(void)
{
    static uint64_t starts[UNITS], counts[UNITS];
    unsigned used = 0;
    setup();
    for (int step = 0; step < 100; step++) {
        step_take(starts, counts, &used);
    }
    for (unsigned i = 0; i < used; i += 2) {
        CHECK(ranges_give(&root, &nodes, starts[i], counts[i] * UNIT, 0, UINT64_MAX));
        model_set(starts[i], counts[i], true);
    }
    check_all();
    for (unsigned i = 0; i < UNITS; i++) {
        check_near(root, BASE + i * UNIT);
        check_near(root, BASE + i * UNIT - 1);
    }
}

static void LIB1003_ranges_do_not_join_across_limits(void)
{
    uint64_t start;
    setup();
    CHECK(ranges_take(&root, &nodes, UNITS * UNIT, UNIT, &start));
    CHECK(ranges_give(&root, &nodes, BASE, 4 * UNIT, BASE, BASE + 4 * UNIT));
    CHECK(ranges_give(&root, &nodes, BASE + 4 * UNIT, 4 * UNIT, BASE + 4 * UNIT, BASE + 8 * UNIT));
    CHECK(!ranges_take(&root, &nodes, 5 * UNIT, UNIT, &start));
    CHECK(ranges_take(&root, &nodes, 4 * UNIT, UNIT, &start) && start == BASE);
}

static void LIB1004_huge_requests(void)
{
    uint64_t start;
    setup();
    CHECK(!ranges_take(&root, &nodes, UINT64_MAX, UNIT, &start));
    CHECK(!ranges_take(&root, &nodes, UNIT, 1ull << 63, &start));
    CHECK(ranges_take(&root, &nodes, UNIT, 0x10000000ull, &start) && start == BASE);
}

int main(void)
{
    RUN(LIB1001_ranges_match_a_model);
    RUN(LIB1017_near_and_far_find_the_same);
    RUN(LIB1003_ranges_do_not_join_across_limits);
    RUN(LIB1004_huge_requests);
    return 0;
}
