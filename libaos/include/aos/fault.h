/* What a program can do about its own faults. A handler runs on a stack of its own, in the
 * context of the faulting thread, one at a time in the domain; it must not fault itself, use
 * floating point, or wait for a lock that code which faults may hold. If no handler takes the
 * fault, it is reported and the domain ends with AOS_STATUS_FAULT. */
#pragma once

#include <aos/types.h>
#include <kpi/dispatcher.h>

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
