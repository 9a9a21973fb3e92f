/* See objects.h. */
#include "objects.h"

#include <stdlib.h>

#include <aos/kernel.h>
#include <aos/kernel_caps.h>
#include <if/monitor.h>

#include "intermon.h"

_Static_assert(OBJECTS_MAX == MONITOR_OBJECTS_OBJECTS_MAX
               && OBJECTS_MAX == MONITOR_SPACE_OBJECTS_MAX, "monitor.if");

/* A question to another core, which has one at a time: the one before is answered then. */
struct objects_question {
    struct objects_question *next;
    uint32_t core, number;
    bool asked;
    struct monitor_object after;
    objects_done_fn done;
    void *arg;
};

static struct {
    struct objects_question *questions;  /* in order */
    uint32_t numbers;
} objects;

_Static_assert(MONITOR_TRAIT_ANCHOR == KPI_CAP_ANCHOR && MONITOR_TRAIT_KNOWN == KPI_CAP_KNOWN
               && MONITOR_TRAIT_SHARED == KPI_CAP_SHARED && MONITOR_TRAIT_USED == KPI_CAP_USED
               && MONITOR_TRAIT_PARTED == KPI_CAP_PARTED && MONITOR_TRAIT_LOAN == KPI_CAP_LOAN
               && MONITOR_TRAIT_MORE == KPI_CAP_MORE, "told as it is");

static struct monitor_object objects_told(const struct kernel_object *o)
{
    uint32_t number = o->cap.page - KPI_CAP_NOTIFIES;
    struct monitor_object told = {
        .type = o->cap.type, .owner = o->cap.owner, .state = (monitor_trait_t)o->cap.state,
        .page = o->cap.page, .pages = o->cap.pages, .copies = o->copies, .place = o->place,
    };

    if (told.page >= KPI_CAP_NAMES) {
        told.state |= MONITOR_TRAIT_NAME;
    }
    if (told.type == CAPTYPE_IRQDEST) {
        told.place = told.page - KPI_CAP_NAMES;
    } else if (told.type == CAPTYPE_NOTIFY) {
        told.place = (uint64_t)(number / KPI_NOTIFY_BITS) << 32 | number % KPI_NOTIFY_BITS;
    }
    return told;
}

errval_t objects_own(const struct monitor_object *after, struct monitor_object *ret_objects,
                     size_t *ret_count)
{
    struct kernel_object at = {
        .cap = {.type = after->type, .page = after->page, .pages = after->pages},
        .place = after->page < KPI_CAP_NAMES ? after->place : 0,
    };
    size_t count = 0;

    while (count < OBJECTS_MAX) {
        errval_t err = kernel_caps_next(&at, &at);

        if (err_is_fail(err)) {
            return err;
        }
        if (at.cap.type == CAPTYPE_NULL) {
            break;
        }
        ret_objects[count++] = objects_told(&at);
    }
    *ret_count = count;
    return ERR_OK;
}

errval_t objects_space(caddr_t dispatcher, uint32_t from, struct monitor_object *ret_objects,
                       size_t *ret_count, uint32_t *ret_next)
{
    uint32_t at = from;
    size_t count = 0;

    do {
        struct kernel_object o;
        errval_t err = kernel_caps_space(dispatcher, &at, &o);

        if (err_is_fail(err)) {
            return err;
        }
        if (o.cap.type != CAPTYPE_NULL) {
            ret_objects[count++] = objects_told(&o);
            at++;
        }
    } while (at != 0 && count < OBJECTS_MAX);
    *ret_count = count;
    *ret_next = at;
    return ERR_OK;
}

/* The first question to a core that waits, if there is none under way. */
static void objects_go_on(uint32_t core)
{
    struct objects_question *q = objects.questions;

    while (q != NULL && q->core != core) {
        q = q->next;
    }
    if (q != NULL && !q->asked) {
        q->asked = true;
        intermon_send_look(core, q->number, &q->after);
    }
}

errval_t objects_ask(uint32_t core, const struct monitor_object *after, objects_done_fn done,
                     void *arg)
{
    struct objects_question **at = &objects.questions, *q;

    if (core >= 8 * sizeof(intermon_peers()) || (intermon_peers() & 1u << core) == 0) {
        return RPC_ERR_NOT_BOUND;
    }
    q = malloc(sizeof(*q));
    if (q == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    *q = (struct objects_question){
        .core = core, .number = ++objects.numbers, .after = *after, .done = done, .arg = arg,
    };
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = q;
    objects_go_on(core);
    return ERR_OK;
}

void objects_looked(uint32_t core, uint32_t number, const struct monitor_object *after)
{
    struct monitor_object found[OBJECTS_MAX];
    size_t count = 0;

    (void)objects_own(after, found, &count);
    intermon_send_seen(core, number, found, count);
}

/* Answers all questions to a core, or one. */
static void objects_answer(uint32_t core, const uint32_t *number, errval_t err,
                           const struct monitor_object *found, size_t count)
{
    struct objects_question **at = &objects.questions;

    while (*at != NULL) {
        struct objects_question *q = *at;

        if (q->core == core && (number == NULL || q->number == *number)) {
            *at = q->next;
            q->done(q->arg, err, found, count);
            free(q);
        } else {
            at = &q->next;
        }
    }
}

void objects_seen(uint32_t core, uint32_t number, const struct monitor_object *found, size_t count)
{
    objects_answer(core, &number, ERR_OK, found, count);
    objects_go_on(core);
}

void objects_peer_gone(uint32_t core)
{
    objects_answer(core, NULL, RPC_ERR_PEER_GONE, NULL, 0);
}
