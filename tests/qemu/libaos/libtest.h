/* Tests of libaos from within. A test returns normally or fails through EXPECT, which ends the
 * run. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <aos/domain.h>
#include <aos/ram.h>

struct libtest {
    const char *name;
    void (*run)(void);
};

extern const struct libtest libtest_memory[];
extern const struct libtest libtest_reserves[];
extern const struct libtest libtest_heap[];
extern const struct libtest libtest_threads[];
extern const struct libtest libtest_priorities[];
extern const struct libtest libtest_faults[];
extern const struct libtest libtest_lazy[];
extern const struct libtest libtest_collector[];

#define EXPECT(x)                                                                                  \
    do {                                                                                          \
        if (!(x)) {                                                                               \
            printf("# %s:%d: not so: %s\n", __FILE__, __LINE__, #x);                              \
            libtest_failed();                                                                     \
        }                                                                                         \
    } while (0)

#define EXPECT_OK(err)                                                                             \
    do {                                                                                          \
        uint64_t libtest_err = (err);                                                             \
        if (libtest_err != 0) {                                                                   \
            printf("# %s:%d: %s: error 0x%llx\n", __FILE__, __LINE__, #err,                       \
                   (unsigned long long)libtest_err);                                              \
            libtest_failed();                                                                     \
        }                                                                                         \
    } while (0)

/* Prints `not ok` for the current test and powers off. */
void libtest_failed(void) __attribute__((noreturn));
uint64_t libtest_random(void);
/* A snapshot of what the domain uses; equal before and after a test that gives everything back. */
struct libtest_use {
    uint64_t ram_free, slots_used;
};
struct libtest_use libtest_use(void);
void libtest_same(struct libtest_use before);
/* The machine's RAM. */
extern const struct ram_source libtest_boot_source;
/* Bytes given back to the source of RAM so far. */
extern uint64_t libtest_returned;
/* Ends the domain in the way named, if it is one. */
void libtest_die(const char *way);
