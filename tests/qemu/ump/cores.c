/* Rings between cores: init of core 0 starts others, whose init is the same program, and calls core
 * 1 over two rings in the frame that all share: one whose sides poll, one whose sides sleep, with a
 * Notify of each core as doorbell. With four cores, core 2 then calls core 3 at the same time. TAP;
 * powers off. */
#include <stdatomic.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/dispatch.h>
#include <aos/domain.h>
#include <aos/kernel.h>
#include <aos/paging.h>
#include <aos/raw.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <aos/ump.h>

#include "../chan/inittest.h"
#include "ringtest.h"

#define POOL_BYTES   0x1000000ull
#define FRAME_BYTES  RING_BYTES
#define CORES        4u                  /* at most */
#define RINGS        4u
#define SPINS        1000000u            /* looks of who polls: more than an answer takes */
#define CALLS        3000u
#define BOUNCES      3000u               /* of a line between the cores */
#define BATCH        100u                /* of them that are timed together */
#define PUTS         5000u
#define LATE_NS      20000000000ull      /* bounds a failure */
#define ATTACKS      10u
#define ATTACK_ROUNDS 3u
#define COUNTED      8u                  /* words of rings.count */
#define LONG_ANSWERS 1000u
#define SHORT_NS     2000000u            /* how long a call over an attacked ring may take */
#define LOOK_NS      100000u             /* between looks at a core that starts */

enum { POLLED, SLEEPY, SECOND, ATTACKED };
static const struct {
    uint8_t client, server;              /* cores */
    uint32_t spin;
} rings[RINGS] = {{0, 1, SPINS}, {0, 1, UMP_SPIN_NONE}, {2, 3, SPINS}, {0, 1, 0}};

/* The frame that all have; each place has one writer. */
struct shared {
    uint8_t frames[RINGS][2][FRAME_BYTES]; /* written by the server, by the client */
    _Alignas(64) _Atomic uint64_t there;   /* a line that goes to and fro */
    _Alignas(64) _Atomic uint64_t back;
    _Alignas(64) _Atomic uint32_t up[CORES]; /* the core is ready */
    _Alignas(64) _Atomic uint32_t go;      /* core 2 calls */
    _Alignas(64) _Atomic uint32_t gone;    /* it has made all its calls */
    _Alignas(64) _Atomic uint32_t attack;  /* the number of the attack that may begin */
    _Alignas(64) _Atomic uint32_t attacked; /* and of the last one that is over */
};

_Static_assert(sizeof(struct shared) <= KPI_CORE_CHANNEL_BYTES, "fits the channel");

/* What rings and is rung: one of the bits that the two inits have from the start, for each ring. */
struct bell {
    struct raw_chan raw;
    caddr_t far;
    struct chan *chan;
};

static struct shared *shared;
static struct bell bells[RINGS];

errval_t aos_rpc_init(void)
{
    return ERR_OK;
}

static caddr_t notify(uint32_t core, uint32_t bit)
{
    caddr_t slot;
    EXPECT_ERR(ERR_OK, slot_alloc(&slot));
    EXPECT_ERR(ERR_OK, inv_kernel_notify(KPI_CAP_KERNEL, core, bit, slot));
    return slot;
}

static void bell_rung_disabled(struct raw_chan *raw, const struct lmp_msg *msg)
{
    struct bell *bell = raw->arg;
    if (bell->chan != NULL) {
        ump_rung_disabled(bell->chan);
    }
}

static void bell_rung(struct raw_chan *raw, const struct lmp_msg *msg)
{
    disp_disable();
    bell_rung_disabled(raw, msg);
    disp_enable();
}

static void bell_ring(void *ctx)
{
    (void)inv_notify_signal(((struct bell *)ctx)->far);
}

/* The bell of ring `which` on this side, and the one of the other. */
static void bell_open(struct bell *bell, uint32_t which, bool is_client, struct waitset *ws)
{
    const uint32_t near = is_client ? rings[which].client : rings[which].server;
    const uint32_t far = is_client ? rings[which].server : rings[which].client;
    caddr_t own, trigger;
    EXPECT_ERR(ERR_OK, chan_create(&own, &trigger));
    EXPECT_ERR(ERR_OK, raw_open(&bell->raw, ws, own, bell_rung, bell));
    bell->raw.arrived_disabled = bell_rung_disabled;
    EXPECT_ERR(ERR_OK, inv_notify_connect(notify(near, which), trigger));
    bell->far = notify(far, which);
}

static struct ump_config config_of(uint32_t which, bool is_client)
{
    static const struct ump_bell_ops ops = {bell_ring};
    return (struct ump_config){.out = shared->frames[which][is_client],
                               .in = shared->frames[which][!is_client],
                               .out_bytes = FRAME_BYTES,
                               .in_bytes = FRAME_BYTES,
                               .spin = rings[which].spin,
                               .bell = &ops,
                               .ctx = &bells[which]};
}

static void bell_connect(struct bell *bell, struct chan *chan)
{
    disp_disable();
    bell->chan = chan;
    ump_rung_disabled(chan);
    disp_enable();
}

/* --- cores 1 and 3 -------------------------------------------------------------------------- */

static uint64_t came, came_wrong;

static errval_t far_echo(struct server_ctx *ctx, uint64_t a, uint64_t *ret_r)
{
    *ret_r = ~a;
    return ERR_OK;
}

static errval_t far_count(struct server_ctx *ctx, uint64_t a, uint64_t *ret_r)
{
    for (uint32_t i = 0; i < COUNTED; i++) {
        ret_r[i] = a + i;
    }
    return ERR_OK;
}

static errval_t far_text(struct server_ctx *ctx, const char *text, size_t text_len, char *ret_back,
                         size_t *ret_back_len)
{
    memcpy(ret_back, text, text_len);
    *ret_back_len = text_len;
    return ERR_OK;
}

static void far_put(struct server_ctx *ctx, uint64_t n)
{
    came_wrong += n != came;
    came++;
}

static errval_t far_got(struct server_ctx *ctx, uint64_t *ret_count, uint64_t *ret_wrong)
{
    *ret_count = came;
    *ret_wrong = came_wrong;
    return ERR_OK;
}

static struct rings_server server;
static struct waitset ws;
static struct server_conn *attacked;     /* NULL: none, or it has ended */
static uint32_t attacks;

static void far_gone(struct server_ctx *ctx)
{
    if (ctx->conn == attacked) {
        attacked = NULL;
        disp_disable();
        bells[ATTACKED].chan = NULL;
        disp_enable();
    }
}

/* A thread of core 1 writes rubbish into what core 0, or core 1 itself, reads. */
static int far_attacker(void *arg)
{
    const uint32_t number = (uint32_t)(uintptr_t)arg, to = number % 2;
    while (atomic_load(&shared->attack) != number) {
        thread_sleep_ns(LOOK_NS / 10);
    }
    ring_attack(shared->frames[ATTACKED][to], shared->frames[ATTACKED][1 - to], number,
                ATTACK_ROUNDS);
    atomic_store(&shared->attacked, number);
    return 0;
}

/* A fresh ring, which will be attacked. */
static void far_prepare(uint32_t number)
{
    const struct ump_config config = config_of(ATTACKED, false);
    struct thread *thread;
    if (attacked != NULL) {
        bells[ATTACKED].chan = NULL;
        server_conn_close(attacked);
    }
    memset(shared->frames[ATTACKED], 0, sizeof(shared->frames[ATTACKED]));
    EXPECT_ERR(ERR_OK, server_add_ump(&server.base, &config, 0, 0, &attacked));
    bell_connect(&bells[ATTACKED], ump_conn_chan(attacked));
    EXPECT_ERR(ERR_OK, thread_create(far_attacker, (void *)(uintptr_t)number,
                                     &(struct thread_attr){.detached = true}, &thread));
}

/* `open`, at first: bounces the line, as often as core 0 does. Then: prepares attacks. */
static errval_t far_open(struct server_ctx *ctx, uint32_t *ret_count)
{
    *ret_count = attacks++;
    if (*ret_count != 0) {
        far_prepare(*ret_count);
        return ERR_OK;
    }
    for (uint64_t i = 1; i <= BOUNCES; i++) {
        while (atomic_load_explicit(&shared->there, memory_order_acquire) != i) {
            arch_relax();
        }
        atomic_store_explicit(&shared->back, i, memory_order_release);
    }
    return ERR_OK;
}

static errval_t far_attach(struct server_ctx *ctx, caddr_t out, caddr_t in, caddr_t bell,
                           uint32_t spin, uint32_t *ret_number)
{
    return RINGS_ERR_REJECTED;
}

static errval_t far_pass(struct server_ctx *ctx, caddr_t frame, caddr_t *ret_back)
{
    return RPC_ERR_CAPABILITY;
}

static errval_t far_fill(struct server_ctx *ctx, struct lease *data, uint64_t seed,
                         uint32_t *ret_n)
{
    return RPC_ERR_CAPABILITY;
}

static errval_t far_sum(struct server_ctx *ctx, const struct lease *data, uint64_t *ret_sum)
{
    return RPC_ERR_CAPABILITY;
}

static errval_t far_attack(struct server_ctx *ctx, caddr_t out, caddr_t in, uint64_t seed,
                           uint32_t rounds)
{
    return RPC_ERR_CAPABILITY;
}

static const struct rings_server_ops ops = {
    .on_attach = far_attach, .on_open = far_open, .on_echo = far_echo, .on_text = far_text,
    .on_put = far_put, .on_got = far_got, .on_pass = far_pass, .on_fill = far_fill,
    .on_sum = far_sum, .on_count = far_count, .on_attack = far_attack, .on_peer_gone = far_gone,
};

static void far_map(const struct kpi_bootinfo *info)
{
    void *at = NULL;
    inittest_use_boot_ram();
    for (uint32_t i = 0; i < info->cap_count; i++) {
        if (info->caps[i].kind == KPI_BOOT_CHANNEL) {
            EXPECT_ERR(ERR_OK, paging_map_frame(paging_self(), info->caps[i].cap, 0,
                                                KPI_CORE_CHANNEL_BYTES, AOS_VM_RW, &at));
        }
    }
    shared = at;
}

static void __attribute__((noreturn)) far_serve(uint32_t core)
{
    struct server_conn *conn;
    waitset_init(&ws);
    rings_serve(&server, &ops, NULL, &ws);
    for (uint32_t i = 0; i < RINGS; i++) {
        if (rings[i].server == core) {
            const struct ump_config config = config_of(i, false);
            bell_open(&bells[i], i, false, &ws);
            if (i == ATTACKED) {
                continue;
            }
            EXPECT_ERR(ERR_OK, server_add_ump(&server.base, &config, 0, 0, &conn));
            bell_connect(&bells[i], ump_conn_chan(conn));
        }
    }
    atomic_store(&shared->up[core], 1);
    waitset_run(&ws);
}

/* --- cores 0 and 2 -------------------------------------------------------------------------- */

static struct rings_binding b[RINGS];

static void near_open(uint32_t which)
{
    const struct ump_config config = config_of(which, true);
    bell_open(&bells[which], which, true, NULL);
    bells[which].chan = &b[which].base.chan;
    EXPECT_ERR(ERR_OK, binding_open_ump(&b[which].base, &config, &rings_client_interface));
}

/* What a call takes: the least mean of BATCH calls, as a machine that is emulated may stop at any
 * time. */
static uint64_t calls_over(struct rings_binding *over)
{
    uint64_t value, least = UINT64_MAX;
    for (uint64_t i = 0; i < CALLS;) {
        uint64_t from = time_now_ns();
        do {
            EXPECT_ERR(ERR_OK, rings_echo(over, i, &value));
            EXPECT(value == ~i);
        } while (++i % BATCH != 0);
        uint64_t took = (time_now_ns() - from) / BATCH;
        least = took < least ? took : least;
    }
    return least;
}

/* Core 2. */
static void __attribute__((noreturn)) far_call(uint32_t core)
{
    near_open(SECOND);
    atomic_store(&shared->up[core], 1);
    while (atomic_load(&shared->go) == 0) {
        thread_sleep_ns(LOOK_NS);
    }
    (void)calls_over(&b[SECOND]);
    atomic_store(&shared->gone, 1);
    for (;;) {
        thread_sleep_ns(LATE_NS);
    }
}

/* --- core 0 --------------------------------------------------------------------------------- */

static caddr_t pools[CORES], channel;

/* Cuts the other cores' memory off the largest piece. */
static void near_memory(const struct kpi_bootinfo *info)
{
    const struct kpi_boot_cap *best = NULL;
    for (uint32_t i = 0; i < info->cap_count; i++) {
        const struct kpi_boot_cap *c = &info->caps[i];
        if (c->kind == KPI_BOOT_RAM && (best == NULL || c->bytes > best->bytes)) {
            best = c;
        }
    }
    EXPECT(best != NULL);
    uint64_t end = best->base + best->bytes;
    for (uint32_t core = 1; core < CORES; core++) {
        end = (end - POOL_BYTES) & ~(AOS_LARGE_BYTES - 1);
        EXPECT_ERR(ERR_OK, slot_alloc(&pools[core]));
        EXPECT_ERR(ERR_OK, cap_split(pools[core], best->cap, end - best->base));
    }
    EXPECT_ERR(ERR_OK, ram_add(best->cap, best->base, end - best->base));
}

static void near_start(uint32_t core)
{
    const struct kpi_bootinfo *info = kernel_bootinfo();
    const uint64_t until = time_deadline_ns(LATE_NS);
    for (uint32_t i = 0; i < info->cap_count; i++) {
        uint32_t number, state;
        if (info->caps[i].kind == KPI_BOOT_KCB) {
            EXPECT_ERR(ERR_OK, kernel_core_state(info->caps[i].cap, &number, &state));
            if (number == core) {
                EXPECT_ERR(ERR_OK, kernel_core_start(info->caps[i].cap, pools[core], channel));
            }
        }
    }
    while (atomic_load(&shared->up[core]) == 0) {
        EXPECT(time_now_ns() < until);
        thread_sleep_ns(LOOK_NS);
    }
}

static void the_other_core_comes(void)
{
    uint64_t bytes;
    void *at;
    EXPECT_ERR(ERR_OK, frame_alloc(KPI_CORE_CHANNEL_BYTES, &channel, &bytes));
    EXPECT_ERR(ERR_OK, paging_map_frame(paging_self(), channel, 0, KPI_CORE_CHANNEL_BYTES,
                                        AOS_VM_RW, &at));
    shared = at;
    near_start(1);
    near_open(POLLED);
    near_open(SLEEPY);
}

/* What a line takes that goes to and fro, in the same way. */
static uint64_t bounces(void)
{
    uint64_t least = UINT64_MAX;
    for (uint64_t i = 0; i < BOUNCES;) {
        uint64_t from = time_now_ns();
        do {
            atomic_store_explicit(&shared->there, ++i, memory_order_release);
            while (atomic_load_explicit(&shared->back, memory_order_acquire) != i) {
                arch_relax();
            }
        } while (i % BATCH != 0);
        uint64_t took = (time_now_ns() - from) / BATCH;
        least = took < least ? took : least;
    }
    return least;
}

static void many_lines(struct rings_binding *over)
{
    static char text[1000], back[1000];
    size_t len;
    for (uint32_t i = 0; i < sizeof(text); i += 7) {
        memset(text, 'a' + (int)(i % 26), i);
        EXPECT_ERR(ERR_OK, rings_text(over, text, i, back, &len));
        EXPECT(len == i && memcmp(text, back, i) == 0);
    }
}

static void both_poll(void)
{
    uint64_t call = calls_over(&b[POLLED]);
    struct rings_open_call open;
    uint32_t count;
    many_lines(&b[POLLED]);
    EXPECT_ERR(ERR_OK, rings_open_begin(&b[POLLED], &open));
    uint64_t line = bounces();
    EXPECT_ERR(ERR_OK, rings_open_end(&open, AOS_FOREVER, &count));
    printf("# a polled call takes %u ns, a line there and back %u ns: %u.%u times as long\n",
           (unsigned)call, (unsigned)line, (unsigned)(call / (line + 1)),
           (unsigned)(call * 10 / (line + 1) % 10));
}

/* Answers that the short way of a call must not take for one line, though they come while it looks.
 */
static void long_answers(void)
{
    for (uint64_t a = 0; a < LONG_ANSWERS; a++) {
        uint64_t r[COUNTED];
        EXPECT_ERR(ERR_OK, rings_count(&b[POLLED], a, r));
        for (uint32_t i = 0; i < COUNTED; i++) {
            EXPECT(r[i] == a + i);
        }
    }
}

static void both_sleep(void)
{
    printf("# a call between sides that sleep takes %u ns\n", (unsigned)calls_over(&b[SLEEPY]));
    many_lines(&b[SLEEPY]);
}

/* As fast as the ring takes them. */
static void a_full_ring(void)
{
    uint64_t count, wrong;
    uint32_t full = 0;
    for (uint32_t i = 0; i < PUTS;) {
        errval_t err = rings_put(&b[i / 2500], i);
        EXPECT(err == ERR_OK || err == RPC_ERR_AGAIN);
        if (err != ERR_OK) {
            full++;
            arch_relax();
        }
        i += err == ERR_OK;
        if (i == 2500 && err == ERR_OK) { /* the other ring goes on when this one is empty */
            EXPECT_ERR(ERR_OK, rings_got(&b[POLLED], &count, &wrong));
        }
    }
    EXPECT_ERR(ERR_OK, rings_got(&b[SLEEPY], &count, &wrong));
    EXPECT(count == PUTS && wrong == 0);
    printf("# %u times full\n", full);
}

/* Calls over one pair of cores, and over two pairs at once: neither has anything from the other. In
 * turns, where each instruction is a nanosecond of one clock, a call takes as many of both. */
static void two_pairs(void)
{
    uint64_t from = time_now_ns();
    (void)calls_over(&b[POLLED]);
    uint64_t alone = (time_now_ns() - from) / CALLS;
    if (kernel_bootinfo()->core_count < CORES) {
        printf("# %u ns a call\n", (unsigned)alone);
        return;
    }
    near_start(3);
    near_start(2);
    from = time_now_ns();
    atomic_store(&shared->go, 1);
    (void)calls_over(&b[POLLED]);
    while (atomic_load(&shared->gone) == 0) {
        arch_relax();
    }
    uint64_t beside = (time_now_ns() - from) / (2 * CALLS);
    printf("# %u ns a call with 2 cores, %u with 4 of which 2 call\n", (unsigned)alone,
           (unsigned)beside);
    EXPECT(beside < alone + alone / 4);
}

/* As long as it lasts. Every call over an attacked ring ends, and others are as ever. */
static bool under_attack(uint32_t number)
{
    errval_t err = ERR_OK;
    uint64_t value;
    for (uint64_t i = 0; atomic_load(&shared->attacked) != number; i++) {
        if (err_no(err) != RPC_ERR_PEER_GONE) {
            err = rings_echo(&b[ATTACKED], i, &value);
        }
        EXPECT_ERR(ERR_OK, rings_echo(&b[POLLED], i, &value));
        EXPECT(value == ~i);
    }
    return err_no(err) == RPC_ERR_PEER_GONE;
}

/* While both cores use the ring, at the same time. */
static void rubbish_at_any_time(void)
{
    const struct ump_config config = config_of(ATTACKED, true);
    uint32_t ended = 0, number;
    bell_open(&bells[ATTACKED], ATTACKED, true, NULL);
    for (uint32_t i = 1; i <= ATTACKS; i++) {
        EXPECT_ERR(ERR_OK, rings_open(&b[POLLED], &number));
        EXPECT(number == i);
        bells[ATTACKED].chan = &b[ATTACKED].base.chan;
        EXPECT_ERR(ERR_OK, binding_open_ump(&b[ATTACKED].base, &config, &rings_client_interface));
        binding_set_deadline(&b[ATTACKED].base, SHORT_NS);
        atomic_store(&shared->attack, i);
        ended += under_attack(i);
        rings_close(&b[ATTACKED]);
    }
    printf("# %u of %u attacked rings ended\n", (unsigned)ended, ATTACKS);
}

static void the_end(void)
{
    rings_close(&b[POLLED]);
    rings_close(&b[SLEEPY]);
}

static const struct inittest tests[] = {
    {"UMP0121 a core starts and serves two rings", the_other_core_comes},
    {"UMP0122 both sides poll", both_poll},
    {"UMP0123 both sides sleep, and are rung by the other core", both_sleep},
    {"UMP0124 full rings: nothing is lost, nothing out of order", a_full_ring},
    {"UMP0125 two pairs of cores call at the same time", two_pairs},
    {"UMP0126 rubbish in a frame while two cores use it", rubbish_at_any_time},
    {"UMP0128 answers of two lines to polling callers", long_answers},
    {"UMP0127 the end", the_end},
};

int main(void)
{
    const struct kpi_bootinfo *info = kernel_bootinfo();
    if (info->core != info->boot_core) {
        far_map(info);
        if (info->core % 2 != 0) {
            far_serve(info->core);
        }
        far_call(info->core);
    }
    inittest_suite = "RINGS";
    printf("1..%d\n", INITTEST_COUNT(tests));
    near_memory(info);
    inittest_run(tests, INITTEST_COUNT(tests));
}
