/* Mail: what a monitor has still to say to another one, in the order in which it goes. Whoever
 * sends must not run out of memory where the others rely on being told, so what they cannot do
 * without has a place from the beginning (struct mail_box, for capabilities) or from before the
 * first change that it tells of (mail_line.h, for lines).
 *
 * Why a mail_box has room for all there is to be said about capabilities (caps.h): an operation of
 * core A has with another core B at any time one question or the answer to it on its way, never two
 * (struct caps_op, `asked`: who has not answered is not asked), and who passes a question on (VIA,
 * REHOME) does not answer it. So there is a place for each core A, each of its operations, and each
 * core B. If one is still taken, the operation that it was for has ended without waiting, since a
 * core went off: of the two the older message is dropped, which nobody waits for any more. */
#pragma once

#include <stdbool.h>

#include "caps.h"

enum mail_store {
    MAIL_HEAP,                           /* of malloc */
    MAIL_KEPT,                           /* in a place of its own */
    MAIL_RESERVE,                        /* mail_line.h */
};

struct mail {
    struct mail *next;
    uint8_t kind;                        /* the sender's */
    uint8_t store;                       /* enum mail_store */
    bool queued;
};

struct mail_list {
    struct mail *head, **tail;
};

void mail_list_init(struct mail_list *list);
/* To the end of the list. */
void mail_add(struct mail_list *list, struct mail *m);
/* The first, which there is. */
struct mail *mail_take(struct mail_list *list);
void mail_remove(struct mail_list *list, struct mail *m);

/* From the monitor of core `sender` to that of `to`. */
struct mail_caps {
    struct mail mail;
    struct mail_list *list;              /* in which it is */
    uint8_t sender, to;
    struct caps_msg msg;
};

struct mail_box {
    uint32_t cores;
    struct mail_caps *places;            /* MAIL_PLACES(cores) */
};

#define MAIL_PLACES(cores) ((cores) * CAPS_OPS_MAX * (cores))

enum mail_put {
    MAIL_NEW,                            /* it waits in the list */
    MAIL_INSTEAD,                        /* the same, and an older one was dropped */
    MAIL_LATE,                           /* it is older than what waits: dropped */
};

/* Numbers of cores are below `cores`. */
enum mail_put mail_put_caps(struct mail_box *box, struct mail_list *list, uint8_t kind,
                            uint8_t sender, uint8_t to, const struct caps_msg *msg);
