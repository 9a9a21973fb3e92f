/* The system-call fuzzer: fuzz [SEED [CHILDREN [OPERATIONS]]]. Starts children that enter the
 * kernel with nonsense (child.c), one after the other, and counts how they ended. Every way to end
 * is fine: what matters is that the kernel, the services and this program go on. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/process.h>
#include <aos/thread.h>
#include <aos/time.h>

#include "fuzz_priv.h"

#define DEFAULT_CHILDREN   20u
#define DEFAULT_OPERATIONS 5000u
#define CHILD_LIMIT_NS     4000000000ull /* a child that hangs in a wait is ended after this */

/* Kills the child when its time is over. */
struct watchdog {
    struct mutex lock;
    struct cond changed;
    uint32_t pid;                        /* 0: nobody to watch */
    bool stop;
};

static int watchdog_run(void *arg)
{
    struct watchdog *w = arg;

    mutex_lock(&w->lock);
    while (!w->stop) {
        uint32_t pid = w->pid;
        if (pid == 0) {
            cond_wait(&w->changed, &w->lock);
            continue;
        }
        uint64_t deadline = time_deadline_ns(CHILD_LIMIT_NS);
        while (w->pid == pid && cond_wait_until(&w->changed, &w->lock, deadline)) {
            continue;
        }
        if (w->pid == pid) {
            (void)aos_kill(pid);         /* fails if it has just ended */
            w->pid = 0;
        }
    }
    mutex_unlock(&w->lock);
    return 0;
}

static void watchdog_set(struct watchdog *w, uint32_t pid, bool stop)
{
    mutex_lock(&w->lock);
    w->pid = pid;
    w->stop = stop;
    cond_signal(&w->changed);
    mutex_unlock(&w->lock);
}

/* Runs one child; false: it could not be started or waited for. */
static bool fuzz_one(struct watchdog *w, uint64_t seed, uint64_t operations, const char *kind,
                     struct aos_exit *ret_how)
{
    char seed_text[24], operations_text[24];
    const char *argv[] = {"fuzz", kind, seed_text, operations_text, NULL};
    uint32_t pid, who;

    (void)snprintf(seed_text, sizeof(seed_text), "%llu", (unsigned long long)seed);
    (void)snprintf(operations_text, sizeof(operations_text), "%llu",
                   (unsigned long long)operations);
    errval_t err = aos_spawn(4, argv, &pid);
    if (err_is_ok(err)) {
        watchdog_set(w, pid, false);
        err = aos_wait(pid, &who, ret_how);
        watchdog_set(w, 0, false);
    }
    if (err_is_fail(err)) {
        char text[128];
        (void)err_format(err, text, sizeof(text));
        fprintf(stderr, "fuzz: child of seed %llu: %s\n", (unsigned long long)seed, text);
    }
    return err_is_ok(err);
}

static int fuzz_parent(uint64_t seed, uint64_t children, uint64_t operations)
{
    static const char *const kinds[] = {"--crafty", "--gentle", "--crafty", "--wild"};
    static struct watchdog w;
    const struct thread_attr attr = {.name = "watchdog"};
    bool good = true;
    struct thread *thread;
    unsigned lived = 0, died = 0, killed = 0;

    if (err_is_fail(thread_create(watchdog_run, &w, &attr, &thread))) {
        fprintf(stderr, "fuzz: no thread\n");
        return 1;
    }
    for (uint64_t i = 0; i < children && good; i++) {
        struct aos_exit how = {0};
        good = fuzz_one(&w, seed + i, operations, kinds[i % 4], &how);
        lived += how.exited && how.status == 0;
        killed += how.killed;
        died += !how.killed && !(how.exited && how.status == 0);
    }
    watchdog_set(&w, 0, true);
    (void)thread_join(thread, NULL);
    printf("fuzz: seed %llu, %llu children: %u lived, %u died, %u hung\n", (unsigned long long)seed,
           (unsigned long long)children, lived, died, killed);
    return good ? 0 : 1;
}

/* Decimal; false: it is no number. */
static bool parse_number(const char *text, uint64_t *ret_value)
{
    char *end;

    errno = 0;
    *ret_value = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

int main(int argc, char **argv)
{
    uint64_t number[3] = {1, DEFAULT_CHILDREN, DEFAULT_OPERATIONS};
    bool child = argc == 4 && strncmp(argv[1], "--", 2) == 0;
    int first = child ? 2 : 1;

    for (int i = first; i < argc; i++) {
        if (i - first >= 3 || !parse_number(argv[i], &number[i - first])) {
            fprintf(stderr, "usage: fuzz [SEED [CHILDREN [OPERATIONS]]]\n");
            return 2;
        }
    }
    if (child && strcmp(argv[1], "--crafty") == 0) {
        fuzz_crafty(number[0], number[1]);
    }
    if (child) {
        fuzz_child(number[0], number[1], strcmp(argv[1], "--wild") == 0);
        return 0;
    }
    return fuzz_parent(number[0], number[1], number[2]);
}
