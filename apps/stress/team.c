/* The workers of a run, at least one on each core; and the core that goes off and on meanwhile. */
#include "stress_priv.h"

#include <stdio.h>
#include <string.h>

#include <aos/binding.h>
#include <aos/domain.h>
#include <aos/process.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <if/init.h>

#define TEAM_WORKERS_MIN 2u
#define TEAM_PAUSE_NS    400000000ull    /* at most, between a core's coming and its going */
#define TEAM_TRIES       10u             /* to switch a core off that others have memory of */
#define NS_PER_MS        1000000u

/* One worker, and the thread that waits for it. */
struct hand {
    uint32_t index, pid;
    struct thread *thread;
    bool well;
};

static struct {
    uint32_t cores[STRESS_WORKERS_MAX];
    uint32_t core_count, worker_count;
    uint32_t unsteady;                   /* 1 + core; 0: none */
    struct init_binding init;            /* by which cores may be switched */
    struct mutex tell;                   /* threads that print at the same time mix it up */
    uint64_t seed;
    uint64_t deadline_ns;                /* of the work */
    bool lent;                           /* there is `init` */
    uint32_t switched;                   /* times that the unsteady core went off and on */
} team;

static errval_t team_find_lent(void)
{
    caddr_t end;
    errval_t err = domain_grant("cores", &end);

    err = err_is_ok(err) ? init_bind(end, &team.init) : err;
    if (err_is_ok(err)) {
        binding_set_deadline(&team.init.base, STRESS_CALL_NS);
        team.lent = true;
    }
    return err;
}

struct init_binding *team_lent(void)
{
    return team.lent ? &team.init : NULL;
}

bool team_find(bool switching)
{
    struct init_binding *init;
    uint32_t on = 0;
    errval_t err = aos_init(&init), lent = team_find_lent();

    err = err_is_ok(err) ? init_cores(init, &on) : err;
    for (uint32_t core = 0; core < domain_core_count(); core++) {
        if ((on & 1u << core) != 0) {
            team.cores[team.core_count++] = core;
        }
    }
    team.worker_count = team.core_count < TEAM_WORKERS_MIN ? TEAM_WORKERS_MIN : team.core_count;
    if (err_is_ok(err) && switching) {
        team.unsteady = 1 + team.cores[team.core_count - 1];
        err = team.core_count > 1 ? lent : INIT_ERR_NO_CORE;
    }
    return err_is_ok(err);
}

void team_seed(uint64_t seed)
{
    team.seed = seed;
}

static void team_tell(const char *what, uint32_t which, errval_t err, int status)
{
    mutex_lock(&team.tell);
    fprintf(stderr, "stress: %s %u: %s, status %d\n", what, (unsigned)which, err_message(err),
            status);
    mutex_unlock(&team.tell);
}

static errval_t team_start(struct hand *hand)
{
    uint64_t now = time_now_ns();
    char number[WORKER_ARGS - 1][24], cores[4 * STRESS_WORKERS_MAX] = "";
    const char *argv[2 + WORKER_ARGS] = {"stress", "--worker"};
    const struct aos_launch how = {.on_core = 1 + team.cores[hand->index % team.core_count]};
    const uint64_t numbers[WORKER_ARGS - 1] = {
        domain_pid(), hand->index, team.worker_count,
        team.deadline_ns > now ? (team.deadline_ns - now) / NS_PER_MS : 0,
        ++team.seed, team.unsteady,
    };
    size_t used = 0;

    for (uint32_t i = 0; i < WORKER_ARGS - 1; i++) {
        (void)snprintf(number[i], sizeof(number[i]), "%llu", (unsigned long long)numbers[i]);
        argv[2 + i] = number[i];
    }
    for (uint32_t i = 0; i < team.core_count; i++) {
        used += (size_t)snprintf(cores + used, sizeof(cores) - used, "%u,",
                                 (unsigned)team.cores[i]);
    }
    argv[1 + WORKER_ARGS] = cores;
    return aos_launch(2 + WORKER_ARGS, argv, &how, &hand->pid);
}

static void team_wait(struct hand *hand)
{
    struct stress_done unused;
    struct aos_exit how;
    uint32_t who;
    errval_t err = aos_wait(hand->pid, &who, &how);

    hand->well = err_is_ok(err) && how.exited && how.status == 0;
    if (!hand->well) {
        team_tell("did not end well: worker", hand->pid, err,
                  err_is_ok(err) && how.exited ? how.status : -1);
        (void)meeting_end(&unused);      /* the others need not wait for it */
    }
}

/* Ends what runs on the unsteady core, the worker `hand` too, and lets the core come again. */
static errval_t team_switch(const struct hand *hand)
{
    uint32_t core = team.unsteady - 1, who;
    struct aos_exit how;
    errval_t err = INIT_ERR_BUSY;

    for (uint32_t i = 0; i < TEAM_TRIES && err_no(err) == INIT_ERR_BUSY; i++) {
        err = init_core_off(&team.init, core);
    }
    if (err_is_fail(err)) {
        return err;
    }
    (void)aos_wait(hand->pid, &who, &how); /* however it has ended */
    team.switched++;
    return init_core_on(&team.init, core);
}

/* While there is time, but once at least. The time may be over before the last switch: until then
 * the meeting is held, since the worker that comes after it calls all the others. */
static errval_t team_switch_on(struct hand *hand)
{
    uint64_t seed = team.seed | 1;
    errval_t err;

    do {
        thread_sleep_ns(job_random(&seed, TEAM_PAUSE_NS));
        err = team_switch(hand);
        if (err_is_ok(err)) {
            meeting_forget(hand->index);
            err = team_start(hand);
        }
    } while (err_is_ok(err) && time_now_ns() < team.deadline_ns);
    return err;
}

static int team_watch(void *arg)
{
    struct hand *hand = arg;
    struct stress_done unused;
    errval_t err = ERR_OK;

    if (team.unsteady == 1 + team.cores[hand->index % team.core_count]) {
        err = team_switch_on(hand);
        meeting_release();
    }
    if (err_is_ok(err)) {
        team_wait(hand);
        return 0;
    }
    team_tell("off and on: core", team.unsteady - 1, err, -1);
    (void)meeting_end(&unused);
    return 0;
}

static void team_print(const struct stress_done *sum)
{
    printf("%u workers on %u cores: %llu calls, %llu notes, %llu programs, %llu pieces of "
           "memory, %llu ends, %llu lends, %llu copies of frames, %llu revokes",
           (unsigned)team.worker_count, (unsigned)team.core_count,
           (unsigned long long)sum->calls, (unsigned long long)sum->notes,
           (unsigned long long)sum->programs, (unsigned long long)sum->pieces,
           (unsigned long long)sum->ends, (unsigned long long)sum->lends,
           (unsigned long long)sum->frames, (unsigned long long)sum->revokes);
    if (team.unsteady != 0) {
        printf("; core %u was off %u times, %llu losses", (unsigned)team.unsteady - 1,
               (unsigned)team.switched, (unsigned long long)sum->lost);
    }
    printf("\n");
    (void)fflush(stdout);
}

bool team_work(uint64_t ms)
{
    struct hand hands[STRESS_WORKERS_MAX] = {{0}};
    struct stress_done sum = {0};
    bool well = true;
    int status;

    meeting_expect(team.worker_count, /* held= */ team.unsteady != 0);
    team.deadline_ns = time_deadline_ns(ms * NS_PER_MS);
    team.switched = 0;
    for (uint32_t i = 0; i < team.worker_count; i++) {
        errval_t err;

        hands[i].index = i;
        err = team_start(&hands[i]);
        err = err_is_ok(err) ? thread_create(team_watch, &hands[i], NULL, &hands[i].thread) : err;
        if (err_is_fail(err)) {
            team_tell("cannot start: worker", i, err, -1);
            (void)meeting_end(&sum);
            well = false;
        }
    }
    for (uint32_t i = 0; i < team.worker_count; i++) {
        if (hands[i].thread != NULL) {
            (void)thread_join(hands[i].thread, &status);
            well = well && hands[i].well;
        }
    }
    well = meeting_end(&sum) == team.worker_count && well && sum.failed == 0;
    team_print(&sum);
    return well;
}
