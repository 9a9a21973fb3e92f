/* Waitset: one loop that waits for messages on many channels, interrupts, deaths, timers and posted
 * work together, and runs what is due, one at a time, in the thread that calls it. Several threads
 * may run one waitset. */
#pragma once

#include <aos/chan.h>
#include <aos/thread.h>
#include <aos/timer.h>

/* Deferred work; the caller's memory, all zero at first. */
struct work {
    void (*fn)(void *arg);
    void *arg;
    struct work *next;
    bool queued;
};

struct waitset {
    struct chan *ready_head;
    struct work *work_head; /* beside the other head: both are looked at before each wait */
    struct chan *ready_tail;
    struct work *work_tail;
    struct thread_queue waiters; /* threads in waitset_dispatch */
};

/* Empty, in the caller's memory, which must live on: there is no end of a waitset. */
void waitset_init(struct waitset *ws);
/* Runs one thing that is due; waits for it until `deadline_ns`. LIB_ERR_TIMEOUT. */
errval_t waitset_dispatch(struct waitset *ws, uint64_t deadline_ns);
/* Runs one thing that is due already. False: nothing was. */
bool waitset_poll(struct waitset *ws);
/* For ever. The fast path of servers is here: the answer and the wait for the next request are one
 * trap. */
void waitset_run(struct waitset *ws) __attribute__((noreturn));

/* Runs fn(arg) in the waitset. No effect while it is still queued. Any thread. */
void waitset_post(struct waitset *ws, struct work *w);
void waitset_post_disabled(struct waitset *ws, struct work *w);

/* fn(arg) once at `deadline_ns`. Setting an armed timer moves it. */
struct waitset_timer {
    struct timer timer; /* first */
    struct work work;
    struct waitset *ws;
};
errval_t waitset_timer_set(struct waitset *ws, struct waitset_timer *t, uint64_t deadline_ns,
                           void (*fn)(void *arg), void *arg);
/* fn will not be called, unless it is running. */
void waitset_timer_cancel(struct waitset_timer *t);

/* Events from the kernel: the death of a watched dispatcher, growth of the log, an interrupt.
 * `trigger` is the end to give to the invocation (watch, log_watch, connect); the handler runs once
 * for any number of events since it last ran. */
struct event_source {
    struct chan chan; /* first */
    caddr_t trigger;
    void (*handler)(void *arg);
    void *arg;
    bool raised;
};
/* Makes a channel and binds it: slots and RAM may be lacking. On failure nothing is left. */
errval_t event_source_init(struct event_source *e, struct waitset *ws, void (*handler)(void *arg),
                           void *arg);
void event_source_deinit(struct event_source *e);

/* An interrupt. It stays masked until irq_source_ack, which the handler (or whoever it starts)
 * calls. */
struct irq_source {
    struct event_source event;
    caddr_t irq_dest;
};
/* Connects `irq_dest`, which stays the caller's and must live on. On failure nothing is left. */
errval_t irq_source_init(struct irq_source *q, struct waitset *ws, caddr_t irq_dest,
                         void (*handler)(void *arg), void *arg);
errval_t irq_source_ack(struct irq_source *q);
void irq_source_deinit(struct irq_source *q);
