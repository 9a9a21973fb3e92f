/* Random system calls by domains that own a little of everything, and have some that another core
 * owns. After each life the capability
 * database must be sound and revoking their memory must leave nothing. */
#include "ktest.h"

#define LIVES        200u
#define CALLS        4000u               /* of one life at most */
#define PATIENCE_NS  3000000u            /* a domain that made no call for so long waits or spins */
#define MEMORY_BYTES (1u << 20)
#define STACK_BYTES  8192u

/* Slots of the hostile domain's only L2 node. */
enum hostile_slot {
    H_L1 = 1, H_NODE, H_SELF, H_RAM, H_FRAME, H_ROOT, H_TABLE1, H_TABLE2, H_TABLE3,
    H_END_A, H_END_B, H_OTHER, H_END_C, H_END_D, H_BELL, H_FAR_BELL, H_FAR_RAM, H_FAR_FRAME, H_FREE
};

#define OTHER_CORE 1u                    /* it is off */

static uint8_t stack[STACK_BYTES] __attribute__((aligned(16)));
static volatile uint64_t calls_made, seed;
static caddr_t memory, slots;
static caddr_t lasting[H_FREE];          /* what every life gets copies of */
static uint64_t used;

void kt_thread_entry(void *start);
void hostile_call(uint64_t number, const uint64_t regs[11]);

static uint64_t random_next(void)
{
    uint64_t x = seed;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    seed = x;
    return x;
}

static uint64_t random_word(void)
{
    uint64_t r = random_next();

    switch (random_next() % 10) {
    case 0:
        return r % 300;
    case 1:
        return r;
    case 2:
        return r % 64 * KPI_PAGE_BYTES;
    case 3:
        return KPI_CADDR_L1 | r % 4;
    case 4:
        return (uint64_t)stack + r % STACK_BYTES;
    case 5:
        return 0xffff000040000000ull + r % 0x10000000;
    case 6:
        return 1ull << r % 64;
    default:
        return r % (2u * H_FREE);
    }
}

/* Now and then a call that makes sense, so that there is something to break. */
static void sensible(uint64_t *x)
{
    static const uint64_t sizes[] = { 4096, 8192, 16384, 32768 };
    uint64_t r = random_next();

    x[0] = H_NODE;
    switch (r % 6) {
    case 0:                              /* retype */
        x[1] = INV_CNODE_RETYPE;
        x[2] = r >> 8 & 1 ? H_RAM : H_FREE + (r >> 16) % 64;
        x[3] = (r >> 24) % 64 * KPI_PAGE_BYTES;
        x[4] = (r >> 32) % CAPTYPE_COUNT;
        x[5] = sizes[(r >> 40) % 4];
        x[6] = 1 + (r >> 44) % 3;
        x[7] = H_FREE + (r >> 50) % 64;
        break;
    case 1:                              /* copy, mint, move */
        x[1] = INV_CNODE_COPY + (r >> 8) % 3;
        x[2] = 1 + (r >> 16) % 80;
        x[3] = H_FREE + (r >> 24) % 64;
        x[4] = H_FREE + (r >> 24) % 64;
        break;
    case 2:                              /* delete, revoke */
        x[1] = r >> 8 & 3 ? INV_CNODE_DELETE : INV_CNODE_REVOKE;
        x[2] = (r >> 10 & 63) != 0 ? H_FREE + (r >> 16) % 64 : (r >> 16) % H_FREE;
        break;
    case 3:                              /* map */
        x[0] = H_ROOT + (r >> 8) % 4;
        x[1] = INV_VNODE_MAP;
        x[2] = (r >> 16) % 4;
        x[3] = 1 + (r >> 24) % 80;
        x[4] = 0;
        x[5] = 1;
        x[6] = (r >> 40) % 8;
        x[7] = H_FREE + (r >> 50) % 64;
        break;
    case 4:                              /* ring, or be rung */
        x[0] = H_BELL + (r >> 8) % 2;
        x[1] = r >> 9 & 1 ? INV_NOTIFY_CONNECT : INV_NOTIFY_SIGNAL;
        x[2] = H_END_A + (r >> 16) % 5;
        break;
    default:                             /* bind an end */
        x[0] = H_END_A + (r >> 8) % 5;
        x[1] = INV_ENDPOINT_BIND;
        x[2] = 1 + (r >> 16) % 9;
        break;
    }
}

static void hostile(void *arg)
{
    while (calls_made < CALLS) {
        uint64_t x[11];
        uint64_t number = random_next() % 64;

        for (unsigned i = 0; i < 11; i++) {
            x[i] = random_word();
        }
        if (number < 24) {
            number = SYSCALL_INVOKE;
            sensible(x);
        } else if (number > 8) {
            number = SYSCALL_INVOKE;
            x[0] = random_next() % (2u * H_FREE);
            x[1] = random_next() % 11;
        }
        kt_page()->recv_slot = H_FREE + (caddr_t)(random_next() % 64);
        calls_made = calls_made + 1;
        hostile_call(number, x);
    }
    for (;;) {
        kt_yield();
    }
}

static errval_t make(enum captype type, uint64_t bytes, caddr_t node, caddr_t index)
{
    errval_t err;

    do {
        err = inv_cnode_retype(node, memory, used, (uint8_t)type, bytes, 1, index);
    } while (err == SYS_ERR_AGAIN);
    used += bytes;
    return err;
}

/* Memory that the other core owns. */
static caddr_t make_far(enum captype type)
{
    caddr_t cap = kt_object(type, 2 * KPI_PAGE_BYTES, 1), anchor = kt_slots(1);

    kt_need(inv_kernel_cap_anchor(KPI_CAP_KERNEL, KPI_CAP_SELF_L1, cap, anchor), "anchor");
    kt_need(inv_kernel_cap_set_owner(KPI_CAP_KERNEL, anchor, OTHER_CORE), "owner");
    return cap;
}

static void make_lasting(void)
{
    lasting[H_BELL] = kt_slots(1);
    lasting[H_FAR_BELL] = kt_slots(1);
    kt_need(inv_kernel_notify(KPI_CAP_KERNEL, 0, 1, lasting[H_BELL]), "notify");
    kt_need(inv_kernel_notify(KPI_CAP_KERNEL, OTHER_CORE, 0, lasting[H_FAR_BELL]), "notify");
    lasting[H_FAR_RAM] = make_far(CAPTYPE_RAM);
    lasting[H_FAR_FRAME] = make_far(CAPTYPE_FRAME);
}

/* A domain of its own but for the address space. */
static void life_start(void)
{
    caddr_t l1 = slots, node = slots + 1, self = slots + 2;
    uint64_t *start = (uint64_t *)(void *)(stack + STACK_BYTES - 2 * sizeof(uint64_t));
    void *page;

    used = 0;
    calls_made = 0;
    kt_need(make(CAPTYPE_L1CNODE, KPI_L1_BYTES_MIN, KT_TASK_NODE, l1), "l1");
    kt_need(make(CAPTYPE_L2CNODE, KPI_L2_BYTES, KT_TASK_NODE, node), "l2");
    kt_need(make(CAPTYPE_DISPATCHER, KPI_DISPATCHER_BYTES, KT_TASK_NODE, self), "dispatcher");
    kt_need(make(CAPTYPE_RAM, 256u << 10, node, H_RAM), "ram");
    kt_need(make(CAPTYPE_FRAME, 8192, node, H_FRAME), "frame");
    kt_need(make(CAPTYPE_VNODEL0, KPI_PAGE_BYTES, node, H_ROOT), "table");
    kt_need(make(CAPTYPE_VNODEL1, KPI_PAGE_BYTES, node, H_TABLE1), "table");
    kt_need(make(CAPTYPE_VNODEL2, KPI_PAGE_BYTES, node, H_TABLE2), "table");
    kt_need(make(CAPTYPE_VNODEL3, KPI_PAGE_BYTES, node, H_TABLE3), "table");
    kt_need(make(CAPTYPE_ENDPOINT, KPI_CHANNEL_BYTES_MIN, node, H_END_A), "channel");
    kt_need(make(CAPTYPE_DISPATCHER, KPI_DISPATCHER_BYTES, node, H_OTHER), "dispatcher");
    kt_need(make(CAPTYPE_ENDPOINT, KPI_CHANNEL_BYTES_MIN, node, H_END_C), "channel");
    kt_need(inv_cnode_copy(node, l1, H_L1), "copy l1");
    kt_need(inv_cnode_copy(node, node, H_NODE), "copy l2");
    kt_need(inv_cnode_copy(node, self, H_SELF), "copy dispatcher");
    kt_need(inv_cnode_copy(l1, node, 0), "l2 into l1");
    for (uint32_t i = 0; i < H_FREE; i++) {
        if (lasting[i] != 0) {
            kt_need(inv_cnode_mint(node, lasting[i], CAP_RIGHT_R | CAP_RIGHT_W, i), "copy");
        }
    }
    kt_need(kt_map_place(0, self, slots + 3, &page), "map page");
    kt_need(inv_dispatcher_setup(self, l1, KPI_CAP_SELF_VROOT, (uint64_t)page), "setup");
    start[0] = (uint64_t)hostile;
    start[1] = 0;
    kt_need(inv_dispatcher_start(self, (uint64_t)kt_thread_entry, (uint64_t)start,
                                 (uint64_t)start),
            "start");
}

/* Lets it live until it is done, dead, or does nothing any more. */
static void life_watch(void)
{
    uint64_t before = UINT64_MAX;

    while (calls_made != before && calls_made < CALLS) {
        struct kt_msg m = { .cookie = 0 };

        before = calls_made;
        (void)inv_dispatcher_deadline(KPI_CAP_SELF_DISP, kt_now_ns() + PATIENCE_NS);
        kt_call(&m);
    }
}

static uint64_t nodes_now(uint64_t *ret_found)
{
    uint64_t nodes = 0;

    *ret_found = UINT64_MAX;
    (void)inv_kernel_check(KPI_CAP_KERNEL, ret_found, &nodes);
    return nodes;
}

/* Boot argument seed=N, else the same every time. */
static uint64_t seed_given(void)
{
    const char *args = ((const struct kpi_bootinfo *)KPI_BOOTINFO_VA)->bootargs;
    uint64_t value = 0;

    while (*args != '\0' && !(args[0] == 's' && args[1] == 'e' && args[2] == 'e' &&
                              args[3] == 'd' && args[4] == '=')) {
        args++;
    }
    for (args += *args != '\0' ? 5 : 0; *args >= '0' && *args <= '9'; args++) {
        value = value * 10 + (uint64_t)(*args - '0');
    }
    return 0x853c49e6748fea9bull + value;
}

void test_main(void)
{
    uint64_t total = 0, violations = 0, found, nodes;
    bool empty = true;

    kt_plan(3);
    seed = seed_given();
    memory = kt_object(CAPTYPE_RAM, MEMORY_BYTES, 1);
    slots = kt_slots(4);
    make_lasting();
    kt_pages(1, NULL);                   /* so that all tables exist */
    nodes = nodes_now(&found);
    for (unsigned i = 0; i < LIVES; i++) {
        errval_t err;

        life_start();
        life_watch();
        total += calls_made;
        (void)nodes_now(&found);
        violations += found;
        do {
            err = inv_cnode_revoke(KT_TASK_NODE, memory);
        } while (err == SYS_ERR_AGAIN);
        kt_need(err, "revoke");
        empty &= nodes_now(&found) == nodes;
        violations += found;
    }
    kt_note("calls", total);
    kt_ok(total > LIVES * 100, "HOSTILE0001 random system calls do not hurt the kernel");
    kt_eq(violations, 0, "HOSTILE0002 the capability database stays sound");
    kt_ok(empty, "HOSTILE0003 revoking their memory leaves nothing");
}
