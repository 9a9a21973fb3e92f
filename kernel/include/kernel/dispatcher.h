/* The kernel's half of a Dispatcher object: its first page. The second page is struct
 * kpi_dispatcher, shared with the user scheduler and never trusted. While a dispatcher runs in
 * user mode SP_EL1 is the address of its struct.
 *
 * Registers of a dispatcher that does not run are in `frame`. How it goes on is decided when it is
 * next entered:
 *   in_call           it waits in svc #SYSCALL_CALL: a poll fills x0-x11 of the frame, of which
 *                     only x19-x30, SP, PC and TPIDR_EL0 are valid; then, if more is pending and
 *                     page->disabled is 0, as below
 *   delivered         it waited there too, and the frame is complete: a SEND has put its message
 *                     there. If more is pending and page->disabled is 0, as below
 *   page->disabled    the frame is restored as it is
 *   else              the frame is copied to page->save and the upcall entry runs */
#pragma once

/* Offsets that exceptions.S and fastpath.S use; checked below. */
#define DISP_X(n)      ((n) * 8)
#define DISP_SP        0x0f8
#define DISP_PC        0x100
#define DISP_PSTATE    0x108
#define DISP_TPIDR     0x110
#define DISP_L1        0x120
#define DISP_TTBR0     0x130
#define DISP_CPU       0x140
#define DISP_MESSAGES  0x148
#define DISP_STATE     0x150
#define DISP_CPACR     0x158
#define DISP_FP        0x1b0
#define DISP_FPSR      0x3b0

/* Values of `state`, the numbers of kpi/dispatcher.h. */
#define DISP_NEW       0
#define DISP_RUNNABLE  1
#define DISP_WAITING   2
#define DISP_STOPPED   3
#define DISP_DEAD      4

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kernel/cspace.h>
#include <kernel/fastpath.h>
#include <kpi/dispatcher.h>
#include <kpi/vm.h>

struct endpoint;

/* A list of ends through their `queue` links. */
struct endpoint_list {
    struct endpoint *first;
    struct endpoint *last;
};

struct dispatcher {
    struct kpi_regs frame;               /* 0x000 */
    /* Hot: what a direct switch reads. */
    /* 0x120 slots of the L1 CNode; NULL = no capability space */
    struct cte *l1;
    uint64_t l1_slots;                   /* 0x128 */
    uint64_t ttbr0;                      /* 0x130 root table | ASID << 48 */
    uint64_t page_va;                    /* 0x138 value of TPIDRRO_EL0 */
    /* 0x140 while it runs: minus the tick at which it got the core */
    uint64_t cpu_ticks;
    uint64_t messages_sent;              /* 0x148 */
    union {
        struct {
            uint32_t state;              /* 0x150 DISP_* */
            uint32_t pending;            /* 0x154 DISP_PENDING_*: a poll would return something */
        };
        uint64_t condition;              /* both in one load; DISP_RUNNABLE: nothing is pending */
    };
    /* 0x158 CPACR_EL1 while it runs: FP enabled for the owner of the unit only */
    uint64_t cpacr;
    uint64_t messages_received;          /* 0x160 */
    /* Scheduling. */
    struct dispatcher *ready_next;       /* ready queue; both NULL and not `ready` = in no queue */
    struct dispatcher *ready_prev;
    struct dispatcher *heap_left;        /* timer queue (kernel/sched/timerq.c) */
    struct dispatcher *heap_right;
    struct dispatcher *heap_parent;
    uint64_t heap_rank;
    uint64_t deadline;                   /* ticks; valid while in_timerq */
    /* ticks of the slice not used when it last gave up the core */
    uint64_t slice_left;
    bool ready;
    bool in_timerq;
    bool in_call;
    bool delivered;
    /* the frame belongs to a thread that faulted: the upcall tells */
    bool fault;
    /* a poll has told that all ends in `no_slot` wait for a receive slot */
    bool slot_told;
    uint8_t reserved[2];
    uint64_t fp[64];                     /* 0x1b0 q0-q31 while another dispatcher owns the unit */
    uint64_t fpsr;                       /* 0x3b0 */
    uint64_t fpcr;
    /* Messages. */
    struct endpoint_list deliverable;    /* ends with something to receive */
    /* ends whose next message needs a receive slot that was not there */
    struct endpoint_list no_slot;
    struct endpoint *bound;              /* all ends that receive here */
    struct endpoint *watchers;           /* ends to raise when this dispatcher ends */
    struct dispatcher *ending_next;      /* while it is dead and has bound ends or watchers */
    /* Its spaces: copies of the capabilities given to setup, so that neither ends under a running
     * dispatcher without dispatcher_space_gone being called. Type Null = not set. */
    struct cte cspace;
    struct cte vspace;
    /* Death and statistics. */
    uint64_t status;
    uint64_t cause;                      /* ESR of the fault that ended it, 0 = killed */
    uint64_t cause_pc;
    uint64_t cause_far;
    uint64_t invocations;
    uint64_t faults;
    uint64_t preemptions;
    uint64_t fp_traps;
};

#define DISP_PENDING_MESSAGE 0x1u        /* an end is in `deliverable` */
#define DISP_PENDING_SLOT    0x2u        /* an end is in `no_slot` */
#define DISP_PENDING_TIMER   0x4u        /* the deadline passed */
#define DISP_PENDING_ASKED   0x8u        /* dispatcher.ask */

_Static_assert(offsetof(struct dispatcher, frame.sp) == DISP_SP, "assembly");
_Static_assert(offsetof(struct dispatcher, frame.pc) == DISP_PC, "assembly");
_Static_assert(offsetof(struct dispatcher, frame.pstate) == DISP_PSTATE, "assembly");
_Static_assert(offsetof(struct dispatcher, frame.tpidr) == DISP_TPIDR, "assembly");
_Static_assert(offsetof(struct dispatcher, l1) == DISP_L1, "assembly");
_Static_assert(offsetof(struct dispatcher, ttbr0) == DISP_TTBR0, "assembly");
_Static_assert(offsetof(struct dispatcher, page_va) == DISP_TTBR0 + 8, "assembly");
_Static_assert(offsetof(struct dispatcher, cpu_ticks) == DISP_CPU, "assembly");
_Static_assert(offsetof(struct dispatcher, messages_sent) == DISP_MESSAGES, "assembly");
_Static_assert(offsetof(struct dispatcher, state) == DISP_STATE, "assembly");
_Static_assert(offsetof(struct dispatcher, pending) == DISP_STATE + 4, "assembly");
_Static_assert(offsetof(struct dispatcher, cpacr) == DISP_CPACR, "assembly");
_Static_assert(offsetof(struct dispatcher, messages_received) == DISP_CPACR + 8, "assembly");
_Static_assert(offsetof(struct dispatcher, fp) == DISP_FP, "assembly");
_Static_assert(offsetof(struct dispatcher, fpsr) == DISP_FPSR, "assembly");
_Static_assert(sizeof(struct dispatcher) <= KPI_PAGE_BYTES, "one page");
_Static_assert(DISP_DEAD == KPI_DISP_DEAD && DISP_WAITING == KPI_DISP_WAITING, "kpi");

/* The user half, in the linear map. */
static inline struct kpi_dispatcher *dispatcher_page(struct dispatcher *d)
{
    return (struct kpi_dispatcher *)((uintptr_t)d + KPI_PAGE_BYTES);
}

/* Has `d`, which has something pending, not been told all of it? Once told, what only a receive
 * slot helps neither stops those of its threads that are to find one, nor keeps it awake if they
 * wait. */
static inline bool dispatcher_has_news(struct dispatcher *d)
{
    return !(d->pending == DISP_PENDING_SLOT && d->slot_told &&
             dispatcher_page(d)->recv_slot == 0);
}

/* Does `d`, which has something pending, take an upcall before it goes on? */
static inline bool dispatcher_interrupted(struct dispatcher *d)
{
    return dispatcher_page(d)->disabled == 0 && dispatcher_has_news(d);
}

/* The one that boot started. Without it nothing is started again, so its end is said; and where a
 * program waits for the system (console frames) the machine powers off. */
extern struct dispatcher *dispatcher_init;

/* The dispatcher whose capability is `object` (type Dispatcher). */
struct dispatcher *dispatcher_of(const struct cte *object);

/* The slot at `addr`, empty or not, where two loads find it; NULL: ask cspace_slot. */
static inline struct cte *dispatcher_slot(const struct dispatcher *d, uint64_t addr)
{
    if (addr / KPI_L2_SLOTS >= d->l1_slots) {
        return (addr ^ KPI_CADDR_L1) < d->l1_slots ? &d->l1[addr ^ KPI_CADDR_L1] : NULL;
    }
    const struct cte *node = &d->l1[addr / KPI_L2_SLOTS];

    if ((node->head & CTE_HEAD_TYPE_FLAGS) != CAPTYPE_L2CNODE) {
        return NULL; /* a dying node has a flag */
    }
    return &cnode_slots(node)[addr % KPI_L2_SLOTS];
}

/* cspace_find with a short cut, for an address in a register. */
static inline errval_t dispatcher_cap(struct dispatcher *d, uint64_t addr, struct cte **ret)
{
    struct cte *slot = dispatcher_slot(d, addr);

    if (__builtin_expect(addr != 0 && slot != NULL && slot->type != CAPTYPE_NULL &&
                             (slot->flags & CTE_DYING) == 0, 1)) {
        *ret = slot;
        return ERR_OK;
    }
    return addr <= UINT32_MAX ? cspace_find(d, (uint32_t)addr, ret) : SYS_ERR_CAP_NOT_FOUND;
}

/* Life of the object; called by the capability system. `d` is zeroed memory of
 * KPI_DISPATCHER_BYTES. */
void dispatcher_object_init(struct dispatcher *d);

/* The object ends: dispatcher_end. After it the capability system releases d->cspace and deletes
 * d->vspace; until then both stay valid. */
void dispatcher_object_destroy(struct dispatcher *d);

/* An object that is embedded in `d` (&d->cspace or &d->vspace) is about to end: the dispatcher
 * ends. The capability system empties the slot itself. */
void dispatcher_space_gone(struct dispatcher *d);

/* The invocations of object dispatcher, with their errors. */
errval_t dispatcher_setup(struct dispatcher *d, struct cte *cspace, struct cte *vspace,
                          uint64_t page_va);
errval_t dispatcher_replace(struct dispatcher *d, struct cte *cspace);
errval_t dispatcher_start(struct dispatcher *d, uint64_t pc, uint64_t sp, uint64_t arg);
errval_t dispatcher_stop(struct dispatcher *d);
errval_t dispatcher_resume(struct dispatcher *d);

/* Ends `d`: it never runs again, its ends are unbound, watchers are raised, some at once and the
 * rest by dispatcher_ending_step. Harmless if dead. Its spaces are still held:
 * dispatcher_release. */
void dispatcher_end(struct dispatcher *d, uint64_t status);

/* One end of a dead dispatcher is unbound, or one watcher is raised; false: there is none left. The
 * capability system calls it before it lets the memory of a dispatcher go. */
bool dispatcher_ending_step(void);
bool dispatcher_ending(void);
/* Whether `d` is the one that entered the kernel: then its object stays, even if it is dead, until
 * the core has been given to another one or idles. */
bool dispatcher_has_core(const struct dispatcher *d);

/* Gives up the spaces of a dead dispatcher: what was only reachable through its capability space
 * goes too, in the background. */
void dispatcher_release(struct dispatcher *d);

/* d->pending became non-zero or changed: tells the user page, and wakes a waiting dispatcher. */
void dispatcher_notify(struct dispatcher *d);

/* Makes `d`'s frame what user mode is to see (poll result, upcall, or as it was) and loads its
 * address space and system registers; context_enter loads the frame. */
void dispatcher_enter(struct dispatcher *d);

/* Loads the address space and system registers of `d` only. */
void dispatcher_load(struct dispatcher *d);

/* Leaves the core without a user address space. */
void dispatcher_unload(void);
#endif
