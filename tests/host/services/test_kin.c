/* The process tables of three cores that talk over a carrier which delays, loses and repeats, with
 * services that end and cores that go off, against a model that knows no cores at all. */
#include "check.h"

#include "kin.h"
#include "kin_model.h"

enum {
    CORES = 3, STEPS = 4000, QUIET_STEPS = 500, SEEDS = 20, CALLS = 16, ACTIVE = 40,
};

/* --- the cores ------------------------------------------------------------------------------ */

enum call_kind { CALL_NONE, CALL_JOIN, CALL_ACT, CALL_NOTE };

struct call {
    enum call_kind kind;
    uint32_t core, pid, parent, group;
    bool lead;
    enum kin_note note;
    struct table_exit exit;
    /* the answer */
    bool answered;
    enum kin_answer answer;
    errval_t err;
    struct process_limits limits;
    uint32_t own_group, above[TABLE_ABOVE_MAX], above_count;
};

struct core {
    struct table table;
    struct kin kin;
    bool off, leaving;
    struct call calls[CALLS];            /* in order; the first one is under way */
    uint32_t call_count;
    bool busy;
    struct call now;
    struct call notes[TABLE_ENTRIES_MAX];
    uint32_t waiters[TABLE_WAITERS_MAX]; /* who waits, 0: nobody */
};

static struct core cores[CORES];
static uint32_t restarts, offs, remotes;

uint32_t domain_core_of(uint32_t pid)
{
    return pid < DOMAIN_PIDS_FIRST ? 0 : pid % CORES;
}

static struct table_entry *any_live(struct core *c)
{
    uint32_t from = (uint32_t)(check_random(&seed) % ACTIVE);

    for (uint32_t i = 0; i < ACTIVE; i++) {
        struct table_entry *e = &c->table.entries[(from + i) % ACTIVE];

        if (e->state == TABLE_LIVE && !e->away && !e->service) {
            return e;
        }
    }
    return NULL;
}

static void kin_stop(void *arg, struct table_entry *e)
{
    (void)arg;
    CHECK(!e->away && e->state == TABLE_LIVE);
    proc_end(e->pid, /* killed= */ true, STATUS_KILLED_HERE);
}

static void kin_release(void *arg, struct table_entry *e, struct table_exit *io_how)
{
    const struct proc *p = proc_of(e->pid, e->parent);

    (void)arg;
    if (e->away) {
        CHECK(p == NULL || p->fate != RUNS);
    } else {
        CHECK(p != NULL && p->fate == ENDED);
        *io_how = (struct table_exit){
            .kind = p->killed ? PROCESS_EXIT_KIND_KILLED : PROCESS_EXIT_KIND_EXITED,
            .status = p->status,
        };
    }
    for (uint32_t i = 0; !e->away && i < proc_count; i++) {
        CHECK(procs[i].above != p || procs[i].fate != RUNS);
    }
}

static void kin_note(void *arg, struct table_entry *e, enum kin_note note)
{
    struct core *c = arg;

    c->notes[e->place] = (struct call){
        .kind = CALL_NOTE, .core = kin_core(e), .pid = e->pid, .note = note, .exit = e->exit,
    };
    CHECK(kin_core(e) != (uint32_t)(c - cores));
}

static void answer_wait(void *arg, uint32_t waiter, uint32_t pid, const struct table_exit *how)
{
    struct core *c = arg;

    CHECK(c->waiters[waiter] != 0);
    if (how != NULL) {
        check_status(c->waiters[waiter], pid, how);
    }
    c->waiters[waiter] = 0;
}

static const struct kin_ops kin_ops = {
    .stop = kin_stop, .release = kin_release, .note = kin_note, .answer = answer_wait,
};

static void core_start(struct core *c)
{
    uint32_t number = (uint32_t)(c - cores);

    proc_pardon(1u << number);
    memset(c, 0, sizeof(*c));
    table_init(&c->table, domain_pid_on(number, CORES, number == 0 ? 0 : DOMAIN_PIDS_OF_INIT),
               CORES);
    c->kin = (struct kin){.table = &c->table, .ops = &kin_ops, .arg = c};
}

/* --- what one core does for another --------------------------------------------------------- */

static void serve_join(struct core *to, struct call *c)
{
    struct table_entry *e;
    const struct table_new what = {.parent = c->parent, .name = "far", .lead = c->lead,
                                   .group = c->group};

    c->err = table_above(&to->table, table_find(&to->table, c->parent), c->above,
                         &c->above_count);
    if (err_is_ok(c->err)) {
        c->err = table_add_away(&to->table, c->pid, &what, &e);
    }
    if (err_is_ok(c->err)) {
        proc_replace(c->pid, c->parent);
        c->limits = e->limits;
        c->own_group = e->group;
    }
}

/* Ends the members of a group that are here, and whoever sees to it hears of their ends. */
static void kill_members(struct core *c, uint32_t caller, uint32_t group)
{
    struct table_entry *e;

    for (uint32_t after = 0;
         (e = table_member(&c->table, caller, group, after, NULL)) != NULL; after = e->pid) {
        if (!e->away) {
            kin_stop(c, e);
        }
    }
}

static void serve_note(struct core *to, uint32_t from, struct call *c)
{
    const struct table_entry *e;

    switch (c->note) {
    case KIN_ENDED:
    case KIN_NEVER:
        (void)kin_on_ended(&to->kin, from, c->pid, c->note == KIN_ENDED, &c->exit);
        break;
    case KIN_END:
        c->answer = kin_on_end(&to->kin, from, c->pid) ? KIN_DONE : KIN_UNKNOWN;
        break;
    case KIN_LOOK:
        e = table_find(&to->table, c->pid);
        c->answer = e != NULL ? KIN_DONE : KIN_UNKNOWN;
        break;
    case KIN_NONE:
        CHECK(false);
    }
}

/* The call arrives, or does not, and its answer does or does not. */
static void deliver(struct core *from)
{
    struct call *c = &from->now;
    struct core *to = &cores[c->core];

    c->answered = true;
    c->answer = KIN_DONE;
    if (to->off || one_in(12)) {
        c->answer = to->off ? KIN_OFF : KIN_LOST;
        return;
    }
    if (c->kind == CALL_JOIN) {
        serve_join(to, c);
    } else if (c->kind == CALL_ACT) {
        kill_members(to, c->parent, c->group);
    } else {
        serve_note(to, (uint32_t)(from - cores), c);
    }
    if (one_in(12)) {
        c->answer = KIN_LOST;
    }
}

static void add_call(struct core *c, const struct call *call)
{
    CHECK(c->call_count < CALLS);
    c->calls[c->call_count++] = *call;
}

static void started(const struct table_entry *e)
{
    struct proc *above = e->parent == TABLE_PID_INIT ? NULL : proc_find(e->parent);

    CHECK(proc_count < PROCS);
    procs[proc_count++] = (struct proc){
        .pid = e->pid, .parent = e->parent, .above = above, .fate = RUNS,
    };
}

static void joined(struct core *c, struct call *call)
{
    struct table_entry *e = table_find(&c->table, call->pid);
    errval_t err = call->answer == KIN_DONE ? call->err : PROCESS_ERR_FAILED;

    if (e == NULL || e->state != TABLE_STARTING) {
        return;                          /* the service has ended meanwhile */
    }
    if (call->answer == KIN_LOST && !one_in(8)) {
        call->answered = false;
        add_call(c, call);
        return;
    }
    if (err == PROCESS_ERR_PID_TAKEN) {
        table_renumber(&c->table, e);
        call->pid = e->pid;
        call->answered = false;
        add_call(c, call);
        return;
    }
    if (err_is_ok(err)) {
        err = table_begin(e, &call->limits, call->own_group, call->above, call->above_count);
    }
    if (err_is_ok(err) && !one_in(10)) {
        started(e);
        remotes++;
    } else {
        kin_never(&c->kin, e);           /* or it cannot be built */
    }
}

/* One thing that the thread of a core does. False: there is nothing to do. */
static bool carry(struct core *c)
{
    uint32_t from = (uint32_t)(check_random(&seed) % ACTIVE), i = 0;

    if (c->busy && !c->now.answered) {
        deliver(c);
        return true;
    }
    if (c->busy && one_in(3)) {
        return true;                     /* the answer is on its way */
    }
    if (c->busy) {
        struct call call = c->now;

        c->busy = false;
        if (call.kind == CALL_JOIN) {
            joined(c, &call);
        } else if (call.kind == CALL_NOTE) {
            kin_answered(&c->kin, call.core, call.pid, call.note, call.answer);
        } else if (call.answer == KIN_LOST) {
            call.answered = false;
            add_call(c, &call);
        }
        return true;
    }
    if (c->call_count != 0) {
        c->now = c->calls[0];
        memmove(c->calls, c->calls + 1, --c->call_count * sizeof(c->calls[0]));
        c->busy = true;
        return true;
    }
    for (; i < TABLE_ENTRIES_MAX && !c->busy; i++) {
        struct call *note = &c->notes[(from + i) % TABLE_ENTRIES_MAX];

        c->now = *note;
        c->busy = note->kind != CALL_NONE;
        note->kind = CALL_NONE;
    }
    return c->busy;
}

/* --- what happens --------------------------------------------------------------------------- */

static void spawn(struct core *c, struct core *where)
{
    struct table_entry *parent = any_live(c), *e;
    uint32_t by = parent == NULL ? TABLE_PID_INIT : parent->pid;
    const struct table_new what = {.parent = by, .name = "p", .lead = one_in(3)};

    if (where->off || where->call_count + 2 >= CALLS) {
        return;
    }
    if (c == where || parent == NULL) {
        if (!c->leaving && !c->off && err_is_ok(table_add(&c->table, &what, &e))) {
            started(e);
        }
        return;
    }
    if (err_is_ok(table_reserve(&where->table, by, "far", &e))) {
        add_call(where, &(struct call){.kind = CALL_JOIN, .core = (uint32_t)(c - cores),
                                       .pid = e->pid, .parent = by, .lead = what.lead});
    }
}

/* Its kernel says that some domain has ended. */
static void notice(struct core *c)
{
    for (uint32_t i = 0; i < c->table.entries_end; i++) {
        struct table_entry *e = &c->table.entries[i];

        if (e->state == TABLE_LIVE && !e->away && !e->ending
            && proc_find(e->pid)->fate == ENDED) {
            kin_end(&c->kin, e);
        }
    }
}

static void wait_some(struct core *c)
{
    struct table_entry *e = any_live(c), *child;
    enum table_wait what;
    struct table_exit how;
    uint32_t pid = 0, who, waiter;

    if (e == NULL) {
        return;
    }
    child = &c->table.entries[check_random(&seed) % ACTIVE];
    if (one_in(2) && child->state != TABLE_UNUSED && child->parent == e->pid
        && !table_foreign(child)) {
        pid = child->pid;
    }
    if (err_is_fail(table_wait(&c->table, e->pid, pid, &what, &who, &how, &waiter))) {
        return;
    }
    if (what == TABLE_WAIT_LATER) {
        c->waiters[waiter] = e->pid;
    } else {
        check_status(e->pid, who, &how);
        reap(e->pid, who);
    }
}

/* All members that the caller may kill, on all cores, are to be gone in the end, if the service of
 * the caller's core lives as long. */
static void condemn(uint32_t by, uint32_t caller, uint32_t group)
{
    for (uint32_t i = 0; i < CORES; i++) {
        struct table_entry *e;

        for (uint32_t after = 0;
             (e = table_member(&cores[i].table, caller, group, after, NULL)) != NULL;
             after = e->pid) {
            if (!e->away) {
                proc_of(e->pid, e->parent)->condemned = by;
            }
        }
    }
}

static void kill_group(struct core *c)
{
    const struct table_entry *caller = any_live(c);
    const struct table_entry *e = &c->table.entries[check_random(&seed) % ACTIVE];

    if (caller == NULL || e->state != TABLE_LIVE || c->call_count + CORES >= CALLS) {
        return;
    }
    condemn(1u << (c - cores), caller->pid, e->group);
    for (uint32_t core = 0; core < CORES; core++) {
        if (&cores[core] != c) {
            add_call(c, &(struct call){.kind = CALL_ACT, .core = core, .parent = caller->pid,
                                       .group = e->group});
        }
    }
    kill_members(c, caller->pid, e->group);
}

/* The service of a core has ended: nobody there answers, and others see it. */
static void ended(struct core *c, enum kin_answer answer)
{
    for (uint32_t i = 0; i < CORES; i++) {
        if (cores[i].busy && !cores[i].now.answered && &cores[cores[i].now.core] == c) {
            cores[i].now.answered = true;
            cores[i].now.answer = answer;
        }
        if (&cores[i] != c && !cores[i].off) {
            kin_look(&cores[i].kin, (uint32_t)(c - cores));
        }
    }
}

/* What keep.c does: entries as they were, those that were starting gone, nobody waits. */
static void restart(struct core *c)
{
    static struct core old;
    uint32_t after = 0;

    old = *c;
    core_start(c);
    c->table.next_pid = old.table.next_pid;
    c->leaving = old.leaving;
    for (const struct table_entry *e; (e = entry_next(&old.table, after)) != NULL; ) {
        struct table_entry *now;

        after = entry_rank(e);
        now = table_restore(&c->table, e->place, e->pid, &(struct table_new){
            .parent = e->parent, .name = e->name, .limits = e->limits, .group = e->group,
            .away = e->away, .above = e->above, .above_count = e->above_count},
            (uint32_t)e->processes.limit);
        CHECK(now != NULL);
        if (e->state == TABLE_ENDED) {
            table_ended(&c->table, now, &e->exit, answer_wait, c);
        }
    }
    ended(c, KIN_LOST);
    kin_resume(&c->kin);
    restarts++;
}

/* Init asks for the end of its children. */
static void init_waits(struct core *c)
{
    enum table_wait what;
    struct table_exit how;
    struct table_entry *e;
    uint32_t who, waiter;

    while ((e = table_child(&c->table, TABLE_PID_INIT, 0, TABLE_ENDED)) != NULL) {
        CHECK_EQ(table_wait(&c->table, TABLE_PID_INIT, e->pid, &what, &who, &how, &waiter),
                 ERR_OK);
        check_status(TABLE_PID_INIT, who, &how);
        reap(TABLE_PID_INIT, who);
    }
}

/* A core goes off when nothing of it is shown any more. */
static void leave(struct core *c)
{
    bool shown = false;

    init_waits(c);

    c->leaving = true;
    for (uint32_t i = 0; i < c->table.entries_end; i++) {
        struct table_entry *e = &c->table.entries[i];

        shown |= e->state == TABLE_ENDED || (e->state == TABLE_LIVE && !e->away);
        if (e->state == TABLE_LIVE && !e->away) {
            proc_end(e->pid, /* killed= */ true, STATUS_KILLED_HERE);
        }
    }
    if (!shown) {
        core_start(c);
        c->off = true;
        ended(c, KIN_OFF);
        offs++;
    }
}

static void step(void)
{
    struct core *c = &cores[check_random(&seed) % CORES];
    struct core *other = &cores[check_random(&seed) % CORES];
    const struct table_entry *e = any_live(c);

    if (c->off) {
        if (one_in(20)) {
            core_start(c);
        }
        return;
    }
    switch (check_random(&seed) % 12) {
    case 0:
    case 1:
        spawn(c, other);
        break;
    case 2:
        if (e != NULL && one_in(2)) {
            proc_end(e->pid, one_in(2), (int32_t)(check_random(&seed) % 100));
        }
        break;
    case 3:
        wait_some(c);
        break;
    case 4:
        notice(c);
        break;
    case 5:
        if (one_in(8)) {
            kill_group(c);
        }
        break;
    case 6:
        if (one_in(30)) {
            restart(c);
        }
        break;
    case 7:
        if (c->leaving || (c != &cores[0] && one_in(12))) {
            leave(c);
        }
        break;
    default:
        (void)carry(c);
        break;
    }
}

/* --- when all has been said ----------------------------------------------------------------- */

static void check_entry(struct core *c, const struct table_entry *e)
{
    const struct proc *p = proc_of(e->pid, e->parent);

    CHECK(e->state != TABLE_STARTING && (e->state == TABLE_ENDED || !e->ending));
    CHECK_EQ(e->away, domain_core_of(e->pid) != (uint32_t)(c - cores));
    if (p == NULL) {
        CHECK(e->away && e->state == TABLE_ENDED);
        return;
    }
    CHECK_EQ(p->fate, e->state == TABLE_LIVE ? RUNS : ENDED);
    CHECK(e->state == TABLE_LIVE || (!table_foreign(e) && !p->reaped));
}

static void check_quiet(void)
{
    bool more = true;

    while (more) {
        more = false;
        for (uint32_t i = 0; i < CORES; i++) {
            notice(&cores[i]);
            more |= !cores[i].off && carry(&cores[i]);
        }
    }
    for (uint32_t i = 0; i < proc_count; i++) {
        const struct proc *p = &procs[i];
        struct core *own = &cores[domain_core_of(p->pid)];
        struct core *above = p->parent == TABLE_PID_INIT ? own : &cores[domain_core_of(p->parent)];

        if (p->fate != RUNS) {
            continue;
        }
        CHECK(!proc_is_doomed(p) && p->condemned == 0);
        CHECK(table_find(&own->table, p->pid) != NULL);
        CHECK(table_find(&above->table, p->pid) != NULL);
    }
    for (uint32_t i = 0; i < CORES; i++) {
        for (uint32_t j = 0; j < cores[i].table.entries_end; j++) {
            if (cores[i].table.entries[j].state != TABLE_UNUSED) {
                check_entry(&cores[i], &cores[i].table.entries[j]);
            }
        }
    }
}

static void KIN0001_three_tables_agree_with_a_model_without_cores(void)
{
    const char *from = getenv("KIN_SEED"), *count = getenv("KIN_SEEDS");
    uint64_t first = from != NULL ? strtoull(from, NULL, 0) : 1;
    uint64_t last = first + (count != NULL ? strtoull(count, NULL, 0) : SEEDS);
    for (uint64_t s = first; s < last; s++) {
        seed = s * 0x9e3779b97f4a7c15ull;
        proc_count = 0;
        for (uint32_t i = 0; i < CORES; i++) {
            core_start(&cores[i]);
        }
        for (uint32_t i = 0; i < STEPS; i++) {
            step();
            for (uint32_t core = 0; core < CORES; core++) {
                CHECK(table_check(&cores[core].table) == NULL);
            }
            if ((i + 1) % QUIET_STEPS == 0) {
                check_quiet();
            }
        }
    }
    printf("# %u statuses, %u children on other cores, %u restarts, %u cores off\n",
           statuses_told, remotes, restarts, offs);
    CHECK(statuses_told != 0 && remotes != 0 && restarts != 0 && offs != 0);
}

int main(void)
{
    RUN(KIN0001_three_tables_agree_with_a_model_without_cores);
    return 0;
}
