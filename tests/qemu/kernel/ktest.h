/* A little library for test programs that run as init, without libaos: TAP on the kernel log,
 * objects out of early memory, further dispatchers in the same address space, system calls.
 * Everything fails by saying so and switching off. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <abi/captypes.h>
#include <abi/user.h>
#include <kpi/bootinfo.h>
#include <kpi/dispatcher.h>
#include <kpi/lmp.h>
#include <kpi/startup.h>
#include <kpi/vm.h>

#define KT_TASK_NODE (KPI_CADDR_L1 | KPI_L1_TASK)

/* Each program defines it; returns when done. */
void test_main(void);

/* TAP. */
void kt_plan(unsigned count);
void kt_ok(bool ok, const char *what);
void kt_eq(uint64_t got, uint64_t want, const char *what);
/* A line "# TEXT NUMBER". */
void kt_note(const char *text, uint64_t number);
_Noreturn void kt_end(void);
/* Ends the run if `err` is a failure. */
void kt_need(errval_t err, const char *what);

/* Empty slots in a row of the task CNode. */
caddr_t kt_slots(unsigned count);
/* Objects from early memory: the capability of the first. */
caddr_t kt_object(enum captype type, uint64_t bytes, uint32_t count);
/* A channel: *ret_a and *ret_b are its ends. */
void kt_channel(uint64_t bytes, caddr_t *ret_a, caddr_t *ret_b);
/* Fresh zeroed pages, mapped read-write at the result. */
void *kt_pages(unsigned count, caddr_t *ret_frame);
/* Maps `pages` pages of a capability somewhere; NULL with *ret_err set on failure. */
void *kt_map(caddr_t cap, uint64_t off, unsigned pages, uint32_t flags, caddr_t *ret_mapping,
             errval_t *ret_err);

/* As kt_map, one page read-write, with a place and a slot that the caller reuses: `place` counts
 * pages from the end of the range that kt_map gives out. */
errval_t kt_map_place(unsigned place, caddr_t cap, caddr_t mapping, void **ret_va);

/* A dispatcher in the same spaces, on a stack of its own. It starts disabled. */
struct kt_thread {
    caddr_t cap;
    caddr_t l1;                          /* its level 1 node */
    struct kpi_dispatcher *page;
    void *stack_top;
};
void kt_thread_make(struct kt_thread *t);
void kt_thread_start(struct kt_thread *t, void (*fn)(void *), void *arg);

/* This dispatcher's page. */
static inline struct kpi_dispatcher *kt_page(void)
{
    struct kpi_dispatcher *page;
    __asm__ volatile("mrs %0, tpidrro_el0" : "=r"(page));
    return page;
}

struct kt_msg {
    uint64_t cookie;
    uint64_t header;
    uint64_t words[KPI_LMP_WORDS];
    uint64_t cap;
    uint64_t cap_info;
};

/* x0 to x10 from *m; CALL and POLL store x0 to x11 there. Send returns x0. */
void kt_call(struct kt_msg *m);
void kt_poll(struct kt_msg *m);
errval_t kt_send(const struct kt_msg *m);
void kt_yield(void);

/* Exits (kills) the running dispatcher. */
_Noreturn void kt_exit(uint64_t status);

static inline uint64_t kt_ticks(void)
{
    uint64_t t;
    __asm__ volatile("isb\n mrs %0, cntvct_el0" : "=r"(t)::"memory");
    return t;
}
uint64_t kt_now_ns(void);
/* Cycle counter; one instruction each under -icount shift=0. */
static inline uint64_t kt_cycles(void)
{
    uint64_t c;
    __asm__ volatile("mrs %0, pmccntr_el0" : "=r"(c)::"memory");
    return c;
}
