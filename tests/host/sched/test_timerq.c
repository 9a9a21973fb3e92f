/* The timer queue against a plain array, with random insertions and removals, and its shape. */
#include <check.h>

#include <kernel/sched.h>

#define ENTRIES    500u
#define OPERATIONS 200000u
#define DEADLINES  1000u                 /* few different ones, so that many are equal */

static struct dispatcher entries[ENTRIES];
static uint64_t random_state = 0x853c49e6748fea9bull;

static uint64_t rank_of(const struct dispatcher *d)
{
    return d == NULL ? 0 : d->heap_rank;
}

/* Order, links and ranks below `d`; returns the number of entries. */
static unsigned check_below(const struct dispatcher *d, const struct dispatcher *parent)
{
    if (d == NULL) {
        return 0;
    }
    CHECK(d->heap_parent == parent);
    CHECK(parent == NULL || parent->deadline <= d->deadline);
    CHECK(rank_of(d->heap_left) >= rank_of(d->heap_right));
    CHECK_EQ(d->heap_rank, rank_of(d->heap_right) + 1);
    return 1 + check_below(d->heap_left, d) + check_below(d->heap_right, d);
}

static void check_model(void)
{
    uint64_t first = UINT64_MAX;
    unsigned count = 0;

    for (unsigned i = 0; i < ENTRIES; i++) {
        if (entries[i].in_timerq) {
            count++;
            first = entries[i].deadline < first ? entries[i].deadline : first;
        }
    }
    CHECK_EQ(check_below(timerq_first(), NULL), count);
    CHECK_EQ(timerq_first() == NULL ? UINT64_MAX : timerq_first()->deadline, first);
}

static void test_random(void)
{
    for (unsigned i = 0; i < OPERATIONS; i++) {
        struct dispatcher *d = &entries[check_random(&random_state) % ENTRIES];

        switch (check_random(&random_state) % 4) {
        case 0:
        case 1:
            timerq_insert(d, check_random(&random_state) % DEADLINES);
            break;
        case 2:
            timerq_remove(d);
            CHECK(!d->in_timerq);
            break;
        default:
            if (timerq_first() != NULL) {
                timerq_remove(timerq_first());
            }
            break;
        }
        if (i % 64 == 0) {
            check_model();
        }
    }
    check_model();
}

/* Ascending insertion makes the longest left path: removal from its bottom must not walk up it. */
static void test_order(void)
{
    uint64_t last = 0;

    while (timerq_first() != NULL) {
        CHECK(timerq_first()->deadline >= last);
        last = timerq_first()->deadline;
        timerq_remove(timerq_first());
    }
    for (unsigned i = 0; i < ENTRIES; i++) {
        timerq_insert(&entries[i], ENTRIES - i);
    }
    check_model();
    for (unsigned i = 0; i < ENTRIES; i++) {
        CHECK_EQ(timerq_first()->deadline, i + 1);
        timerq_remove(timerq_first());
    }
    CHECK(timerq_first() == NULL);
}

static const struct check_test tests[] = {
    { "TIMERQ0001 random operations against a model", test_random },
    { "TIMERQ0002 in order of deadlines", test_order },
};

int main(void)
{
    return CHECK_MAIN(tests);
}
