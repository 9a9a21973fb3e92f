/* A hostile client of the services: messages that no stub would send, floods, areas that vanish,
 * and everything there is a limit for. TAP on stdout. After each attack every service must answer
 * an honest client, and none may have grown for good. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/arch_lmp.h>
#include <aos/binding.h>
#include <aos/cap.h>
#include <aos/dispatch.h>
#include <aos/domain.h>
#include <aos/process.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/slot.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <if/init.h>
#include <if/memory.h>
#include <if/nameserver.h>
#include <if/process.h>
#include <if/serial.h>

#include "taptest.h"

#define SELF         "svchostile"
#define SEED         0x9e3779b97f4a7c15ull
#define MESSAGES     3000u               /* of nonsense to each service */
#define FLOOD_MAX    5000u
#define ENDS_MAX     400u                /* tried; far more than a service allows */
#define PATIENCE_NS  5000000000ull       /* for an answer or the end of a connection */

/* --- a connection without stubs ---------------------------------------------------------------
 * From raw_open to raw_close this domain is disabled and all messages come here. */

struct victim {
    const char *name;
    uint16_t id, version;
    uint64_t hash;
};

static const struct victim victims[] = {
    {"memory", MEMORY_ID, 1, MEMORY_HASH},
    {"nameserver", NAMESERVER_ID, 1, NAMESERVER_HASH},
    {"process", PROCESS_ID, 1, PROCESS_HASH},
    {"serial", SERIAL_ID, 1, SERIAL_HASH},
    {"init", INIT_ID, 1, INIT_HASH},
};
#define VICTIMS (sizeof(victims) / sizeof(victims[0]))

struct raw {
    caddr_t end;
    bool gone;                           /* the service closed it */
    unsigned answers;
};

static uint64_t random_state = SEED;

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % limit;
}

static void raw_delete(caddr_t cap)
{
    while (inv_cnode_delete(cap_cnode_of(cap), cap_index_of(cap)) == SYS_ERR_AGAIN) {
    }
}

/* svc #SYSCALL_POLL: the cookie; the header and the received capability. */
static uint64_t raw_poll(uint64_t *ret_header, caddr_t *ret_cap)
{
    register uint64_t x0 __asm__("x0") = 0;
    register uint64_t x1 __asm__("x1");
    register uint64_t x10 __asm__("x10");
    __asm__ volatile("svc #" ARCH_LMP_STR(SYSCALL_POLL)
                     : "+r"(x0), "=r"(x1), "=r"(x10)
                     :
                     : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x11", ARCH_LMP_CLOBBERS);
    *ret_header = x1;
    *ret_cap = (caddr_t)x10;
    return x0;
}

static void raw_yield(void)
{
    __asm__ volatile("svc #" ARCH_LMP_STR(SYSCALL_YIELD)
                     :
                     :
                     : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
                       ARCH_LMP_CLOBBERS);
}

static void raw_take(struct raw *r)
{
    uint64_t cookie, header;
    caddr_t cap;

    while ((cookie = raw_poll(&header, &cap)) != 0) {
        if (cap != 0) {
            raw_delete(cap);
            disp_page()->recv_slot = cap;
        }
        if (cookie != (uint64_t)(uintptr_t)r) {
            continue;
        }
        if (header == KPI_CONTROL_HEADER(KPI_CONTROL_PEER_GONE)) {
            r->gone = true;
        } else {
            r->answers++;
        }
    }
}

static errval_t raw_send(struct raw *r, const struct lmp_msg *msg, struct msg_cap cap)
{
    errval_t err = arch_lmp_send(r->end, msg_xfer(cap), msg);

    if (err_no(err) == SYS_ERR_LMP_PEER_GONE) {
        r->gone = true;
    }
    return err;
}

/* Lets others run until there is one more answer, or the end. */
static bool raw_wait(struct raw *r)
{
    unsigned before = r->answers;
    uint64_t deadline = time_deadline_ns(PATIENCE_NS);

    while (r->answers == before && !r->gone && time_now_ns() < deadline) {
        raw_yield();
        raw_take(r);
    }
    return r->answers != before || r->gone;
}

static bool raw_open(struct raw *r, const struct victim *v)
{
    struct nameserver_binding *b;
    struct lmp_msg hello = {
        .header = MSG_HEADER(0, MSG_CALL, 3, 0),
        .words = {CHAN_OP_BIND, v->id | (uint64_t)v->version << 32, v->hash},
    };

    *r = (struct raw){0};
    if (strcmp(v->name, "nameserver") == 0) {
        TRY_OK(aos_nameserver(&b));
        TRY_OK(binding_clone(&b->base, BINDING_CLONE_OWN, 0, &r->end));
    } else {
        TRY_OK(aos_lookup(v->name, &r->end));
    }
    disp_disable();
    (void)inv_endpoint_bind(r->end, (uint64_t)(uintptr_t)r);
    (void)raw_send(r, &hello, (struct msg_cap){0});
    (void)raw_wait(r);
    return true;
}

static void raw_close(struct raw *r)
{
    raw_delete(r->end);
    raw_take(r);
    disp_enable();
    slot_free(r->end);
}

/* Every service answers somebody who behaves, on old connections and new ones. */
static bool all_alive(void)
{
    struct memory_binding *memory;
    struct nameserver_binding *nameserver;
    struct process_binding *process;
    struct serial_binding *serial;
    struct init_binding *init;
    uint64_t a, b, c, d;
    uint32_t pid, parent;

    TRY_OK(aos_memory(&memory));
    TRY_OK(memory_stats(memory, &a, &b, &c, &pid, &d));
    TRY_OK(aos_process(&process));
    TRY_OK(process_self(process, &pid, &parent));
    TRY_OK(aos_serial(&serial));
    TRY_OK(serial_flush(serial));
    TRY_OK(aos_init(&init));
    TRY_OK(init_number(init, 1, &a));
    TRY_OK(aos_nameserver(&nameserver));
    for (size_t i = 0; i < VICTIMS; i++) {
        char props[512];
        size_t bytes;
        uint16_t iface;
        caddr_t end;

        if (victims[i].id != NAMESERVER_ID) {
            TRY_OK(nameserver_describe(nameserver, victims[i].name, strlen(victims[i].name), &pid,
                                       &iface, props, &bytes));
            TRY_OK(aos_lookup(victims[i].name, &end));
            TRY_OK(cap_destroy(end));
        }
    }
    return true;
}

/* --- the attacks ------------------------------------------------------------------------------ */

/* Means harm when it is right: power, and what would end this test or print what is no TAP. */
static bool is_harmful(const struct victim *v, uint64_t ordinal)
{
    return (v->id == INIT_ID && ordinal == INIT_SHUTDOWN_ORDINAL)
        || (v->id == SERIAL_ID
            && (ordinal == SERIAL_WRITE_ORDINAL || ordinal == SERIAL_PUT_CHAR_ORDINAL))
        || (v->id == PROCESS_ID && ordinal == PROCESS_KILL_ORDINAL);
}

/* A message of random shape, often nearly right. */
static struct lmp_msg nonsense(const struct victim *v)
{
    uint64_t ordinal = random_below(16), kind = random_below(4) == 0 ? random_below(8) : MSG_CALL;
    struct lmp_msg msg = {0};

    if (is_harmful(v, ordinal)) {
        ordinal = 0;
    }
    if (random_below(20) == 0) {
        ordinal = 16 + random_below(4080);
    }
    msg.header = ordinal | kind << MSG_KIND_SHIFT
        | random_below(random_below(8) == 0 ? 64 : 8) << MSG_SLOT_SHIFT
        | random_below(1024) << MSG_GEN_SHIFT
        | random_below(random_below(4) == 0 ? 256 : 9) << MSG_WORDS_SHIFT
        | random_below(random_below(4) == 0 ? 16 : 2) << MSG_CAPS_SHIFT
        | (random_below(8) == 0 ? MSG_MORE : 0)
        | (random_below(16) == 0 ? random_below(256) : v->hash & 0xff) << MSG_HASH_SHIFT;
    for (size_t i = 0; i < KPI_LMP_WORDS; i++) {
        static const uint64_t words[] = {0, 1, 2, 3, 4, 8, 63, 64, 255, 4096, 65536, ~0ull};

        msg.words[i] = random_below(4) == 0 ? random_state
                                            : words[random_below(sizeof(words) / sizeof(words[0]))];
    }
    return msg;
}

static bool nonsense_to(const struct victim *v, caddr_t frame)
{
    for (unsigned sent = 0; sent < MESSAGES;) {
        struct raw r;

        TRY(raw_open(&r, v));
        while (!r.gone && sent < MESSAGES) {
            struct lmp_msg msg = nonsense(v);
            struct msg_cap cap = {
                .cap = random_below(3) == 0 ? frame : 0, .rights = (uint8_t)random_below(16),
            };

            if (err_is_fail(raw_send(&r, &msg, cap)) || random_below(4) == 0) {
                raw_yield();
                raw_take(&r);
            }
            sent++;
        }
        raw_close(&r);
    }
    return true;
}

static bool nonsense_is_refused(void)
{
    uint64_t bytes;
    caddr_t frame;

    TRY_OK(frame_alloc(AOS_PAGE_BYTES, &frame, &bytes));
    for (size_t i = 0; i < VICTIMS; i++) {
        TRY(nonsense_to(&victims[i], frame));
        TRY(all_alive());
    }
    TRY_OK(ram_free(frame));
    return true;
}

/* Calls without end and no look at the answers: the service gives up on this connection. */
static bool floods_end(void)
{
    for (size_t i = 0; i < VICTIMS; i++) {
        struct raw r;
        unsigned sent = 0;

        TRY(raw_open(&r, &victims[i]));
        while (!r.gone && sent++ < FLOOD_MAX) {
            const struct lmp_msg msg = {
                .header = MSG_HEADER(0xfff, MSG_CALL, 0, 0)
                    | (victims[i].hash & 0xff) << MSG_HASH_SHIFT,
            };

            if (err_is_fail(raw_send(&r, &msg, (struct msg_cap){0}))) {
                raw_yield();
            }
        }
        raw_close(&r);
        if (!r.gone) {
            printf("# %s still listens\n", victims[i].name);
        }
        TRY(r.gone);
        TRY(all_alive());
    }
    return true;
}

/* A message area is announced, then its memory is taken back, then it is used. */
static bool areas_may_vanish(void)
{
    for (size_t i = 0; i < VICTIMS; i++) {
        const uint64_t hash = (victims[i].hash & 0xff) << MSG_HASH_SHIFT;
        uint64_t bytes;
        caddr_t frame;
        struct raw r;

        TRY_OK(frame_alloc(16 * AOS_PAGE_BYTES, &frame, &bytes));
        TRY(raw_open(&r, &victims[i]));
        for (uint64_t direction = 0; direction < 2; direction++) {
            const struct lmp_msg area = {
                .header = MSG_HEADER(0, MSG_CALL, 4, 1) | hash,
                .words = {CHAN_OP_AREA, direction, 8192, 65536},
            };

            (void)raw_send(&r, &area, (struct msg_cap){frame, CAP_RIGHT_R | CAP_RIGHT_W, false});
            (void)raw_wait(&r);
        }
        while (inv_cnode_revoke(cap_cnode_of(frame), cap_index_of(frame)) == SYS_ERR_AGAIN) {
        }
        for (uint64_t ordinal = 1; ordinal < 12 && !r.gone; ordinal++) {
            for (uint64_t words = 9; words < 256 && !r.gone; words += 41) {
                const struct lmp_msg call = {
                    .header = ordinal | (uint64_t)MSG_CALL << MSG_KIND_SHIFT
                        | words << MSG_WORDS_SHIFT | hash,
                };

                (void)raw_send(&r, &call, (struct msg_cap){0});
                (void)raw_wait(&r);
            }
        }
        raw_close(&r);
        TRY_OK(ram_free(frame));
        TRY(all_alive());
    }
    return true;
}

static uint64_t free_now(void)
{
    struct memory_binding *b;
    uint64_t total, free_bytes = 0, largest, dying;
    uint32_t pieces;

    if (err_is_ok(aos_memory(&b))) {
        (void)memory_stats(b, &total, &free_bytes, &largest, &pieces, &dying);
    }
    return free_bytes;
}

/* Ends of a service without end: there is a limit, and what is closed comes back. */
static bool ends_are_limited(void)
{
    static caddr_t ends[ENDS_MAX];

    for (size_t i = 0; i < VICTIMS; i++) {
        unsigned count = 0;
        errval_t err = ERR_OK;

        while (err_is_ok(err) && count < ENDS_MAX) {
            err = aos_lookup(victims[i].name, &ends[count]);
            count += err_is_ok(err);
        }
        while (count > 0) {
            TRY_OK(cap_destroy(ends[--count]));
        }
        TRY(err_is_fail(err));
        TRY(all_alive());
    }
    return true;
}

/* As many calls that wait as possible; others still get their turn. */
static bool waits_are_limited(void)
{
    const uint64_t hash = (NAMESERVER_HASH & 0xff) << MSG_HASH_SHIFT;
    static struct raw r[ENDS_MAX];
    unsigned count = 0;
    struct nameserver_binding *b;
    caddr_t end;

    TRY_OK(aos_nameserver(&b));
    while (count < 40 && err_is_ok(binding_clone(&b->base, BINDING_CLONE_OWN, 0, &r[count].end))) {
        count++;
    }
    disp_disable();
    for (unsigned i = 0; i < count; i++) {
        struct lmp_msg m = {
            .header = MSG_HEADER(0, MSG_CALL, 3, 0),
            .words = {CHAN_OP_BIND, NAMESERVER_ID | 1ull << 32, NAMESERVER_HASH},
        };

        (void)inv_endpoint_bind(r[i].end, (uint64_t)(uintptr_t)&r[i]);
        (void)raw_send(&r[i], &m, (struct msg_cap){0});
        (void)raw_wait(&r[i]);
        for (uint64_t slot = 0; slot < CHAN_CALLS_MAX; slot++) {
            m = (struct lmp_msg){
                .header = MSG_HEADER(4, MSG_CALL, 2, 0) | slot << MSG_SLOT_SHIFT | hash,
                .words = {5ull << 16, 0x656d6f73},
            };
            (void)raw_send(&r[i], &m, (struct msg_cap){0});
        }
        for (unsigned k = 0; k < 8; k++) {
            raw_yield();
            raw_take(&r[i]);
        }
    }
    disp_enable();
    TRY_OK(aos_lookup("serial", &end));
    TRY_OK(cap_destroy(end));
    for (unsigned i = 0; i < count; i++) {
        TRY_OK(cap_destroy(r[i].end));
    }
    TRY(all_alive());
    return true;
}

/* All memory there is, in pieces that shrink. */
static bool memory_may_run_out(void)
{
    static caddr_t ram[512];
    struct memory_binding *b;
    uint64_t actual, bytes = 1ull << 30;
    uint64_t before = free_now();
    unsigned count = 0;

    TRY_OK(aos_memory(&b));
    while (bytes >= AOS_PAGE_BYTES && count < sizeof(ram) / sizeof(ram[0])) {
        if (err_is_ok(memory_alloc(b, bytes, 1, &ram[count], &actual))) {
            count++;
        } else {
            bytes /= 2;
        }
    }
    printf("# %u pieces, %llu bytes free\n", count, (unsigned long long)free_now());
    bool ok = all_alive();
    const char *argv[] = {SELF, "exit"};
    uint32_t pid;
    bool spawned = err_is_ok(aos_spawn(2, argv, &pid));
    while (count > 0) {
        TRY_OK(memory_free(b, ram[--count]));
    }
    TRY(ok && !spawned);
    TRY(all_alive());
    TRY(free_now() + (1 << 20) >= before);
    return true;
}

/* Children that have children, until no more can be started. */
static bool spawn_storms_end(void)
{
    const char *argv[] = {SELF, "bomb"};
    struct aos_exit how;
    uint32_t pid, who;

    TRY_OK(aos_spawn(2, argv, &pid));
    TRY_OK(aos_wait(pid, &who, &how));
    TRY(all_alive());
    argv[1] = "exit";
    TRY_OK(aos_spawn(2, argv, &pid));
    TRY_OK(aos_wait(pid, &who, &how));
    TRY(how.exited && how.status == 0);
    return true;
}

static int child(const char *how)
{
    const char *argv[] = {SELF, "sleep"};
    uint32_t pid, count = 0;

    if (strcmp(how, "sleep") == 0) {
        thread_sleep_ns(AOS_FOREVER / 4);
    }
    if (strcmp(how, "bomb") == 0) {
        while (err_is_ok(aos_spawn(2, argv, &pid))) {
            count++;
        }
        for (uint32_t i = pid; count > 0; i--, count--) {
            (void)aos_kill(i);
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const struct taptest tests[] = {
        {"SVC1001 nonsense is refused", nonsense_is_refused},
        {"SVC1002 floods end", floods_end},
        {"SVC1003 areas may vanish", areas_may_vanish},
        {"SVC1004 ends are limited", ends_are_limited},
        {"SVC1005 waits are limited", waits_are_limited},
        {"SVC1006 memory may run out", memory_may_run_out},
        {"SVC1007 spawn storms end", spawn_storms_end},
    };

    if (argc > 1) {
        return child(argv[1]);
    }
    return taptest_run(tests, TAPTEST_COUNT(tests));
}
