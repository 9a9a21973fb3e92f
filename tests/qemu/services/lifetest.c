/* The life of domains, seen from a parent: TAP on stdout. With an argument it is one of its own
 * children. */
#include <stdio.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/process.h>
#include <aos/services.h>
#include <if/process.h>

#include "taptest.h"

#define SELF "lifetest"

static errval_t spawn(const char *how, uint32_t *ret_pid)
{
    const char *argv[] = {SELF, how};

    return aos_spawn(2, argv, ret_pid);
}

/* --- the children --------------------------------------------------------------------------- */

/* Reaches the process service on the end it was given at its start; then once more, by name. */
static int child_parent_end(void)
{
    struct process_binding *b;
    struct cap_info info;
    uint32_t pid = 0, parent;

    if (domain_startup()->parent_iface != PROCESS_ID
        || err_is_fail(cap_identify(KPI_CAP_NAMESERVER, &info))
        || info.type != CAPTYPE_ENDPOINT) {
        return 1;
    }
    (void)cap_delete(KPI_CAP_NAMESERVER);
    if (err_is_fail(aos_process(&b)) || err_is_fail(process_self(b, &pid, &parent))) {
        return 2;
    }
    return pid == domain_pid() ? 0 : 3;
}

static int child(const char *how)
{
    if (strcmp(how, "parent-end") == 0) {
        return child_parent_end();
    }
    return 99;
}

/* --- the tests ------------------------------------------------------------------------------ */

static bool the_parent_end_needs_no_name(void)
{
    struct aos_exit how;
    uint32_t pid, who;

    TRY_OK(spawn("parent-end", &pid));
    TRY_OK(aos_wait(pid, &who, &how));
    TRY(how.exited && how.status == 0);
    return true;
}

int main(int argc, char **argv)
{
    static const struct taptest tests[] = {
        {"LIFE0001 the process service is reached without the nameserver",
         the_parent_end_needs_no_name},
    };

    if (argc > 1 && strcmp(argv[1], "--exec") != 0) {
        return child(argv[1]);
    }
    return taptest_run(tests, TAPTEST_COUNT(tests));
}
