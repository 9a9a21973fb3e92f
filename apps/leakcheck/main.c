/* leakcheck [ROUNDS]: see README.md. */
#include "leakcheck_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/counters.h>
#include <aos/domain.h>
#include <aos/process.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/slot.h>
#include <if/process.h>

#define ROUNDS      300u
#define WARM_ROUNDS 10u                  /* services keep what they needed once */
#define SETTLE_NS   20000000000ull       /* bounds a failure: how long memory may take to return */
#define PLANTED_NS  100000000ull         /* when there is no hope */
#define ATTEMPTS    3u
#define WAIT_NS     20000000000ull       /* bounds a hang */
#define USAGE       2

/* How a child ends: by itself, by a fault; killed when it is busy, with its group, or as soon as it
 * was started; it does not even start. */
enum end { END_EXIT, END_FAULT, END_KILL, END_KILL_GROUP, END_KILL_EARLY, END_NO_START };

struct way {
    const char *name;
    const char *role;
    enum end end;
};

static bool await_busy(uint32_t pid)
{
    char name[LEAKCHECK_NAME_BYTES];
    caddr_t end;

    leakcheck_name(pid, name);
    return err_is_ok(aos_await(name, WAIT_NS, &end)) && err_is_ok(cap_destroy(end));
}

static bool ended_so(enum end end, const struct aos_exit *how)
{
    switch (end) {
    case END_EXIT:
        return how->exited && how->status == 0;
    case END_FAULT:
        return how->faulted || (how->exited && how->status == AOS_STATUS_FAULT);
    case END_KILL:
    case END_KILL_GROUP:
    case END_KILL_EARLY:
    case END_NO_START:
        break;
    }
    return how->killed;
}

/* A capability to grant: one more to the same page. */
static errval_t gift(caddr_t *ret_cap)
{
    static caddr_t frame;
    errval_t err = frame == 0 ? frame_alloc(AOS_PAGE_BYTES, &frame, NULL) : ERR_OK;

    if (err_is_ok(err)) {
        err = slot_alloc(ret_cap);
    }
    return err_is_ok(err) ? cap_copy(*ret_cap, frame) : err;
}

static errval_t start(const struct way *way, uint32_t *ret_pid)
{
    static const struct process_limits none = {0};
    char args[64] = "leakcheck";
    size_t bytes = sizeof("leakcheck");
    struct process_binding *b;
    caddr_t granted;
    errval_t err = aos_process(&b);

    if (way->end == END_NO_START) {
        bytes = (size_t)snprintf(args, sizeof(args), "%s", way->role) + 1;
    } else {
        bytes += (size_t)snprintf(args + bytes, sizeof(args) - bytes, "--child") + 1;
        bytes += (size_t)snprintf(args + bytes, sizeof(args) - bytes, "%s", way->role) + 1;
    }
    if (err_is_ok(err)) {
        err = gift(&granted);
    }
    if (err_is_ok(err)) {
        err = process_launch(b, args, bytes, NULL, 0, 0, &none, PROCESS_START_LEAD, 0, "gift",
                             sizeof("gift"), &granted, 1, ret_pid);
    }
    return err;
}

static bool end_it(enum end end, uint32_t pid)
{
    struct process_binding *b;
    uint32_t count;

    switch (end) {
    case END_KILL:
        return await_busy(pid) && err_is_ok(aos_kill(pid));
    case END_KILL_GROUP:
        return await_busy(pid) && err_is_ok(aos_process(&b))
            && err_is_ok(process_kill_group(b, pid, &count)) && count > 1;
    case END_KILL_EARLY:
        return err_is_ok(aos_kill(pid));
    case END_EXIT:
    case END_FAULT:
    case END_NO_START:
        break;
    }
    return true;
}

static bool round_trip(const struct way *way)
{
    struct aos_exit how;
    uint32_t pid, who;
    errval_t err = start(way, &pid);

    if (way->end == END_NO_START) {
        return err_is_fail(err);
    }
    if (err_is_fail(err) || !end_it(way->end, pid)) {
        return false;
    }
    return err_is_ok(aos_wait(pid, &who, &how)) && who == pid && ended_so(way->end, &how);
}

static bool rounds(const struct way *way, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!round_trip(way)) {
            printf("%s: round %u failed\n", way->name, (unsigned)i);
            return false;
        }
    }
    return true;
}

static void tell(const char *name, const struct counters *before, const struct counters *after)
{
    char counter[COUNTER_NAME_BYTES];

    for (uint32_t i = 0; (i = counters_differ(before, after, i)) < COUNTERS; i++) {
        counter_name(i, counter);
        printf("%s: %s: %llu before, %llu after\n", name, counter,
               (unsigned long long)before->value[i], (unsigned long long)after->value[i]);
    }
}

/* Rounds between two readings. */
static bool compare(const struct way *way, uint32_t n, const char *planted, bool *ret_same)
{
    struct counters before, after;

    if (!counters_settle(SETTLE_NS, &before)) {
        printf("%s: the counters do not come to rest\n", way->name);
        return false;
    }
    if (!rounds(way, n)) {
        return false;
    }
    if (planted != NULL && !plant(planted)) {
        printf("%s cannot be planted\n", planted);
        return false;
    }
    (void)counters_settle(planted == NULL ? SETTLE_NS : PLANTED_NS, &after);
    *ret_same = counters_differ(&before, &after, 0) == COUNTERS;
    tell(way->name, &before, &after);
    return true;
}

/* A heap grows when more than ever lived at the same time, a stack when it is deeper than ever, and
 * both keep that: it shows once. What leaks shows every time. */
static bool leaves_nothing(const struct way *way, uint32_t n, const char *planted)
{
    bool same = false;

    if (!rounds(way, WARM_ROUNDS)) {
        return false;
    }
    for (uint32_t i = 0; i < ATTEMPTS && !same; i++) {
        if (!compare(way, n, planted, &same)) {
            return false;
        }
    }
    if (same) {
        printf("%s: %u rounds, every counter is as before\n", way->name, (unsigned)n);
    } else {
        printf("%s: something is missing\n", way->name);
    }
    return same;
}

int main(int argc, char **argv)
{
    static const struct way ways[] = {
        {"exit", "exit", END_EXIT},
        {"kill", "stay", END_KILL},
        {"crash", "fault", END_FAULT},
        {"exit of a family", "family exit", END_EXIT},
        {"kill a family", "family stay", END_KILL},
        {"crash of a family", "family fault", END_FAULT},
        {"kill a group", "family stay", END_KILL_GROUP},
        {"kill early", "stay", END_KILL_EARLY},
        {"no such program", "leakcheck-missing", END_NO_START},
        {"no program", "interfaces", END_NO_START},
    };
    const char *planted = NULL;
    uint32_t n = ROUNDS;
    bool well = true;

    if (argc == 3 && strcmp(argv[1], "--child") == 0) {
        return child_run(argv[2]);
    }
    if (argc > 2 && strcmp(argv[1], "plant") == 0) {
        planted = argv[2];
        argc -= 2;
        argv += 2;
    }
    if (argc > 1) {
        n = (uint32_t)strtoul(argv[1], NULL, 10);
    }
    if (argc > 2 || n == 0) {
        fprintf(stderr, "usage: leakcheck [plant WHAT] [ROUNDS]\n");
        return USAGE;
    }
    for (uint32_t i = 0; i < (planted == NULL ? sizeof(ways) / sizeof(ways[0]) : 1); i++) {
        well &= leaves_nothing(&ways[i], n, planted);
        (void)fflush(stdout);
    }
    return well ? 0 : 1;
}
