/* See revokes.h. Invariant: as long as something waits, a try is due: a revoke is under way, whose
 * end is told, or the timer is set. */
#include "revokes.h"

#include <aos/time.h>

#include "share.h"

/* Until it is tried again if no revoke is under way: the tables are full of what programs have, or
 * the object is ending. Programs delete what they have without a word. */
#define REVOKES_RETRY_NS 1000000ull

static struct {
    struct waitset *ws;
    struct revoke *head, **tail;         /* those that wait */
    struct waitset_timer retry;
    struct work again;
} revokes;

static void revokes_try(void *arg);

/* A revoke has ended. */
static void revokes_unmarked(void)
{
    if (revokes.head != NULL) {
        waitset_post(revokes.ws, &revokes.again);
    }
}

static void revokes_wait(struct revoke *r)
{
    r->next = NULL;
    *revokes.tail = r;
    revokes.tail = &r->next;
    if (caps_is_marking(share_caps()) || share_caps()->unmarked) {
        share_go_on();
    } else if (err_is_fail(waitset_timer_set(revokes.ws, &revokes.retry,
                                             time_deadline_ns(REVOKES_RETRY_NS), revokes_try,
                                             NULL))) {
        waitset_post(revokes.ws, &revokes.again);
    }
}

static void revokes_done(void *arg, errval_t err)
{
    struct revoke *r = arg;

    if (err_no(err) == RPC_ERR_AGAIN || err_no(err) == SYS_ERR_BUSY) {
        revokes_wait(r);
    } else {
        r->done(r->arg, err);
    }
}

void revokes_begin(struct revoke *r)
{
    if (r->bytes == 0) {
        caps_revoke(share_caps(), r->root, r->cap, revokes_done, r);
    } else {
        caps_revoke_part(share_caps(), r->root, r->cap, r->off, r->bytes, revokes_done, r);
    }
    share_go_on();
}

/* Each that waits once, in order; what has to go on waiting comes into a new list. */
static void revokes_try(void *arg)
{
    struct revoke *r = revokes.head, *next;

    (void)arg;
    revokes.head = NULL;
    revokes.tail = &revokes.head;
    for (; r != NULL; r = next) {
        next = r->next;
        revokes_begin(r);
    }
}

void revokes_init(struct waitset *ws)
{
    revokes.ws = ws;
    revokes.tail = &revokes.head;
    revokes.again.fn = revokes_try;
    share_on_unmarked(revokes_unmarked);
}
