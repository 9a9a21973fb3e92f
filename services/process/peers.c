/* See peers.h. */
#include "peers.h"

#include <aos/binding.h>
#include <aos/domain.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <if/init.h>

#include "keep.h"

#define PEERS_CALL_NS  2000000000ull     /* for an answer: nobody there waits for anybody */
#define PEERS_STACK_BYTES 0x10000ull     /* there from the start, so that none is missing later */
#define PEERS_PAUSE_NS 5000000ull        /* after a note that was not answered */

/* A note to be sent, at the place of its entry. */
struct peers_slot {
    enum kin_note note;                  /* KIN_NONE: there is none */
    uint32_t core, pid;
    struct process_exit exit;
};

static struct {
    struct mutex lock;                   /* of the calls and slots */
    struct cond changed;
    struct peers_call *calls, **calls_end;
    struct peers_slot slots[TABLE_ENTRIES_MAX];
    uint32_t notes;                      /* slots in use */
    uint32_t next;                       /* slot to look at, so that each has its turn */
    bool met;
    /* What the thread has done last. It goes on when the main thread knows. */
    struct work done;
    struct sem known;
    struct peers_call *call;             /* NULL: a note, */
    struct peers_slot slot;              /* this one, */
    enum kin_answer answer;              /* answered so */
} peers;

/* Of the thread alone. */
static struct process_binding peers_binding[DOMAIN_CORES_MAX];
static bool peers_bound[DOMAIN_CORES_MAX];

/* --- in the thread -------------------------------------------------------------------------- */

errval_t peers_find(uint32_t core, struct process_binding **ret_binding)
{
    struct process_binding *b = &peers_binding[core];
    char name[AOS_SERVICE_NAME_BYTES];
    const char *text = aos_name_on("process", core, name);
    errval_t err = ERR_OK;
    caddr_t end;

    if (peers_bound[core] && !binding_is_open(&b->base)) {
        peers_forget(core);
    }
    if (!peers_bound[core]) {
        err = aos_lookup(text, &end);
        err = err_is_ok(err) ? process_bind(end, b) : err;
        peers_bound[core] = err_is_ok(err);
    }
    if (err_is_ok(err)) {
        binding_set_deadline(&b->base, PEERS_CALL_NS);
        *ret_binding = b;
    }
    return err;
}

void peers_forget(uint32_t core)
{
    if (peers_bound[core]) {
        process_close(&peers_binding[core]);
        peers_bound[core] = false;
    }
}

errval_t peers_on(uint32_t *ret_on)
{
    struct init_binding *init;
    errval_t err = aos_init(&init);

    return err_is_ok(err) ? init_cores(init, ret_on) : err;
}

static errval_t peers_send(const struct peers_slot *s)
{
    struct process_binding *b;
    struct process_exit how = {.kind = PROCESS_EXIT_KIND_KILLED};
    errval_t err = peers_find(s->core, &b);
    bool ended;

    if (err_is_fail(err)) {
        return err;
    }
    switch (s->note) {
    case KIN_ENDED:
        return process_ended(b, s->pid, PROCESS_OUTCOME_ENDED, &s->exit);
    case KIN_NEVER:
        return process_ended(b, s->pid, PROCESS_OUTCOME_NEVER, &how);
    case KIN_END:
        return process_terminate(b, s->pid, PROCESS_REASON_FAMILY);
    case KIN_LOOK:
        return process_status(b, s->pid, &ended, &how);
    case KIN_NONE:
        break;
    }
    return ERR_OK;
}

static enum kin_answer peers_send_note(const struct peers_slot *s)
{
    errval_t err = peers_send(s);
    uint32_t on;

    if (err_is_ok(err) || err_no(err) == PROCESS_ERR_NO_PID) {
        return err_is_ok(err) ? KIN_DONE : KIN_UNKNOWN;
    }
    peers_forget(s->core);
    if (err_is_ok(peers_on(&on)) && (on & 1u << s->core) == 0) {
        return KIN_OFF;
    }
    thread_sleep_ns(PEERS_PAUSE_NS);
    return KIN_LOST;
}

/* Takes what is to be done next; calls come first, since somebody waits for them. */
static void peers_take(void)
{
    mutex_lock(&peers.lock);
    while (peers.calls == NULL && peers.notes == 0) {
        cond_wait(&peers.changed, &peers.lock);
    }
    peers.call = peers.calls;
    if (peers.call != NULL) {
        peers.calls = peers.call->next;
        peers.calls_end = peers.calls == NULL ? &peers.calls : peers.calls_end;
    } else {
        while (peers.slots[peers.next].note == KIN_NONE) {
            peers.next = (peers.next + 1) % TABLE_ENTRIES_MAX;
        }
        peers.slot = peers.slots[peers.next];
        peers.slots[peers.next].note = KIN_NONE;
        peers.next = (peers.next + 1) % TABLE_ENTRIES_MAX;
        peers.notes--;
    }
    mutex_unlock(&peers.lock);
}

static int peers_run(void *arg)
{
    (void)arg;
    for (;;) {
        peers_take();
        if (peers.call != NULL) {
            peers.call->run(peers.call);
        } else {
            peers.answer = peers_send_note(&peers.slot);
        }
        waitset_post(&svc.ws, &peers.done);
        sem_wait(&peers.known);
    }
    return 0;
}

/* --- in the main thread --------------------------------------------------------------------- */

static void peers_done(void *arg)
{
    struct peers_call *c = peers.call;
    struct peers_slot s = peers.slot;
    enum kin_answer answer = peers.answer;

    (void)arg;
    sem_post(&peers.known);
    if (c != NULL) {
        c->done(c);
    } else {
        kin_answered(&domain_kin, s.core, s.pid, s.note, answer);
        keep_sync();
    }
}

void peers_ask(struct peers_call *c)
{
    c->next = NULL;
    peers.met = true;
    mutex_lock(&peers.lock);
    *peers.calls_end = c;
    peers.calls_end = &c->next;
    cond_signal(&peers.changed);
    mutex_unlock(&peers.lock);
}

void peers_note(void *arg, struct table_entry *e, enum kin_note note)
{
    struct peers_slot *s = &peers.slots[e->place];

    (void)arg;
    peers.met = true;
    mutex_lock(&peers.lock);
    peers.notes += s->note == KIN_NONE;
    *s = (struct peers_slot){
        .note = note, .core = kin_core(e), .pid = e->pid, .exit = service_exit(&e->exit),
    };
    cond_signal(&peers.changed);
    mutex_unlock(&peers.lock);
}

bool peers_met(void)
{
    return peers.met;
}

void peers_meet(void)
{
    peers.met = true;
}

errval_t peers_init(void)
{
    const struct thread_attr attr = {
        .stack_bytes = PEERS_STACK_BYTES, .detached = true, .resident = true,
    };
    struct thread *thread;

    peers.calls_end = &peers.calls;
    peers.done.fn = peers_done;
    sem_init(&peers.known, 0);
    return domain_core_count() == 1
        ? ERR_OK : thread_create(peers_run, NULL, &attr, &thread);
}
