/* One version of interface evolving: both sides of it, as seen from outside its shared object. */
#pragma once

#include <aos/binding.h>
#include <aos/server.h>

#define SIDE_FORMS 3u

/* What the handlers of a server saw. */
struct side_state {
    struct server server; /* struct evolving_server */
    uint32_t calls;       /* handlers that ran */
    uint32_t peers_gone;
    uint64_t kind, mode; /* as they came */
    uint64_t pokes, nudges, hints;
    uint64_t value;
};

struct side_client {
    struct binding binding; /* struct evolving_binding */
    uint64_t changed, extra, note;
};

struct side {
    uint16_t version;
    uint8_t kind;     /* the newest value */
    uint16_t mode;    /* all flags */
    uint32_t fields;  /* of the table */
    uint32_t member;  /* newest of the union */
    const struct client_interface *client;
    void (*serve)(struct side_state *s, struct waitset *ws);
    /* Sets the handlers of all events and subscribes to `changed`. */
    errval_t (*listen)(struct side_client *c, struct waitset *ws);

    errval_t (*add)(struct side_client *c, uint32_t a, uint32_t b, uint64_t *ret_sum);
    /* Sends the newest value and all flags. */
    errval_t (*kind_of)(struct side_client *c, uint8_t *ret_kind, uint16_t *ret_mode);
    /* Sends all fields; how many the server saw, and how many came back that are known here. */
    errval_t (*prefer)(struct side_client *c, uint32_t *ret_seen, uint32_t *ret_back);
    /* Sends the newest member; which one the server saw, and which one came back; 0: unknown. */
    errval_t (*aim)(struct side_client *c, uint32_t *ret_seen, uint32_t *ret_back);
    errval_t (*fire)(struct side_client *c, uint64_t value);
    errval_t (*poke)(struct side_client *c, uint64_t value);
    /* Since 2; before NULL. */
    /* Synchronous, begin and end, callback (which runs later). */
    errval_t (*put[SIDE_FORMS])(struct side_client *c, uint32_t key, uint32_t *ret_old);
    errval_t (*nudge)(struct side_client *c, uint64_t value);
    errval_t (*hint)(struct side_client *c, uint64_t value, const char *text);
    errval_t (*subscribe_extra)(struct side_client *c);
    errval_t (*subscribe_note)(struct side_client *c);
    /* Since 3; before NULL. */
    errval_t (*swap)(struct side_client *c, uint64_t value, uint64_t *ret_before);
    errval_t (*keep)(struct side_client *c, caddr_t cap, const caddr_t *more, size_t more_count);
};

#define SIDE_EXPORT __attribute__((visibility("default")))
extern SIDE_EXPORT const struct side evolving_v1, evolving_v2, evolving_v3;
