/* What the tests that run as init, alone with the kernel, share. They print TAP; a check that fails
 * ends the program and powers the machine off, and so does the last test. */
#pragma once

#include <stdio.h>

#include <kpi/bootinfo.h>

#include <abi/user.h>
#include <aos/chan.h>
#include <aos/ram.h>
#include <aos/slot.h>

struct inittest {
    const char *name;
    void (*run)(void);
};

#define INITTEST_COUNT(tests) ((int)(sizeof(tests) / sizeof((tests)[0])))

static const char *inittest_suite; /* what the last line says has passed or failed */
static const char *inittest_current = "start";
static int inittest_number;

static inline void __attribute__((noreturn)) inittest_end(bool passed)
{
    printf("%s %s\n", inittest_suite, passed ? "PASSED" : "FAILED");
    fflush(stdout);
    (void)inv_kernel_shutdown(KPI_CAP_KERNEL, 0);
    for (;;) {
    }
}

#define EXPECT(x)                                                                                  \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            printf("# %s:%d: not so: %s\nnot ok %d - %s\n", __FILE__, __LINE__, #x,                \
                   inittest_number, inittest_current);                                             \
            inittest_end(false);                                                                   \
        }                                                                                          \
    } while (0)

#define EXPECT_ERR(expected, call)                                                                 \
    do {                                                                                           \
        errval_t expect_err = (call);                                                              \
        if (expect_err != (expected)) {                                                            \
            printf("# %s:%d: %s: error 0x%llx\nnot ok %d - %s\n", __FILE__, __LINE__, #call,       \
                   (unsigned long long)expect_err, inittest_number, inittest_current);             \
            inittest_end(false);                                                                   \
        }                                                                                          \
    } while (0)

/* Gives the largest piece of RAM that the kernel has left to this program. */
static inline void inittest_use_boot_ram(void)
{
    const struct kpi_bootinfo *info = (const void *)KPI_BOOTINFO_VA;
    const struct kpi_boot_cap *best = NULL;
    for (uint32_t i = 0; i < info->cap_count; i++) {
        const struct kpi_boot_cap *c = &info->caps[i];
        if (c->kind == KPI_BOOT_RAM && (best == NULL || c->bytes > best->bytes)) {
            best = c;
        }
    }
    EXPECT(best != NULL);
    EXPECT_ERR(ERR_OK, ram_add(best->cap, best->base, best->bytes));
}

/* How many slots are in use when nothing is under way. */
static inline uint64_t inittest_slots(void)
{
    uint64_t used, total;
    chan_tidy();
    recv_slot_refill();
    slot_stats(&used, &total);
    return used;
}

/* Before anything else: the plan, and memory. */
static inline void inittest_start(const char *suite, int count)
{
    inittest_suite = suite;
    printf("1..%d\n", count);
    inittest_use_boot_ram();
}

static inline void __attribute__((noreturn)) inittest_run(const struct inittest *tests, int count)
{
    for (inittest_number = 1; inittest_number <= count; inittest_number++) {
        inittest_current = tests[inittest_number - 1].name;
        tests[inittest_number - 1].run();
        printf("ok %d - %s\n", inittest_number, inittest_current);
        fflush(stdout);
    }
    inittest_end(true);
}
