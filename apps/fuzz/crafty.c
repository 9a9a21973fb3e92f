/* Plausible attacks. The child makes an L2 node and RAM of its own (the arena) and does random
 * things that the kernel is likely to do: it makes, copies, moves and deletes objects of every
 * type, maps into its own address space, sends to itself with capabilities, starts further
 * dispatchers that do the same at the same time, and now and then revokes everything and starts
 * over. It stays disabled all the time: messages come to it and not to libaos. */
#include "fuzz_priv.h"

#include <aos/cap.h>
#include <aos/dispatch.h>
#include <aos/services.h>
#include <aos/time.h>
#include <abi/user.h>
#include <if/memory.h>
#include <kpi/cspace.h>
#include <kpi/vm.h>

#define ARENA_L1     200u                /* free: libaos fills its L1 node from below */
#define ARENA_BYTES  0x400000ull
#define ARENA_SLOTS  64u                 /* used, so that they are hit often */
#define ARENA_NODE   (KPI_CADDR_L1 | ARENA_L1)
#define ARENA_RAM    1u                  /* slot of what everything is made of */
/* Slot of an L1 node that leads to the arena, for further dispatchers: the end of one empties its
 * whole space. */
#define ARENA_SPACE  2u
#define ROOT_FIRST   300u                /* entries of the own root that libaos never uses */
#define RENEW_EVERY  2048u
#define SETTLE_STEPS 256u                /* messages still to be taken before the end */

static caddr_t parent;                   /* of ARENA_RAM: outlives what happens in the arena */

static caddr_t arena_any(void)
{
    return KPI_CADDR(ARENA_L1, (uint32_t)fuzz_below(ARENA_SLOTS));
}

static uint32_t arena_index(void)
{
    return (uint32_t)fuzz_below(16) == 0 ? (uint32_t)fuzz_number()
                                         : (uint32_t)fuzz_below(ARENA_SLOTS);
}

/* Mostly a small multiple of the page. */
static uint64_t crafty_bytes(void)
{
    switch (fuzz_below(12)) {
    case 0:
        return fuzz_number();
    case 1:
        return KPI_LARGE_BYTES;
    default:
        return (uint64_t)KPI_PAGE_BYTES << fuzz_below(5);
    }
}

static uint64_t crafty_off(void)
{
    return fuzz_below(16) == 0 ? fuzz_number()
                               : fuzz_below(ARENA_BYTES / KPI_PAGE_BYTES) * KPI_PAGE_BYTES;
}

/* Some node of the arena, mostly the arena itself. */
static caddr_t crafty_node(void)
{
    return fuzz_below(4) == 0 ? arena_any() : ARENA_NODE;
}

static void crafty_retype(void)
{
    static const uint8_t likely[] = {
        CAPTYPE_RAM, CAPTYPE_FRAME, CAPTYPE_ENDPOINT, CAPTYPE_DISPATCHER, CAPTYPE_L1CNODE,
        CAPTYPE_L2CNODE, CAPTYPE_VNODEL0, CAPTYPE_VNODEL1, CAPTYPE_VNODEL2, CAPTYPE_VNODEL3,
    };
    uint8_t type = fuzz_below(16) == 0 ? (uint8_t)fuzz_below(CAPTYPE_COUNT + 1)
                                       : likely[fuzz_below(sizeof(likely))];
    uint64_t bytes = crafty_bytes();
    caddr_t src = fuzz_below(2) == 0 ? KPI_CADDR(ARENA_L1, ARENA_RAM) : arena_any();

    if (fuzz_below(64) == 0) {
        src = KPI_CAP_EARLY_RAM;
    }
    if (type == CAPTYPE_L2CNODE || type == CAPTYPE_L1CNODE) {
        bytes = KPI_L2_BYTES;
    } else if (type == CAPTYPE_DISPATCHER) {
        bytes = KPI_DISPATCHER_BYTES;
    } else if (type >= CAPTYPE_VNODEL0 && type <= CAPTYPE_VNODEL3) {
        bytes = KPI_PAGE_BYTES;
    }
    (void)inv_cnode_retype(crafty_node(), src, crafty_off(), type, bytes,
                           fuzz_below(4) == 0 ? (uint32_t)fuzz_below(300) : 1, arena_index());
}

static void crafty_node_op(void)
{
    uint64_t v[4];

    switch (fuzz_below(14)) {
    case 0:
    case 1:
        (void)inv_cnode_copy(crafty_node(), arena_any(), arena_index());
        break;
    case 2:
        (void)inv_cnode_mint(crafty_node(), arena_any(), (uint8_t)fuzz_random(), arena_index());
        break;
    case 3:
    case 4:
        (void)inv_cnode_move(crafty_node(), arena_any(), arena_index());
        break;
    case 5:
        (void)inv_cnode_split(crafty_node(), arena_any(), crafty_bytes(), arena_index());
        break;
    case 6:
        (void)inv_cnode_identify(crafty_node(), arena_index(), &v[0], &v[1], &v[2], &v[3]);
        break;
    case 7:
        (void)inv_cnode_revoke(crafty_node(), arena_index());
        (void)inv_cnode_revoke_part(ARENA_NODE, fuzz_below(2) == 0 ? ARENA_RAM : arena_index(),
                                    crafty_off(), crafty_bytes());
        break;
    case 8:                              /* nodes inside nodes, and cycles of them */
        (void)inv_cnode_copy(arena_any(), ARENA_NODE, arena_index());
        break;
    case 9:                              /* what somebody else made */
        (void)inv_cnode_copy(ARENA_NODE, KPI_CAP_STARTUP, arena_index());
        break;
    case 10:                             /* loans, of loans and of nodes, too */
    case 11:
        (void)inv_cnode_lend(crafty_node(), arena_any(), (uint8_t)fuzz_random(), arena_index());
        break;
    default:
        (void)inv_cnode_delete(crafty_node(), arena_index());
        break;
    }
}

static void crafty_map(void)
{
    bool root = fuzz_below(3) == 0;
    caddr_t table = root ? KPI_CAP_SELF_VROOT : arena_any();
    uint16_t index = (uint16_t)(root ? ROOT_FIRST + fuzz_below(4) : fuzz_below(8));
    uint32_t flags = root || fuzz_below(4) == 0 ? 0 : (uint32_t)fuzz_below(16);
    uint16_t pages = fuzz_below(4) == 0 ? (uint16_t)fuzz_number() : 1;
    uint64_t off = fuzz_below(4) == 0 ? crafty_off() : 0;

    if (fuzz_below(3) != 0) {
        (void)inv_vnode_map(table, index, arena_any(), off, pages, flags, arena_any());
    } else if (fuzz_below(2) == 0) {
        (void)inv_mapping_unmap(arena_any());
    } else {
        (void)inv_mapping_modify(arena_any(), (uint16_t)fuzz_below(4), pages, flags);
    }
}

/* Further dispatchers run fuzz_racer in this address space, or nothing of any use. */
static void crafty_dispatcher(void)
{
    caddr_t d = arena_any();
    uint64_t v[8];

    switch (fuzz_below(12)) {
    case 0:
    case 1:
    case 2:
        (void)inv_dispatcher_setup(d, fuzz_below(4) == 0 ? arena_any()
                                                      : KPI_CADDR(ARENA_L1, ARENA_SPACE),
                                   fuzz_below(4) == 0 ? arena_any() : KPI_CAP_SELF_VROOT,
                                   fuzz_number() & ~(uint64_t)(KPI_PAGE_BYTES - 1));
        break;
    case 3:
    case 4:
    case 5:
        (void)inv_dispatcher_start(d, fuzz_below(4) == 0 ? fuzz_number()
                                                         : (uint64_t)(uintptr_t)fuzz_racer,
                                   fuzz_number(), fuzz_random());
        break;
    case 6:
        (void)inv_dispatcher_stop(d);
        break;
    case 7:
        (void)inv_dispatcher_resume(d);
        break;
    case 8:
        (void)inv_dispatcher_kill(d, fuzz_random());
        break;
    case 9:
        (void)inv_dispatcher_watch(fuzz_below(2) == 0 ? d : KPI_CAP_SELF_DISP, arena_any());
        break;
    case 10:
        (void)inv_dispatcher_stats(d, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6]);
        break;
    default:
        (void)inv_dispatcher_info(d, &v[0], &v[1], &v[2], &v[3], &v[4]);
        break;
    }
}

/* Enters by `number` as a sender. */
static void crafty_send(uint64_t number, caddr_t end)
{
    uint64_t regs[12];

    disp_page()->recv_slot = fuzz_below(8) == 0 ? (caddr_t)fuzz_number() : arena_any();
    for (size_t i = 0; i < 12; i++) {
        regs[i] = fuzz_number();
    }
    regs[0] = end;
    regs[10] = fuzz_below(2) == 0 ? 0
               : arena_any() | (fuzz_random() & 0xffull) << KPI_XFER_RIGHTS_SHIFT
                     | (fuzz_below(2) == 0 ? KPI_XFER_MOVE : 0);
    if (number == SYSCALL_CALL
        && err_is_fail(inv_dispatcher_deadline(KPI_CAP_SELF_DISP, time_now_ns() + FUZZ_WAIT_NS))) {
        return;
    }
    fuzz_svc(number, regs);
}

static void crafty_message(void)
{
    switch (fuzz_below(8)) {
    case 0:
    case 1:
        (void)inv_endpoint_bind(arena_any(), fuzz_random() | 1);
        break;
    case 2:
        crafty_send(SYSCALL_CALL, fuzz_below(4) == 0 ? 0 : arena_any());
        break;
    case 3:
        crafty_send(SYSCALL_POLL, 0);
        break;
    case 4:
        crafty_send(fuzz_below(2) == 0 ? SYSCALL_YIELD : SYSCALL_POLL, (caddr_t)fuzz_random());
        break;
    case 5:                              /* to init, who must answer or close */
        crafty_send(SYSCALL_SEND, KPI_CAP_PARENT);
        break;
    default:
        crafty_send(SYSCALL_SEND, arena_any());
        break;
    }
}

/* Any method of any object. */
static void crafty_any(void)
{
    uint64_t regs[12];

    for (size_t i = 0; i < 12; i++) {
        regs[i] = fuzz_below(2) == 0 ? fuzz_number() : arena_any();
    }
    regs[0] = arena_any();
    regs[1] = fuzz_below(12);
    regs[2] = arena_any();               /* a move would take what this domain lives on */
    fuzz_svc(SYSCALL_INVOKE, regs);
}

/* Ends all there is in the arena, its node included, and starts with a fresh one. False: that did
 * not work. */
static bool crafty_renew(void)
{
    return err_is_ok(cap_revoke(parent))
           && err_is_ok(inv_cnode_retype(KPI_CAP_SELF_L1, parent, ARENA_BYTES, CAPTYPE_L2CNODE,
                                         KPI_L2_BYTES, 1, ARENA_L1))
           && err_is_ok(cap_retype(KPI_CADDR(ARENA_L1, ARENA_RAM), parent, 0, CAPTYPE_RAM,
                                   ARENA_BYTES, 1))
           && err_is_ok(cap_retype(KPI_CADDR(ARENA_L1, ARENA_SPACE), parent,
                                   ARENA_BYTES + KPI_L2_BYTES, CAPTYPE_L1CNODE, KPI_L1_BYTES_MIN,
                                   1))
           && err_is_ok(inv_cnode_copy(KPI_CADDR(ARENA_L1, ARENA_SPACE), ARENA_NODE, ARENA_L1));
}

static bool crafty_prepare(void)
{
    struct memory_binding *memory;
    uint64_t actual;

    return err_is_ok(aos_memory(&memory))
           && err_is_ok(memory_alloc(memory, 2 * ARENA_BYTES, KPI_LARGE_BYTES, &parent, &actual));
}

static void crafty_step(void)
{
    switch (fuzz_below(10)) {
    case 0:
    case 1:
    case 2:
        crafty_retype();
        break;
    case 3:
    case 4:
        crafty_node_op();
        break;
    case 5:
    case 6:
        crafty_map();
        break;
    case 7:
        crafty_dispatcher();
        break;
    case 8:
        crafty_message();
        break;
    default:
        crafty_any();
        break;
    }
}

void fuzz_crafty(uint64_t seed, uint64_t operations)
{
    uint64_t done = 0;
    bool good = crafty_prepare();

    fuzz_random_seed(seed);
    disp_disable();
    for (; good && done < operations; done++) {
        if (done % RENEW_EVERY == 0) {
            good = crafty_renew();
        }
        crafty_step();
    }
    good = good && crafty_renew();
    for (unsigned i = 0; i < SETTLE_STEPS; i++) {
        crafty_send(SYSCALL_POLL, 0);
    }
    for (;;) {
        (void)inv_dispatcher_kill(KPI_CAP_SELF_DISP, good ? 0 : 1);
    }
}
