/* The smallest test harness: CHECK ends the program with the place and the values. A test program
 * prints one line per test and ends with 0 if it got to its end. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(x)                                                                                  \
    do {                                                                                          \
        if (!(x)) {                                                                               \
            fprintf(stderr, "%s:%d: %s: not so: %s\n", __FILE__, __LINE__, __func__, #x);         \
            exit(1);                                                                              \
        }                                                                                         \
    } while (0)

#define CHECK_EQ(a, b)                                                                            \
    do {                                                                                          \
        unsigned long long check_a = (unsigned long long)(a);                                     \
        unsigned long long check_b = (unsigned long long)(b);                                     \
        if (check_a != check_b) {                                                                 \
            fprintf(stderr, "%s:%d: %s: %s is 0x%llx, expected 0x%llx\n", __FILE__, __LINE__,     \
                    __func__, #a, check_a, check_b);                                              \
            exit(1);                                                                              \
        }                                                                                         \
    } while (0)

#define CHECK_STR(a, b)                                                                           \
    do {                                                                                          \
        const char *check_s = (a), *check_t = (b);                                                \
        if (check_s == NULL || strcmp(check_s, check_t) != 0) {                                   \
            fprintf(stderr, "%s:%d: %s: %s is \"%s\", expected \"%s\"\n", __FILE__, __LINE__,     \
                    __func__, #a, check_s != NULL ? check_s : "(null)", check_t);                 \
            exit(1);                                                                              \
        }                                                                                         \
    } while (0)

#define RUN(test)                                                                                 \
    do {                                                                                          \
        test();                                                                                   \
        printf("ok %s\n", #test);                                                                 \
    } while (0)

/* A small generator (xorshift64*): the same numbers on every host. */
static inline uint64_t check_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dull;
}

/* Tests with an ID and a sentence each, as TAP with the plan first: return CHECK_MAIN(tests). */
struct check_test {
    const char *name;
    void (*run)(void);
};

static inline int check_main(const struct check_test *tests, unsigned count)
{
    printf("1..%u\n", count);
    for (unsigned i = 0; i < count; i++) {
        tests[i].run();
        printf("ok %u - %s\n", i + 1, tests[i].name);
    }
    return 0;
}

#define CHECK_MAIN(tests) check_main((tests), sizeof(tests) / sizeof((tests)[0]))
