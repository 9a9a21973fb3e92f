/* Life of threads. A thread's stack, TLS and record are one allocation: guard page, stack, TLS,
 * struct thread. */
#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/paging.h>
#include <aos/slot.h>
#include <aos/time.h>

#include "thread_priv.h"

/* Bytes of a stack that are there from the start, below the record. */
#define THREAD_STACK_START 2048u

static struct {
    struct mutex lock;
    struct thread *all;                  /* under lock */
    uint32_t count;                      /* under lock */
    uint32_t next_id;                    /* under lock */
    struct thread *dead;                 /* disabled: ended and detached, linked by `next` */
    struct thread_queue sleepers;
} threads;

uint32_t thread_count(void)
{
    return threads.count;
}

const char *thread_name(const struct thread *t)
{
    return t->name;
}

uint32_t thread_id(const struct thread *t)
{
    return t->id;
}

void thread_register(struct thread *t)
{
    mutex_lock(&threads.lock);
    t->id = threads.next_id++;
    t->all_next = threads.all;
    if (t->all_next != NULL) {
        t->all_next->all_prev = t;
    }
    threads.all = t;
    threads.count++;
    mutex_unlock(&threads.lock);
}

/* The thread has left its stack for good and nobody knows it any more. */
static void thread_reclaim(struct thread *t)
{
    mutex_lock(&threads.lock);
    if (t->all_prev != NULL) {
        t->all_prev->all_next = t->all_next;
    } else {
        threads.all = t->all_next;
    }
    if (t->all_next != NULL) {
        t->all_next->all_prev = t->all_prev;
    }
    threads.count--;
    mutex_unlock(&threads.lock);
    if (t->stack != NULL) {
        errval_t err = paging_unmap(paging_self(), t->stack);
        USER_CHECK(err_is_ok(err));
    }
}

static void thread_reclaim_dead(void)
{
    for (;;) {
        disp_disable();
        struct thread *t = threads.dead;
        if (t != NULL) {
            threads.dead = t->next;
        }
        disp_enable();
        if (t == NULL) {
            return;
        }
        thread_reclaim(t);
    }
}

static void thread_main(struct thread *self)
{
    thread_exit(self->fn(self->arg));
}

static void thread_set_name(struct thread *t, const char *name)
{
    size_t i = 0;
    while (name != NULL && name[i] != '\0' && i < THREAD_NAME_BYTES - 1) {
        t->name[i] = name[i];
        i++;
    }
    t->name[i] = '\0';
}

errval_t thread_create(thread_fn fn, void *arg, const struct thread_attr *attr,
                       struct thread **ret_thread)
{
    static const struct thread_attr defaults;
    attr = attr != NULL ? attr : &defaults;
    thread_reclaim_dead();
    if (attr->priority < THREAD_PRIORITY_MIN || attr->priority > THREAD_PRIORITY_MAX) {
        return LIB_ERR_RANGE;
    }
    uint32_t limit = domain_startup()->limits.threads;
    if (threads.count >= THREADS_MAX || (limit != 0 && threads.count >= limit)) {
        return LIB_ERR_THREAD_LIMIT;
    }
    uint64_t wanted = attr->stack_bytes != 0 ? attr->stack_bytes : THREAD_STACK_BYTES;
    wanted = wanted < THREAD_STACK_MIN ? THREAD_STACK_MIN : wanted;
    if (wanted > KPI_VA_LIMIT) {
        return LIB_ERR_NO_MEMORY;
    }
    uint64_t record = aos_round_up(sizeof(struct thread), 64) + tls_bytes();
    uint64_t bytes = aos_round_up(wanted + record, AOS_PAGE_BYTES);
    void *stack;
    errval_t err = paging_alloc_lazy(&(struct paging_lazy){
        .bytes = bytes, .guard_bytes = AOS_PAGE_BYTES, .flags = AOS_VM_RW,
        .cluster = PAGING_STACK_CLUSTER, .name = "stack" }, &stack);
    if (err_is_fail(err)) {
        return err;
    }
    uint64_t end = (uint64_t)stack + bytes;
    uint64_t low = attr->resident
                       ? (uint64_t)stack
                       : aos_round_down(end - record - THREAD_STACK_START, AOS_PAGE_BYTES);
    err = paging_populate((void *)low, end - low); /* the record is used by disabled code */
    if (err_is_fail(err)) {
        (void)paging_unmap(paging_self(), stack);
        return err;
    }
    struct thread *t = (struct thread *)(end - aos_round_up(sizeof(struct thread), 64));
    t->stack = stack;
    t->stack_top = aos_round_down(end - record, 16);
    t->fn = fn;
    t->arg = arg;
    t->detached = attr->detached;
    t->level = THREAD_LEVEL_DEFAULT;
    t->base_level = THREAD_LEVEL_DEFAULT;
    t->state = THREAD_BLOCKED;           /* on nothing, until it is ready */
    t->mode = THREAD_PREEMPTED;
    t->fp_state = THREAD_FP_ALL;         /* zero */
    t->regs.pc = (uint64_t)thread_main;
    t->regs.x[0] = (uint64_t)t;
    t->regs.sp = t->stack_top;
    t->regs.tpidr = tls_build((void *)t->stack_top);
    t->tpidr = t->regs.tpidr;
    thread_set_name(t, attr->name);
    thread_register(t);
    if (ret_thread != NULL) {
        *ret_thread = t;
    }
    disp_disable();
    t->base_level = (uint32_t)(attr->priority + (int)THREAD_LEVEL_DEFAULT);
    sched_set_level(t, t->base_level);
    sched_ready(t);
    disp_enable();
    return ERR_OK;
}

errval_t thread_set_priority(struct thread *t, int priority)
{
    if (priority < THREAD_PRIORITY_MIN || priority > THREAD_PRIORITY_MAX) {
        return LIB_ERR_RANGE;
    }
    disp_disable();
    t->base_level = (uint32_t)(priority + (int)THREAD_LEVEL_DEFAULT);
    thread_relevel_disabled(t);
    disp_enable();
    return ERR_OK;
}

int thread_priority(const struct thread *t)
{
    return (int)t->base_level - (int)THREAD_LEVEL_DEFAULT;
}

void thread_exit(int status)
{
    struct thread *self = thread_self();
    USER_CHECK(self->stack != NULL);     /* the first thread ends by ending the domain */
    thread_keys_end(self);
    if (self->held != NULL) {
        aos_panic("thread %s ends and holds mutex %p, which others wait for", self->name,
                  (void *)self->held);
    }
    disp_disable();
    self->base_level = THREAD_LEVEL_DEFAULT;
    sched_set_level(self, THREAD_LEVEL_DEFAULT);
    self->status = status;
    self->state = THREAD_ENDED;
    if (self->detached) {
        self->next = threads.dead;
        threads.dead = self;
    }
    thread_wake_all_disabled(&self->joiners);
    sched_leave();
}

errval_t thread_join(struct thread *t, int *ret_status)
{
    return thread_join_until(t, AOS_FOREVER, ret_status);
}

errval_t thread_join_until(struct thread *t, uint64_t deadline_ns, int *ret_status)
{
    disp_disable();
    if (t->detached || t->joined || t == thread_self()) {
        disp_enable();
        return LIB_ERR_BAD_STATE;
    }
    t->joined = true;
    while (t->state != THREAD_ENDED) {
        if (!thread_block_until_disabled(&t->joiners, deadline_ns)) {
            t->joined = false;
            disp_enable();
            return LIB_ERR_TIMEOUT;
        }
    }
    disp_enable();
    if (ret_status != NULL) {
        *ret_status = t->status;
    }
    thread_reclaim(t);
    recv_slot_refill();
    return ERR_OK;
}

errval_t thread_detach(struct thread *t)
{
    errval_t err = ERR_OK;
    disp_disable();
    if (t->detached || t->joined) {
        err = LIB_ERR_BAD_STATE;
    } else {
        t->detached = true;
        if (t->state == THREAD_ENDED) {
            t->next = threads.dead;
            threads.dead = t;
        }
    }
    disp_enable();
    thread_reclaim_dead();
    return err;
}

void thread_sleep_until(uint64_t deadline_ns)
{
    disp_disable();
    (void)thread_block_until_disabled(&threads.sleepers, deadline_ns);
    disp_enable();
    recv_slot_refill();
}

void thread_sleep_ns(uint64_t ns)
{
    thread_sleep_until(time_deadline_ns(ns));
}
