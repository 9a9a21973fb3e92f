/* Ends every service except init, in turn, at moments that a seed says, while others work. Started
 * by init as a service itself (so it may), with arguments SEED and ROUNDS; each round ends each of
 * them once. As a program, without arguments, it lets that begin, and starts programs, takes and
 * gives back memory, looks up names and prints, in a thread each, until it is over; 0 if all
 * services came back each time and all the work succeeded.
 *
 * Under -icount a nanosecond is an instruction: the pauses are counts of instructions, and a seed
 * gives the same run each time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/binding.h>
#include <aos/cap.h>
#include <aos/process.h>
#include <aos/server.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <aos/waitset.h>
#include <if/init.h>
#include <if/init_server.h>
#include <if/memory.h>
#include <if/nameserver.h>
#include <if/process.h>
#include <if/serial.h>

#define PAUSE_NS     8000000u            /* at most, before each end */
#define PAUSE_SHIFTS 8u
#define ASK_PAUSE_NS 1000000u
#define BACK_NS     20000000000ull       /* by then it must have come back */
#define WAITERS_MAX 4u
#define UPSET_START 1u                   /* the number that lets it begin */
#define UPSET_WAIT  0u                   /* the one that is answered when it has ended */

static struct {
    struct waitset ws;
    struct init_server server;
    struct init_number_responder waiters[WAITERS_MAX];
    uint32_t waiter_count;
    uint64_t seed;
    uint32_t rounds;
    uint64_t result;                     /* 0: under way */
    struct sem start;
    struct work done;
} upset;

static uint32_t next_random(void)
{
    upset.seed ^= upset.seed << 13;
    upset.seed ^= upset.seed >> 7;
    upset.seed ^= upset.seed << 17;
    return (uint32_t)(upset.seed >> 16);
}

/* Each asks the service something that only a living one answers. */
static errval_t ask_memory(void)
{
    uint64_t total, free_bytes, largest, dying;
    struct memory_binding *b;
    uint32_t pieces;
    errval_t err = aos_memory(&b);

    return err_is_ok(err) ? memory_stats(b, &total, &free_bytes, &largest, &pieces, &dying) : err;
}

static errval_t ask_nameserver(void)
{
    char props[NAMESERVER_DESCRIBE_PROPS_MAX];
    struct nameserver_binding *b;
    uint16_t iface;
    uint32_t pid;
    size_t bytes;
    errval_t err = aos_nameserver(&b);

    return err_is_ok(err) ? nameserver_describe(b, "init", strlen("init"), &pid, &iface, props,
                                                &bytes)
                          : err;
}

static errval_t ask_process(void)
{
    struct process_binding *b;
    uint32_t pid, parent;
    errval_t err = aos_process(&b);

    return err_is_ok(err) ? process_self(b, &pid, &parent) : err;
}

static errval_t ask_serial(void)
{
    struct serial_binding *b;
    errval_t err = aos_serial(&b);

    return err_is_ok(err) ? serial_flush(b) : err;
}

static const struct victim {
    const char *name;
    uint32_t pid;
    errval_t (*ask)(void);
} victims[] = {
    {"memory", 1, ask_memory}, {"nameserver", 2, ask_nameserver}, {"process", 3, ask_process},
    {"serial", 4, ask_serial},
};

#define VICTIMS (sizeof(victims) / sizeof(victims[0]))

/* A process service that has just come back may not have been told of it yet. */
static errval_t upset_kill(const struct victim *v, uint64_t limit)
{
    struct process_binding *b;
    errval_t err;

    do {
        err = aos_process(&b);
        err = err_is_ok(err) ? process_kill(b, v->pid) : err;
        if (v->ask == ask_process && err_no(err) == RPC_ERR_PEER_GONE) {
            return ERR_OK;               /* no answer, since it is dead */
        }
    } while (err_is_fail(err) && time_now_ns() < limit);
    return err;
}

/* Ends it and waits until there is another. */
static bool upset_one(const struct victim *v)
{
    uint64_t limit = time_deadline_ns(BACK_NS);
    errval_t err;

    /* often a short one: others still find what has come back */
    thread_sleep_ns((next_random() % PAUSE_NS) >> (next_random() % PAUSE_SHIFTS));
    err = upset_kill(v, limit);
    if (err_is_fail(err)) {
        return false;
    }
    do {
        err = v->ask();
        if (err_is_fail(err)) {
            thread_sleep_ns(ASK_PAUSE_NS);
        }
    } while (err_is_fail(err) && time_now_ns() < limit);
    return err_is_ok(err);
}

static void upset_tell(void *arg)
{
    (void)arg;
    for (uint32_t i = 0; i < upset.waiter_count; i++) {
        init_number_reply(&upset.waiters[i], ERR_OK, upset.result);
    }
    upset.waiter_count = 0;
}

static int upset_run(void *arg)
{
    uint64_t result = 1;
    uint32_t done = 0;

    (void)arg;
    sem_wait(&upset.start);
    for (; done < upset.rounds && result == 1; done++) {
        for (uint32_t i = 0; i < VICTIMS && result == 1; i++) {
            if (!upset_one(&victims[i])) {
                printf("upset: %s did not come back in round %u\n", victims[i].name,
                       (unsigned)done);
                result = 2 + i;
            }
        }
    }
    printf("upset: %u rounds\n", (unsigned)done);
    fflush(stdout);
    upset.result = result;
    waitset_post(&upset.ws, &upset.done);
    return 0;
}

static errval_t on_number(struct server_ctx *ctx, uint64_t value, uint64_t *ret_echo)
{
    if (value == UPSET_START) {
        sem_post(&upset.start);
        *ret_echo = 1;
        return ERR_OK;
    }
    if (upset.result != 0) {
        *ret_echo = upset.result;
        return ERR_OK;
    }
    if (upset.waiter_count == WAITERS_MAX) {
        return RPC_ERR_AGAIN;
    }
    upset.waiters[upset.waiter_count++] = init_number_defer(ctx);
    return SERVER_DEFERRED;
}

static const struct init_server_ops ops = {.on_number = on_number};

/* --- as a program --------------------------------------------------------------------------- */

#define WORK_BLOCK_BYTES 0x180000u       /* more than the heap keeps */
#define WORK_TRIES       100u            /* of what a service that ended did not answer */

static struct {
    volatile bool stop;
    volatile uint32_t failures;
    uint32_t programs, blocks, names;
} work;

/* One step of work failed, and not because a service ended that is there again soon. */
static void work_failed(const char *what, errval_t err)
{
    char text[160];

    (void)err_format(err, text, sizeof(text));
    printf("upset: %s: %s\n", what, text);
    work.failures++;
}

/* A launch is not repeated by the stubs: it might happen twice. */
static errval_t work_spawn(const char *const argv[], uint32_t *ret_pid)
{
    errval_t err = aos_spawn(1, argv, ret_pid);

    for (uint32_t i = 1; i < WORK_TRIES && err_has(err, RPC_ERR_PEER_GONE); i++) {
        err = aos_spawn(1, argv, ret_pid);
    }
    return err;
}

static int work_programs(void *arg)
{
    const char *const argv[] = {"true"};

    (void)arg;
    for (; !work.stop; work.programs++) {
        struct aos_exit how = {.status = -1};
        uint32_t pid = 0, who = 0;
        errval_t err = work_spawn(argv, &pid);

        if (err_is_ok(err)) {
            err = aos_wait(pid, &who, &how);
        }
        if (err_is_fail(err) || who != pid || !how.exited || how.status != 0) {
            work_failed("a program", err);
        }
    }
    return 0;
}

static int work_blocks(void *arg)
{
    (void)arg;
    for (; !work.stop; work.blocks++) {
        uint8_t *block = malloc(WORK_BLOCK_BYTES);

        if (block == NULL) {
            work_failed("a block", LIB_ERR_NO_MEMORY);
            continue;
        }
        for (size_t i = 0; i < WORK_BLOCK_BYTES; i += AOS_PAGE_BYTES) {
            block[i] = (uint8_t)(i / AOS_PAGE_BYTES + work.blocks);
        }
        for (size_t i = 0; i < WORK_BLOCK_BYTES; i += AOS_PAGE_BYTES) {
            if (block[i] != (uint8_t)(i / AOS_PAGE_BYTES + work.blocks)) {
                work_failed("a page", ERR_OK);
            }
        }
        free(block);
    }
    return 0;
}

static int work_names(void *arg)
{
    (void)arg;
    for (; !work.stop; work.names++) {
        const struct victim *v = &victims[work.names % VICTIMS];
        const char *name = v->ask == ask_nameserver ? "init" : v->name;
        caddr_t end;
        errval_t err = aos_lookup(name, &end);

        if (err_is_fail(err)) {
            work_failed(name, err);
            continue;
        }
        (void)cap_destroy(end);
        printf("name %u\n", (unsigned)work.names);
    }
    return 0;
}

static int upset_work(struct init_binding *b)
{
    static const thread_fn all[] = {work_programs, work_blocks, work_names};
    struct thread *threads[3];
    uint64_t result = 0;
    errval_t err = ERR_OK;

    for (uint32_t i = 0; i < 3; i++) {
        err = err_is_ok(err) ? thread_create(all[i], NULL, NULL, &threads[i]) : err;
    }
    err = err_is_ok(err) ? init_number(b, UPSET_START, &result) : err;
    err = err_is_ok(err) ? init_number(b, UPSET_WAIT, &result) : err;
    work.stop = true;
    for (uint32_t i = 0; err_is_ok(err) && i < 3; i++) {
        err = thread_join(threads[i], NULL);
    }
    if (err_is_fail(err) || result != 1) {
        work_failed("the rounds", err);
    }
    printf("upset: %u programs, %u blocks, %u names, %u failures\n", (unsigned)work.programs,
           (unsigned)work.blocks, (unsigned)work.names, (unsigned)work.failures);
    return work.failures == 0 ? 0 : 1;
}

static int upset_program(void)
{
    struct init_binding b;
    caddr_t end;
    errval_t err = aos_lookup("upset", &end);

    err = err_is_ok(err) ? init_bind(end, &b) : err;
    if (err_is_fail(err)) {
        return 1;
    }
    binding_set_deadline(&b.base, AOS_FOREVER);
    return upset_work(&b);
}

int main(int argc, char **argv)
{
    struct thread *t;

    if (argc != 3) {
        return upset_program();
    }
    upset.seed = strtoull(argv[1], NULL, 10) * 0x9e3779b97f4a7c15ull + 1;
    upset.rounds = (uint32_t)strtoul(argv[2], NULL, 10);
    upset.done.fn = upset_tell;
    sem_init(&upset.start, 0);
    waitset_init(&upset.ws);
    server_init(&upset.server.base, &init_server_interface, &ops, NULL, NULL, &upset.ws);
    if (err_is_fail(aos_register(&upset.server.base, "upset", NULL, 0))
        || err_is_fail(thread_create(upset_run, NULL, &(struct thread_attr){.detached = true},
                                     &t))) {
        return 1;
    }
    waitset_run(&upset.ws);
}
