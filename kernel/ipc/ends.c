/* Watches: kernel/ends.h. */
#include <kernel/ends.h>
#include <kernel/irq_cap.h>
#include <kernel/lmp.h>
#include <kernel/log.h>
#include <kernel/notify.h>

/* End raised when the log grows, NULL = none, and the log's end when it was last raised. */
static struct endpoint *ends_log;
static uint64_t ends_log_seen;

static void ends_unwatch(struct endpoint *end)
{
    struct dispatcher *d = end->watched;

    if (d == NULL) {
        return;
    }
    if (end->watch_prev != NULL) {
        end->watch_prev->watch_next = end->watch_next;
    } else {
        d->watchers = end->watch_next;
    }
    if (end->watch_next != NULL) {
        end->watch_next->watch_prev = end->watch_prev;
    }
    end->watched = NULL;
    end->watch_next = NULL;
    end->watch_prev = NULL;
}

void ends_watch(struct endpoint *end, struct dispatcher *d)
{
    ends_unwatch(end);
    if (d->state == DISP_DEAD) {
        lmp_raise(end);
        return;
    }
    end->watched = d;
    end->watch_next = d->watchers;
    if (d->watchers != NULL) {
        d->watchers->watch_prev = end;
    }
    d->watchers = end;
}

bool ends_raise_watcher(struct dispatcher *d)
{
    struct endpoint *end = d->watchers;

    if (end == NULL) {
        return false;
    }
    ends_unwatch(end);
    lmp_raise(end);
    return true;
}

void ends_log_watch(struct endpoint *end)
{
    if (ends_log != NULL) {
        ends_log->log_watch = false;
    }
    ends_log = end;
    end->log_watch = true;
    ends_log_seen = 0;
    ends_log_poll();
}

void ends_log_poll(void)
{
    if (ends_log != NULL && ends_log_seen != log_end()) {
        ends_log_seen = log_end();
        lmp_raise(ends_log);
    }
}

void ends_forget(struct endpoint *end)
{
    ends_unwatch(end);
    if (end->irq != 0) {
        irq_cap_disconnect(end->irq);
    }
    if (end->notify != 0) {
        notify_disconnect(end);
    }
    if (ends_log == end) {
        ends_log = NULL;
    }
    end->log_watch = false;
}
