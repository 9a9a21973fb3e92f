/* Runs all tests and powers off. */
#include <stdlib.h>
#include <string.h>

#include <abi/user.h>
#include <aos/dispatch.h>
#include <aos/ram.h>
#include <aos/slot.h>

#include "libtest.h"

static const struct libtest *const groups[] = { libtest_memory, libtest_threads, libtest_faults };
static const char *current = "start";
static int number;

errval_t aos_rpc_init(void)
{
    return ERR_OK;
}

/* No channels here: nothing arrives but events of the dispatcher. */
void chan_deliver_disabled(uint64_t cookie, const struct lmp_msg *msg)
{
    libtest_failed();
}

static void libtest_end(bool passed)
{
    printf(passed ? "LIBTEST PASSED\n" : "LIBTEST FAILED\n");
    fflush(stdout);
    (void)inv_kernel_shutdown(KPI_CAP_KERNEL, 0);
    for (;;) {
    }
}

void libtest_failed(void)
{
    printf("not ok %d - %s\n", number, current);
    libtest_end(false);
    __builtin_unreachable();
}

uint64_t libtest_random(void)
{
    static uint64_t state = 0x9e3779b97f4a7c15ull;
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dull;
}

struct libtest_use libtest_use(void)
{
    struct libtest_use use;
    uint64_t total;
    ram_stats(&use.ram_free, &total);
    slot_stats(&use.slots_used, &total);
    return use;
}

int main(int argc, char **argv)
{
    int count = 0;
    for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        for (const struct libtest *t = groups[g]; t->name != NULL; t++) {
            count++;
        }
    }
    printf("1..%d\n", count);
    EXPECT(argc == 1 && strcmp(argv[0], "init") == 0 && argv[1] == NULL);
    for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        for (const struct libtest *t = groups[g]; t->name != NULL; t++) {
            number++;
            current = t->name;
            t->run();
            printf("ok %d - %s\n", number, t->name);
        }
    }
    libtest_end(true);
    return 0;
}
