/* See <aos/counters.h>. */
#include <aos/counters.h>

#include <stdio.h>
#include <string.h>

#include <aos/domain.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/slot.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <if/init.h>
#include <if/memory.h>
#include <if/nameserver.h>
#include <if/process.h>

#define COUNTERS_PIDS_PAGE  64u          /* of process.pids */
#define COUNTERS_NAMES_PAGE 1023u        /* bytes of nameserver.enumerate */
#define COUNTERS_NAME_BYTES 64u          /* of one name, with its end */
#define COUNTERS_TYPES_MAX  32u          /* of init.caps */
#define COUNTERS_LOOK_NS    1000000u     /* between two readings: lets the services work */

static errval_t counters_memory(uint32_t core, uint64_t *v)
{
    struct memory_binding *b;
    uint64_t total, free_bytes = 0, largest, dying = 0;
    uint32_t pieces = 0;
    errval_t err = aos_memory_on(core, &b);

    if (err_is_ok(err)) {
        err = memory_stats(b, &total, &free_bytes, &largest, &pieces, &dying);
    }
    v[COUNTER_FREE] += free_bytes;
    v[COUNTER_PIECES] += pieces;
    v[COUNTER_DYING] += dying;
    return err;
}

static errval_t counters_processes(uint32_t core, uint64_t *v)
{
    struct process_binding *b;
    uint32_t pids[COUNTERS_PIDS_PAGE], after = 0;
    size_t count = 0;
    errval_t err = aos_process_on(core, &b);

    while (err_is_ok(err)) {
        err = process_pids(b, after, pids, &count);
        if (err_is_fail(err) || count == 0) {
            break;
        }
        v[COUNTER_PROCESSES] += count;
        after = pids[count - 1];
    }
    return err;
}

static errval_t counters_names(uint64_t *v)
{
    struct nameserver_binding *b;
    char names[COUNTERS_NAMES_PAGE], after[COUNTERS_NAME_BYTES] = "";
    size_t bytes = 0;
    errval_t err = aos_nameserver(&b);

    v[COUNTER_NAMES] = 0;
    while (err_is_ok(err)) {
        err = nameserver_enumerate(b, "", 0, NULL, 0, after, strlen(after), names, &bytes);
        if (err_is_fail(err) || bytes == 0) {
            break;
        }
        for (const char *name = names; name < names + bytes; name += strlen(name) + 1) {
            v[COUNTER_NAMES]++;
            strcpy(after, name);
        }
    }
    return err;
}

static errval_t counters_kernel(uint32_t core, uint64_t *v)
{
    uint64_t objects[COUNTERS_TYPES_MAX] = {0}, caps[COUNTERS_TYPES_MAX] = {0};
    struct init_binding *b;
    size_t objects_count, caps_count;
    errval_t err = aos_init_on(core, &b);

    if (err_is_ok(err)) {
        err = init_caps(b, objects, &objects_count, caps, &caps_count);
    }
    for (uint32_t type = 0; type < CAPTYPE_COUNT; type++) {
        v[COUNTER_OBJECTS + type] += objects[type];
        v[COUNTER_CAPS + type] += caps[type];
    }
    return err;
}

static errval_t counters_core(uint32_t core, uint64_t *v)
{
    errval_t err = counters_processes(core, v);

    if (err_is_ok(err)) {
        err = counters_kernel(core, v);
    }
    return err_is_ok(err) ? counters_memory(core, v) : err;
}

errval_t counters_read(struct counters *ret_counters)
{
    struct counters c = {{0}};
    struct init_binding *b;
    uint64_t own_free, slots;
    uint32_t on = 1u << domain_core();
    errval_t err = counters_names(c.value);

    if (err_is_ok(err) && domain_core_count() > 1) {
        err = aos_init(&b);
        err = err_is_ok(err) ? init_cores(b, &on) : err;
    }
    for (uint32_t core = 0; err_is_ok(err) && core < domain_core_count(); core++) {
        if ((on & 1u << core) != 0) {
            err = counters_core(core, c.value);
        }
    }
    if (err_is_fail(err)) {
        return err;
    }
    ram_stats(&own_free, &c.value[COUNTER_OWN_RAM]);
    c.value[COUNTER_OWN_RAM] -= own_free;
    slot_stats(&c.value[COUNTER_OWN_SLOTS], &slots);
    *ret_counters = c;
    return ERR_OK;
}

bool counters_settle(uint64_t timeout_ns, struct counters *ret_counters)
{
    uint64_t deadline = time_deadline_ns(timeout_ns);
    struct counters before = {{0}}, now = {{0}};

    do {
        before = now;
        if (err_is_fail(counters_read(&now))) {
            return false;
        }
        if (now.value[COUNTER_DYING] == 0 && counters_differ(&before, &now, 0) == COUNTERS) {
            *ret_counters = now;
            return true;
        }
        thread_sleep_ns(COUNTERS_LOOK_NS);
    } while (time_now_ns() < deadline);
    *ret_counters = now;
    return false;
}

void counter_name(uint32_t counter, char ret_name[COUNTER_NAME_BYTES])
{
    static const char *const names[COUNTER_OBJECTS] = {
        [COUNTER_FREE] = "free bytes", [COUNTER_PIECES] = "free pieces",
        [COUNTER_DYING] = "bytes being returned", [COUNTER_PROCESSES] = "processes",
        [COUNTER_NAMES] = "names", [COUNTER_OWN_RAM] = "own bytes",
        [COUNTER_OWN_SLOTS] = "own slots",
    };
    bool caps = counter >= COUNTER_CAPS;

    if (counter < COUNTER_OBJECTS) {
        (void)snprintf(ret_name, COUNTER_NAME_BYTES, "%s", names[counter]);
    } else {
        (void)snprintf(ret_name, COUNTER_NAME_BYTES, "%s %s",
                       captype_name(counter - (caps ? COUNTER_CAPS : COUNTER_OBJECTS)),
                       caps ? "capabilities" : "objects");
    }
}

uint32_t counters_differ(const struct counters *a, const struct counters *b, uint32_t from)
{
    while (from < COUNTERS && a->value[from] == b->value[from]) {
        from++;
    }
    return from;
}
