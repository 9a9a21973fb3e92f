/* A domain that takes all memory that it can get, on its core and of others, and opens as many
 * connections to another core as it may, while capabilities cross. */
#include "coretest.h"

#include <stdlib.h>

#include <aos/cap.h>
#include <aos/process.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/time.h>

#define HOG_BYTES     0x1000000ull       /* at first, then half of it, down to a page */
#define HOG_LINES_MAX 1200u              /* more than a core has (services/monitor/line.h) */
#define HOG_ROUNDS    200u

static struct shares_binding hog;

/* What it cannot get ends it; then it has all there is. */
static int hog_take(void *arg)
{
    static struct shares_binding lines[HOG_LINES_MAX];
    char name[CORE_NAME_BYTES];
    uint64_t got;
    caddr_t frame, end;

    (void)arg;
    for (uint32_t i = 0; i < HOG_LINES_MAX; i++) {
        if (err_is_fail(aos_lookup(core_server_name(1, name), &end))
            || err_is_fail(shares_bind(end, &lines[i]))) {
            break;
        }
    }
    for (uint64_t bytes = HOG_BYTES; bytes >= PAGE_BYTES; bytes /= 2) {
        while (err_is_ok(frame_alloc(bytes, &frame, &got))) {
            core_serve_has(frame);
        }
    }
    core_serve_has(0);
    return 0;
}

int core_hog(void)
{
    struct thread *thread;
    caddr_t frame;
    uint64_t bytes;

    if (err_is_fail(frame_alloc(PAGE_BYTES, &frame, &bytes))
        || err_is_fail(thread_create(hog_take, NULL, &(struct thread_attr){.detached = true},
                                     &thread))) {
        return 1;
    }
    core_serve_has(frame);               /* until there is nothing more */
    return core_serve();
}

static bool hog_start(uint32_t *ret_pid)
{
    static const char *const argv[] = {"coretest", "hog"};
    uint64_t until = time_deadline_ns(WAIT_NS);
    char name[CORE_NAME_BYTES];
    errval_t err;
    caddr_t end;
    uint8_t type;

    TRY_OK(aos_spawn(2, argv, ret_pid));
    TRY_OK(aos_await(core_server_name(0, name), WAIT_NS, &end));
    TRY_OK(shares_bind(end, &hog));
    do {
        TRY(time_now_ns() < until);
        thread_sleep_ns(LOOK_NS);
        err = shares_look(&hog, &type);
    } while (err_is_ok(err) && type != CAPTYPE_NULL);
    TRY_OK(err);
    return true;
}

/* What is refused for want of memory is as before. */
static bool hog_cross(caddr_t frame, unsigned *ret_refused)
{
    struct shares_binding *far = &fars[1].b;
    uint8_t type;
    errval_t err = shares_take(far, frame);

    *ret_refused += err_is_fail(err);
    TRY(err_is_ok(err) || err_no(err) != RPC_ERR_TIMEOUT);
    TRY_OK(shares_look(far, &type));
    TRY(type == (err_is_ok(err) ? CAPTYPE_FRAME : CAPTYPE_NULL));
    TRY_OK(cap_revoke(frame));
    TRY_OK(shares_look(far, &type));
    TRY(type == CAPTYPE_NULL);
    TRY_OK(shares_drop(far));
    return true;
}

static bool crosses(void)
{
    unsigned refused = 0;
    struct aos_exit e;
    uint64_t bytes, records;
    uint32_t pid, who;
    caddr_t frame;

    TRY_OK(frame_alloc(PAGE_BYTES, &frame, &bytes));
    TRY(hog_start(&pid));
    for (unsigned i = 0; i < HOG_ROUNDS; i++) {
        TRY(hog_cross(frame, &refused));
    }
    printf("# %u of %u refused\n", refused, HOG_ROUNDS);
    TRY_OK(aos_kill(pid));
    TRY_OK(aos_wait(pid, &who, &e));
    TRY(e.killed);
    shares_close(&hog);
    for (unsigned i = 0; i < HOG_ROUNDS; i++) {
        refused = 0;
        TRY(hog_cross(frame, &refused));
        TRY(refused == 0);
    }
    TRY_OK(ram_free(frame));
    return monitors_agree(&records);
}

int core_hungry(void)
{
    static const struct taptest tests[] = {
        {"DCAP0122 somebody takes all memory and all lines meanwhile", crosses},
    };

    return taptest_run(tests, TAPTEST_COUNT(tests));
}
