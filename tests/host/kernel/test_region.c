// Range lists against a plain array of booleans.
#include <check.h>

#include <kernel/region.h>

#define UNITS       256 // addresses of the model
#define ROUNDS      20000
#define OPERATIONS  40
#define REGION_SEED 0x9e3779b97f4a7c15ul

static void check_model(const struct region_list *list, const bool *model)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < UNITS; i++) {
        total += model[i];
        CHECK_EQ(region_contains(list, i, 1), model[i]);
    }
    CHECK_EQ(region_total(list), total);
    for (unsigned i = 0; i < list->count; i++) {
        CHECK(list->item[i].size > 0);
        if (i > 0) // sorted, and not touching
            CHECK(list->item[i - 1].base + list->item[i - 1].size < list->item[i].base);
    }
}

static void test_random(void)
{
    uint64_t random = REGION_SEED;
    for (unsigned round = 0; round < ROUNDS / OPERATIONS; round++) {
        struct region_list list = {.count = 0};
        bool model[UNITS] = {false};
        for (unsigned op = 0; op < OPERATIONS; op++) {
            uint64_t r = check_random(&random);
            unsigned base = (unsigned)(r % UNITS), size = (unsigned)(r >> 16) % 24;
            bool add = r >> 63;
            size = size < UNITS - base ? size : UNITS - base;
            if (add ? region_add(&list, base, size) : region_remove(&list, base, size)) {
                for (unsigned i = base; i < base + size; i++)
                    model[i] = add;
            }
            check_model(&list, model);
        }
    }
}

static void test_full(void)
{
    struct region_list list = {.count = 0};
    for (unsigned i = 0; i < REGION_LIST_MAX; i++)
        CHECK(region_add(&list, 10 * i, 5));
    struct region_list before = list;
    CHECK(!region_add(&list, 10 * REGION_LIST_MAX, 1));
    CHECK(!region_remove(&list, 2, 1));
    CHECK(memcmp(&list, &before, sizeof(list)) == 0);
    CHECK(region_add(&list, 5, 5)); // joins two
    CHECK_EQ(list.count, REGION_LIST_MAX - 1);
}

static void test_take(void)
{
    struct region_list list = {.count = 0};
    uint64_t base;
    CHECK(region_add(&list, 0x1000, 0x3000));
    CHECK(region_add(&list, 0x10800, 0x1000));
    CHECK(region_take(&list, 0x1000, 0x1000, UINT64_MAX, &base));
    CHECK_EQ(base, 0x3000); // the upper one has no aligned room
    CHECK(region_take(&list, 0x1000, 0x1000, 0x2000, &base));
    CHECK_EQ(base, 0x1000);
    base = 1;
    CHECK(!region_take(&list, 0x2000, 0x1000, UINT64_MAX, &base));
    CHECK_EQ(base, 1);
}

static void test_trim(void)
{
    struct region_list list = {.count = 0};
    CHECK(region_add(&list, 0x10, 0x20));
    CHECK(region_add(&list, 0x1800, 0x1800));
    CHECK(region_add(&list, 0x4000, 0x1fff));
    CHECK(region_add(&list, UINT64_MAX - 0x10, 0x10));
    region_trim(&list, 0x1000);
    CHECK_EQ(list.count, 2);
    CHECK_EQ(list.item[0].base, 0x2000);
    CHECK_EQ(list.item[0].size, 0x1000);
    CHECK_EQ(list.item[1].base, 0x4000);
    CHECK_EQ(list.item[1].size, 0x1000);
}

static const struct check_test tests[] = {
    {"REGION0001 random operations against a model", test_random},
    {"REGION0002 a full list stays as it was", test_full},
    {"REGION0003 taking from the end, aligned, below a limit", test_take},
    {"REGION0004 trimming to pages", test_trim},
};

int main(void)
{
    return CHECK_MAIN(tests);
}
