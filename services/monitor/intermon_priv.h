/* Between intermon.c and intermon_open.c. */
#pragma once

#include <aos/server.h>
#include <if/intermon.h>
#include <if/intermon_server.h>

#include "intermon.h"
#include "objects.h"

/* A message that is still to be sent. */
enum intermon_kind {
    INTERMON_LINE, INTERMON_ROOT, INTERMON_CAPS, INTERMON_ONLINE, INTERMON_OFFLINE, INTERMON_AUDIT,
    INTERMON_LOOK, INTERMON_SEEN
};
struct intermon_item {
    struct intermon_item *next;
    uint8_t kind;                        /* enum intermon_kind */
    uint8_t sender, to;                  /* CAPS; ONLINE, OFFLINE: the core */
    bool crossing;                       /* LINE: its capability is on its way, which is awaited */
    bool dropped;                        /* meanwhile the core went off: in no list any more */
    struct line_wire wire;
    uint64_t tag;                        /* of the capability */
    caddr_t cap;
    struct intermon_cap_message message;
    struct intermon_audit_message audit;
    struct intermon_objects *objects;    /* LOOK, SEEN: of malloc */
    struct intermon_peer *peer;
};
struct intermon_objects {
    uint32_t number;
    size_t count;
    struct monitor_object all[OBJECTS_MAX];
};

/* Messages about capabilities do not wait for the others. */
enum { INTERMON_FIRST, INTERMON_SECOND, INTERMON_LISTS };
struct intermon_list {
    struct intermon_item *head, **tail;
};

struct intermon_peer {
    uint32_t core;
    bool up;                             /* `out` is open */
    bool waits;                          /* for room in `out` */
    uint8_t stale[LINE_PEERS_MAX];       /* by core: `offline` that it has not said back */
    struct intermon_binding out;
    struct intermon_list lists[INTERMON_LISTS];
    struct work connected;
    bool asks;                           /* `out` is open, or about to be */
    struct server_conn *in;
    caddr_t bell;                        /* of that core */
    struct event_source rung;            /* by that core */
};

/* Owned by intermon.c. */
struct intermon_ways {
    const struct intermon_host *host;
    struct waitset *ws;
    struct intermon_server server;
    struct intermon_peer peers[LINE_PEERS_MAX];
};
extern struct intermon_ways ways;

/* A `struct intermon_peer`: sends what waits. */
void intermon_flush(void *arg);
void intermon_free(struct intermon_item *i);
/* Tells the monitor of `peer` something of `core`. */
void intermon_tell(uint32_t peer, enum intermon_kind kind, uint32_t core);
