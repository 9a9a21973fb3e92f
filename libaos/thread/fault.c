/* Faults: from the upcall to the page that is missing, to a handler, or to a report and the end of
 * the domain.
 *
 * The upcall takes a fault stack from a pool, parks the registers of the faulting thread in the
 * record at its top, and the thread goes on in fault_main there: it may block, and others may
 * fault meanwhile. With the pool empty a thread waits for a stack. Whoever takes the last one adds
 * another before anything else, so the pool grows with the number of threads that are inside
 * faults. When the fault is handled the thread goes on with the registers of the record.
 *
 * A thread may fault inside a handler, on memory that is filled on demand: that is a fault of its
 * own, on another stack, up to FAULT_DEPTH_MAX. */
#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/paging.h>

#include "mem_priv.h"
#include "paging_priv.h"
#include "queue_priv.h"
#include "thread_priv.h"

#define FAULT_STACKS_START 2u            /* there from the start */
#define FAULT_STACKS_KEEP  4u            /* free ones that are kept */

/* ESR_EL1: exception class and the fields used here. Arm ARM DDI 0487, D17.2.37. */
#define ESR_CLASS_SHIFT     26
#define ESR_CLASS_MASK      0x3fu
#define ESR_CLASS_IABORT    0x20u
#define ESR_CLASS_PC_ALIGN  0x22u
#define ESR_CLASS_DABORT    0x24u
#define ESR_CLASS_SP_ALIGN  0x26u
#define ESR_CLASS_SERROR    0x2fu
#define ESR_CLASS_BRK       0x3cu
#define ESR_CLASS_UNKNOWN   0x00u
#define ESR_CLASS_SYSREG    0x18u
#define ESR_WNR             (1u << 6)
#define ESR_FSC_MASK        0x3fu
#define ESR_FSC_ALIGN       0x21u
#define ESR_FSC_EXTERNAL    0x10u        /* 0x10, 0x14..0x17 on a walk */

/* The highest part of each fault stack. */
struct fault_frame {
    struct kpi_regs regs;                /* first, where pairs can be stored */
    struct thread_fp fp;
    uint64_t esr, far;
    bool fp_saved;                       /* the thread had used floating point */
    bool reporting;                      /* this fault ends the domain */
    uint32_t depth;                      /* faults of this thread that are still open below */
    struct fault_frame *outer;           /* the one below */
    struct fault_frame *next;            /* in the pool */
    void *region;                        /* to be unmapped; NULL: static */
} __attribute__((aligned(16)));

static uint8_t fault_stacks[FAULT_STACKS_START][FAULT_STACK_BYTES] __attribute__((aligned(16)));

/* Disabled. */
static struct {
    struct fault_frame *free;
    uint32_t free_count;
    uint32_t started;                    /* of fault_stacks: in the pool since their first use */
    struct thread_queue waiters;         /* for a stack */
} faults;

static struct fault_frame *fault_frame_of(void *stack)
{
    return (struct fault_frame *)((uint8_t *)stack + FAULT_STACK_BYTES) - 1;
}

static struct fault_frame *fault_stack_take_disabled(void)
{
    struct fault_frame *frame = faults.free;
    if (frame != NULL) {
        faults.free = frame->next;
        faults.free_count--;
    } else if (faults.started < FAULT_STACKS_START) {
        frame = fault_frame_of(fault_stacks[faults.started++]);
    }
    return frame;
}

static void fault_stack_give_disabled(struct fault_frame *frame)
{
    frame->next = faults.free;
    faults.free = frame;
    faults.free_count++;
    (void)thread_wake_one_disabled(&faults.waiters); /* it faults again, and takes the stack */
}

static void fault_main(struct fault_frame *frame);

/* For each fault: worth more than a call of memcpy. */
static inline void fault_copy_regs(struct kpi_regs *to, const struct kpi_regs *from)
{
    const uint64_t *source = (const void *)from;
    uint64_t *dest = (void *)to;
    _Static_assert(sizeof(*to) % (2 * sizeof(uint64_t)) == 0, "it is copied in pairs");
#pragma GCC unroll 32
    for (size_t i = 0; i < sizeof(*to) / sizeof(uint64_t); i += 2) {
        uint64_t first = source[i];
        uint64_t second = source[i + 1];
        dest[i] = first;
        dest[i + 1] = second;
    }
}

bool fault_begin_disabled(struct thread *t, const struct kpi_dispatcher *page)
{
    if (t->faults != NULL && t->faults->reporting) {
        /* A fault in the report of a fault: nothing can be trusted any more. */
        domain_exit(AOS_STATUS_FAULT);
    }
    struct fault_frame *frame = fault_stack_take_disabled();
    if (frame == NULL) {
        t->state = THREAD_BLOCKED;
        queue_push(&faults.waiters, t);
        return true;
    }
    fault_copy_regs(&frame->regs, &page->save);
    frame->esr = page->fault_esr;
    frame->far = page->fault_far;
    frame->fp_saved = page->fp_live != 0;
    if (frame->fp_saved) {
        arch_fp_save_all(&frame->fp);
    }
    frame->outer = t->faults;
    frame->depth = t->faults != NULL ? t->faults->depth + 1 : 0;
    frame->reporting = false;
    t->faults = frame;
    t->mode = THREAD_SWITCHED;
    t->fp_state = THREAD_FP_NONE;
    arch_set_tls(t->tpidr);
    fault_enter(frame, frame, fault_main);
}

static enum fault_kind fault_kind_of(uint64_t esr)
{
    uint32_t class = (uint32_t)(esr >> ESR_CLASS_SHIFT) & ESR_CLASS_MASK;
    uint32_t code = (uint32_t)esr & ESR_FSC_MASK;
    switch (class) {
    case ESR_CLASS_DABORT:
        if (code == ESR_FSC_ALIGN) {
            return FAULT_ALIGN;
        }
        if ((code & ~0x7u) == ESR_FSC_EXTERNAL) {
            return FAULT_BUS;
        }
        return (esr & ESR_WNR) != 0 ? FAULT_WRITE : FAULT_READ;
    case ESR_CLASS_IABORT:
        return (code & ~0x7u) == ESR_FSC_EXTERNAL ? FAULT_BUS : FAULT_EXECUTE;
    case ESR_CLASS_PC_ALIGN:
    case ESR_CLASS_SP_ALIGN:
        return FAULT_ALIGN;
    case ESR_CLASS_SERROR:
        return FAULT_BUS;
    case ESR_CLASS_BRK:
        return FAULT_BREAK;
    case ESR_CLASS_UNKNOWN:
    case ESR_CLASS_SYSREG:
        return FAULT_INSTRUCTION;
    default:
        return FAULT_OTHER;
    }
}

static bool fault_is_translation(uint64_t esr, enum fault_kind kind)
{
    return kind <= FAULT_EXECUTE && (esr & 0x3cu) == 0x04u;
}

/* One more stack in the pool. Without memory for it threads wait for each other's. */
static void fault_stack_add(void)
{
    void *stack;
    if (err_is_fail(paging_alloc_guarded(FAULT_STACK_BYTES, AOS_PAGE_BYTES, "fault stack",
                                         &stack))) {
        return;
    }
    struct fault_frame *frame = fault_frame_of(stack);
    frame->region = stack;
    disp_disable();
    fault_stack_give_disabled(frame);
    disp_enable();
}

/* Gives a stack back that the pool has too much. Not the caller's own. */
static void fault_stack_drop(void)
{
    disp_disable();
    struct fault_frame **link = &faults.free;
    while (*link != NULL && (*link)->region == NULL) {
        link = &(*link)->next;
    }
    struct fault_frame *frame = *link;
    if (frame != NULL) {
        *link = frame->next;
        faults.free_count--;
    }
    disp_enable();
    if (frame != NULL) {
        errval_t err = paging_unmap(paging_self(), frame->region);
        USER_CHECK(err_is_ok(err));
    }
}

static enum fault_action fault_ask(const struct fault *f, struct thread *t)
{
    struct paging_region_info region;
    if (t->handler != NULL && t->handler(f, t->handler_arg) == FAULT_RESUME) {
        return FAULT_RESUME;
    }
    if (f->kind <= FAULT_EXECUTE && paging_lookup(f->address, &region) && region.handler != NULL) {
        return region.handler(f, region.handler_arg);
    }
    return FAULT_NOT_MINE;
}

/* Back to where it happened. */
static void __attribute__((noreturn)) fault_end(struct fault_frame *frame, struct thread *self)
{
    disp_disable();
    if (frame->fp_saved) {
        arch_fp_load_all(&frame->fp);
    } else if (disp_page()->fp_live != 0) {
        /* it had not used FP yet; the handler or another thread has */
        __builtin_memset(&frame->fp, 0, sizeof(frame->fp));
        arch_fp_load_all(&frame->fp);
    }
    self->faults = frame->outer;
    fault_stack_give_disabled(frame);
    thread_load_regs(self, &frame->regs); /* nobody has the stack before they are loaded */
}

static void fault_main(struct fault_frame *frame)
{
    struct thread *self = thread_self();
    disp_enable();
    struct fault f = {
        .kind = fault_kind_of(frame->esr), .address = frame->far, .esr = frame->esr,
        .regs = &frame->regs, .depth = frame->depth,
    };
    f.translation = fault_is_translation(f.esr, f.kind);
    if (mem_locked()) {
        f.error = LIB_ERR_BAD_STATE;
    } else if (frame->depth >= FAULT_DEPTH_MAX) {
        f.error = LIB_ERR_RANGE;
    } else {
        if (faults.free == NULL && faults.started == FAULT_STACKS_START) {
            fault_stack_add();
        }
        f.error = paging_fault(f.address, f.kind, f.translation);
        bool done = err_is_ok(f.error);
        f.error = f.error == LIB_ERR_BAD_ADDRESS ? ERR_OK : f.error;
        if (done || fault_ask(&f, self) == FAULT_RESUME) {
            if (faults.free_count > FAULT_STACKS_KEEP) {
                fault_stack_drop();
            }
            fault_end(frame, self);
        }
    }
    frame->reporting = true;
    fault_report(&f, self);
    domain_exit(AOS_STATUS_FAULT);
}

fault_handler fault_set_thread_handler(fault_handler handler, void *arg)
{
    struct thread *self = thread_self();
    fault_handler old = self->handler;
    self->handler = NULL;
    self->handler_arg = arg;
    self->handler = handler;
    return old;
}

const char *fault_kind_name(enum fault_kind kind)
{
    static const char *const names[] = {
        [FAULT_READ] = "read", [FAULT_WRITE] = "write", [FAULT_EXECUTE] = "execute",
        [FAULT_ALIGN] = "alignment", [FAULT_INSTRUCTION] = "undefined instruction",
        [FAULT_BREAK] = "breakpoint", [FAULT_BUS] = "bus error", [FAULT_OTHER] = "exception",
    };
    return (uint32_t)kind <= FAULT_OTHER ? names[kind] : "exception";
}
