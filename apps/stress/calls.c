/* Calls of a worker: numbered messages of all sizes to all workers. */
#include "stress_priv.h"

#include <stdlib.h>
#include <string.h>

#include <aos/thread.h>

#define CALLS_MIN       16u              /* however slow the machine is */
#define CALLS_PAUSE_NS  1000000u         /* before a full channel is tried again */
#define CALLS_BYTES_STEP 37u             /* from one length to the next */

/* The next functions send one message with the number `n`, if at all: RPC_ERR_AGAIN means that the
 * channel is full, and nothing was sent. */
static errval_t calls_number(struct peer *p, uint64_t n)
{
    return stress_number(&p->binding, n);
}

static errval_t calls_bytes(struct peer *p, uint64_t n)
{
    uint8_t data[STRESS_BYTES_DATA_MAX], back[STRESS_BYTES_BACK_MAX];
    size_t count = n * CALLS_BYTES_STEP % sizeof(data), back_count = 0;
    errval_t err;

    for (size_t i = 0; i < count; i++) {
        data[i] = job_byte(n, i);
    }
    err = stress_bytes(&p->binding, n, data, count, back, &back_count);
    return err_is_ok(err) && (back_count != count || memcmp(data, back, count) != 0)
        ? STRESS_ERR_WRONG : err;
}

static errval_t calls_note(struct peer *p, uint64_t n)
{
    errval_t err = stress_note(&p->binding, n);

    p->notes += err_is_ok(err);
    return err;
}

/* Has no number: all notes that were sent have come. */
static errval_t calls_noted(struct peer *p, uint64_t n)
{
    uint64_t notes = 0;
    errval_t err = stress_noted(&p->binding, &notes);

    (void)n;
    return err_is_ok(err) && notes != p->notes ? STRESS_ERR_WRONG : err;
}

static const struct {
    errval_t (*fn)(struct peer *p, uint64_t n);
    bool numbered;
} kinds[] = {
    {calls_number, true}, {calls_number, true}, {calls_bytes, true}, {calls_bytes, true},
    {calls_note, true}, {calls_note, true}, {calls_note, true}, {calls_noted, false},
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

/* Notes whose numbers were right have come, once and in order: that of a connection in all. */
static errval_t calls_end(const struct job *job, uint32_t index, struct peer *p,
                          struct stress_done *done)
{
    errval_t err = p->open ? calls_send(p, CALLS_NOTED) : ERR_OK;

    done->notes += p->notes;
    return job_check_peer(job, "a call", index, p, err, done);
}

void calls_run(const struct job *job, uint64_t seed, struct stress_done *done)
{
    struct peer *peers = calloc(job->count, sizeof(*peers));
    errval_t err = peers == NULL ? LIB_ERR_NO_MEMORY : ERR_OK;

    while (err_is_ok(err) && job_goes_on(job, done, done->calls / CALLS_MIN)) {
        uint32_t index;

        err = job_pick_peer(job, &seed, peers, &index);
        if (err_is_ok(err)) {
            err = calls_send(&peers[index], job_random(&seed, CALLS_KINDS));
            done->calls++;
        }
        err = job_check_peer(job, "a call", index, &peers[index], err, done);
    }
    for (uint32_t i = 0; err_is_ok(err) && i < job->count; i++) {
        err = calls_end(job, i, &peers[i], done);
    }
    job_close_peers(job, peers);
    if (err_is_fail(err) && done->failed == 0) {
        job_fail(done, "a call", err);
    }
}
