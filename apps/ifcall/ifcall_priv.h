/* Between the files of ifcall. */
#pragma once

#include <aos/binding.h>
#include <aos/ifdesc.h>

/* A call of a method that was described, and what came of it. */
struct ifcall {
    const struct ifdesc *d;
    const struct ifdesc_method *m;
    struct ifdesc_room *room;
    struct ifdesc_message msg;
    struct ifdesc_value *results; /* NULL: a oneway */
    void (*on_item)(struct ifcall *c, const struct ifdesc_value *item); /* of a stream */
    caddr_t caps[MSG_CAPS_MAX];   /* received; the caller's */
    uint32_t caps_info[MSG_CAPS_MAX];
    uint32_t caps_count;
};

/* How the binding comes about: opens `b`, or takes what `peer` is away and fails. */
typedef errval_t (*ifcall_open)(void *peer, struct binding *b,
                                const struct client_interface *iface);

/* Binds and calls with c->msg. Without an error the results are set; if they are no value of their
 * type the error is RPC_ERR_BAD_REPLY and c->room->wrong says why. */
errval_t ifcall_call(struct ifcall *c, ifcall_open open, void *peer);
/* Frees what the results were lent. */
void ifcall_free(struct ifcall *c);
