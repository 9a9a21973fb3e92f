/* A further core that goes off, on its own side: everything on it ends, what other cores have of it
 * is taken from them or handed over, then its kernel switches it off.
 *
 * The order: domains; what the other memory services borrowed must be back, or the core stays; the
 * services; the objects that several cores know (services/monitor/caps.h). The one who asked sees
 * what became of it in the channel (cores.h). */
#include "init_priv.h"

#include <stdio.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/kernel.h>
#include <aos/kernel_caps.h>
#include <aos/services.h>
#include <aos/time.h>

#include "cores.h"
#include "share.h"

#define LEAVE_LOOK_NS    2000000u
#define LEAVE_END_NS     5000000000ull   /* for domains to end, and for memory to come back */
#define LEAVE_TELL_NS    5000000000ull   /* it is slow: the log says why */
#define LEAVE_TELL_MAX   8u              /* objects */
#define LEAVE_PIDS       64u             /* of one answer, as in process.if */

/* Owned by the thread that leaves, then by the main thread. */
static struct {
    struct core_channel *channel;
    struct work begin;
    struct waitset_timer step;
    uint32_t revokes;                    /* under way */
    uint64_t tell_ns;                    /* when it says what it waits for; 0: it has */
} leave;

/* Kills what is not a service; true: nothing was there. Who has a parent on another core is there
 * until that core knows of its end. */
static bool leave_end_domains(void)
{
    uint32_t pids[LEAVE_PIDS], after = 0, ended = 0;
    uint32_t first = domain_first_program(domain_core());
    size_t count = 0;

    do {
        if (err_is_fail(process_pids(&init.process, after, pids, &count))) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            after = pids[i];
            if (pids[i] >= first) {
                (void)process_kill(&init.process, pids[i]);
                ended++;
            }
        }
    } while (count > 0);
    return ended == 0;
}

/* Has another memory service anything of this core, or one that has ended? */
static bool leave_lends(void)
{
    uint64_t total, free_bytes, largest, dying = 0;
    uint32_t pieces;

    if (err_is_ok(memory_stats(&init.memory, &total, &free_bytes, &largest, &pieces, &dying))
        && dying != 0) {
        return true;
    }
    for (uint32_t core = 0; core < domain_core_count(); core++) {
        char name[AOS_SERVICE_NAME_BYTES], props[NAMESERVER_DESCRIBE_PROPS_MAX];
        const char *text = aos_name_on("memory", core, name);
        uint64_t used = 0, quota;
        uint32_t pid;
        uint16_t iface;
        size_t bytes;

        if (core != domain_core()
            && err_is_ok(nameserver_describe(init.nameserver, text, strlen(text), &pid, &iface,
                                             props, &bytes))
            && err_is_ok(memory_usage(&init.memory, pid, &used, &quota)) && used != 0) {
            return true;
        }
    }
    return false;
}

static bool leave_until(bool (*done)(void))
{
    uint64_t until = time_deadline_ns(LEAVE_END_NS);

    while (!done()) {
        if (time_now_ns() >= until) {
            return false;
        }
        thread_sleep_ns(LEAVE_LOOK_NS);
    }
    return true;
}

static bool leave_lends_nothing(void)
{
    return !leave_lends();
}

static bool leave_no_service(void)
{
    for (uint32_t i = 0; i < init.service_count; i++) {
        if (init.services[i].alive) {
            return false;
        }
    }
    return true;
}

static void leave_go(void *arg)
{
    (void)arg;
    init_say("core %u goes off", (unsigned)domain_core());
    init_core_forward_log();
    atomic_store_explicit(&leave.channel->state, CORE_CHANNEL_LEFT, memory_order_release);
    intermon_wake(kernel_bootinfo()->boot_core);
    init_say("core %u cannot be switched off: %s", (unsigned)domain_core(),
             init_error_text(kernel_core_off()));
}

static void leave_revoked(void *arg, errval_t err)
{
    (void)arg;
    (void)err;                           /* it is tried again */
    leave.revokes--;
}

/* What this core owns it takes from the others; of what others own it gives up all it has. */
static void leave_records(struct caps *c)
{
    for (uint32_t i = 0; i < CAPS_RECORDS_MAX && leave.revokes < CAPS_REVOKES_MAX; i++) {
        const struct caps_record *r = &c->records[i];

        if (!r->used || r->busy != 0) {
            continue;
        }
        if (r->owner == c->self) {
            leave.revokes++;
            caps_revoke(c, 0, r->anchor, leave_revoked, NULL);
        } else {
            (void)kernel_caps_sweep(r->key.type, r->key.page, r->key.pages, /* keep_anchor= */ true,
                                    0, 0);
        }
    }
}

/* What it waits for, for the log. */
static void leave_tell(const struct caps *c)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < CAPS_OPS_MAX; i++) {
        const struct caps_op *op = &c->ops[i];

        if (op->kind != CAPS_OP_NONE) {
            init_say("core %u waits: operation %u in state %u, %s %x, asked %x, to %u",
                     (unsigned)c->self, (unsigned)op->kind, (unsigned)op->state,
                     captype_name(op->key.type), (unsigned)op->key.page, (unsigned)op->asked,
                     (unsigned)op->dest);
        }
    }

    for (uint32_t i = 0; i < CAPS_MARKS_MAX; i++) {
        if (c->marks[i].used) {
            init_say("core %u waits: a revoke of core %u, operation %u, of %s %x+%x, %s",
                     (unsigned)c->self, (unsigned)c->marks[i].core, (unsigned)c->marks[i].op,
                     captype_name(c->marks[i].key.type), (unsigned)c->marks[i].key.page,
                     (unsigned)c->marks[i].key.pages, c->marks[i].acked ? "acknowledged" : "new");
        }
    }
    for (uint32_t i = 0; i < CAPS_RECORDS_MAX; i++) {
        const struct caps_record *r = &c->records[i];

        if (r->used && !r->pinned && count++ < LEAVE_TELL_MAX) {
            init_say("core %u waits: %s %x+%x of core %u, at home on %u, users %x, busy %u",
                     (unsigned)c->self, captype_name(r->key.type), (unsigned)r->key.page,
                     (unsigned)r->key.pages, (unsigned)r->owner, (unsigned)r->home,
                     (unsigned)r->users, (unsigned)r->busy);
        }
    }
}

/* The protocol does the rest, and calls leave_go: not before other cores have nothing of this one's
 * memory, however long that takes. It would be given to the next who starts here. */
static void leave_step(void *arg)
{
    (void)arg;
    if (leave.tell_ns != 0 && time_now_ns() >= leave.tell_ns) {
        leave_tell(share_caps());
        leave.tell_ns = 0;
    }
    leave_records(share_caps());
    share_go_on();
    (void)waitset_timer_set(&init.ws, &leave.step, time_deadline_ns(LEAVE_LOOK_NS), leave_step,
                            NULL);
}

static void leave_begin(void *arg)
{
    (void)arg;
    leave.tell_ns = time_deadline_ns(LEAVE_TELL_NS);
    leave_step(NULL);
    share_leave((uint8_t)kernel_bootinfo()->boot_core, leave_go, NULL);
}

static int leave_run(void *arg)
{
    (void)arg;
    (void)process_starting(&init.process, PROCESS_STARTING_OFF); /* others would start more */
    const char *why = !leave_until(leave_end_domains) ? "its programs do not end"
        : !leave_until(leave_lends_nothing) ? "others have its memory" : NULL;
    if (why != NULL) {
        init_say("core %u stays: %s", (unsigned)domain_core(), why);
        (void)process_starting(&init.process, PROCESS_STARTING_ON);
        init.core_leaves = false;
        atomic_store_explicit(&leave.channel->wanted, CORE_CHANNEL_NOTHING, memory_order_relaxed);
        atomic_store_explicit(&leave.channel->state, CORE_CHANNEL_STAYS, memory_order_release);
        return 0;
    }
    for (uint32_t i = init.service_count; i-- > 0; ) {
        (void)proc_kill(init.services[i].proc.dispatcher, AOS_STATUS_PANIC);
    }
    (void)leave_until(leave_no_service);
    leave.begin.fn = leave_begin;
    waitset_post(&init.ws, &leave.begin);
    return 0;
}

void init_core_leave(struct core_channel *channel)
{

    if (init.core_leaves) {
        return;
    }
    init.core_leaves = true;
    leave.channel = channel;
    if (err_is_fail(init_thread(leave_run, NULL))) {
        init.core_leaves = false;
        atomic_store_explicit(&channel->state, CORE_CHANNEL_STAYS, memory_order_release);
    }
}
