/* Calls of a worker: numbered messages of all sizes to all workers. */
#include "stress_priv.h"

#include <stdlib.h>
#include <string.h>

#include <aos/binding.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/time.h>

#define CALLS_AWAIT_NS  20000000000ull   /* until the others are there */
#define CALLS_MIN       16u              /* however slow the machine is */
#define CALLS_PAUSE_NS  1000000u         /* before a full channel is tried again */
#define CALLS_TEXT_STEP 37u              /* from one length of a text to the next */
#define CALLS_LETTERS   26u

struct peer {
    struct bench_binding binding;
    uint64_t number;                     /* of the last message */
    uint64_t notes;
};

static errval_t calls_open(const struct stress_job *job, uint32_t index, struct peer *p)
{
    char name[STRESS_NAME_BYTES];
    caddr_t end;
    errval_t err;

    stress_name(job->run, index, name);
    err = aos_await(name, CALLS_AWAIT_NS, &end);
    err = err_is_ok(err) ? bench_bind(end, &p->binding) : err;
    if (err_is_ok(err)) {
        binding_set_deadline(&p->binding.base, STRESS_CALL_NS);
    }
    return err;
}

/* The next functions send one message with the number `n`, if at all: RPC_ERR_AGAIN means that the
 * channel is full, and nothing was sent. */
static errval_t calls_one(struct peer *p, uint64_t n)
{
    uint64_t r = 0;
    errval_t err = bench_one(&p->binding, n, &r);

    return err_is_ok(err) && r != n ? LIB_ERR_BAD_STATE : err;
}

static errval_t calls_four(struct peer *p, uint64_t n)
{
    uint64_t r[4] = {0};
    errval_t err = bench_four(&p->binding, n, 2, 3, n, &r[0], &r[1], &r[2], &r[3]);

    return err_is_ok(err) && (r[0] != n || r[1] != 2 || r[2] != 3 || r[3] != n)
        ? LIB_ERR_BAD_STATE : err;
}

static errval_t calls_eight(struct peer *p, uint64_t n)
{
    uint64_t r[8] = {0};
    errval_t err = bench_eight(&p->binding, n, 2, 3, 4, 5, 6, 7, n, &r[0], &r[1], &r[2], &r[3],
                               &r[4], &r[5], &r[6], &r[7]);

    return err_is_ok(err) && (r[0] != n || r[1] != 2 || r[6] != 7 || r[7] != n)
        ? LIB_ERR_BAD_STATE : err;
}

static errval_t calls_note(struct peer *p, uint64_t n)
{
    errval_t err = bench_note(&p->binding, n);

    p->notes += err_is_ok(err);
    return err;
}

/* Has no number: of a letter that says how long it is. */
static errval_t calls_text(struct peer *p, uint64_t n)
{
    char text[BENCH_TEXT_TEXT_MAX];
    uint32_t length = 0, bytes = 1 + (uint32_t)(n * CALLS_TEXT_STEP % sizeof(text));
    errval_t err;

    memset(text, 'a' + (int)(bytes % CALLS_LETTERS), bytes);
    err = bench_text(&p->binding, text, bytes, &length);
    return err_is_ok(err) && length != bytes ? LIB_ERR_BAD_STATE : err;
}

/* Neither has this: all notes that were sent have come. */
static errval_t calls_noted(struct peer *p, uint64_t n)
{
    uint64_t notes = 0;
    errval_t err = bench_noted(&p->binding, &notes);

    return err_is_ok(err) && notes != p->notes ? LIB_ERR_BAD_STATE : err;
}

static const struct {
    errval_t (*fn)(struct peer *p, uint64_t n);
    bool numbered;
} kinds[] = {
    {calls_one, true}, {calls_four, true}, {calls_eight, true}, {calls_note, true},
    {calls_note, true}, {calls_note, true}, {calls_text, false}, {calls_noted, false},
};

#define CALLS_KINDS (sizeof(kinds) / sizeof(kinds[0]))
#define CALLS_NOTED (CALLS_KINDS - 1)

static errval_t calls_send(struct peer *p, uint32_t kind)
{
    errval_t err;

    while (err_no(err = kinds[kind].fn(p, p->number + 1)) == RPC_ERR_AGAIN) {
        thread_sleep_ns(CALLS_PAUSE_NS);
    }
    p->number += kinds[kind].numbered;
    return err;
}

void stress_calls(const struct stress_job *job, uint64_t seed, struct stress_done *done)
{
    struct peer *peers = calloc(job->count, sizeof(*peers));
    uint32_t open = 0;
    errval_t err = peers == NULL ? LIB_ERR_NO_MEMORY : ERR_OK;

    while (err_is_ok(err) && open < job->count) {
        err = calls_open(job, open, &peers[open]);
        open += err_is_ok(err);
    }
    while (err_is_ok(err) && (done->calls < CALLS_MIN || time_now_ns() < job->deadline_ns)) {
        err = calls_send(&peers[stress_random(&seed, open)], stress_random(&seed, CALLS_KINDS));
        done->calls++;
    }
    for (uint32_t i = 0; i < open; i++) {
        err = err_is_ok(err) ? calls_send(&peers[i], CALLS_NOTED) : err;
        done->notes += peers[i].notes;
        bench_close(&peers[i].binding);
    }
    free(peers);
    if (err_is_fail(err)) {
        stress_fail(done, "a call", err);
    }
}
