/* The process table. */
#include "check.h"

#include "process_priv.h"

enum { FIRST = 16, STEPS = 30000 };

static struct table table;

/* All on one core. */
uint32_t domain_core_of(uint32_t pid)
{
    (void)pid;
    return 0;
}

/* How many must end with the one that ends. */
static void end_counted(void *arg, struct table_entry *e)
{
    (void)e;
    ++*(uint32_t *)arg;
}

static uint32_t end_below(struct table_entry *e)
{
    uint32_t count = 0;

    table_end_below(&table, e, end_counted, &count);
    return count;
}

struct answers {
    uint32_t count, refused, waiter, pid;
    int32_t status;
};

static void answer(void *arg, uint32_t waiter, uint32_t pid, const struct table_exit *how)
{
    struct answers *a = arg;

    if (how == NULL) {
        a->refused++;
        return;
    }
    a->count++;
    a->waiter = waiter;
    a->pid = pid;
    a->status = how->status;
}

static struct table_entry *add(uint32_t parent)
{
    struct table_entry *e;

    CHECK_EQ(table_add(&table, &(struct table_new){.parent = parent, .name = "p"}, &e), ERR_OK);
    return e;
}

static errval_t try_add(struct table_new what)
{
    struct table_entry *e;

    what.name = "q";
    return table_add(&table, &what, &e);
}

/* The end of one that has no children. */
static struct answers end(struct table_entry *e, int32_t status)
{
    struct answers a = {0};
    struct table_exit how = {.kind = 1, .status = status};

    table_ended(&table, e, &how, answer, &a);
    CHECK(table_check(&table) == NULL);
    return a;
}

static errval_t wait(uint32_t caller, uint32_t pid, enum table_wait *what, uint32_t *who,
                     int32_t *status, uint32_t *waiter)
{
    struct table_exit how = {0};
    errval_t err = table_wait(&table, caller, pid, what, who, &how, waiter);

    *status = how.status;
    return err;
}

static void PRC0001_waits_before_and_after_the_end(void)
{
    enum table_wait what;
    uint32_t who, waiter;
    int32_t status;
    struct answers a;

    table_init(&table, FIRST, 1);
    struct table_entry *p = add(TABLE_PID_INIT);
    struct table_entry *c1 = add(p->pid), *c2 = add(p->pid);
    uint32_t pid1 = c1->pid, pid2 = c2->pid;

    CHECK_EQ(p->pid, FIRST);
    CHECK_EQ(wait(p->pid, pid1, &what, &who, &status, &waiter), ERR_OK);
    CHECK_EQ(what, TABLE_WAIT_LATER);
    a = end(c1, 5);
    CHECK(a.count == 1 && a.waiter == waiter && a.pid == pid1 && a.status == 5);
    CHECK(table_find(&table, pid1) == NULL);
    CHECK_EQ(end(c2, 6).count, 0);
    CHECK_EQ(wait(p->pid, 0, &what, &who, &status, &waiter), ERR_OK);
    CHECK(what == TABLE_WAIT_DONE && who == pid2 && status == 6);
    CHECK_EQ(wait(p->pid, 0, &what, &who, &status, &waiter), PROCESS_ERR_NO_CHILD);
    CHECK_EQ(wait(p->pid, pid2, &what, &who, &status, &waiter), PROCESS_ERR_NO_CHILD);
    CHECK_EQ(wait(99, p->pid, &what, &who, &status, &waiter), PROCESS_ERR_NO_CHILD);
    CHECK_EQ(wait(p->pid, p->pid, &what, &who, &status, &waiter), PROCESS_ERR_NO_CHILD);
}

static void PRC0002_all_waiters_by_pid_get_it_others_are_refused(void)
{
    enum table_wait what;
    uint32_t who, named, any, above;
    int32_t status;
    struct answers a;

    table_init(&table, FIRST, 1);
    struct table_entry *p = add(TABLE_PID_INIT), *q = add(p->pid), *c = add(q->pid);
    uint32_t pid = c->pid;

    CHECK_EQ(wait(q->pid, 0, &what, &who, &status, &any), ERR_OK);
    CHECK_EQ(wait(q->pid, pid, &what, &who, &status, &named), ERR_OK);
    CHECK_EQ(wait(q->pid, pid, &what, &who, &status, &named), ERR_OK);
    CHECK_EQ(wait(p->pid, pid, &what, &who, &status, &above), ERR_OK);
    a = end(c, 1);
    CHECK(a.count == 3 && a.refused == 1 && a.pid == pid && a.status == 1);
    CHECK(table_find(&table, pid) == NULL);
}

static void PRC0007_a_status_is_kept_until_the_parent_has_it(void)
{
    enum table_wait what;
    uint32_t who, waiter;
    int32_t status;

    table_init(&table, FIRST, 1);
    struct table_entry *p = add(TABLE_PID_INIT), *q = add(p->pid), *c = add(q->pid);
    uint32_t pid = c->pid;

    CHECK_EQ(wait(p->pid, pid, &what, &who, &status, &waiter), ERR_OK);
    CHECK_EQ(end(c, 7).count, 1);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(wait(p->pid, pid, &what, &who, &status, &waiter), ERR_OK);
        CHECK(what == TABLE_WAIT_DONE && status == 7);
    }
    CHECK_EQ(wait(q->pid, 0, &what, &who, &status, &waiter), ERR_OK);
    CHECK(what == TABLE_WAIT_DONE && who == pid && status == 7);
    CHECK_EQ(wait(p->pid, pid, &what, &who, &status, &waiter), PROCESS_ERR_NO_CHILD);
}

static void PRC0003_children_end_first(void)
{
    table_init(&table, FIRST, 1);
    struct table_entry *p = add(TABLE_PID_INIT), *c1 = add(p->pid), *c2 = add(p->pid),
                       *g = add(c2->pid), *e;
    uint32_t pid1 = c1->pid, ends[4] = {0}, n = 0;

    end(c1, 0);
    CHECK(table_find(&table, pid1) != NULL);
    CHECK(table_settled(&table) == NULL);
    CHECK_EQ(end_below(p), 2);
    CHECK_EQ(try_add((struct table_new){.parent = p->pid}), PROCESS_ERR_NO_PID);
    while ((e = table_settled(&table)) != NULL) {
        ends[n++] = e->pid;
        end(e, 0);
    }
    CHECK(n == 3 && ends[0] == g->pid && ends[1] == c2->pid && ends[2] == p->pid);
    CHECK(table_find(&table, pid1) == NULL); /* nobody can ask for its status any more */
}

static void PRC0008_detached_ones_stay(void)
{
    struct table_entry *d;

    table_init(&table, FIRST, 1);
    struct table_entry *shell = add(TABLE_PID_INIT), *c = add(shell->pid);
    struct table_new what = {.parent = shell->pid, .name = "d", .detached = true};

    CHECK_EQ(table_add(&table, &what, &d), ERR_OK);
    struct table_entry *below = add(d->pid);
    what.parent = c->pid;
    CHECK_EQ(try_add(what), PROCESS_ERR_DENIED);
    what.parent = d->pid;
    CHECK_EQ(try_add(what), PROCESS_ERR_DENIED);
    CHECK_EQ(end_below(shell), 1);
    CHECK(table_settled(&table) == c);
    end(c, 0);
    CHECK(table_settled(&table) == shell && !below->ending && !d->ending);
    end(shell, 0);
    CHECK_EQ(d->parent, TABLE_PID_INIT);
    CHECK_EQ(try_add(what), PROCESS_ERR_DENIED); /* init's child now, and not trusted for that */
    CHECK_EQ(table_may_kill(&table, d->pid, below->pid), ERR_OK);
    end(below, 0);
    uint32_t pid = d->pid;
    end(d, 0);
    CHECK(table_find(&table, pid) == NULL);
}

static void PRC0009_waits_end_with_their_domain(void)
{
    enum table_wait what;
    uint32_t who, waiter;
    int32_t status;
    struct answers a;

    table_init(&table, FIRST, 1);
    struct table_entry *shell = add(TABLE_PID_INIT), *p = add(shell->pid), *c = add(shell->pid);

    CHECK_EQ(wait(shell->pid, c->pid, &what, &who, &status, &waiter), ERR_OK);
    CHECK_EQ(wait(shell->pid, 0, &what, &who, &status, &waiter), ERR_OK);
    CHECK_EQ(wait(p->pid, c->pid, &what, &who, &status, &waiter), PROCESS_ERR_NO_CHILD);
    end(p, 0);
    end(c, 0);
    struct table_entry *q = add(shell->pid), *r = add(q->pid);
    CHECK_EQ(wait(q->pid, r->pid, &what, &who, &status, &waiter), ERR_OK);
    CHECK_EQ(wait(q->pid, 0, &what, &who, &status, &waiter), ERR_OK);
    end(r, 0);
    a = end(q, 0);
    CHECK(a.refused == 0);
    struct table_entry *x = add(shell->pid), *y = add(shell->pid);
    CHECK_EQ(wait(shell->pid, x->pid, &what, &who, &status, &waiter), ERR_OK);
    end(x, 0);
    CHECK_EQ(wait(shell->pid, y->pid, &what, &who, &status, &waiter), ERR_OK);
    y->detached = true;
    a = end(shell, 0);                   /* nobody is left to be told */
    CHECK(a.count == 0 && a.refused == 1 && y->parent == TABLE_PID_INIT);
}

static void PRC0010_groups(void)
{
    struct table_entry *lead, *e;
    bool found = false;

    table_init(&table, FIRST, 1);
    struct table_entry *shell = add(TABLE_PID_INIT), *other = add(shell->pid);
    struct table_new what = {.parent = shell->pid, .name = "g", .lead = true};

    CHECK_EQ(shell->group, shell->pid);
    CHECK_EQ(other->group, shell->pid);
    CHECK_EQ(table_add(&table, &what, &lead), ERR_OK);
    CHECK_EQ(lead->group, lead->pid);
    struct table_entry *below = add(lead->pid);
    CHECK_EQ(below->group, lead->pid);
    what = (struct table_new){.parent = shell->pid, .name = "h", .group = lead->pid};
    CHECK_EQ(table_add(&table, &what, &e), ERR_OK);
    CHECK_EQ(e->group, lead->pid);
    what.parent = other->pid;
    CHECK_EQ(try_add(what), PROCESS_ERR_NO_GROUP); /* of strangers */
    what.group = 12345;
    CHECK_EQ(try_add(what), PROCESS_ERR_NO_GROUP);
    CHECK(table_member(&table, shell->pid, lead->pid, 0, &found) == lead && found);
    CHECK(table_member(&table, lead->pid, lead->pid, lead->pid, NULL) == below);
    found = false;
    CHECK(table_member(&table, other->pid, lead->pid, 0, &found) == NULL && found);
    found = false;
    CHECK(table_member(&table, shell->pid, 12345, 0, &found) == NULL && !found);
}

static void PRC0011_limits_are_inherited_and_never_grow(void)
{
    struct table_entry *e;

    table_init(&table, FIRST, 1);
    struct table_entry *shell = add(TABLE_PID_INIT);
    struct table_new what = {
        .parent = shell->pid, .name = "l",
        .limits = {.processes = 9, .threads = 10, .slots = 11, .endpoints = 12, .calls = 13},
    };

    CHECK_EQ(table_add(&table, &what, &e), ERR_OK);
    struct table_entry *child = add(e->pid);
    CHECK(child->limits.threads == 10 && child->limits.slots == 11
          && child->limits.endpoints == 12 && child->limits.calls == 13);
    what.parent = e->pid;
    what.limits = (struct process_limits){.threads = 11};
    CHECK_EQ(try_add(what), PROCESS_ERR_LIMIT);
    what.limits = (struct process_limits){.threads = 1, .calls = 13};
    CHECK_EQ(table_add(&table, &what, &e), ERR_OK);
    CHECK(e->limits.threads == 1 && e->limits.calls == 13 && e->limits.slots == 11);
}

static void PRC1002_the_dead_start_nothing(void)
{
    table_init(&table, FIRST, 1);
    struct table_entry *shell = add(TABLE_PID_INIT), *p = add(shell->pid);
    struct table_new what = {.parent = p->pid};

    end(p, 0);                           /* the shell has not waited yet */
    CHECK_EQ(try_add(what), PROCESS_ERR_NO_PID);
    what.parent = 999;
    CHECK_EQ(try_add(what), PROCESS_ERR_NO_PID);
}

static void PRC0004_who_may_kill(void)
{
    table_init(&table, FIRST, 1);
    struct table_entry *service;

    CHECK_EQ(table_adopt(&table, 3, "serial", &service), ERR_OK);
    CHECK_EQ(table_adopt(&table, 3, "serial", &service), PROCESS_ERR_DENIED);
    CHECK_EQ(table_adopt(&table, TABLE_PID_INIT, "init", &service), PROCESS_ERR_DENIED);
    struct table_entry *shell = add(TABLE_PID_INIT), *a = add(shell->pid), *b = add(shell->pid),
                       *aa = add(a->pid);

    CHECK_EQ(table_may_kill(&table, shell->pid, 3), ERR_OK);
    CHECK_EQ(table_may_kill(&table, shell->pid, aa->pid), ERR_OK);
    CHECK_EQ(table_may_kill(&table, a->pid, aa->pid), ERR_OK);
    CHECK_EQ(table_may_kill(&table, a->pid, a->pid), ERR_OK);
    CHECK_EQ(table_may_kill(&table, b->pid, aa->pid), PROCESS_ERR_DENIED);
    CHECK_EQ(table_may_kill(&table, a->pid, 3), PROCESS_ERR_DENIED);
    CHECK_EQ(table_may_kill(&table, aa->pid, shell->pid), PROCESS_ERR_DENIED);
    CHECK_EQ(table_may_kill(&table, shell->pid, TABLE_PID_INIT), PROCESS_ERR_NO_PID);
    end(aa, 0);
    CHECK_EQ(table_may_kill(&table, a->pid, FIRST + 3), PROCESS_ERR_NO_PID);
}

/* Starts children of children until none is allowed; returns how many. */
static uint32_t breed(uint32_t pid)
{
    struct table_entry *e;
    uint32_t count = 0, from = pid;

    for (;;) {
        if (table_add(&table, &(struct table_new){.parent = from, .name = "x"}, &e) == ERR_OK) {
            from = ++count % 3 == 0 ? e->pid : from;
        } else if (from != pid) {
            from = pid;
        } else {
            break;
        }
    }
    return count;
}

static void PRC0005_one_family_cannot_fill_the_table(void)
{
    uint32_t first, second;

    table_init(&table, FIRST, 1);
    struct table_entry *shell = add(TABLE_PID_INIT), *p = add(shell->pid), *q = add(shell->pid);

    first = breed(p->pid);
    CHECK(first >= 32 && first < TABLE_ENTRIES_MAX / 3);
    second = breed(q->pid);
    CHECK(second >= 16);
    CHECK_EQ(try_add((struct table_new){.parent = shell->pid}), ERR_OK);
    CHECK_EQ(try_add((struct table_new){.parent = TABLE_PID_INIT}), ERR_OK);
    CHECK(table_check(&table) == NULL);
}

static void PRC0012_processes_are_divisible(void)
{
    table_init(&table, FIRST, 1);
    struct table_entry *p = add(TABLE_PID_INIT), *a, *b;
    const struct table_new four = {.parent = p->pid, .name = "a", .limits = {.processes = 4}};

    CHECK_EQ(table_add(&table, &four, &a), ERR_OK);
    CHECK_EQ(p->processes.charge, 5);    /* reserved */
    CHECK_EQ(p->processes.used, 2);
    CHECK_EQ(try_add((struct table_new){.parent = a->pid, .limits = {.processes = 4}}),
             PROCESS_ERR_LIMIT);
    b = add(a->pid);
    CHECK_EQ(b->limits.processes, 4);
    CHECK_EQ(try_add((struct table_new){.parent = a->pid, .limits = {.processes = 2}}), ERR_OK);
    CHECK_EQ(try_add((struct table_new){.parent = a->pid}), PROCESS_ERR_LIMIT);
    CHECK_EQ(try_add((struct table_new){.parent = b->pid}), PROCESS_ERR_LIMIT);
    CHECK(table_check(&table) == NULL);
    end(b, 0);
    CHECK_EQ(try_add((struct table_new){.parent = a->pid}), PROCESS_ERR_LIMIT);
    CHECK_EQ(try_add((struct table_new){.parent = p->pid}), ERR_OK);
}

static void PRC1001_one_domain_cannot_use_up_the_waits(void)
{
    enum table_wait what;
    uint32_t who, waiter;
    int32_t status;

    table_init(&table, FIRST, 1);
    struct table_entry *p = add(TABLE_PID_INIT), *q = add(TABLE_PID_INIT);

    add(p->pid);
    add(q->pid);
    for (uint32_t i = 0; i < TABLE_WAITS_MAX; i++) {
        CHECK_EQ(wait(p->pid, 0, &what, &who, &status, &waiter), ERR_OK);
    }
    CHECK_EQ(wait(p->pid, 0, &what, &who, &status, &waiter), PROCESS_ERR_LIMIT);
    CHECK_EQ(wait(q->pid, 0, &what, &who, &status, &waiter), ERR_OK);
}

/* What another process service reads out of its vault. */
static void PRC0013_a_table_is_restored(void)
{
    struct table_new what = {.name = "r", .group = 20, .limits = {.processes = 3}};
    struct table_entry *parent, *child;

    table_init(&table, FIRST, 1);
    what.parent = 99;
    CHECK(table_restore(&table, 5, 20, &what, 0) == NULL);
    what.parent = 0;
    parent = table_restore(&table, 5, 20, &what, 4);
    CHECK(parent != NULL && parent->place == 5 && parent->limits.processes == 3);
    what.parent = 20;
    child = table_restore(&table, 2, 21, &what, 0);
    CHECK(child != NULL && child->group == 20);
    CHECK(table_restore(&table, 2, 22, &what, 0) == NULL);
    CHECK(table_restore(&table, 3, 21, &what, 0) == NULL);
    CHECK(table_check(&table) == NULL);
    CHECK_EQ(add(0)->pid, 22);
    CHECK_EQ(try_add((struct table_new){.parent = 20}), ERR_OK);
    CHECK_EQ(try_add((struct table_new){.parent = 20}), PROCESS_ERR_LIMIT);
    CHECK(table_check(&table) == NULL);
}

static void PRC0006_random_operations_keep_the_invariants(void)
{
    uint64_t seed = 4711;

    table_init(&table, UINT32_MAX - 100, 1);
    for (int i = 0; i < STEPS; i++) {
        struct table_entry *e = &table.entries[check_random(&seed) % 24];
        struct table_entry *other = &table.entries[check_random(&seed) % 24];
        struct table_new made = {
            .parent = e->state == TABLE_LIVE ? e->pid : TABLE_PID_INIT,
            .detached = check_random(&seed) % 4 == 0, .lead = check_random(&seed) % 2 == 0,
        };
        enum table_wait what;
        uint32_t who, waiter;
        int32_t status;

        switch (check_random(&seed) % 4) {
        case 0:
            (void)try_add(made);
            break;
        case 1:
            if (e->state == TABLE_LIVE) {
                (void)end_below(e);
                while ((e = table_settled(&table)) != NULL) {
                    end(e, 1);
                }
            }
            break;
        default:
            if (e->state == TABLE_LIVE || check_random(&seed) % 4 == 0) {
                (void)wait(e->state == TABLE_LIVE ? e->pid : TABLE_PID_INIT,
                           check_random(&seed) % 2 == 0 ? 0 : other->pid, &what, &who, &status,
                           &waiter);
            }
            break;
        }
        CHECK(table_check(&table) == NULL);
    }
}

int main(void)
{
    RUN(PRC0001_waits_before_and_after_the_end);
    RUN(PRC0002_all_waiters_by_pid_get_it_others_are_refused);
    RUN(PRC0003_children_end_first);
    RUN(PRC0004_who_may_kill);
    RUN(PRC0005_one_family_cannot_fill_the_table);
    RUN(PRC0012_processes_are_divisible);
    RUN(PRC1001_one_domain_cannot_use_up_the_waits);
    RUN(PRC0007_a_status_is_kept_until_the_parent_has_it);
    RUN(PRC0008_detached_ones_stay);
    RUN(PRC0009_waits_end_with_their_domain);
    RUN(PRC0010_groups);
    RUN(PRC0011_limits_are_inherited_and_never_grow);
    RUN(PRC1002_the_dead_start_nothing);
    RUN(PRC0013_a_table_is_restored);
    RUN(PRC0006_random_operations_keep_the_invariants);
    return 0;
}
