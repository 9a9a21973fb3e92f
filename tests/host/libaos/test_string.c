/* mem* and str* against the plain definitions. They are compiled under other names here. */
#include <check.h>

void *aos_memcpy(void *restrict dest, const void *restrict src, size_t bytes);
void *aos_memmove(void *dest, const void *src, size_t bytes);
void *aos_memset(void *dest, int value, size_t bytes);
int aos_memcmp(const void *left, const void *right, size_t bytes);
void *aos_memchr(const void *memory, int value, size_t bytes);
size_t aos_strlen(const char *text);
size_t aos_strnlen(const char *text, size_t max);
int aos_strcmp(const char *left, const char *right);
int aos_strncmp(const char *left, const char *right, size_t max);
char *aos_strchr(const char *text, int value);
char *aos_strcpy(char *restrict dest, const char *restrict src);

#define SIZE 512u

static uint64_t seed = 3;
static _Alignas(16) uint8_t a[SIZE], b[SIZE], model[SIZE];

static void LIB1030_copy_and_set(void)
{
    for (int step = 0; step < 30000; step++) {
        size_t bytes = check_random(&seed) % 130;
        size_t to = check_random(&seed) % (SIZE - bytes);
        size_t from = check_random(&seed) % (SIZE - bytes);
        int value = (int)(check_random(&seed) % 512);
        for (unsigned i = 0; i < SIZE; i++) {
            model[i] = a[i] = (uint8_t)check_random(&seed);
            b[i] = (uint8_t)check_random(&seed);
        }
        switch (step % 3) {
        case 0:
            CHECK(aos_memcpy(a + to, b + from, bytes) == a + to);
            memcpy(model + to, b + from, bytes);
            break;
        case 1:
            CHECK(aos_memmove(a + to, a + from, bytes) == a + to);
            memmove(model + to, model + from, bytes);
            break;
        default:
            CHECK(aos_memset(a + to, value, bytes) == a + to);
            memset(model + to, value, bytes);
        }
        CHECK(memcmp(a, model, SIZE) == 0);
    }
}

static int sign(int x)
{
    return (x > 0) - (x < 0);
}

static void LIB1031_compare_and_search(void)
{
    for (int step = 0; step < 30000; step++) {
        size_t at_a = check_random(&seed) % 100;
        size_t at_b = step % 2 == 0 ? at_a : check_random(&seed) % 100;
        size_t length = check_random(&seed) % 100;
        for (unsigned i = 0; i < SIZE; i++) {
            a[i] = b[i] = (uint8_t)(check_random(&seed) % 3 + (step % 2 == 0 ? 254 : 1));
        }
        memcpy(b + at_b, a + at_a, 150);
        b[at_b + length] = (uint8_t)check_random(&seed);
        a[at_a + 120] = 0;
        b[at_b + 120] = 0;
        const char *s = (const char *)a + at_a;
        const char *t = (const char *)b + at_b;
        size_t max = check_random(&seed) % 140;
        int c = (int)(check_random(&seed) % 4);
        CHECK_EQ(aos_strlen(s), strlen(s));
        CHECK_EQ(aos_strnlen(s, max), strnlen(s, max));
        CHECK_EQ(sign(aos_strcmp(s, t)), sign(strcmp(s, t)));
        CHECK_EQ(sign(aos_strncmp(s, t, max)), sign(strncmp(s, t, max)));
        CHECK_EQ(sign(aos_memcmp(s, t, max)), sign(memcmp(s, t, max)));
        CHECK(aos_memchr(s, c, max) == memchr(s, c, max));
        CHECK(aos_strchr(s, c) == strchr(s, c));
        char copy[SIZE];
        CHECK(strcmp(aos_strcpy(copy, s), s) == 0);
    }
}

int main(void)
{
    RUN(LIB1030_copy_and_set);
    RUN(LIB1031_compare_and_search);
    return 0;
}
