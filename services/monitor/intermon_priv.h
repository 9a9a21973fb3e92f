/* Between intermon.c and intermon_open.c. */
#pragma once

#include <aos/server.h>
#include <if/intermon.h>
#include <if/intermon_server.h>

#include "intermon.h"
#include "mail_line.h"
#include "objects.h"

/* What a message that is still to be sent is (struct mail). */
enum intermon_kind {
    INTERMON_LINE, INTERMON_ROOT,        /* struct mail_line */
    INTERMON_CAPS,                       /* struct mail_caps */
    INTERMON_ONLINE, INTERMON_OFFLINE,   /* struct intermon_news */
    INTERMON_AUDIT, INTERMON_LOOK, INTERMON_SEEN,
};
#define INTERMON_NEWS 2u                 /* ONLINE, OFFLINE */
struct intermon_news {
    struct mail mail;
    uint8_t core;
};
struct intermon_audit {
    struct mail mail;
    struct intermon_audit_message message;
};
struct intermon_objects {
    struct mail mail;
    uint32_t number;
    size_t count;
    struct monitor_object all[OBJECTS_MAX];
};

/* Messages about capabilities do not wait for the others. */
enum { INTERMON_FIRST, INTERMON_SECOND, INTERMON_LISTS };

/* Of audits, those of a look and those about who wants one: each of which is answered before the
 * next one of its kind is sent (audit.c). */
enum { INTERMON_AUDIT_LOOKS, INTERMON_AUDIT_WISHES, INTERMON_AUDITS };

struct intermon_peer {
    uint32_t core;
    bool up;                             /* `out` is open */
    bool waits;                          /* for room in `out` */
    _Atomic bool stale[LINE_PEERS_MAX];  /* by core: it has not said `offline` back */
    struct intermon_binding out;
    struct mail_list lists[INTERMON_LISTS];
    /* A core that goes off comes back when all have said so, so there is one of each. */
    struct intermon_news news[INTERMON_NEWS][LINE_PEERS_MAX];
    struct intermon_audit audits[INTERMON_AUDITS];
    struct intermon_objects look, seen;  /* one question at a time (objects.c) */
    uint64_t refused[LINES_MAX / 64];    /* bits: lines of it that have ended at once */
    bool refuses;                        /* there are some */
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
    struct mail_box box;                 /* what is to be said about capabilities, to all */
    struct intermon_peer peers[LINE_PEERS_MAX];
};
extern struct intermon_ways ways;

/* What comes. */
extern const struct intermon_server_ops intermon_ops;

/* Says it to core `to`, or passes on what core `sender` says. */
void intermon_pass_caps(uint8_t sender, uint8_t to, const struct caps_msg *m);
/* A `struct intermon_peer`: sends what waits. */
void intermon_flush(void *arg);
/* Tells the monitor of `peer` something of `core`. */
void intermon_tell(uint32_t peer, enum intermon_kind kind, uint32_t core);
