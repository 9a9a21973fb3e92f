/* Interfaces that a program learns of when it runs: the boot module `interfaces` holds a
 * description of each (stubgen's back end ifdesc tells its format). With it values are read from
 * text, encoded, decoded and printed without generated code. Nothing here allocates; whatever is
 * larger than the room given is refused.
 *
 * Values as text, in what is read and in what is printed:
 *   integer     17 -3 0x11                  string     "a b", or bare where nothing is unclear
 *   bool        true false                  bytes      00ff7f, or "text"
 *   enum        its name, or a number       strings    ["a", "b"]
 *   flags       a|b|0x40, or 0              array      [1, 2]
 *   struct      {a=1, b=2}                  table      {a=1}: the fields that are there
 *   optional    left out, or `none`         union      {a=1}: one of them
 *   capability  read: number of a slot; printed: cap0, cap1, ... of the message
 *   lend in     as bytes or strings         lend out   read: bytes of room; printed: as bytes
 */
#pragma once

#include <aos/binding.h>
#include <aos/lend.h>
#include <aos/msg.h>
#include <aos/types.h>

#define IFDESC_MODULE    "interfaces" /* of the boot image: one behind the other */
#define IFDESC_WRONG_MAX 128u         /* bytes of a message that says what is wrong */
#define IFDESC_LENDS_MAX 15u          /* leases of one call that can be described */

/* One description in memory, checked as far as its own bounds go. */
struct ifdesc {
    const uint32_t *w;
    uint32_t count; /* words */
    const char *pool;
    uint32_t pool_bytes;
};

/* Finds the description of interface `id` among `bytes` bytes at `bundle` (aligned to 8). False:
 * there is none. */
bool ifdesc_find(const void *bundle, size_t bytes, uint32_t id, struct ifdesc *ret_d);
const char *ifdesc_name(const struct ifdesc *d);
/* The canonical text: one line per type and method. */
const char *ifdesc_text(const struct ifdesc *d);
uint64_t ifdesc_hash(const struct ifdesc *d);
uint16_t ifdesc_id(const struct ifdesc *d);
uint16_t ifdesc_version(const struct ifdesc *d);
/* What a binding must know, but for deadline and methods. */
void ifdesc_client_interface(const struct ifdesc *d, struct client_interface *ret_iface);

struct ifdesc_method {
    const char *name;
    uint16_t ordinal;
    uint8_t kind; /* MSG_CALL, MSG_ONEWAY or MSG_EVENT */
    bool large;   /* as in struct client_method */
    uint32_t since;
    uint32_t request_type, request_image;
    uint32_t reply_type, reply_image, bulk_image;
    uint32_t results; /* fields of the reply type without the lent buffers behind them */
    uint32_t fails_count, fails;
    uint8_t window; /* of its stream; 0: it has none */
    uint32_t item_type, item_image;
};

/* By name (`name_len` bytes), or by ordinal. False: there is none. */
bool ifdesc_method(const struct ifdesc *d, const char *name, size_t name_len,
                   struct ifdesc_method *ret_m);
bool ifdesc_method_at(const struct ifdesc *d, uint32_t ordinal, struct ifdesc_method *ret_m);
/* The code of error `index` of those that it lists. */
uint16_t ifdesc_fails(const struct ifdesc *d, const struct ifdesc_method *m, uint32_t index);
/* Its line of the canonical text; NULL: none. `ret_len` without the end of the line. */
const char *ifdesc_signature(const struct ifdesc *d, const struct ifdesc_method *m,
                             size_t *ret_len);

/* A value and its parts. What it points to lives as long as the text or words it was made of. */
struct ifdesc_value {
    uint32_t type;  /* of the description; that of an optional is what it holds */
    uint32_t count; /* bytes, or parts in `kids` */
    bool optional;
    bool present;
    bool cut;  /* not all of it was in the message */
    bool bulk; /* lent: the bytes stand in the region */
    uint64_t number;
    const uint8_t *bytes;
    struct ifdesc_value *kids;
};

/* A message without a header. */
struct ifdesc_message {
    uint64_t words[MSG_WORDS_MAX];
    uint32_t count;
    uint64_t caps[MSG_CAPS_MAX]; /* the numbers in the text */
    uint32_t caps_modes[MSG_CAPS_MAX]; /* rights | IFDESC_CAP_* << 8 */
    uint32_t caps_count;
    struct lend_info lend_info[IFDESC_LENDS_MAX];
    struct lend_set lends; /* count 0: no leases */
    struct binding_lend lent[IFDESC_LENDS_MAX];
};

/* Room for values and for bytes that are read from text, and what went wrong. */
struct ifdesc_room {
    struct ifdesc_value *values;
    uint32_t values_max, values_used;
    uint8_t *bytes;
    uint32_t bytes_max, bytes_used;
    struct ifdesc_message again; /* what was read, encoded once more */
    char wrong[IFDESC_WRONG_MAX];
};

#define IFDESC_CAP_MOVE   0u
#define IFDESC_CAP_COPY   1u
#define IFDESC_CAP_BORROW 2u
#define IFDESC_CAP_END    3u

/* Reads NAME=VALUE arguments as the parameters of `m`. False: room->wrong says what is wrong. */
bool ifdesc_parse(const struct ifdesc *d, const struct ifdesc_method *m, int argc,
                  char *const argv[], struct ifdesc_room *room, struct ifdesc_value **ret_values);
/* The request for these parameters. Bytes that are lent and may be too large for the message are in
 * `lent`, whose `out` the caller sets before it calls lend_words. False: as above. */
bool ifdesc_encode(const struct ifdesc *d, const struct ifdesc_method *m,
                   const struct ifdesc_value *values, struct ifdesc_room *room,
                   struct ifdesc_message *ret_msg);
/* Any value of `type` as `image`, for both directions. */
bool ifdesc_encode_image(const struct ifdesc *d, uint32_t image, const struct ifdesc_value *values,
                         struct ifdesc_room *room, struct ifdesc_message *msg);
/* Reads a request or reply. `cut`: only the first `count` of its words are there, and the values
 * tell so. False: it is not the encoding of a value. */
bool ifdesc_decode(const struct ifdesc *d, uint32_t type, uint32_t image, const uint64_t *words,
                   uint32_t count, bool cut, struct ifdesc_room *room,
                   struct ifdesc_value **ret_values);

/* How many capabilities these values have. */
uint32_t ifdesc_caps(const struct ifdesc *d, const struct ifdesc_value *values);

/* Where text goes. */
struct ifdesc_out {
    void (*put)(void *arg, const char *text, size_t bytes);
    void *arg;
};
/* Prints fields [from, to) of a struct as name=value, `between` in between. */
void ifdesc_print_fields(const struct ifdesc *d, const struct ifdesc_value *values, uint32_t from,
                         uint32_t to, const char *between, const struct ifdesc_out *out);
/* The same for all of them. */
void ifdesc_print(const struct ifdesc *d, const struct ifdesc_value *values, const char *between,
                  const struct ifdesc_out *out);
