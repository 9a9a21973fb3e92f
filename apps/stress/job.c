/* What workers have in common: names, numbers, connections, excuses. */
#include "stress_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include <aos/binding.h>
#include <aos/domain.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <if/nameserver.h>

#define JOB_PAUSE_NS          1000000u
#define JOB_AWAIT_UNSTEADY_NS 100000000ull /* for one that may not be there */

void job_name(uint32_t run, uint32_t index, char ret_name[STRESS_NAME_BYTES])
{
    (void)snprintf(ret_name, STRESS_NAME_BYTES, "stress/%u/%u", (unsigned)run, (unsigned)index);
}

void job_meeting_name(uint32_t run, char ret_name[STRESS_NAME_BYTES])
{
    (void)snprintf(ret_name, STRESS_NAME_BYTES, "stress/%u", (unsigned)run);
}

uint32_t job_random(uint64_t *io_state, uint32_t end)
{
    uint64_t x = *io_state;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *io_state = x;
    return (uint32_t)((x * 0x2545f4914f6cdd1dull >> 32) % end);
}

uint8_t job_byte(uint64_t seed, size_t at)
{
    return (uint8_t)(seed * 167u + at * 13u + (at >> 8));
}

/* With `index`, if `with`. */
static void job_say(const char *what, bool with, uint32_t index, errval_t err)
{
    static struct mutex lock;            /* threads that print at the same time mix it up */
    char text[128], worker[24] = "";

    (void)err_format(err, text, sizeof(text));
    if (with) {
        (void)snprintf(worker, sizeof(worker), " with worker %u", (unsigned)index);
    }
    mutex_lock(&lock);
    fprintf(stderr, "stress: process %u: %s%s failed: %s (%s)\n", (unsigned)domain_pid(), what,
            worker, err_message(err), text);
    mutex_unlock(&lock);
}

void job_fail(struct stress_done *done, const char *what, errval_t err)
{
    job_say(what, false, 0, err);
    done->failed++;
}

void job_add(struct stress_done *sum, const struct stress_done *done)
{
    sum->calls += done->calls;
    sum->notes += done->notes;
    sum->programs += done->programs;
    sum->pieces += done->pieces;
    sum->ends += done->ends;
    sum->lends += done->lends;
    sum->frames += done->frames;
    sum->revokes += done->revokes;
    sum->lost += done->lost;
    sum->failed += done->failed;
}

bool job_goes_on(const struct job *job, const struct stress_done *done, uint64_t times)
{
    return done->failed == 0 && (times == 0 || time_now_ns() < job->deadline_ns);
}

errval_t job_excuse(const struct job *job, uint32_t core, errval_t err, struct stress_done *done)
{
    if (err_is_ok(err) || job->unsteady != 1 + core || err_no(err) == STRESS_ERR_WRONG) {
        return err;
    }
    done->lost++;
    return ERR_OK;
}

uint32_t job_core_of(const struct job *job, uint32_t index)
{
    return job->cores[index % job->core_count];
}

errval_t job_open_peer(const struct job *job, uint32_t index, struct peer *p)
{
    bool unsteady = job->unsteady == 1 + job_core_of(job, index);
    uint64_t until = time_deadline_ns(STRESS_CALL_NS);
    char name[STRESS_NAME_BYTES];
    caddr_t end;
    errval_t err;

    if (p->open) {
        return ERR_OK;
    }
    job_name(job->run, index, name);
    /* A server may not have noticed yet which of its ends were given up. */
    while (err_no(err = aos_await(name, unsteady ? JOB_AWAIT_UNSTEADY_NS : STRESS_CALL_NS, &end))
           == NAMESERVER_ERR_LIMIT && time_now_ns() < until) {
        thread_sleep_ns(JOB_PAUSE_NS);
    }
    err = err_is_ok(err) ? stress_bind(end, &p->binding) : err;
    if (err_is_ok(err)) {
        binding_set_deadline(&p->binding.base, STRESS_CALL_NS);
        p->open = true;
        p->number = p->notes = 0;
    }
    return err;
}

errval_t job_check_peer(const struct job *job, const char *what, uint32_t index, struct peer *p,
                        errval_t err, struct stress_done *done)
{
    if (err_is_fail(err) && p->open) {
        stress_close(&p->binding);
        p->open = false;
    }
    err = job_excuse(job, job_core_of(job, index), err, done);
    if (err_is_fail(err)) {
        job_say(what, true, index, err);
        done->failed++;
    }
    return err;
}

errval_t job_pick_peer(const struct job *job, uint64_t *seed, struct peer *peers,
                       uint32_t *ret_index)
{
    *ret_index = job_random(seed, job->count);
    return job_open_peer(job, *ret_index, &peers[*ret_index]);
}

void job_close_peers(const struct job *job, struct peer *peers)
{
    for (uint32_t i = 0; peers != NULL && i < job->count; i++) {
        if (peers[i].open) {
            stress_close(&peers[i].binding);
        }
    }
    free(peers);
}
