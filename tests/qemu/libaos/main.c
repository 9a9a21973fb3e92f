/* Runs all tests and powers off. */
#include <stdlib.h>
#include <string.h>

#include <abi/user.h>
#include <kpi/bootinfo.h>
#include <aos/cap.h>
#include <aos/dispatch.h>
#include <aos/ram.h>
#include <aos/slot.h>

#include "libtest.h"

static const struct libtest *const groups[] = {
    libtest_memory,
    libtest_threads,
    libtest_faults,
    libtest_lazy,
    libtest_collector,
    libtest_reserves,
    libtest_heap,
    libtest_priorities,
};
static const char *current = "start";
static int number;

errval_t aos_rpc_init(void)
{
    return ERR_OK;
}

/* No channels here: nothing arrives but events of the dispatcher. */
void chan_asked_disabled(void)
{
}

void chan_interrupted_disabled(struct kpi_regs *regs)
{
}

void chan_deliver_disabled(uint64_t cookie, const struct lmp_msg *msg)
{
    libtest_failed();
}

static void __attribute__((noreturn)) libtest_end(bool passed)
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
}

uint64_t libtest_random(void)
{
    static uint64_t state = 0x9e3779b97f4a7c15ull;
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dull;
}

/* The machine's RAM as the pool's source: pieces of the largest region, never used twice. */
static struct {
    caddr_t cap;
    uint64_t base, used, bytes;
} boot_ram;

static errval_t source_alloc(void *arg, uint64_t bytes, uint64_t align, caddr_t *ret_ram,
                             uint64_t *ret_bytes)
{
    caddr_t slot;
    uint64_t at = aos_round_up(boot_ram.base + boot_ram.used, align) - boot_ram.base;
    errval_t err = at + bytes > boot_ram.bytes ? LIB_ERR_NO_MEMORY : slot_alloc(&slot);
    if (err_is_ok(err)) {
        err = cap_retype(slot, boot_ram.cap, at, CAPTYPE_RAM, bytes, 1);
    }
    if (err_is_ok(err)) {
        boot_ram.used = at + bytes;
        *ret_ram = slot;
        *ret_bytes = bytes;
    }
    return err;
}

static void source_free(void *arg, caddr_t ram, uint64_t bytes)
{
    (void)cap_destroy(ram);
    libtest_returned += bytes;
}

uint64_t libtest_returned;

const struct ram_source libtest_boot_source = { .alloc = source_alloc, .free = source_free };

static void use_boot_ram(void)
{
    const struct kpi_bootinfo *info = (const void *)KPI_BOOTINFO_VA;
    for (uint32_t i = 0; i < info->cap_count; i++) {
        const struct kpi_boot_cap *c = &info->caps[i];
        if (c->kind == KPI_BOOT_RAM && c->bytes > boot_ram.bytes) {
            boot_ram.cap = c->cap;
            boot_ram.base = c->base;
            boot_ram.bytes = c->bytes;
        }
    }
    ram_set_source(&libtest_boot_source);
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
    static const char wanted[] = "libtest=";
    const char *args = ((const struct kpi_bootinfo *)KPI_BOOTINFO_VA)->bootargs;
    const char *at = strstr(args, wanted);
    if (at != NULL) {
        libtest_die(at + sizeof(wanted) - 1);
        libtest_end(false);
    }
    for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        for (const struct libtest *t = groups[g]; t->name != NULL; t++) {
            count++;
        }
    }
    printf("1..%d\n", count);
    use_boot_ram();
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
}
