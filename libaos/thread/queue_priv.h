/* Queues of threads: intrusive, doubly linked. Disabled. Inline, because every switch uses them. */
#pragma once

#include "thread_priv.h"


static inline void queue_push(struct thread_queue *q, struct thread *t)
{
    t->next = NULL;
    t->prev = q->tail;
    t->queue = q;
    if (q->tail != NULL) {
        q->tail->next = t;
    } else {
        q->head = t;
    }
    q->tail = t;
}

/* Behind those of its level and above: what waits is mostly of one level. */
static inline void queue_insert(struct thread_queue *q, struct thread *t)
{
    struct thread *before = q->tail;
    while (before != NULL && before->level < t->level) {
        before = before->prev;
    }
    t->queue = q;
    t->prev = before;
    t->next = before != NULL ? before->next : q->head;
    if (t->next != NULL) {
        t->next->prev = t;
    } else {
        q->tail = t;
    }
    if (before != NULL) {
        before->next = t;
    } else {
        q->head = t;
    }
}

static inline void queue_push_front(struct thread_queue *q, struct thread *t)
{
    t->prev = NULL;
    t->next = q->head;
    t->queue = q;
    if (q->head != NULL) {
        q->head->prev = t;
    } else {
        q->tail = t;
    }
    q->head = t;
}

static inline struct thread *queue_pop(struct thread_queue *q)
{
    struct thread *t = q->head;
    if (t == NULL) {
        return NULL;
    }
    q->head = t->next;
    if (t->next != NULL) {
        t->next->prev = NULL;
    } else {
        q->tail = NULL;
    }
    t->queue = NULL;
    return t;
}

static inline void queue_remove(struct thread_queue *q, struct thread *t)
{
    if (t->prev != NULL) {
        t->prev->next = t->next;
    } else {
        q->head = t->next;
    }
    if (t->next != NULL) {
        t->next->prev = t->prev;
    } else {
        q->tail = t->prev;
    }
    t->queue = NULL;
}
