/* Memory that is lent for a call, from some bytes to many pages. */
#include "stress_priv.h"

#include <stdlib.h>
#include <string.h>

#include <aos/thread.h>

#define LENDS_PAUSE_NS 1000000u

static errval_t lends_read(struct peer *p, uint8_t *data, uint32_t bytes, uint64_t number)
{
    for (uint32_t i = 0; i < bytes; i++) {
        data[i] = job_byte(number, i);
    }
    return stress_read(&p->binding, data, bytes, number);
}

static errval_t lends_fill(struct peer *p, uint8_t *data, uint32_t bytes, uint64_t number)
{
    uint32_t count = 0;
    errval_t err;

    memset(data, 0, bytes);
    err = stress_fill(&p->binding, data, bytes, number, &count);
    if (err_is_ok(err) && count != bytes) {
        err = STRESS_ERR_WRONG;
    }
    for (uint32_t i = 0; err_is_ok(err) && i < bytes; i++) {
        err = data[i] == job_byte(number, i) ? ERR_OK : STRESS_ERR_WRONG;
    }
    return err;
}

/* Half of them are small, and travel in the message. */
static uint32_t lends_bytes(uint64_t *seed)
{
    uint32_t most = job_random(seed, 2) == 0 ? STRESS_READ_DATA_MAX / 256 : STRESS_READ_DATA_MAX;

    return job_random(seed, most + 1);
}

void lends_run(const struct job *job, uint64_t seed, struct stress_done *done)
{
    struct peer *peers = calloc(job->count, sizeof(*peers));
    uint8_t *data = malloc(STRESS_READ_DATA_MAX);
    errval_t err = peers == NULL || data == NULL ? LIB_ERR_NO_MEMORY : ERR_OK;

    while (err_is_ok(err) && job_goes_on(job, done, done->lends)) {
        uint32_t index, bytes = lends_bytes(&seed);

        err = job_pick_peer(job, &seed, peers, &index);
        if (err_is_ok(err)) {
            err = job_random(&seed, 2) == 0
                ? lends_read(&peers[index], data, bytes, done->lends)
                : lends_fill(&peers[index], data, bytes, done->lends);
            done->lends++;
        }
        err = job_check_peer(job, "lending", index, &peers[index], err, done);
        thread_sleep_ns(LENDS_PAUSE_NS);
    }
    job_close_peers(job, peers);
    free(data);
    if (err_is_fail(err) && done->failed == 0) {
        job_fail(done, "lending", err);
    }
}
