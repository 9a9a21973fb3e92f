/* Every service that has a name, on any core, and the nameserver have a Notify by which programs of
 * other cores ring them: without one, each bell would take both monitors. For two cores
 * (tests/qemu/shell/test_cores.py, which ends services in between). TAP on stdout. */
#include <string.h>

#include <aos/binding.h>
#include <aos/cap.h>
#include <aos/services.h>
#include <if/init.h>
#include <if/monitor.h>
#include <if/nameserver.h>

#include "taptest.h"

#define WAIT_NS  20000000000ull          /* bounds a failure */
/* Those that there are on two cores, and others if there are more. */
static const char *const expected[] = {
    "init", "memory", "process", "serial", "init/1", "memory/1", "process/1",
};
#define EXPECTED (sizeof(expected) / sizeof(expected[0]))

static struct monitor_binding *monitor; /* of this core */

/* As libaos/chan/remote.c asks for it before it asks for a ring. */
static bool has_bell(const char *name, caddr_t end)
{
    static struct binding b;
    uint64_t words[MSG_REG_WORDS] = {CHAN_OP_BELL};
    struct msg_cap own = {.rights = CAP_RIGHT_W, .move = MSG_CAP_COPY};
    caddr_t bell = 0;
    uint32_t info_got = 0;
    struct cap_info info;
    struct binding_call call = {
        .header = MSG_HEADER(0, MSG_CALL, 1, 1), .words = words, .words_max = MSG_REG_WORDS,
        .caps_max = 1, .caps = &own, .got = &bell, .got_info = &info_got,
    };

    printf("# %s\n", name);
    TRY_OK(monitor_notify(monitor, &own.cap));
    TRY_OK(binding_open_any(&b, end));
    TRY_OK(binding_call(&b, &call));
    TRY(bell != 0);
    TRY_OK(cap_identify(bell, &info));
    TRY(info.type == CAPTYPE_NOTIFY && (info.rights & CAP_RIGHT_W) != 0);
    TRY_OK(cap_destroy(bell));
    binding_close(&b);
    TRY_OK(cap_destroy(own.cap));
    return true;
}

static bool all_have_bells(void)
{
    char names[NAMESERVER_ENUMERATE_NAMES_MAX];
    struct nameserver_binding *b;
    size_t bytes;
    caddr_t end;

    for (uint32_t i = 0; i < EXPECTED; i++) {
        TRY_OK(aos_await(expected[i], WAIT_NS, &end));
        TRY_OK(cap_destroy(end));
    }
    TRY_OK(aos_nameserver(&b));
    TRY_OK(nameserver_enumerate(b, "", 0, "", 0, "", 0, names, &bytes));
    for (const char *name = names; name < names + bytes; name += strlen(name) + 1) {
        TRY_OK(aos_lookup(name, &end));
        TRY(has_bell(name, end));
    }
    TRY_OK(binding_clone(&b->base, BINDING_CLONE_OWN, 0, &end));
    return has_bell("nameserver", end);
}

static const struct taptest tests[] = {
    {"BIND0008 every service has a bell", all_have_bells},
};

int main(void)
{
    if (err_is_fail(aos_monitor(&monitor))) {
        printf("Bail out! there is no monitor\n");
        return 1;
    }
    return taptest_run(tests, TAPTEST_COUNT(tests));
}
