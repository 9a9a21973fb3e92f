/* Connections to the services of which each core has one, on other cores: made when they are asked
 * for, and kept. See <aos/services.h>. */
#include <aos/services.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/domain.h>
#include <aos/thread.h>
#include <if/init.h>
#include <if/memory.h>
#include <if/process.h>
#include <kpi/core.h>

#define OTHERS_AWAIT_NS 5000000000ull    /* how long a core may take to have its services */

_Static_assert(DOMAIN_CORES_MAX == KPI_CORES_MAX, "as many as the kernel starts");

static struct {
    struct mutex lock;                   /* held while a connection is made */
    struct init_binding *init[DOMAIN_CORES_MAX];
    struct memory_binding *memory[DOMAIN_CORES_MAX];
    struct process_binding *process[DOMAIN_CORES_MAX];
} others;

const char *aos_name_on(const char *name, uint32_t core, char text[AOS_SERVICE_NAME_BYTES])
{
    if (core == domain_startup()->boot_core) {
        return name;
    }
    (void)snprintf(text, AOS_SERVICE_NAME_BYTES, "%s/%u", name, (unsigned)core);
    return text;
}

/* One of each for a service: the types of binding and bind function differ, nothing else does. The
 * end of a child has no limit, so neither have calls of the process service. */
#define OTHERS_SERVICE(name, call_ns)                                                             \
    static errval_t others_find_##name(void *core, caddr_t *ret_end)                              \
    {                                                                                             \
        char text[AOS_SERVICE_NAME_BYTES];                                                        \
                                                                                                  \
        return aos_lookup(aos_name_on(#name, (uint32_t)(uintptr_t)core, text), ret_end);          \
    }                                                                                             \
                                                                                                  \
    static errval_t others_bind_##name(uint32_t core, struct name##_binding **ret_binding)        \
    {                                                                                             \
        struct name##_binding *b = malloc(sizeof(*b));                                            \
        char text[AOS_SERVICE_NAME_BYTES];                                                        \
        caddr_t end;                                                                              \
        /* The core may be about to come up. */                                                   \
        errval_t err = b == NULL ? LIB_ERR_NO_MEMORY                                              \
                                 : aos_await(aos_name_on(#name, core, text), OTHERS_AWAIT_NS,     \
                                             &end);                                               \
                                                                                                  \
        err = err_is_ok(err) ? name##_bind(end, b) : err;                                         \
        if (err_is_fail(err)) {                                                                   \
            free(b);                                                                              \
            return err;                                                                           \
        }                                                                                         \
        binding_set_finder(&b->base, others_find_##name, (void *)(uintptr_t)core);                \
        if ((call_ns) != 0) {                                                                     \
            binding_set_deadline(&b->base, (call_ns));                                            \
        }                                                                                         \
        *ret_binding = b;                                                                         \
        return ERR_OK;                                                                            \
    }                                                                                             \
                                                                                                  \
    errval_t aos_##name##_on(uint32_t core, struct name##_binding **ret_binding)                  \
    {                                                                                             \
        errval_t err = ERR_OK;                                                                    \
                                                                                                  \
        if (core == domain_core()) {                                                              \
            return aos_##name(ret_binding);                                                       \
        }                                                                                         \
        if (core >= domain_core_count()) {                                                        \
            return PROCESS_ERR_NO_CORE;                                                           \
        }                                                                                         \
        mutex_lock(&others.lock);                                                                 \
        if (others.name[core] == NULL) {                                                          \
            err = others_bind_##name(core, &others.name[core]);                                   \
        }                                                                                         \
        if (err_is_ok(err)) {                                                                     \
            *ret_binding = others.name[core];                                                     \
        }                                                                                         \
        mutex_unlock(&others.lock);                                                               \
        return err;                                                                               \
    }

OTHERS_SERVICE(init, 0)
OTHERS_SERVICE(memory, 0)
OTHERS_SERVICE(process, AOS_FOREVER)

errval_t aos_process_of(uint32_t pid, struct process_binding **ret_binding)
{
    return aos_process_on(domain_core_of(pid), ret_binding);
}
