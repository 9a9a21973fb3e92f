/* Lent buffers. A call lends memory of its caller until the answer: `lend in` is read, `lend out`
 * filled by the server. What always fits the message travels in it. Anything else is a lease: a
 * word `len:32 | offset:31 | bulk:1` of the request. Without the bulk bit its bytes are in the
 * message all the same (`in`: the request, `out`: the reply); with it they stand at `offset` of
 * the binding's region, a frame of the client that both sides have mapped. Which of the two it is
 * follows from the sizes alone: the region is used if and only if the request with all its bytes,
 * or the largest reply for this room, would be more than MSG_WORDS_MAX words.
 *
 * The region may change under the server at any time, and may go away: all access is by copies
 * that survive that. Who reads a byte twice may see two values. Ranges of several calls may overlap
 * if the client says so; that is its own loss. */
#pragma once

#include <aos/chan.h>

#define LEND_ALIGN  64u /* where a lent buffer begins in the region */
#define LEND_BULK   (1ull << 63)
#define LEND_OFF(w) ((uint32_t)((w) >> 32 & 0x7fffffffu))

/* A lease of a method, generated. */
struct lend_info {
    uint32_t bound;      /* bytes */
    uint8_t word;        /* of the request */
    bool out;            /* else in */
    uint8_t count_word;  /* out: where the reply counts its bytes */
    uint8_t count_shift; /* in bits */
    uint8_t count_bits;  /* 32 or 64 */
};

/* All leases of a method, in the order of their parameters. */
struct lend_set {
    const struct lend_info *info;
    uint8_t count;
    uint8_t room_words; /* how many words of `lend out` bytes a reply has room for */
};

/* --- clients: for generated code ------------------------------------------------------------ */

/* One buffer of a call. */
struct binding_lend {
    const void *in;
    void *out;
    uint32_t len;
    uint32_t at; /* in: where its bytes belong among the words of the request */
    bool bulk;
};

/* Completes a request of `pos` words that has no lent bytes yet: puts in what fits and writes the
 * leases, without offsets. `words` has room for MSG_WORDS_MAX. Returns the number of words. */
uint32_t lend_words(const struct lend_set *set, struct binding_lend *lent, uint64_t *words,
                    uint32_t pos);

/* --- servers -------------------------------------------------------------------------------- */

struct server_conn;
struct server_ctx;

/* A lent buffer as a handler sees it, until it returns. Fields are private. */
struct lease {
    struct server_conn *conn; /* of whose region it is a part; NULL: the bytes are at `base` */
    uint8_t *base;
    uint32_t off;
    uint32_t len;
};

/* How many bytes are lent. */
static inline uint32_t lease_len(const struct lease *l)
{
    return l->len;
}
/* Copies bytes [off, off + n) of a `lend in` buffer. LIB_ERR_RANGE: they are not all lent;
 * RPC_ERR_PEER_GONE: the client took its memory back, and some of `dst` may have been written. */
errval_t lease_read(const struct lease *l, uint32_t off, void *dst, uint32_t n);
/* Copies all of a buffer of strings to `dst` and checks it there: RPC_ERR_MALFORMED. The rest as
 * lease_read. */
errval_t lease_read_strings(const struct lease *l, char *dst);
/* Copies bytes into a `lend out` buffer. Errors as lease_read. */
errval_t lease_write(struct lease *l, uint32_t off, const void *src, uint32_t n);

/* For generated code. */
/* The leases of a request, whose words are at hand. False: malformed. */
bool server_leases(struct server_ctx *ctx, const struct lend_set *set, const uint64_t *words,
                   struct lease *ret_lent);
/* Bytes of the message behind a lease: none if they are in the region. */
static inline uint32_t lease_inline_len(const struct lease *l)
{
    return l->conn == NULL ? l->len : 0;
}
/* Puts the first `n` bytes of a `lend out` buffer into a reply, from `bytes` or, NULL, from where
 * lease_write left them. RPC_ERR_BAD_REPLY: there is less room. */
errval_t lease_reply(struct lease *l, uint64_t *words, uint32_t *pos, const void *bytes,
                     uint64_t n);
