/* mem*: word by word, in general registers. The packaged library's are byte loops. Unaligned
 * words are fine in normal memory (SCTLR_EL1.A is 0 for user space); device memory is not copied
 * with these. */
#include "string_priv.h"

/* Reads all before it writes. */
static inline void copy_32(char *d, const char *s)
{
    uint64_t a = word_get(s);
    uint64_t b = word_get(s + 8);
    uint64_t c = word_get(s + 16);
    uint64_t e = word_get(s + 24);
    word_put(d, a);
    word_put(d + 8, b);
    word_put(d + 16, c);
    word_put(d + 24, e);
}

/* Without `restrict`, as memmove uses it for places that overlap: it goes forward, and reads each
 * 32 bytes before it writes there. */
void *memcpy(void *dest, const void *src, size_t bytes)
{
    char *d = dest;
    const char *s = src;
    for (; bytes >= 64; bytes -= 64, d += 64, s += 64) {
        copy_32(d, s);
        copy_32(d + 32, s + 32);
    }
    if (bytes >= 32) {
        copy_32(d, s);
        bytes -= 32, d += 32, s += 32;
    }
    for (; bytes >= 8; bytes -= 8, d += 8, s += 8) {
        word_put(d, word_get(s));
    }
    for (; bytes > 0; bytes--) {
        *d++ = *s++;
    }
    return dest;
}

void *memmove(void *dest, const void *src, size_t bytes)
{
    char *d = dest;
    const char *s = src;
    if ((uintptr_t)d - (uintptr_t)s >= bytes) {
        /* forward is safe, also for d below s: words are read before written */
        return memcpy(dest, src, bytes);
    }
    d += bytes;
    s += bytes;
    for (; bytes >= 32; bytes -= 32) {
        d -= 32;
        s -= 32;
        copy_32(d, s);
    }
    for (; bytes > 0; bytes--) {
        *--d = *--s;
    }
    return dest;
}

void *memset(void *dest, int value, size_t bytes)
{
    char *d = dest;
    uint64_t word = (uint8_t)value * WORD_ONES;
    for (; bytes >= 32; bytes -= 32, d += 32) {
        word_put(d, word);
        word_put(d + 8, word);
        word_put(d + 16, word);
        word_put(d + 24, word);
    }
    for (; bytes >= 8; bytes -= 8, d += 8) {
        word_put(d, word);
    }
    for (; bytes > 0; bytes--) {
        *d++ = (char)value;
    }
    return dest;
}

int memcmp(const void *left, const void *right, size_t bytes)
{
    const uint8_t *a = left;
    const uint8_t *b = right;
    for (; bytes >= 8 && word_get(a) == word_get(b); bytes -= 8) {
        a += 8;
        b += 8;
    }
    for (; bytes > 0; bytes--, a++, b++) {
        if (*a != *b) {
            return *a - *b;
        }
    }
    return 0;
}

void *memchr(const void *memory, int value, size_t bytes)
{
    const uint8_t *p = memory;
    uint64_t pattern = (uint8_t)value * WORD_ONES;
    for (; bytes >= 8 && !word_has_zero(word_get(p) ^ pattern); bytes -= 8) {
        p += 8;
    }
    for (; bytes > 0; bytes--, p++) {
        if (*p == (uint8_t)value) {
            return (void *)(uintptr_t)p;
        }
    }
    return NULL;
}
