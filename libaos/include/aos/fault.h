/* What a program can do about its own faults. A handler runs in the context of the faulting thread
 * on a fault stack of FAULT_STACK_BYTES from a pool, so any number of threads may be inside
 * handlers. It may do what a thread may: block, allocate, use floating point, make calls; it may
 * fault itself, for instance on memory that is filled on demand, up to FAULT_DEPTH_MAX deep. It
 * returns, and does not end its thread. A lock that code which faults may hold is its own affair.
 * If no handler takes the fault, it is reported and the domain ends with AOS_STATUS_FAULT. */
#pragma once

#include <aos/types.h>
#include <kpi/dispatcher.h>

#define FAULT_STACK_BYTES 12288u
#define FAULT_DEPTH_MAX   4u             /* faults of one thread, each in the handler of the last */

enum fault_kind {
    FAULT_READ,                          /* data abort, read */
    FAULT_WRITE,
    FAULT_EXECUTE,                       /* instruction abort */
    FAULT_ALIGN,                         /* PC, SP or data alignment */
    FAULT_INSTRUCTION,                   /* undefined instruction or system register */
    FAULT_BREAK,                         /* brk */
    FAULT_BUS,                           /* external abort, SError */
    FAULT_OTHER,
};

struct fault {
    enum fault_kind kind;
    bool translation;                    /* nothing is mapped there (else: a permission) */
    uint64_t address;                    /* where it applies */
    uint64_t esr;
    uint32_t depth;                      /* handlers of this thread that it interrupted */
    errval_t error;                      /* why the page could not be filled; 0: it never could */
    struct kpi_regs *regs;               /* of the thread; may be changed */
};

enum fault_action { FAULT_NOT_MINE, FAULT_RESUME };
typedef enum fault_action (*fault_handler)(const struct fault *f, void *arg);

/* For the calling thread; returns the one before. NULL: none. Asked first. */
fault_handler fault_set_thread_handler(fault_handler handler, void *arg);
/* For addresses inside the region that starts at `va` (paging_reserve or a mapping). */
errval_t fault_set_region_handler(void *va, fault_handler handler, void *arg);
/* A person's word for the kind. */
const char *fault_kind_name(enum fault_kind kind);
