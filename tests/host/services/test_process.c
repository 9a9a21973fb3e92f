/* The process table. */
#include "check.h"

#include "process_priv.h"

enum { FIRST = 16, STEPS = 30000 };

static struct table table;

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

    CHECK_EQ(table_add(&table, parent, "p", 0, &e), ERR_OK);
    return e;
}

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

    table_init(&table, FIRST);
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
}

static void PRC0002_one_waiter_gets_it_the_others_are_refused(void)
{
    enum table_wait what;
    uint32_t who, named, any;
    int32_t status;
    struct answers a;

    table_init(&table, FIRST);
    struct table_entry *p = add(TABLE_PID_INIT), *c = add(p->pid);

    CHECK_EQ(wait(p->pid, 0, &what, &who, &status, &any), ERR_OK);
    CHECK_EQ(wait(p->pid, c->pid, &what, &who, &status, &named), ERR_OK);
    a = end(c, 1);
    CHECK(a.count == 1 && a.waiter == named && a.refused == 1);
}

static void PRC0003_orphans_are_forgotten(void)
{
    table_init(&table, FIRST);
    struct table_entry *p = add(TABLE_PID_INIT), *c1 = add(p->pid), *c2 = add(p->pid);
    uint32_t pid1 = c1->pid, pid2 = c2->pid;

    end(c1, 0);
    CHECK(table_find(&table, pid1) != NULL);
    end(p, 0);
    CHECK(table_find(&table, pid1) == NULL);
    CHECK(table_find(&table, pid2) != NULL);
    end(c2, 0);
    CHECK(table_find(&table, pid2) == NULL);
}

static void PRC0004_who_may_kill(void)
{
    table_init(&table, FIRST);
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

static void PRC0005_one_parent_cannot_fill_the_table(void)
{
    struct table_entry *e;

    table_init(&table, FIRST);
    struct table_entry *p = add(TABLE_PID_INIT);

    for (uint32_t i = 0; i < TABLE_CHILDREN_MAX; i++) {
        add(p->pid);
    }
    CHECK_EQ(table_add(&table, p->pid, "more", 0, &e), PROCESS_ERR_LIMIT);
    CHECK_EQ(table_add(&table, TABLE_PID_INIT, "other", 0, &e), ERR_OK);
}

static void PRC1001_one_domain_cannot_use_up_the_waits(void)
{
    enum table_wait what;
    uint32_t who, waiter;
    int32_t status;

    table_init(&table, FIRST);
    struct table_entry *p = add(TABLE_PID_INIT), *q = add(TABLE_PID_INIT);

    add(p->pid);
    add(q->pid);
    for (uint32_t i = 0; i < TABLE_WAITS_MAX; i++) {
        CHECK_EQ(wait(p->pid, 0, &what, &who, &status, &waiter), ERR_OK);
    }
    CHECK_EQ(wait(p->pid, 0, &what, &who, &status, &waiter), PROCESS_ERR_LIMIT);
    CHECK_EQ(wait(q->pid, 0, &what, &who, &status, &waiter), ERR_OK);
}

static void PRC0006_random_operations_keep_the_invariants(void)
{
    uint64_t seed = 4711;

    table_init(&table, UINT32_MAX - 100);
    for (int i = 0; i < STEPS; i++) {
        struct table_entry *e = &table.entries[check_random(&seed) % 24];
        struct table_entry *other = &table.entries[check_random(&seed) % 24];
        struct table_entry *made;
        enum table_wait what;
        uint32_t who, waiter;
        int32_t status;

        switch (check_random(&seed) % 4) {
        case 0:
            (void)table_add(&table, e->state == TABLE_LIVE ? e->pid : TABLE_PID_INIT, "x", 0,
                            &made);
            break;
        case 1:
            if (e->state == TABLE_LIVE) {
                end(e, 1);
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
    RUN(PRC0002_one_waiter_gets_it_the_others_are_refused);
    RUN(PRC0003_orphans_are_forgotten);
    RUN(PRC0004_who_may_kill);
    RUN(PRC0005_one_parent_cannot_fill_the_table);
    RUN(PRC1001_one_domain_cannot_use_up_the_waits);
    RUN(PRC0006_random_operations_keep_the_invariants);
    return 0;
}
