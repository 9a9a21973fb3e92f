/* Calls through the kernel, from one thread to another of the same domain. Prints TAP and powers
 * off. */
#include <string.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/fault.h>
#include <aos/paging.h>
#include <aos/slot.h>
#include <aos/time.h>

#include "chantest.h"
#include "inittest.h"

errval_t aos_rpc_init(void)
{
    return ERR_OK;
}

static struct bench_binding b;

static void chantest_bind(struct bench_binding *binding)
{
    caddr_t end;
    EXPECT_ERR(ERR_OK, bench_server_new_end(&chantest_server.server, 42, &end));
    EXPECT_ERR(ERR_OK, bench_bind(end, binding));
}

static void words(void)
{
    chantest_bind(&b);
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t r[8] = {0};
        EXPECT_ERR(ERR_OK, bench_zero(&b));
        EXPECT_ERR(ERR_OK, bench_one(&b, i, r));
        EXPECT(r[0] == ~i);
        EXPECT_ERR(ERR_OK, bench_four(&b, i, 2, 3, 4, r, r + 1, r + 2, r + 3));
        EXPECT(r[0] == 4 && r[1] == 3 && r[2] == 2 && r[3] == i);
        EXPECT_ERR(ERR_OK, bench_eight(&b, 1, 2, 3, 4, 5, 6, 7, i, r, r + 1, r + 2, r + 3, r + 4,
                                       r + 5, r + 6, r + 7));
        EXPECT(r[0] == i && r[1] == 7 && r[6] == 2 && r[7] == 1);
    }
    EXPECT(chantest_server.calls == 1000);
}

static void texts(void)
{
    static char text[1025];
    memset(text, 'x', sizeof(text));
    for (size_t length = 0; length <= 1024; length++) {
        uint32_t got = 0;
        EXPECT_ERR(ERR_OK, bench_text(&b, text, length, &got));
        EXPECT(got == length + (length != 0 ? 'x' : 0));
    }
    uint32_t got = 7;
    EXPECT_ERR(RPC_ERR_TOO_LARGE, bench_text(&b, text, 1025, &got));
    EXPECT_ERR(RPC_ERR_MALFORMED, bench_text(&b, "a\xff", 2, &got));
    EXPECT(got == 7);
}

static uint64_t chantest_slots(void)
{
    uint64_t used, total;
    chan_tidy();
    slot_stats(&used, &total);
    return used;
}

static void capabilities(void)
{
    caddr_t frame;
    uint64_t bytes;
    EXPECT_ERR(ERR_OK, frame_alloc(4096, &frame, &bytes));
    for (int i = 0; i < 64; i++) {
        EXPECT_ERR(ERR_OK, bench_cap(&b, frame));
    }
    recv_slot_refill();
    uint64_t used = chantest_slots();
    for (int i = 0; i < 200; i++) {
        EXPECT_ERR(ERR_OK, bench_cap(&b, frame));
    }
    recv_slot_refill();
    EXPECT(chantest_slots() == used);
    struct cap_info info;
    EXPECT_ERR(ERR_OK, cap_identify(frame, &info));
    EXPECT(info.type == CAPTYPE_FRAME);
    /* Not a Frame: refused by the server, and deleted there. */
    EXPECT_ERR(RPC_ERR_CAPABILITY, bench_cap(&b, KPI_CAP_EARLY_RAM));
    EXPECT_ERR(ERR_OK, ram_free(frame));
}

static int caller(void *arg)
{
    for (uint64_t i = 0; i < 500; i++) {
        uint64_t r = 0;
        uint64_t a = i << 8 | (uint64_t)(uintptr_t)arg;
        if (bench_one(&b, a, &r) != ERR_OK || r != ~a) {
            return 1;
        }
    }
    return 0;
}

static void many_threads(void)
{
    struct thread *t[12];
    for (uint64_t i = 0; i < 12; i++) {
        EXPECT_ERR(ERR_OK, thread_create(caller, (void *)(uintptr_t)i, NULL, &t[i]));
    }
    for (uint64_t i = 0; i < 12; i++) {
        int status = -1;
        EXPECT_ERR(ERR_OK, thread_join(t[i], &status));
        EXPECT(status == 0);
    }
}

static void timeouts(void)
{
    binding_set_deadline(&b.base, 20000000);
    chantest_server.silent = true;
    uint64_t before = time_now_ns();
    EXPECT_ERR(RPC_ERR_TIMEOUT, bench_zero(&b));
    EXPECT(time_now_ns() - before >= 20000000);
    chantest_server.silent = false;
    bench_zero_reply(&chantest_server.silenced, ERR_OK);
    binding_set_deadline(&b.base, bench_client_interface.deadline_ns);
    for (int i = 0; i < 20; i++) {
        EXPECT_ERR(ERR_OK, bench_zero(&b));
    }
}

struct seen {
    struct waitset ws;
    uint32_t calls, timers;
    uint64_t r;
};

static void one_done(void *arg, errval_t err, uint64_t r)
{
    struct seen *s = arg;
    s->calls += err == ERR_OK;
    s->r = r;
}

static void timer_done(void *arg)
{
    struct seen *s = arg;
    s->timers++;
}

static void waitsets(void)
{
    static struct seen s;
    static struct waitset_timer timer;
    waitset_init(&s.ws);
    binding_set_waitset(&b.base, &s.ws);
    EXPECT_ERR(ERR_OK, waitset_timer_set(&s.ws, &timer, time_deadline_ns(5000000), timer_done, &s));
    EXPECT_ERR(ERR_OK, bench_one_cb(&b, 5, one_done, &s));
    while (s.calls == 0 || s.timers == 0) {
        EXPECT_ERR(ERR_OK, waitset_dispatch(&s.ws, time_deadline_ns(1000000000)));
    }
    EXPECT(s.r == ~5ull && s.calls == 1 && s.timers == 1);
    EXPECT_ERR(LIB_ERR_TIMEOUT, waitset_dispatch(&s.ws, time_deadline_ns(1000000)));
}

static void clones(void)
{
    caddr_t end;
    EXPECT_ERR(RPC_ERR_CAPABILITY, binding_clone(&b.base, 7, 0, &end));
    EXPECT_ERR(ERR_OK, binding_clone(&b.base, BINDING_CLONE_OWN, 0, &end));
    static struct bench_binding other;
    EXPECT_ERR(ERR_OK, bench_bind(end, &other));
    EXPECT_ERR(ERR_OK, bench_zero(&other));
    uint32_t gone = chantest_server.peers_gone;
    bench_close(&other);
    EXPECT_ERR(RPC_ERR_NOT_BOUND, bench_zero(&other));
    while (chantest_server.peers_gone == gone) {
        thread_yield();
    }
}

/* The client takes its message area away from the server: only its own call fails. The client's own
 * mapping goes with it, so it writes to memory of the same size from then on. */
static void a_revoked_area(void)
{
    static struct bench_binding other;
    static uint64_t own[4096 / sizeof(uint64_t) * 4];
    static const char text[200] = {[0 ... 199] = 'y'};
    struct chan_area *area = &other.base.chan.out;
    uint32_t got = 0;
    chantest_bind(&other);
    EXPECT_ERR(ERR_OK, bench_text(&other, text, sizeof(text), &got));
    EXPECT(got == sizeof(text) + 'y');
    EXPECT(area->base != NULL && area->bytes <= sizeof(own));
    uint8_t *mapped = area->base;
    EXPECT_ERR(ERR_OK, cap_revoke(area->frame));
    area->base = (uint8_t *)own;
    for (int i = 0; i < 3; i++) {
        EXPECT_ERR(RPC_ERR_MALFORMED, bench_text(&other, text, sizeof(text), &got));
        EXPECT_ERR(ERR_OK, bench_text(&other, text, 8, &got));
        EXPECT(got == 8 + 'y');
        EXPECT_ERR(ERR_OK, bench_text(&b, text, sizeof(text), &got));
    }
    area->base = mapped;
    uint32_t gone = chantest_server.peers_gone;
    bench_close(&other);
    while (chantest_server.peers_gone == gone) {
        thread_yield();
    }
}

#define LENT_BYTES 0x100000u
static uint8_t lent[LENT_BYTES];

/* Sizes on both sides of what a message holds, of pages and of pieces. */
static void lent_buffers(void)
{
    static const uint32_t sizes[] = {0, 1, 2000, 2041, 4096, 5000, 5001, 65536, LENT_BYTES - 3,
                                     LENT_BYTES};
    for (uint64_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint32_t bytes = sizes[i], n = 0;
        uint64_t sum = 0, expected = 0;
        EXPECT_ERR(ERR_OK, bench_give(&b, lent, bytes, i, &n));
        EXPECT(n == bytes);
        for (uint32_t k = 0; k < bytes; k++) {
            EXPECT(lent[k] == chantest_byte(i + k));
            expected = expected * 31 + lent[k];
        }
        EXPECT_ERR(ERR_OK, bench_take(&b, lent, bytes, &sum));
        EXPECT(sum == expected);
    }
    uint32_t n = 5;
    EXPECT_ERR(RPC_ERR_TOO_LARGE, bench_give(&b, lent, LENT_BYTES + 1, 0, &n));
    EXPECT(n == 5);
}

static struct bench_binding lender;

static void revoke_region(void)
{
    chantest_server.between = NULL;
    EXPECT_ERR(ERR_OK, cap_revoke(lender.base.chan.region.frame));
}

/* The client takes its region away between two copies of the server: only its own call fails. Its
 * own mapping goes with it, so nothing of it may be touched here. */
static void a_revoked_region(void)
{
    for (int i = 0; i < 2; i++) {
        uint32_t n = 3;
        uint64_t sum = 4;
        chantest_bind(&lender);
        EXPECT_ERR(ERR_OK, bench_give(&lender, lent, 20000, 0, &n));
        chantest_server.between = revoke_region;
        EXPECT_ERR(RPC_ERR_PEER_GONE, i == 0 ? bench_give(&lender, lent, 20000, 0, &n)
                                             : bench_take(&lender, lent, 20000, &sum));
        EXPECT(n == 20000 && sum == 4);
        EXPECT_ERR(ERR_OK, bench_take(&b, lent, 20000, &sum));
        EXPECT_ERR(ERR_OK, bench_take(&lender, lent, 200, &sum));
        uint32_t gone = chantest_server.peers_gone;
        bench_close(&lender);
        while (chantest_server.peers_gone == gone) {
            thread_yield();
        }
    }
}

/* Memory, slots and addresses of regions come back. */
static void regions_come_and_go(void)
{
    uint64_t before = 0, after, total, slots = 0;
    for (int i = 0; i < 30; i++) {
        uint32_t n = 0, gone = chantest_server.peers_gone;
        if (i == 10) {
            recv_slot_refill();
            slots = chantest_slots();
            ram_stats(&before, &total);
        }
        chantest_bind(&lender);
        EXPECT_ERR(ERR_OK, bench_give(&lender, lent, 4096, 0, &n));
        bench_close(&lender);
        while (chantest_server.peers_gone == gone) {
            thread_yield();
        }
    }
    recv_slot_refill();
    ram_stats(&after, &total);
    EXPECT(after + 4ull * CHAN_RING_BYTES >= before);
    EXPECT(chantest_slots() <= slots + 8);
}

static volatile uint32_t faults;

/* A word of memory that may be gone: reads 0 then. */
static enum fault_action skip_word(const struct fault *f, void *arg)
{
    (void)arg;
    faults++;
    f->regs->pc += 4;
    return FAULT_RESUME;
}

/* More than one Mapping covers. */
#define LENT_FRAME_BYTES (AOS_LARGE_BYTES + AOS_PAGE_BYTES)

/* Whatever the server did with a capability that it borrowed, after the reply nothing is left. */
static void a_capability_that_is_lent(void)
{
    caddr_t frame;
    uint64_t bytes, got = 0, slots = 0;
    uint64_t *mine;
    void *va;
    struct cap_info info;
    struct chantest_hoard *h = &chantest_server.hoard;
    EXPECT_ERR(ERR_OK, frame_alloc(LENT_FRAME_BYTES, &frame, &bytes));
    EXPECT_ERR(ERR_OK, paging_map_frame(paging_self(), frame, 0, bytes, AOS_VM_RW, &va));
    mine = va;
    for (int i = 0; i < 40; i++) {
        if (i == 20) {
            recv_slot_refill();
            slots = chantest_slots();
        }
        EXPECT_ERR(ERR_OK, bench_borrow(&b, frame, &got));
        EXPECT(got == LENT_FRAME_BYTES);
    }
    recv_slot_refill();
    EXPECT(chantest_slots() == slots);
    *mine = 1234;
    chantest_server.hoards = true;
    EXPECT_ERR(ERR_OK, bench_borrow(&b, frame, &got));
    chantest_server.hoards = false;
    EXPECT(h->seen == 1234 && *mine == ~1234ull);
    EXPECT(h->rights == (CAP_RIGHT_R | CAP_RIGHT_W));
    for (int i = 0; i < 4; i++) {
        EXPECT_ERR(ERR_OK, cap_identify(i < 3 ? h->slots + (caddr_t)i : h->frame, &info));
        EXPECT(info.type == CAPTYPE_NULL);
    }
    EXPECT_ERR(ERR_OK, fault_set_region_handler((void *)(uintptr_t)h->va, skip_word, NULL));
    (void)*h->va;
    (void)h->va[AOS_LARGE_BYTES / sizeof(*h->va)];
    EXPECT(faults == 2);
    /* The client's own mapping and capability are as they were. */
    EXPECT(*mine == ~1234ull);
    EXPECT_ERR(ERR_OK, cap_identify(frame, &info));
    EXPECT(info.type == CAPTYPE_FRAME && info.rights == CAP_RIGHTS_ALL);
    EXPECT_ERR(ERR_OK, paging_unmap(paging_self(), (void *)(uintptr_t)h->va));
    EXPECT_ERR(ERR_OK, cap_destroy(h->ends[0]));
    EXPECT_ERR(ERR_OK, cap_destroy(h->ends[1]));
    EXPECT_ERR(ERR_OK, cap_destroy(h->frame));
    for (uint32_t i = 0; i < 3; i++) {
        slot_free(h->slots + i);
    }
    EXPECT_ERR(ERR_OK, paging_unmap(paging_self(), va));
    EXPECT_ERR(ERR_OK, ram_free(frame));
}

/* The memory of channels that the side that made them closes first comes back all the same. */
static void channels_closed_by_their_maker(void)
{
    static struct bench_binding other;
    uint64_t before = 0, after, total;
    for (int i = 0; i < 60; i++) {
        if (i == 20) {
            ram_stats(&before, &total);
        }
        chantest_bind(&other);
        server_conn_close(server_conn_next(&chantest_server.server.base, NULL));
        EXPECT_ERR(RPC_ERR_PEER_GONE, bench_zero(&other));
        bench_close(&other);
    }
    ram_stats(&after, &total);
    EXPECT(after + 4ull * CHAN_RING_BYTES >= before);
}

static int close_server(void *arg)
{
    (void)arg;
    bench_server_deinit(&chantest_server.server);
    return 0;
}

static void a_server_that_ends(void)
{
    struct thread *t;
    chantest_server.silent = true;
    EXPECT_ERR(ERR_OK, thread_create(close_server, NULL, NULL, &t));
    EXPECT_ERR(RPC_ERR_PEER_GONE, bench_zero(&b));
    EXPECT_ERR(ERR_OK, thread_join(t, NULL));
    EXPECT_ERR(RPC_ERR_PEER_GONE, bench_zero(&b));
    bench_zero_reply(&chantest_server.silenced, ERR_OK);
    bench_close(&b);
}

int main(void)
{
    static const struct inittest tests[] = {
        {"CHAN0001 words", words},
        {"CHAN0002 texts", texts},
        {"CHAN0003 capabilities", capabilities},
        {"CHAN0004 many threads", many_threads},
        {"CHAN0005 timeouts", timeouts},
        {"CHAN0006 waitsets", waitsets},
        {"CHAN0007 clones", clones},
        {"CHAN0008 a revoked message area", a_revoked_area},
        {"CHAN0009 channels closed by their maker", channels_closed_by_their_maker},
        {"CHAN0011 lent buffers", lent_buffers},
        {"CHAN0012 a region that is revoked", a_revoked_region},
        {"CHAN0013 regions come and go", regions_come_and_go},
        {"CHAN0014 a capability that is lent", a_capability_that_is_lent},
        {"CHAN0010 a server that ends", a_server_that_ends},
    };
    inittest_start("CHANTEST", INITTEST_COUNT(tests));
    chantest_serve();
    inittest_run(tests, INITTEST_COUNT(tests));
}
