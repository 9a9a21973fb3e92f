/* Any bytes as messages for generated code. `stubgen gen --target fuzz` makes a description of one
 * interface; fuzz.c makes this chain of it, all in one process over loopback:
 *
 *     raw client -> generated server, whose handlers call the generated client -> raw server
 *
 * The raw ends are the runtime without generated code: they send the words and capabilities of an
 * input. Requests and events are read by the generated server and client, then made again by them;
 * replies and items of streams the other way. An input is one record, read by `struct fuzz_input`,
 * whose bytes are 0 where it ends too soon:
 *
 *     u16 ordinal   u8 flags (FUZZ_*)   SIDE request or event   SIDE reply or item   u8 grow
 *     SIDE: u8 words, u64 each; u8 capabilities, u8 type and u8 rights each     (little endian)
 *
 * `grow` n: the nth length that a handler passes on is one beyond its bound; 0: none.
 */
#pragma once

#include <aos/binding.h>
#include <aos/server.h>

enum {
    FUZZ_ASYNC = 1, /* the handler calls with begin and end */
    FUZZ_ERROR = 2, /* the raw server answers RPC_ERR_AGAIN */
    FUZZ_REGS = 4,  /* a call in registers gets the reply as the one-trap call would leave it */
    FUZZ_MORE = 8,  /* that reply's header says that more capabilities follow */
    FUZZ_DEFER = 16, /* the handler answers by a responder, or puts an item into its stream */
    FUZZ_FLAGS = 5,
};

/* Where a length has grown, and what has to come of it. */
enum fuzz_grown {
    FUZZ_GROWN_NONE,
    FUZZ_GROWN_REQUEST, /* the generated client returns RPC_ERR_TOO_LARGE */
    FUZZ_GROWN_EVENT,   /* none arrives */
    FUZZ_GROWN_RESULT,  /* the raw client gets RPC_ERR_TOO_LARGE */
    FUZZ_GROWN_COUNT,   /* of a lent buffer: it gets RPC_ERR_BAD_REPLY */
    FUZZ_GROWN_ITEM,    /* putting it fails with RPC_ERR_TOO_LARGE */
};

struct fuzz_interface {
    const struct client_interface *client;
    const struct server_interface *server;
    const void *server_ops;
    struct binding *middle; /* of the generated client */
    const void *event_ops;  /* NULL: there are no events */
};

/* In the generated file. */
extern const struct fuzz_interface fuzz_interface;

/* For the generated file. */
extern struct server_conn *fuzz_conn; /* to which events are passed on */
extern bool fuzz_async, fuzz_deferred;
bool fuzz_grows(enum fuzz_grown kind); /* Is the next length the one that grows? */
void fuzz_put(errval_t err);           /* what came of an item */
void fuzz_called(void);                /* a handler runs */
errval_t fuzz_returned(errval_t err); /* what the generated client returned; gives it back */
/* Leaves the last word of the reply before this one wherever the stack grows to: what is read but
 * did not come looks as good as possible. */
void fuzz_stack(void);
/* All of a lease, or as much memory, until the input is done. */
void *fuzz_lease(const struct lease *l, bool read);

/* For a program that has inputs. */
/* A bound of a method of the generated server that is not kept: the ordinal << 3, and which of
 * words_min, words_max, caps_min, caps_max, from 1. 0: none; set before the first input. */
extern uint32_t fuzz_unbounded;
struct fuzz_input {
    const uint8_t *at, *end;
};
struct fuzz_outcome {
    uint32_t called;   /* handlers that ran */
    errval_t returned; /* by the generated client: the last time */
    errval_t answer;   /* what the raw client got */
    errval_t put;      /* an item */
    uint32_t events;   /* that the raw client got */
    enum fuzz_grown grown;
};

/* One input, taken apart. */
struct fuzz_side {
    uint32_t words_count, caps_count;
    uint64_t words[MSG_WORDS_MAX];
    uint8_t type[MSG_CAPS_MAX], rights[MSG_CAPS_MAX];
};
struct fuzz_record {
    uint32_t ordinal, flags, grow;
    struct fuzz_side request, reply;
};
enum {
    FUZZ_SIDE_MAX = 1 + 8 * MSG_WORDS_MAX + 1 + 2 * MSG_CAPS_MAX, /* bytes */
    FUZZ_RECORD_MAX = 4 + 2 * FUZZ_SIDE_MAX,
};

void fuzz_read(struct fuzz_input *input, struct fuzz_record *ret_record);
struct fuzz_outcome fuzz_one(struct fuzz_input *input);
