/* Between line.c and line_ends.c. */
#pragma once

#include <aos/waitset.h>

#include "line.h"

/* A message that waits for room in the local channel. */
struct line_item {
    struct line_item *next;
    struct lmp_msg msg;
    caddr_t cap;
    bool answer;                         /* of this monitor: it was not passed on by the other */
};

struct line {
    struct raw_chan raw;                 /* first */
    struct line *next;                   /* of all lines */
    caddr_t end;                         /* at home, not bound yet; 0 from then on */
    uint32_t number, peer, serial;
    bool proxy;                          /* this is the proxy's side */
    bool used;                           /* something was passed */
    bool told, heard;                    /* this side has ended, the other has */
    uint64_t base;                       /* of the proxy's channel, to know it again */
    uint64_t side;
    struct line_item *head, **tail;
    uint32_t waiting, answers;           /* in the list, of them `answer` */
    uint32_t room;                       /* messages that may be passed on */
    uint32_t taken;                      /* of which the other monitor is still to be told */
    caddr_t ring;                        /* frame of the rings that the peers use instead */
    uint64_t ring_bytes;
    caddr_t ring_copy;                   /* for the client, until the server has answered */
    bool upgrading;                      /* the client has asked for them: call `upgrade_tx` */
    uint64_t upgrade_tx;
};

/* All lines of this monitor. */
struct lines {
    const struct line_host *host;
    struct waitset *ws;
    struct line *lines;
    uint32_t count, next_number, next_serial;
    struct line *homes[LINES_MAX];
    struct line *proxies[LINE_PEERS_MAX][LINES_MAX];
};

extern struct lines lines;

static inline struct line **line_place(uint32_t peer, uint32_t number, bool proxy)
{
    return proxy ? &lines.proxies[peer][number] : &lines.homes[number];
}

/* A line that a message of `peer` is about. NULL: there is none. */
struct line *line_find(uint32_t peer, uint32_t number, bool proxy);
/* NULL: no memory. */
struct line *line_new(uint32_t peer, uint32_t number, bool proxy);
/* Forgets a line that is closed. */
void line_free(struct line *l);
/* This side is over: whoever is at the local channel sees its end. */
void line_close(struct line *l);
/* Ends this side, and the line if the other side has ended already. */
void line_end(struct line *l);
/* Opens the local channel on `end`, which it takes. */
errval_t line_open(struct line *l, caddr_t end);
