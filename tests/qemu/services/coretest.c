/* Memory that domains on several cores have: shared, taken away, moved; a server of coretest
 * (coreserve.c) on each further core. At the end the databases of all cores are looked through.
 * `coretest types` (coretypes.c) does so with capabilities of other types, `coretest poor`
 * (corepoor.c) with monitors that run out of memory, `coretest hungry` (corehog.c) beside a domain
 * that takes all it can get. TAP on stdout. */
#include "coretest.h"

#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/counters.h>
#include <aos/domain.h>
#include <aos/paging.h>
#include <aos/process.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/slot.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <if/init.h>
#include <if/memory.h>
#include <if/process.h>

#define ROUNDS     20u
#define REPEATS_MAX 3u

struct far fars[CORES_MAX];
struct monitor_binding monitor;
static bool lent;                        /* it is the shell that asks it */
struct counters before;
uint64_t records_before;

bool far_start(uint32_t core)
{
    static const char *const argv[] = {"coretest", "serve"};
    const struct aos_launch how = {.on_core = core + 1};
    char name[CORE_NAME_BYTES];
    caddr_t end;

    TRY_OK(aos_launch(2, argv, &how, &fars[core].pid));
    TRY_OK(aos_await(core_server_name(core, name), WAIT_NS, &end));
    TRY_OK(shares_bind(end, &fars[core].b));
    return true;
}

bool far_end(uint32_t core)
{
    struct aos_exit e;
    uint32_t who;

    TRY_OK(shares_leave(&fars[core].b));
    TRY_OK(aos_wait(fars[core].pid, &who, &e));
    TRY(e.exited && e.status == 0);
    shares_close(&fars[core].b);
    return true;
}

bool monitor_find(void)
{
    static struct init_binding of_shell;
    struct init_binding *init = &of_shell;
    caddr_t end;

    lent = err_is_ok(domain_grant("cores", &end));
    if (lent) {
        TRY_OK(init_bind(end, &of_shell));
    } else {
        TRY_OK(aos_init(&init));
    }
    TRY_OK(init_monitor(init, &end));
    TRY_OK(monitor_bind(end, &monitor));
    return true;
}

bool monitors_agree(uint64_t *ret_records)
{
    uint64_t found = 0, nodes = 0, until = time_deadline_ns(WAIT_NS);
    uint32_t records = 0, busy = 0;

    do {
        TRY_OK(monitor_check(&monitor, &found, &nodes, &records, &busy));
        if (busy != 0 || found != 0) {
            thread_sleep_ns(LOOK_NS);
        }
    } while ((busy != 0 || found != 0) && time_now_ns() < until);
    TRY(busy == 0);
    TRY(found == 0);
    TRY((nodes != 0) == lent);
    *ret_records = records;
    return true;
}

/* By itself, or by the handler that libaos has for it. */
static bool faulted(const struct aos_exit *e)
{
    return e->faulted || (e->exited && e->status == AOS_STATUS_FAULT);
}

/* A frame of this domain, with its words: `far` has a copy. */
static bool shared(struct shares_binding *far, caddr_t *ret_frame, uint64_t **ret_words)
{
    uint64_t bytes;
    void *at;

    TRY_OK(frame_alloc(PAGE_BYTES, ret_frame, &bytes));
    TRY_OK(paging_map_frame(paging_self(), *ret_frame, 0, PAGE_BYTES, AOS_VM_RW, &at));
    *ret_words = at;
    TRY_OK(shares_take(far, *ret_frame));
    TRY_OK(shares_map(far));
    return true;
}

static bool shared_by_all(void)
{
    for (uint32_t core = 1; core < domain_core_count(); core++) {
        struct shares_binding *far = &fars[core].b;
        uint64_t *words, value;
        caddr_t frame;

        TRY(shared(far, &frame, &words));
        ((volatile uint64_t *)words)[1] = core;
        TRY_OK(shares_read(far, 1, &value));
        TRY(value == core);
        TRY_OK(shares_write(far, 2, ~(uint64_t)core));
        TRY(((volatile uint64_t *)words)[2] == ~(uint64_t)core);
        /* The other one deletes it, then it is given back. */
        TRY_OK(shares_unmap(far));
        TRY_OK(shares_drop(far));
        TRY_OK(paging_unmap(paging_self(), words));
        TRY_OK(ram_free(frame));
    }
    return true;
}

static bool owner_first(void)
{
    struct shares_binding *far = &fars[1].b;
    uint64_t *words, value;
    struct cap_info info;
    caddr_t frame, again;

    TRY(shared(far, &frame, &words));
    ((volatile uint64_t *)words)[3] = 33;
    TRY_OK(paging_unmap(paging_self(), words));
    TRY_OK(cap_identify(frame, &info));
    TRY_OK(cap_delete(frame));
    TRY_OK(shares_read(far, 3, &value));  /* it is still there, */
    TRY(value == 33);
    TRY(err_is_fail(ram_free_range_unused(info.a, info.b))); /* and its memory in use */
    TRY_OK(shares_unmap(far));
    TRY_OK(shares_drop(far));
    uint64_t until = time_deadline_ns(WAIT_NS);
    while (err_is_fail(ram_free_range_unused(info.a, info.b))) {
        TRY(time_now_ns() < until);
        thread_sleep_ns(LOOK_NS);
    }
    again = frame;
    slot_free(again);
    return true;
}

/* What another core has is gone at once, with what is mapped there: who touches it ends. */
static bool revoked(void)
{
    struct shares_binding *far = &fars[1].b;
    uint64_t *words, value;
    struct aos_exit e;
    caddr_t frame;
    uint32_t who;
    uint8_t type;

    TRY(shared(far, &frame, &words));
    for (uint32_t core = 2; core < domain_core_count(); core++) {
        TRY_OK(shares_take(&fars[core].b, frame));
        TRY_OK(shares_map(&fars[core].b));
    }
    ((volatile uint64_t *)words)[0] = 7;
    TRY_OK(shares_read(far, 0, &value));
    TRY(value == 7);
    TRY_OK(cap_revoke(frame));
    for (uint32_t core = 1; core < domain_core_count(); core++) {
        TRY_OK(shares_look(&fars[core].b, &type));
        TRY(type == CAPTYPE_NULL);
    }
    TRY(err_no(shares_read(far, 0, &value)) == RPC_ERR_PEER_GONE);
    TRY_OK(aos_wait(fars[1].pid, &who, &e));
    TRY(faulted(&e));
    shares_close(far);
    TRY_OK(ram_free(frame));             /* what was mapped here went, too */
    for (uint32_t core = 2; core < domain_core_count(); core++) {
        TRY_OK(shares_unmap(&fars[core].b));
        TRY_OK(shares_drop(&fars[core].b));
    }
    TRY_OK(paging_unmap(paging_self(), words));
    return far_start(1);
}

/* A server gives away what was taken from it meanwhile: that call fails, and no other. */
static bool revoked_in_hand(void)
{
    for (uint32_t core = 1; core < domain_core_count(); core++) {
        struct shares_binding *far = &fars[core].b;
        caddr_t frame, copy;
        uint64_t bytes;

        TRY_OK(frame_alloc(PAGE_BYTES, &frame, &bytes));
        TRY_OK(shares_take(far, frame));
        TRY_OK(shares_offer(far, &copy));
        TRY_OK(cap_destroy(copy));
        TRY_OK(cap_revoke(frame));
        TRY(err_no(shares_offer(far, &copy)) == RPC_ERR_CAPABILITY);
        TRY_OK(shares_drop(far));
        TRY_OK(ram_free(frame));
    }
    return true;
}

/* Frames are made of a frame only when nobody maps it; then nobody else does any more. */
static bool parted(void)
{
    struct shares_binding *far = &fars[1].b;
    shares_result_t result;
    uint64_t *words;
    caddr_t frame, part;

    TRY(shared(far, &frame, &words));
    TRY_OK(paging_unmap(paging_self(), words));
    TRY_OK(slot_alloc(&part));
    TRY_OK(shares_part(far, &result));   /* not the owner */
    TRY(result != SHARES_RESULT_OK);
    TRY(err_has(cap_retype(part, frame, 0, CAPTYPE_FRAME, PAGE_BYTES / 2, 1),
                SYS_ERR_RETYPE_SIZE));
    TRY(err_is_fail(cap_split(part, frame, PAGE_BYTES / 2)));
    TRY_OK(shares_unmap(far));
    TRY_OK(shares_drop(far));
    TRY_OK(ram_free(frame));
    slot_free(part);

    /* Two pages, of which one is to be a frame. */
    uint64_t bytes;
    TRY_OK(frame_alloc(2 * PAGE_BYTES, &frame, &bytes));
    TRY_OK(shares_take(far, frame));
    TRY_OK(shares_map(far));             /* the first page */
    TRY_OK(slot_alloc(&part));
    TRY(err_no(cap_retype(part, frame, 0, CAPTYPE_FRAME, PAGE_BYTES, 1))
        == SYS_ERR_RETYPE_OVERLAP);      /* as the kernel says it alone */
    TRY_OK(cap_retype(part, frame, PAGE_BYTES, CAPTYPE_FRAME, PAGE_BYTES, 1));
    TRY_OK(shares_unmap(far));
    TRY(err_no(shares_map(far)) == SHARES_ERR_REFUSED);
    TRY_OK(cap_destroy(part));
    TRY_OK(shares_drop(far));
    TRY_OK(ram_free(frame));
    return true;
}

/* A part crosses as any frame does, with its rights or without, whether the whole is known there or
 * not; and goes with the whole. */
static bool part_crosses(void)
{
    struct shares_binding *far = &fars[1].b;
    caddr_t frame, part, back;
    struct cap_info info;
    uint64_t bytes, value;
    uint8_t type;

    for (unsigned known = 0; known < 2; known++) {
        TRY_OK(frame_alloc(4 * PAGE_BYTES, &frame, &bytes));
        if (known != 0) {
            TRY_OK(shares_take(far, frame));
        }
        TRY_OK(slot_alloc(&part));
        TRY_OK(cap_retype(part, frame, PAGE_BYTES, CAPTYPE_FRAME, 2 * PAGE_BYTES, 1));
        TRY_OK(shares_frame(far, part, &back));
        TRY_OK(cap_identify(back, &info));
        TRY(info.type == CAPTYPE_FRAME && info.b == 2 * PAGE_BYTES
            && (info.rights & CAP_RIGHT_D) != 0);
        TRY_OK(shares_take(far, back));
        TRY_OK(shares_map(far));
        TRY_OK(shares_write(far, 6, 66));
        TRY_OK(shares_read(far, 6, &value));
        TRY(value == 66);
        TRY_OK(shares_unmap(far));
        /* A part of the part, too. */
        TRY_OK(slot_alloc(&part));
        TRY_OK(cap_retype(part, back, PAGE_BYTES, CAPTYPE_FRAME, PAGE_BYTES, 1));
        TRY_OK(shares_take(far, part));
        TRY_OK(cap_revoke(frame));
        TRY_OK(shares_look(far, &type));
        TRY(type == CAPTYPE_NULL);
        TRY_OK(shares_drop(far));
        slot_free(part);
        slot_free(back);
        TRY_OK(ram_free(frame));
    }
    return true;
}

/* By who does not own it: the owner gives it. */
static bool given_on(void)
{
    uint32_t last = domain_core_count() - 1;
    uint64_t *words, value;
    caddr_t frame;
    uint8_t type;

    if (last < 2) {
        return true;
    }
    TRY(shared(&fars[1].b, &frame, &words));
    TRY_OK(shares_pass(&fars[1].b, last));
    TRY_OK(shares_map(&fars[last].b));
    TRY_OK(shares_write(&fars[last].b, 5, 55));
    TRY_OK(shares_read(&fars[1].b, 5, &value));
    TRY(value == 55 && ((volatile uint64_t *)words)[5] == 55);
    TRY_OK(shares_unmap(&fars[1].b));
    TRY_OK(shares_unmap(&fars[last].b));
    TRY_OK(paging_unmap(paging_self(), words));
    TRY_OK(ram_free(frame));
    TRY_OK(shares_look(&fars[last].b, &type));
    TRY(type == CAPTYPE_NULL);
    TRY_OK(shares_look(&fars[1].b, &type));
    TRY(type == CAPTYPE_NULL);
    TRY_OK(shares_drop(&fars[last].b));
    TRY_OK(shares_drop(&fars[1].b));
    return true;
}

static bool memory_moves(void)
{
    struct memory_binding *memory;
    uint64_t bytes, free_before, free_after, total, largest, dying;
    uint32_t pieces;
    caddr_t ram, back;

    TRY_OK(aos_memory(&memory));
    TRY_OK(memory_stats(memory, &total, &free_before, &largest, &pieces, &dying));
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct shares_binding *far = &fars[1 + i % (domain_core_count() - 1)].b;
        struct cap_info info, was;

        TRY_OK(memory_alloc(memory, 2 * PAGE_BYTES, PAGE_BYTES, &ram, &bytes));
        TRY_OK(cap_identify(ram, &was));
        if (i % 2 == 0) {
            TRY_OK(shares_through(far, ram, &back));
        } else {
            TRY_OK(shares_keep(far, ram));
            TRY_OK(shares_back(far, &back));
        }
        TRY_OK(cap_identify(back, &info));
        TRY(info.type == CAPTYPE_RAM && info.a == was.a && info.b == was.b
            && info.rights == was.rights);
        TRY_OK(slot_alloc(&ram));        /* for what is made of what both know */
        TRY_OK(cap_retype(ram, back, PAGE_BYTES, CAPTYPE_RAM, PAGE_BYTES, 1));
        TRY_OK(cap_destroy(ram));
        TRY_OK(memory_free(memory, back));
    }
    TRY_OK(memory_stats(memory, &total, &free_after, &largest, &pieces, &dying));
    TRY(free_before == free_after);
    return true;
}

/* With all rights: who has it then may make something of it. */
static bool frame_moves(void)
{
    uint64_t bytes;

    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct shares_binding *far = &fars[1 + i % (domain_core_count() - 1)].b;
        struct cap_info info, was;
        caddr_t frame, back;

        TRY_OK(frame_alloc(2 * PAGE_BYTES, &frame, &bytes));
        TRY_OK(cap_identify(frame, &was));
        TRY_OK(shares_frame(far, frame, &back));
        TRY_OK(cap_identify(back, &info));
        TRY(info.type == CAPTYPE_FRAME && info.a == was.a && info.b == was.b
            && info.rights == was.rights);
        TRY_OK(ram_free(back));
    }
    return true;
}

bool giver_ends(const char *kind, uint8_t type)
{
    const char *const argv[] = {"coretest", "give", "1", kind};
    const struct aos_launch how = {.on_core = 1 + domain_core()};
    uint64_t until = time_deadline_ns(WAIT_NS);
    struct aos_exit e;
    uint32_t pid, who;
    uint8_t has;

    TRY_OK(aos_launch(4, argv, &how, &pid));
    do {
        TRY(time_now_ns() < until);
        thread_sleep_ns(LOOK_NS);
        TRY_OK(shares_look(&fars[1].b, &has));
    } while (has != type);
    TRY_OK(aos_kill(pid));
    TRY_OK(aos_wait(pid, &who, &e));
    TRY(e.killed);
    return true;
}

/* The owner's domain ends in the middle: its memory comes back, whoever uses it. */
static bool owner_ends(void)
{
    uint64_t value, until;
    struct aos_exit e;
    uint32_t who;
    uint8_t type;

    TRY(giver_ends("frame", CAPTYPE_FRAME));
    until = time_deadline_ns(WAIT_NS);
    do {                                 /* after the time that others have to notice an end */
        TRY(time_now_ns() < until);
        thread_sleep_ns(LOOK_NS);
        TRY_OK(shares_look(&fars[1].b, &type));
    } while (type != CAPTYPE_NULL);
    TRY(err_no(shares_read(&fars[1].b, 0, &value)) == RPC_ERR_PEER_GONE);
    TRY_OK(aos_wait(fars[1].pid, &who, &e));
    TRY(faulted(&e));
    shares_close(&fars[1].b);
    return far_start(1);
}

/* All that `pid` has, through the process service of its core. */
static errval_t look_at(uint32_t pid, uint32_t *ret_count, uint32_t *ret_roots)
{
    struct monitor_object objects[PROCESS_CAPABILITIES_OBJECTS_MAX];
    struct process_binding *process;
    uint32_t next = 0;
    size_t count;
    errval_t err = aos_process_of(pid, &process);

    *ret_count = *ret_roots = 0;
    do {
        err = err_is_ok(err) ? process_capabilities(process, pid, next, objects, &count, &next)
                             : err;
        for (size_t i = 0; err_is_ok(err) && i < count; i++) {
            *ret_roots += objects[i].type == CAPTYPE_VNODEL0;
            (*ret_count)++;
        }
    } while (err_is_ok(err) && next != 0);
    return err;
}

/* Of itself, of its child on another core; not of services, and not of the machine. */
static bool own_only(void)
{
    const struct monitor_object none = {0};
    struct monitor_object objects[MONITOR_SPACE_OBJECTS_MAX];
    uint32_t found, roots, next;
    size_t count;

    TRY_OK(look_at(domain_pid(), &found, &roots));
    TRY(found > MONITOR_SPACE_OBJECTS_MAX && roots == 1);
    TRY_OK(look_at(fars[1].pid, &found, &roots));
    TRY(found > MONITOR_SPACE_OBJECTS_MAX && roots == 1);
    TRY(err_no(look_at(1, &found, &roots)) == PROCESS_ERR_DENIED);
    TRY(err_no(look_at(0, &found, &roots)) == PROCESS_ERR_DENIED);
    TRY(lent || err_no(monitor_objects(&monitor, 0, &none, objects, &count)) == MONITOR_ERR_DENIED);
    TRY_OK(monitor_space(&monitor, KPI_CAP_SELF_DISP, 0, objects, &count, &next));
    TRY(count == MONITOR_SPACE_OBJECTS_MAX && next != 0);
    return true;
}

static bool everything(void)
{
    return shared_by_all() && owner_first() && revoked() && parted() && part_crosses() && given_on()
        && memory_moves() && frame_moves() && owner_ends();
}

bool as_before(struct counters *ret_after, uint64_t *ret_records)
{
    uint64_t until = time_deadline_ns(SETTLE_NS);
    char name[COUNTER_NAME_BYTES];
    uint32_t differs;

    do {
        (void)counters_settle(SETTLE_NS, ret_after);
        TRY(monitors_agree(ret_records));
        differs = counters_differ(&before, ret_after, 0);
    } while ((differs != COUNTERS || *ret_records != records_before) && time_now_ns() < until);
    if (differs != COUNTERS) {
        counter_name(differs, name);
        printf("# %s: %llu, then %llu\n", name, (unsigned long long)before.value[differs],
               (unsigned long long)ret_after->value[differs]);
    }
    printf("# %u objects known to several cores\n", (unsigned)*ret_records);
    return differs == COUNTERS && *ret_records == records_before;
}

/* Services have never had as much at a time as now, and keep a little for that: but not again and
 * again. */
static bool nothing_is_left(void)
{
    struct counters after;
    uint64_t records = 0;

    for (uint32_t i = 0; i < REPEATS_MAX; i++) {
        if (as_before(&after, &records)) {
            return true;
        }
        before = after;
        records_before = records;
        TRY(everything());
    }
    TRY(as_before(&after, &records));
    return true;
}

/* Whoever asks. */
static bool agree_anywhere(void)
{
    uint64_t records, there;

    for (uint32_t core = 1; core < domain_core_count(); core++) {
        uint64_t until = time_deadline_ns(WAIT_NS);

        TRY_OK(shares_agree(&fars[core].b, &there)); /* what that takes is there from now on */
        do {
            TRY(time_now_ns() < until);
            TRY_OK(shares_agree(&fars[core].b, &there));
            TRY(monitors_agree(&records));
        } while (records != there);
    }
    return true;
}

static bool servers_end(void)
{
    for (uint32_t core = 1; core < domain_core_count(); core++) {
        TRY(far_end(core));
    }
    return monitors_agree(&records_before);
}

static const struct taptest tests[] = {
    {"DCAP0101 a frame is shared with every core, and given back", shared_by_all},
    {"DCAP0102 its owner deletes it first", owner_first},
    {"DCAP0103 revoke takes it away from all cores, mapped or not", revoked},
    {"DCAP1010 what was taken from a server that gives it away", revoked_in_hand},
    {"DCAP0104 parts are made of it when nobody maps them", parted},
    {"DCAP0124 a part crosses, and goes with the whole", part_crosses},
    {"DCAP0105 who does not own it gives it to a third core", given_on},
    {"DCAP0106 memory moves there and back", memory_moves},
    {"DCAP0107 a frame moves with all its rights", frame_moves},
    {"DCAP0108 the owner's domain ends in the middle", owner_ends},
    {"DCAP0120 who may look at whose capabilities", own_only},
    {"DCAP0109 counters are as before, and the monitors agree", nothing_is_left},
    {"DCAP0121 each monitor can be asked", agree_anywhere},
    {"DCAP0110 so they do when the servers have ended", servers_end},
};

static bool servers_start(void)
{
    TRY(monitor_find());
    for (uint32_t core = 1; core < domain_core_count(); core++) {
        TRY(far_start(core));
    }
    return true;
}

static bool warm_up(void)
{
    /* What is made for the first time, stays: what a line of output takes, too. */
    printf("# servers on %u cores\n", (unsigned)domain_core_count() - 1);
    TRY(shared_by_all() && revoked() && memory_moves() && frame_moves() && owner_ends()
        && own_only());
    TRY(counters_settle(WAIT_NS, &before) && monitors_agree(&records_before));
    return counters_settle(WAIT_NS, &before);
}

int main(int argc, char *argv[])
{
    if (argc > 1 && strcmp(argv[1], "serve") == 0) {
        return core_serve();
    }
    if (argc > 3 && strcmp(argv[1], "give") == 0) {
        return core_give((uint32_t)atoi(argv[2]), argv[3]);
    }
    if (argc > 1 && strcmp(argv[1], "hog") == 0) {
        return core_hog();
    }
    bool types = argc > 1 && strcmp(argv[1], "types") == 0;
    bool poor = argc > 1 && strcmp(argv[1], "poor") == 0;
    bool hungry = argc > 1 && strcmp(argv[1], "hungry") == 0;
    if (!servers_start() || (!types && !poor && !hungry && !warm_up())) {
        printf("Bail out! there are no servers on the other cores\n");
        return 1;
    }
    if (types || poor || hungry) {
        return types ? core_types() : poor ? core_poor() : core_hungry();
    }
    return taptest_run(tests, TAPTEST_COUNT(tests));
}
