/* What the generated part of a proof program (harness.py) shares with proof.c: a description of
 * each interface, and functions that write values down as text. */
#pragma once

#include <aos/binding.h>
#include <aos/server.h>

struct proof_interface {
    const struct client_interface *client;
    const struct server_interface *server;
    const void *server_ops;  /* handlers that pass everything on through `binding` */
    struct binding *binding; /* of the client in the middle */
    const void *event_ops;   /* NULL: it has no events */
};

extern const struct proof_interface *const proof_interfaces[];
extern const uint32_t proof_interfaces_count;

/* The connection of the first server, to which events are passed on. */
extern struct server_conn *proof_conn;

/* Writing down, in the order of the declarations: `name=...`. */
void proof_line(const char *what);
void proof_end_line(void);
void proof_error(errval_t err);
void proof_number(const char *name, uint64_t value);
void proof_integer(const char *name, int64_t value);
void proof_bytes(const char *name, const void *bytes, size_t count);
void proof_absent(const char *name);
void proof_open(const char *name);
void proof_close(void);

/* A capability, as its type and rights. In a handler (`ctx` not NULL) one that is moved becomes the
 * handler's; elsewhere one that is `kept` after it was sent on is deleted when the message is done.
 */
void proof_cap(struct server_ctx *ctx, const char *name, caddr_t cap, bool kept);
/* The same for a handler that answers later: it also takes what it does not keep, until the message
 * is done. */
void proof_cap_held(struct server_ctx *ctx, const char *name, caddr_t cap, bool kept);
/* Memory for `bytes` bytes until the message is done. */
void *proof_memory(size_t bytes);
/* All of a lease, copied to memory until the message is done. */
void *proof_lease(const struct lease *l, bool strings);
