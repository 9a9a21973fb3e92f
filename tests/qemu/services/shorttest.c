/* Services that run out of memory: TAP on stdout. Started from an image (short.image) in which the
 * services have next to nothing beyond what they start with. Children take connections, names and
 * waits of every service until those have no memory left; each such request must be answered with
 * an error, nobody may end, and when the children are gone all must work as before. With an
 * argument it is one of the children. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/process.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <if/init.h>
#include <if/nameserver.h>
#include <if/process.h>

#include "taptest.h"

#define SELF       "shorttest"
#define CHILDREN   48u                   /* far more than there is memory for */
#define ROUNDS     6u                   /* at most, until nothing is missing from the second */
#define TRIES      60u                   /* of what must work again, while memory returns */
#define PAUSE_NS   50000000ull           /* between them */
#define FOREVER_NS 1000000000000ull

static const char *const services[] = {"nameserver", "process", "serial", "memory", "init"};

#define SERVICES (sizeof(services) / sizeof(services[0]))

/* --- a child -------------------------------------------------------------------------------- */

/* Ends of one service: each costs it memory. */
static void child_take_ends(const char *service, unsigned most)
{
    caddr_t end;

    for (unsigned i = 0; i < most && err_is_ok(aos_lookup(service, &end)); i++) {
    }
}

static void child_take_names(unsigned most)
{
    struct nameserver_binding *b;
    caddr_t own, peer;
    char name[32];

    for (unsigned i = 0; i < most; i++) {
        (void)snprintf(name, sizeof(name), "short/%u/%u", (unsigned)domain_pid(), i);
        if (err_is_fail(aos_nameserver(&b)) || err_is_fail(chan_create(&own, &peer))
            || err_is_fail(nameserver_register(b, name, strlen(name), INIT_ID, NULL, 0, peer))) {
            return;
        }
    }
}

/* Takes what it gets, `most` of each; errors are what it is after. */
static int child(unsigned most)
{
    child_take_names(most);
    for (size_t i = 0; i < SERVICES; i++) {
        child_take_ends(services[i], most);
    }
    for (;;) {
        thread_sleep_ns(FOREVER_NS);
    }
    return 0;
}

/* --- the test ------------------------------------------------------------------------------- */

static bool settled(uint32_t pid)
{
    struct process_binding *b;
    struct process_info before, now = {0};

    TRY_OK(aos_process(&b));
    do {
        before = now;
        TRY_OK(process_describe(b, pid, &now));
        thread_sleep_ns(PAUSE_NS / 10);  /* lets it run; decides nothing */
    } while (now.messages != before.messages || now.state != PROCESS_STATE_WAITING);
    return true;
}

/* Starts children until that fails, or there are CHILDREN. */
static bool fill(const char *most, uint32_t *pids, unsigned *ret_count, errval_t *ret_err)
{
    const char *argv[] = {SELF, most};

    for (*ret_count = 0; *ret_count < CHILDREN; ++*ret_count) {
        *ret_err = aos_spawn(2, argv, &pids[*ret_count]);
        if (err_is_fail(*ret_err)) {
            break;
        }
        TRY(settled(pids[*ret_count]));
    }
    return true;
}

/* Everything that was refused is given again. */
static bool all_work(void)
{
    static const char *const argv[] = {"true"};

    for (unsigned i = 0; i < TRIES; i++) {
        bool ok = true;
        struct aos_exit how;
        uint32_t pid, who;
        caddr_t end;

        for (size_t s = 0; s < SERVICES - 1; s++) {
            if (strcmp(services[s], "nameserver") != 0) {
                ok = ok && err_is_ok(aos_lookup(services[s], &end)) && err_is_ok(cap_destroy(end));
            }
        }
        if (ok && err_is_ok(aos_spawn(1, argv, &pid)) && err_is_ok(aos_wait(pid, &who, &how))
            && how.exited && how.status == 0) {
            return true;
        }
        thread_sleep_ns(PAUSE_NS);       /* memory is on its way back */
    }
    return false;
}

static bool end_all(const uint32_t *pids, unsigned count)
{
    while (count > 0) {
        struct aos_exit how;
        uint32_t who;

        TRY_OK(aos_kill(pids[--count]));
        TRY_OK(aos_wait(pids[count], &who, &how));
        TRY(how.killed);
    }
    return true;
}

/* Children take at most so much of each until no more can be started; and again there is as much as
 * before. What services keep for themselves (heap, a death notice for each place) they have after
 * the first round. */
static bool survive(const char *most)
{
    uint32_t pids[CHILDREN];
    unsigned first = 0, count = 0;
    errval_t err = ERR_OK;
    char text[160];

    for (unsigned round = 0; round < ROUNDS && (round < 3 || count < first); round++) {
        TRY(fill(most, pids, &count, &err));
        (void)err_format(err, text, sizeof(text));
        printf("# %u children with %s of each, then %s\n", count, most, text);
        TRY(count > 0 && err_is_fail(err));
        TRY(end_all(pids, count));
        TRY(all_work());
        first = round < 2 ? count : first;
    }
    TRY(count >= first);
    return true;
}

/* The request that finds no memory is another one each time. */
static bool services_survive(void)
{
    static const char *const mosts[] = {"1", "2", "3", "5", "32"};

    for (size_t i = 0; i < sizeof(mosts) / sizeof(mosts[0]); i++) {
        TRY(survive(mosts[i]));
    }
    return true;
}

int main(int argc, char **argv)
{
    static const struct taptest tests[] = {
        {"SHORT0001 services without memory answer with errors, and recover", services_survive},
    };

    if (argc > 1 && strcmp(argv[1], "--exec") != 0) {
        return child((unsigned)atoi(argv[1]));
    }
    return taptest_run(tests, TAPTEST_COUNT(tests));
}
