/* What the TAP programs here share: a test is a function that returns whether all was well and says
 * in a comment line what was not. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include <aos/types.h>

struct taptest {
    const char *name;
    bool (*run)(void);
};

#define TAPTEST_COUNT(tests) ((unsigned)(sizeof(tests) / sizeof((tests)[0])))

/* Fails the surrounding test and says where. */
#define TRY(x)                                                                                    \
    do {                                                                                          \
        if (!(x)) {                                                                               \
            printf("# line %d: not so: %s\n", __LINE__, #x);                                      \
            return false;                                                                         \
        }                                                                                         \
    } while (0)

#define TRY_OK(x)                                                                                 \
    do {                                                                                          \
        errval_t try_err = (x);                                                                   \
        if (err_is_fail(try_err)) {                                                               \
            char try_text[160];                                                                   \
            (void)err_format(try_err, try_text, sizeof(try_text));                                \
            printf("# line %d: %s: %s\n", __LINE__, #x, try_text);                                \
            return false;                                                                         \
        }                                                                                         \
    } while (0)

static inline void taptest_plan(unsigned count)
{
    printf("1..%u\n", count);
}

/* The result of test `number`, counted from 1; returns `ok`. */
static inline bool taptest_end(unsigned number, const char *name, bool ok)
{
    printf("%s %u - %s\n", ok ? "ok" : "not ok", number, name);
    return ok;
}

/* Runs all tests, whatever becomes of each; returns the exit status. */
static inline int taptest_run(const struct taptest *tests, unsigned count)
{
    unsigned failed = 0;

    taptest_plan(count);
    for (unsigned i = 0; i < count; i++) {
        failed += !taptest_end(i + 1, tests[i].name, tests[i].run());
    }
    return failed != 0;
}
