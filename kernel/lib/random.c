/* The generator: ChaCha20 blocks (RFC 8439, section 2.3) keyed with the boot seed. After each
 * block half of it becomes the next key, so that earlier output cannot be computed from the
 * state. */
#include <kernel/random.h>
#include <kernel/string.h>

#define RANDOM_KEY_BYTES 32u
#define RANDOM_DOUBLE_ROUNDS 10u

/* Owner: this file; replaced with every use, so that old output cannot be computed again. */
static uint32_t random_key[RANDOM_KEY_BYTES / 4];

static inline uint32_t random_rotate(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

static inline __attribute__((always_inline)) void
random_quarter(uint32_t *s, unsigned a, unsigned b, unsigned c, unsigned d)
{
    s[a] += s[b];
    s[d] = random_rotate(s[d] ^ s[a], 16);
    s[c] += s[d];
    s[b] = random_rotate(s[b] ^ s[c], 12);
    s[a] += s[b];
    s[d] = random_rotate(s[d] ^ s[a], 8);
    s[c] += s[d];
    s[b] = random_rotate(s[b] ^ s[c], 7);
}

/* One block for the current key, counter 0, and `nonce`. */
static void random_block(uint64_t nonce, uint32_t ret_block[16])
{
    uint32_t start[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
    uint32_t s[16];

    memcpy(&start[4], random_key, sizeof(random_key));
    start[14] = (uint32_t)nonce;
    start[15] = (uint32_t)(nonce >> 32);
    memcpy(s, start, sizeof(s));
    for (unsigned i = 0; i < RANDOM_DOUBLE_ROUNDS; i++) {
#pragma GCC unroll 4 /* with known places the state stays in registers */
        for (unsigned c = 0; c < 4; c++) {
            random_quarter(s, c, 4 + c, 8 + c, 12 + c);
        }
#pragma GCC unroll 4
        for (unsigned c = 0; c < 4; c++) {
            random_quarter(s, c, 4 + (c + 1) % 4, 8 + (c + 2) % 4, 12 + (c + 3) % 4);
        }
    }
    for (unsigned i = 0; i < 16; i++) {
        ret_block[i] = s[i] + start[i];
    }
}

void random_init(const uint8_t *seed, size_t seed_bytes, uint64_t time)
{
    uint32_t block[16];
    size_t done = 0;

    /* Absorbs the seed by one key's length at a time. */
    do {
        size_t n = seed_bytes - done < RANDOM_KEY_BYTES ? seed_bytes - done : RANDOM_KEY_BYTES;
        uint8_t *key = (uint8_t *)random_key;

        for (size_t i = 0; i < n; i++) {
            key[i] ^= seed[done + i];
        }
        random_block(time, block);
        memcpy(random_key, block, sizeof(random_key));
        done += n;
    } while (done < seed_bytes);
}

void random_words(uint64_t ret_words[4])
{
    uint32_t block[16];

    random_block(0, block);
    memcpy(random_key, block, sizeof(random_key));
    memcpy(ret_words, &block[8], 4 * sizeof(ret_words[0]));
}
