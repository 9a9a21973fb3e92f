/* Frames of a worker that others get: they see what it writes, and lose it in one of three ways.
 * They give it back; it is taken from them; or its owner lets go of it first. Meanwhile anybody
 * may ask any of them for a copy of it. */
#include "stress_priv.h"

#include <stdlib.h>

#include <aos/paging.h>
#include <aos/ram.h>
#include <aos/slot.h>
#include <aos/thread.h>
#include <aos/time.h>

#define FRAMES_PAGES_MAX 4u
#define FRAMES_COPIES    3u
#define FRAMES_PAUSE_NS  1000000u
#define FRAMES_LOOK_NS   2000000u        /* between tries to have the memory back */

enum frames_end { FRAMES_LEAVE, FRAMES_REVOKE, FRAMES_LET_GO, FRAMES_ENDS };

/* One frame, and who has it. */
struct shared {
    const struct job *job;
    struct peer *peers;
    struct stress_done *done;
    const char *what;                    /* is being done */
    caddr_t frame;
    void *at;
    uint64_t bytes;
    uint32_t count;
    struct { uint32_t index, place; } copies[FRAMES_COPIES];
};

static void frames_write(struct shared *s, uint64_t mark)
{
    for (uint64_t off = 0; off < s->bytes; off += AOS_PAGE_BYTES) {
        *(volatile uint64_t *)((char *)s->at + off) = mark;
    }
}

/* The memory of a worker that may be ended goes at any time: others do not map it. */
static stress_use_t frames_use(const struct shared *s)
{
    return s->job->unsteady == 1 + job_core_of(s->job, s->job->index) ? STRESS_USE_HELD
                                                                      : STRESS_USE_MAPPED;
}

static errval_t frames_give(struct shared *s, uint64_t *seed, uint64_t mark)
{
    uint32_t index, place = 0;
    errval_t err = job_pick_peer(s->job, seed, s->peers, &index);

    s->what = "giving a frame";
    err = err_is_ok(err)
        ? stress_keep(&s->peers[index].binding, s->frame, mark, frames_use(s), &place) : err;
    if (err_is_ok(err)) {
        s->copies[s->count].index = index;
        s->copies[s->count].place = place;
        s->count++;
        s->done->frames++;
    }
    return job_check_peer(s->job, s->what, index, &s->peers[index], err, s->done);
}

/* Asks all that have it, if their connection is the one by which they got it. */
static errval_t frames_ask(struct shared *s, bool leave, stress_was_t was, uint64_t mark)
{
    errval_t err = ERR_OK;

    s->what = leave ? "leaving a frame" : "looking at a frame";
    for (uint32_t i = 0; err_is_ok(err) && i < s->count; i++) {
        uint32_t index = s->copies[i].index, place = s->copies[i].place;
        struct peer *p = &s->peers[index];

        if (p->open) {
            err = leave ? stress_leave(&p->binding, place, was)
                        : stress_look(&p->binding, place, mark);
            err = job_check_peer(s->job, s->what, index, p, err, s->done);
        }
    }
    return err;
}

/* The owner has no capability any more; the memory is free when nobody has one. */
static errval_t frames_await_free(const struct shared *s, const struct cap_info *was)
{
    uint64_t until = time_deadline_ns(STRESS_CALL_NS);
    errval_t err;

    slot_free(s->frame);
    while (err_is_fail(err = ram_free_range_unused(was->a, was->b)) && time_now_ns() < until) {
        thread_sleep_ns(FRAMES_LOOK_NS);
    }
    return err;
}

static errval_t frames_end(struct shared *s, enum frames_end how, uint64_t mark)
{
    struct cap_info info;
    stress_was_t was = how == FRAMES_REVOKE ? STRESS_WAS_REVOKED : STRESS_WAS_THERE;
    errval_t err = cap_identify(s->frame, &info), unmapped;

    s->what = "a frame's end";
    if (err_is_ok(err) && how == FRAMES_REVOKE) {
        err = cap_revoke(s->frame);
        s->done->revokes++;
    } else if (err_is_ok(err) && how == FRAMES_LET_GO) {
        err = cap_delete(s->frame);
        err = err_is_ok(err) ? frames_ask(s, /* leave= */ false, STRESS_WAS_THERE, mark) : err;
    }
    err = err_is_ok(err) ? frames_ask(s, /* leave= */ true, was, mark) : err;
    s->what = err_is_ok(err) ? "freeing a frame" : s->what;
    unmapped = paging_unmap(paging_self(), s->at);
    err = err_is_ok(err) ? unmapped : err;
    if (err_is_fail(err)) {
        return err;
    }
    return how == FRAMES_LET_GO ? frames_await_free(s, &info) : ram_free(s->frame);
}

static errval_t frames_one(struct shared *s, uint64_t *seed, uint64_t mark)
{
    uint32_t copies = 1 + job_random(seed, FRAMES_COPIES);
    errval_t err = frame_alloc((1 + job_random(seed, FRAMES_PAGES_MAX)) * AOS_PAGE_BYTES,
                               &s->frame, &s->bytes);

    if (err_is_ok(err)) {
        err = paging_map_frame(paging_self(), s->frame, 0, s->bytes, AOS_VM_RW, &s->at);
    }
    if (err_is_fail(err)) {
        return err;
    }
    s->count = 0;
    frames_write(s, mark);
    for (uint32_t i = 0; err_is_ok(err) && i < copies; i++) {
        err = frames_give(s, seed, mark);
    }
    frames_write(s, ~mark);
    err = err_is_ok(err) ? frames_ask(s, /* leave= */ false, STRESS_WAS_THERE, ~mark) : err;
    return err_is_ok(err) ? frames_end(s, job_random(seed, FRAMES_ENDS), ~mark) : err;
}

/* There is none, or it was revoked when its holder was about to send it: to its own core, or to
 * another one. */
static bool frames_is_gone(errval_t err)
{
    return err_no(err) == STRESS_ERR_NOTHING || err_no(err) == RPC_ERR_BAD_REPLY
        || err_no(err) == RPC_ERR_CAPABILITY;
}

/* A copy of a frame that somebody has of somebody, which may be taken away just now. */
static errval_t frames_fetch(struct shared *s, uint64_t *seed)
{
    uint32_t index;
    caddr_t frame;
    errval_t err = job_pick_peer(s->job, seed, s->peers, &index);

    s->what = "fetching a frame";
    if (err_is_ok(err)) {
        err = stress_fetch(&s->peers[index].binding, &frame);
        if (err_is_ok(err)) {
            err = cap_destroy(frame);
            s->done->frames++;
        } else if (frames_is_gone(err)) {
            err = ERR_OK;
        }
    }
    return job_check_peer(s->job, s->what, index, &s->peers[index], err, s->done);
}

void frames_run(const struct job *job, uint64_t seed, struct stress_done *done)
{
    struct shared s = {.job = job, .done = done, .what = "a frame"};
    uint64_t mark = (uint64_t)job->index << 32;
    errval_t err;

    s.peers = calloc(job->count, sizeof(*s.peers));
    err = s.peers == NULL ? LIB_ERR_NO_MEMORY : ERR_OK;
    do {
        err = err_is_ok(err) ? frames_one(&s, &seed, ++mark) : err;
        err = err_is_ok(err) ? frames_fetch(&s, &seed) : err;
        thread_sleep_ns(FRAMES_PAUSE_NS);
    } while (err_is_ok(err) && job_goes_on(job, done, 1));
    job_close_peers(job, s.peers);
    if (err_is_fail(err) && done->failed == 0) {
        job_fail(done, s.what, err);
    }
}
