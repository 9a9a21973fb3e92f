/* str*: the ones that matter for speed; the rest comes from the packaged library. Reading a
 * whole aligned word never crosses into another page, so bytes behind the terminator are
 * harmless to read. */
#include "string_priv.h"

__attribute__((no_sanitize_address)) size_t strlen(const char *text)
{
    const char *p = text;
    while ((uintptr_t)p % 8 != 0) {
        if (*p == '\0') {
            return (size_t)(p - text);
        }
        p++;
    }
    uint64_t word = word_get(p);
    while (!word_has_zero(word)) {
        p += 8;
        word = word_get(p);
    }
    /* The lowest set top bit belongs to the first zero byte. */
    uint64_t zeros = (word - WORD_ONES) & ~word & WORD_TOPS;
    return (size_t)(p - text) + (size_t)__builtin_ctzll(zeros) / 8;
}

size_t strnlen(const char *text, size_t max)
{
    const char *end = memchr(text, '\0', max);
    return end == NULL ? max : (size_t)(end - text);
}

__attribute__((no_sanitize_address)) int strcmp(const char *left, const char *right)
{
    const uint8_t *a = (const uint8_t *)left;
    const uint8_t *b = (const uint8_t *)right;
    if (((uintptr_t)a | (uintptr_t)b) % 8 == 0) {
        while (word_get(a) == word_get(b) && !word_has_zero(word_get(a))) {
            a += 8;
            b += 8;
        }
    }
    while (*a != 0 && *a == *b) {
        a++;
        b++;
    }
    return *a - *b;
}

int strncmp(const char *left, const char *right, size_t max)
{
    const uint8_t *a = (const uint8_t *)left;
    const uint8_t *b = (const uint8_t *)right;
    for (; max > 0; max--, a++, b++) {
        if (*a != *b || *a == 0) {
            return *a - *b;
        }
    }
    return 0;
}

char *strchr(const char *text, int value)
{
    for (;; text++) {
        if (*text == (char)value) {
            return (char *)(uintptr_t)text;
        }
        if (*text == '\0') {
            return NULL;
        }
    }
}

char *strcpy(char *restrict dest, const char *restrict src)
{
    return memcpy(dest, src, strlen(src) + 1);
}
