// The kernel's formatter against the C library's.
#include <check.h>

#include <kernel/format.h>
#include <limits.h>

#define ROUNDS      20000
#define FORMAT_SEED 0xda3e39cb94b95bdbul

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat"

// Both formatters write the same text and return the same length, for a large and a small buffer.
#define CHECK_SAME(...)                                                                            \
    do {                                                                                           \
        char ours_[200], theirs_[200], cut_[8];                                                    \
        memset(ours_, '#', sizeof(ours_));                                                         \
        memset(cut_, '#', sizeof(cut_));                                                           \
        int expected_ = snprintf(theirs_, sizeof(theirs_), __VA_ARGS__);                           \
        CHECK_EQ(format_string(ours_, sizeof(ours_), __VA_ARGS__), expected_);                  \
        CHECK_STR(ours_, theirs_);                                                              \
        CHECK_EQ(format_string(cut_, 5, __VA_ARGS__), expected_);                               \
        CHECK(strncmp(cut_, theirs_, 4) == 0 && memchr(cut_, '\0', 5) != NULL && cut_[5] == '#');  \
    } while (0)

static void test_plain(void)
{
    CHECK_SAME("%s", "");
    CHECK_SAME("100%% of %s and %c", "text", 'x');
    CHECK_SAME("[%10s][%-10s][%.2s][%5.1s]", "abc", "abc", "abc", "abc");
    CHECK_SAME("[%*d][%-*d][%.*s]", 6, 42, 6, 42, 2, "abc");
    CHECK_SAME("%d %d %u %x", INT_MIN, INT_MAX, UINT_MAX, UINT_MAX);
    CHECK_SAME("%ld %lu %llx %zu", LONG_MIN, ULONG_MAX, ULLONG_MAX, (size_t)-1);
    CHECK_SAME("%hhd %hd %hhu %hx", -129, 70000, 511, 0x12345);
    CHECK_SAME("[%5.0d][%.0d][%d]", 0, 0, 0);
    CHECK_SAME("%p", (void *)0x1234);
    char none[1] = {'#'};
    CHECK_EQ(format_string(none, 0, "abc"), 3);
    CHECK_EQ(none[0], '#');
}

static void test_random(void)
{
    static const char *const lengths[] = {"", "l", "ll", "h", "hh", "z"};
    uint64_t random = FORMAT_SEED;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t r = check_random(&random), value = check_random(&random);
        value >>= r % 64; // numbers of every size
        char spec[32];
        const char *length = lengths[(r >> 8) % 6];
        int at = snprintf(spec, sizeof(spec), "%%%s%s", r & 1 << 16 ? "-" : "",
                          r & 1 << 17 ? "0" : "");
        if (r & 1 << 18)
            at += snprintf(spec + at, 8, "%u", (unsigned)(r >> 24) % 25);
        if (r & 1 << 19)
            at += snprintf(spec + at, 8, ".%u", (unsigned)(r >> 32) % 25);
        snprintf(spec + at, 8, "%s%c", length, "duxX"[(r >> 40) % 4]);
        if (!strcmp(length, "l") || !strcmp(length, "ll") || !strcmp(length, "z"))
            CHECK_SAME(spec, value);
        else
            CHECK_SAME(spec, (unsigned)value);
    }
}

static const struct check_test tests[] = {
    {"FORMAT0001 every conversion", test_plain},
    {"FORMAT0002 random numbers, flags, widths and precisions", test_random},
};

int main(void)
{
    return CHECK_MAIN(tests);
}
