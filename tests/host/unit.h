// Unit tests on the host: TAP with the plan first. A test program has one table of tests and
//     int main(void) { return UNIT_RUN(tests); }
// A test fails when a CHECK in it fails; the first failures are printed with their place.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define UNIT_SHOWN_MAX 10 // failures printed per test

struct unit_test {
    const char *name; // ID and sentence
    void (*run)(void);
};

static unsigned unit_failures; // of the running test

static inline bool unit_check(bool good, const char *what, const char *file, int line)
{
    if (!good && unit_failures++ < UNIT_SHOWN_MAX)
        printf("# %s:%d: %s\n", file, line, what);
    return good;
}

static inline bool unit_check_equal(uint64_t a, uint64_t b, const char *what, const char *file,
                                    int line)
{
    if (a != b && unit_failures++ < UNIT_SHOWN_MAX)
        printf("# %s:%d: %s: %#llx, not %#llx\n", file, line, what, (unsigned long long)a,
               (unsigned long long)b);
    return a == b;
}

static inline bool unit_check_string(const char *a, const char *b, const char *file, int line)
{
    bool good = a != NULL && strcmp(a, b) == 0;
    if (!good && unit_failures++ < UNIT_SHOWN_MAX)
        printf("# %s:%d: \"%s\", not \"%s\"\n", file, line, a != NULL ? a : "(null)", b);
    return good;
}

#define CHECK(condition)      unit_check((condition), #condition, __FILE__, __LINE__)
#define CHECK_EQUAL(a, b)     unit_check_equal((uint64_t)(a), (uint64_t)(b), #a, __FILE__, __LINE__)
#define CHECK_STRING(a, b)    unit_check_string((a), (b), __FILE__, __LINE__)

static inline int unit_run(const struct unit_test *tests, unsigned count)
{
    unsigned failed = 0;
    printf("1..%u\n", count);
    for (unsigned i = 0; i < count; i++) {
        unit_failures = 0;
        tests[i].run();
        failed += unit_failures > 0;
        printf("%s %u - %s\n", unit_failures > 0 ? "not ok" : "ok", i + 1, tests[i].name);
        fflush(stdout);
    }
    return failed > 0;
}

#define UNIT_RUN(tests) unit_run((tests), sizeof(tests) / sizeof((tests)[0]))

// Repeatable random numbers (xorshift); never seeded from the clock.
static inline uint64_t unit_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}
