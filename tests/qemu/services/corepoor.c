/* Capabilities that cross while the monitors are short of memory: the k-th allocation of either of
 * them fails, for each k that there is, and so do many in a row. What is asked of them is refused,
 * or done for all that; the next one works, nobody waits for ever, and the monitors agree. Both are
 * linked with failing.c. */
#include "coretest.h"

#include <string.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/process.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/slot.h>
#include <aos/thread.h>
#include <aos/time.h>

#include "tellfail.h"

#define ROUNDS      3u                   /* of which one must leave every counter as it was */
#define NUMBERS_MAX 400u                 /* of allocations of one operation */

static struct tellfail here;

/* --- operations: each leaves nothing, whatever it returns ------------------------------------- */

/* Takes it back from all cores, as soon as that can be asked. */
static errval_t give_back(caddr_t frame)
{
    uint64_t until = time_deadline_ns(WAIT_NS);
    errval_t err;

    while (err_is_fail(err = ram_free(frame)) && time_now_ns() < until) {
        thread_sleep_ns(LOOK_NS);
    }
    return err;
}

static errval_t op_share(void)
{
    uint64_t bytes;
    caddr_t frame;
    errval_t err = frame_alloc(2 * PAGE_BYTES, &frame, &bytes), dropped, back;

    if (err_is_fail(err)) {
        return err;
    }
    err = shares_take(&fars[1].b, frame);
    dropped = shares_drop(&fars[1].b);
    back = give_back(frame);
    return err_is_fail(err) ? err : err_is_fail(dropped) ? dropped : back;
}

static errval_t op_revoke(void)
{
    uint64_t bytes;
    caddr_t frame;
    errval_t err = frame_alloc(PAGE_BYTES, &frame, &bytes), dropped, back;

    if (err_is_fail(err)) {
        return err;
    }
    err = shares_take(&fars[1].b, frame);
    if (err_is_ok(err)) {
        err = cap_revoke(frame);
    }
    dropped = shares_drop(&fars[1].b);
    back = give_back(frame);
    return err_is_fail(err) ? err : err_is_fail(dropped) ? dropped : back;
}

/* A frame is made of a part of a frame that core 1 knows. */
static errval_t op_part(void)
{
    uint64_t bytes;
    caddr_t frame, part;
    errval_t err = frame_alloc(2 * PAGE_BYTES, &frame, &bytes), back;

    if (err_is_fail(err)) {
        return err;
    }
    err = shares_take(&fars[1].b, frame);
    if (err_is_ok(err)) {
        err = slot_alloc(&part);
    }
    if (err_is_ok(err)) {
        err = cap_retype(part, frame, PAGE_BYTES, CAPTYPE_FRAME, PAGE_BYTES, 1);
        if (err_is_ok(err)) {
            err = cap_destroy(part);
        } else {
            slot_free(part);
        }
    }
    (void)shares_drop(&fars[1].b);
    back = give_back(frame);
    return err_is_fail(err) ? err : back;
}

/* The other one gives what it owns. */
static errval_t op_offer(void)
{
    caddr_t copy;
    errval_t err = shares_make(&fars[1].b), dropped;

    if (err_is_ok(err)) {
        err = shares_offer(&fars[1].b, &copy);
    }
    if (err_is_ok(err)) {
        err = cap_destroy(copy);
    }
    dropped = shares_drop(&fars[1].b);
    return err_is_fail(err) ? err : dropped;
}

/* A line, and the rings that it is left for. */
static errval_t op_bind(void)
{
    struct shares_binding b;
    char name[CORE_NAME_BYTES];
    uint8_t type;
    caddr_t end;
    errval_t err = aos_lookup(core_server_name(1, name), &end);

    if (err_is_ok(err)) {
        err = shares_bind(end, &b);
    }
    if (err_is_ok(err)) {
        err = shares_look(&b, &type);
        shares_close(&b);
    }
    return err;
}

static errval_t op_launch(void)
{
    static const char *const argv[] = {"true"};
    const struct aos_launch how = {.on_core = 2};
    struct aos_exit e;
    uint32_t pid, who;
    errval_t err = aos_launch(1, argv, &how, &pid);

    if (err_is_ok(err)) {
        err = aos_wait(pid, &who, &e);
        if (err_is_fail(err)) {
            err = aos_wait(pid, &who, &e);
        }
    }
    return err;
}

/* Who looks has the whole truth, or none. */
static errval_t op_check(void)
{
    uint64_t found = 0, nodes;
    uint32_t records, busy;
    errval_t err = monitor_check(&monitor, &found, &nodes, &records, &busy);

    return err_is_ok(err) && busy == 0 && found != 0 ? LIB_ERR_BAD_STATE : err;
}

/* --- the tests ------------------------------------------------------------------------------- */

static bool tell(bool far, uint32_t burst, uint32_t number)
{
    shares_failing_t what = burst != 0 ? SHARES_FAILING_MANY : SHARES_FAILING_ONE;
    bool failed;

    if (far) {
        TRY_OK(shares_fail(&fars[1].b, what, number, &failed));
    } else {
        TRY_OK(tellfail_set(&here, burst, number));
    }
    return true;
}

static bool tell_stop(bool far, bool *ret_failed)
{
    if (far) {
        TRY_OK(shares_fail(&fars[1].b, SHARES_FAILING_NONE, 0, ret_failed));
    } else {
        TRY_OK(tellfail_stop(&here, ret_failed));
    }
    return true;
}

static bool fail_each(const char *name, errval_t (*op)(void), bool far, uint32_t burst)
{
    unsigned number = 0, refused = 0;
    bool failed = true;

    while (failed) {
        errval_t err;

        TRY(++number < NUMBERS_MAX);
        TRY(tell(far, burst, number));
        err = op();
        TRY(tell_stop(far, &failed));
        if (err_has(err, LIB_ERR_BAD_STATE) || err_has(err, RPC_ERR_TIMEOUT)) {
            printf("# %s, core %u: not refused at number %u\n", name, (unsigned)far, number);
            TRY_OK(err);
        }
        refused += err_is_fail(err);
        err = op();
        if (err_is_fail(err)) {
            printf("# %s, core %u: not even after number %u\n", name, (unsigned)far, number);
            TRY_OK(err);
        }
    }
    printf("# %s, core %u: %u allocations, %u times refused\n", name, (unsigned)far, number - 1,
           refused);
    return true;
}

static const struct row {
    const char *name;
    errval_t (*op)(void);
} rows[] = {
    {"sharing a frame", op_share},
    {"revoking it", op_revoke},
    {"parting it", op_part},
    {"getting one", op_offer},
    {"a connection", op_bind},
    {"a program there", op_launch},
    {"a look at all", op_check},
};

static bool run_rows(uint32_t burst)
{
    bool ok = true;

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        TRY_OK(rows[i].op());
        ok = fail_each(rows[i].name, rows[i].op, false, burst) && ok;
        ok = fail_each(rows[i].name, rows[i].op, true, burst) && ok;
    }
    return ok;
}

static bool one_fails(void)
{
    caddr_t end, frame;
    uint64_t bytes;

    TRY_OK(frame_alloc(PAGE_BYTES, &frame, &bytes));
    TRY_OK(aos_lookup("init", &end));
    TRY_OK(tellfail_open(&here, end, frame));
    return run_rows(0);
}

static bool many_fail(void)
{
    return run_rows(FAILING_BURST);
}

/* What was made for the first time stays, and so does what the tests above were refused. */
static bool nothing_is_left(void)
{
    struct counters after;
    uint64_t records = 0;

    TRY(monitors_agree(&records_before));
    for (unsigned i = 0; i < ROUNDS; i++) {
        (void)counters_settle(SETTLE_NS, &before);
        TRY(run_rows(FAILING_BURST));
        TRY(monitors_agree(&records));
        if (as_before(&after, &records)) {
            return true;
        }
        records_before = records;
    }
    return false;
}

static bool they_agree(void)
{
    uint64_t records;

    TRY(far_end(1));
    return monitors_agree(&records);
}

static const struct taptest tests[] = {
    {"FAIL0003 any one allocation of a monitor fails", one_fails},
    {"FAIL0004 many in a row fail", many_fail},
    {"FAIL0005 nothing is left", nothing_is_left},
    {"FAIL0006 the monitors agree when the servers have ended", they_agree},
};

int core_poor(void)
{
    return taptest_run(tests, TAPTEST_COUNT(tests));
}
