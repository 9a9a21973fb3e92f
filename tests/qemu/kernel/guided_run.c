/* Runs one program in fresh domains: two dispatchers with capability spaces of their own that share
 * a node of objects. They take turns as the program says, and whoever waits or ends does not keep
 * the other from going on. */
#include "guided.h"

#define MEMORY_BYTES (1u << 19)
#define RAM_BYTES    (1u << 18)
#define STACK_BYTES  4096u
#define PATIENCE_NS  100000u             /* no progress for so long: both wait, spin or are gone */
#define SLOT_MASK    63u

/* Slots of the node that both share. */
enum guided_slot {
    G_NODE = 1, G_RAM, G_FRAME, G_ROOT, G_TABLE1, G_TABLE2, G_TABLE3, G_END_A, G_END_B, G_IRQ,
    G_L1, G_DISP = G_L1 + GUIDED_DOMAINS, G_FREE = G_DISP + GUIDED_DOMAINS
};

static uint8_t stacks[GUIDED_DOMAINS][STACK_BYTES] __attribute__((aligned(16)));
static const struct guided_program *volatile running;
static volatile uint32_t turn;
static caddr_t memory, node, slots;      /* in the space of this program */
static uint64_t used, nodes_at_start, problems;
/* the slot of the object of each type that was made last */
static uint32_t latest[CAPTYPE_COUNT];
static uint8_t buffer[KPI_PAGE_BYTES];

void kt_thread_entry(void *start);
uint64_t hostile_call(uint64_t number, const uint64_t regs[11]);

/* An object to begin with, if there is one of such a type. */
static uint64_t guided_of_type(uint32_t captypes, uint8_t byte, bool newest)
{
    static const struct { uint8_t type, slot; } first[] = {
        { CAPTYPE_RAM, G_RAM }, { CAPTYPE_FRAME, G_FRAME }, { CAPTYPE_L2CNODE, G_NODE },
        { CAPTYPE_L1CNODE, G_L1 }, { CAPTYPE_VNODEL0, G_ROOT }, { CAPTYPE_VNODEL1, G_TABLE1 },
        { CAPTYPE_VNODEL2, G_TABLE2 }, { CAPTYPE_VNODEL3, G_TABLE3 }, { CAPTYPE_ENDPOINT, G_END_A },
        { CAPTYPE_ENDPOINT, G_END_B }, { CAPTYPE_DISPATCHER, G_DISP },
        { CAPTYPE_DISPATCHER, G_DISP + 1 }, { CAPTYPE_IRQTABLE, G_IRQ },
    };
    enum { FIRST_COUNT = sizeof(first) / sizeof(first[0]) };

    for (unsigned i = 0; i < FIRST_COUNT; i++) {
        unsigned at = (i + byte) % FIRST_COUNT;
        if ((captypes >> first[at].type & 1) != 0) {
            return newest && latest[first[at].type] != 0 ? latest[first[at].type]
                                                         : first[at].slot;
        }
    }
    return byte & SLOT_MASK;
}

static uint64_t guided_cref(uint32_t captypes, uint8_t byte)
{
    if (byte < 96) {
        return byte & SLOT_MASK;
    }
    if (byte < 240) {
        return guided_of_type(captypes, byte, byte >= 176);
    }
    return byte < 248 ? KPI_CADDR_L1 | (byte & 3u) : (uint64_t)byte << 40 | byte;
}

static uint64_t guided_number(const struct grammar_arg *arg, uint8_t byte)
{
    static const uint64_t odd[] = {
        0xffffffff, 0x100000000, ~0ull, ~0ull - 4095, 0x7fffffffffffffff, 0x8000000000000000,
        0x1000000, 0x800000000000, 0xffff000040000000, 0x7ffffffff000, 255, 300, 511, 512, 0x200000,
        0x40000000,
    };

    if (byte < 64) {
        return byte;
    }
    if (byte < 128) {
        return (uint64_t)(byte - 64u) * KPI_PAGE_BYTES;
    }
    if (byte < 192) {
        return (uint64_t)KPI_PAGE_BYTES << byte % 8;
    }
    switch (byte % 4) {
    case 0:
        return arg->low - (byte >> 2 & 1u);
    case 1:
        return arg->high + (byte >> 2 & 1u);
    default:
        return odd[byte / 4 % (sizeof(odd) / sizeof(odd[0]))];
    }
}

/* Registers of an invocation. */
static void guided_invocation(const struct guided_op *op, uint64_t regs[11])
{
    const struct grammar_call *call = &grammar_calls[op->call];
    unsigned reg = 2;

    regs[0] = guided_cref(call->captypes, op->object);
    regs[1] = call->method;
    for (uint32_t i = 0; i < call->arg_count && reg < 11; i++) {
        const struct grammar_arg *arg = &call->args[i];
        uint8_t byte = op->args[i % GUIDED_ARGS];
        switch (arg->kind) {
        case GRAMMAR_NUMBER:
            regs[reg++] = guided_number(arg, byte);
            break;
        case GRAMMAR_CREF:
            regs[reg++] = guided_cref(arg->captypes, byte);
            break;
        case GRAMMAR_SLOT:
            regs[reg++] = byte < 240 ? byte & SLOT_MASK : guided_cref(0, byte);
            break;
        case GRAMMAR_USER:
            regs[reg++] = byte < 192 ? (uint64_t)buffer + byte : guided_number(arg, byte);
            regs[reg++] = guided_number(arg, op->args[(i + 1) % GUIDED_ARGS]);
            break;
        }
    }
}

static void guided_message(const struct guided_op *op, uint64_t regs[11])
{
    regs[0] = op->object < 16 ? 0 : guided_cref(1u << CAPTYPE_ENDPOINT, op->object);
    for (unsigned i = 1; i < 10; i++) {
        regs[i] = op->args[i % GUIDED_ARGS];
    }
    regs[10] = op->args[0] < 64 ? 0
                                : guided_cref(UINT32_MAX, op->args[1])
                                      | (uint64_t)op->args[2] << KPI_XFER_RIGHTS_SHIFT
                                      | ((op->args[3] & 1) != 0 ? KPI_XFER_MOVE : 0);
}

static void guided_op_run(const struct guided_op *op)
{
    static const uint8_t numbers[] = { SYSCALL_SEND, SYSCALL_CALL, SYSCALL_POLL, SYSCALL_YIELD };
    uint64_t regs[11] = { 0 };
    uint64_t err;

    kt_page()->recv_slot = op->recv_slot;
    if (op->call >= GRAMMAR_COUNT) {
        guided_message(op, regs);
        (void)hostile_call(numbers[(op->call - GRAMMAR_COUNT) % 4u], regs);
        return;
    }
    guided_invocation(op, regs);
    err = hostile_call(SYSCALL_INVOKE, regs);
    if (op->call == GRAMMAR_CNODE_RETYPE && err == ERR_OK && regs[4] < CAPTYPE_COUNT) {
        latest[regs[4]] = (uint32_t)(regs[7] & SLOT_MASK);
    }
}

/* A domain: makes the operations that are its own, in turn. */
static void guided_domain(void *arg)
{
    uint64_t me = (uint64_t)arg;

    while (turn < running->count) {
        const struct guided_op *op = &running->ops[turn];
        if (op->domain % GUIDED_DOMAINS == me) {
            turn = turn + 1;             /* before: it may be the last thing this domain does */
            guided_op_run(op);
        } else {
            kt_yield();
        }
    }
    for (;;) {
        (void)inv_dispatcher_kill((caddr_t)(G_DISP + me), 0);
        kt_yield();
    }
}

static void make(enum captype type, uint64_t bytes, caddr_t to, caddr_t index)
{
    errval_t err;

    do {
        err = inv_cnode_retype(to, memory, used, (uint8_t)type, bytes, 1, index);
    } while (err == SYS_ERR_AGAIN);
    used += bytes;
    kt_need(err, captype_name(type));
}

static void guided_domain_start(uint64_t me)
{
    caddr_t l1 = slots + 3 * (caddr_t)me, self = l1 + 1, mapping = l1 + 2;
    uint64_t *start = (uint64_t *)(void *)(stacks[me] + STACK_BYTES - 2 * sizeof(uint64_t));
    void *page;

    make(CAPTYPE_L1CNODE, KPI_L1_BYTES_MIN, KT_TASK_NODE, l1);
    make(CAPTYPE_DISPATCHER, KPI_DISPATCHER_BYTES, KT_TASK_NODE, self);
    kt_need(inv_cnode_copy(node, l1, (uint32_t)(G_L1 + me)), "copy l1");
    kt_need(inv_cnode_copy(node, self, (uint32_t)(G_DISP + me)), "copy dispatcher");
    kt_need(inv_cnode_copy(l1, node, 0), "node into l1");
    kt_need(kt_map_place((unsigned)me, self, mapping, &page), "map page");
    kt_need(inv_dispatcher_setup(self, l1, KPI_CAP_SELF_VROOT, (uint64_t)page), "setup");
    start[0] = (uint64_t)guided_domain;
    start[1] = me;
    kt_need(inv_dispatcher_start(self, (uint64_t)kt_thread_entry, (uint64_t)start,
                                 (uint64_t)start), "start");
}

static void guided_objects(void)
{
    used = 0;
    make(CAPTYPE_L2CNODE, KPI_L2_BYTES, KT_TASK_NODE, node);
    make(CAPTYPE_RAM, RAM_BYTES, node, G_RAM);
    make(CAPTYPE_FRAME, 2 * KPI_PAGE_BYTES, node, G_FRAME);
    make(CAPTYPE_VNODEL0, KPI_PAGE_BYTES, node, G_ROOT);
    make(CAPTYPE_VNODEL1, KPI_PAGE_BYTES, node, G_TABLE1);
    make(CAPTYPE_VNODEL2, KPI_PAGE_BYTES, node, G_TABLE2);
    make(CAPTYPE_VNODEL3, KPI_PAGE_BYTES, node, G_TABLE3);
    make(CAPTYPE_ENDPOINT, KPI_CHANNEL_BYTES_MIN, node, G_END_A);
    kt_need(inv_cnode_copy(node, node, G_NODE), "copy node");
    /* Without the right to revoke: there is one such table, and the next program needs it. */
    kt_need(inv_cnode_mint(node, KPI_CAP_IRQTABLE, CAP_RIGHTS_ALL & ~CAP_RIGHT_D, G_IRQ),
            "copy interrupts");
}

static uint64_t guided_nodes(void)
{
    uint64_t found = 1, nodes = 0;

    (void)inv_kernel_check(KPI_CAP_KERNEL, &found, &nodes);
    problems += found;
    return nodes;
}

void guided_run_init(void)
{
    memory = kt_object(CAPTYPE_RAM, MEMORY_BYTES, 1);
    node = kt_slots(1);
    slots = kt_slots(3 * GUIDED_DOMAINS);
    kt_pages(1, NULL);                   /* so that all tables exist */
    nodes_at_start = guided_nodes();
}

/* Lets the domains go on as long as they do. */
static void guided_watch(void)
{
    uint32_t before = UINT32_MAX;

    while (turn != before) {
        struct kt_msg m = { .cookie = 0 };
        before = turn;
        (void)inv_dispatcher_deadline(KPI_CAP_SELF_DISP, kt_now_ns() + PATIENCE_NS);
        kt_call(&m);
    }
}

uint32_t guided_run(const struct guided_program *program)
{
    errval_t err;

    for (unsigned i = 0; i < CAPTYPE_COUNT; i++) {
        latest[i] = 0;
    }
    guided_objects();
    running = program;
    turn = 0;
    for (uint64_t me = 0; me < GUIDED_DOMAINS; me++) {
        guided_domain_start(me);
    }
    guided_watch();
    (void)guided_nodes();
    do {
        err = inv_cnode_revoke(KT_TASK_NODE, memory);
    } while (err == SYS_ERR_AGAIN);
    problems += err_is_fail(err);
    problems += guided_nodes() != nodes_at_start;
    return turn;
}

uint64_t guided_run_problems(void)
{
    return problems;
}
