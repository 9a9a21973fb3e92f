/* The process service: the table of process.c behind process.if, and the domains behind its
 * entries.
 *
 * Init gives it a nameserver end and a memory end (grant `memory`) that are trusted, so that it can
 * have ends made for its children and set their quotas, and an end of its own (parent end) on which
 * init is the client. It calls init for modules and random numbers; init never waits for it. */
#include "keep.h"

#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/services.h>
#include <if/init.h>

struct service svc;

static const struct process_server_ops ops = {
    .on_spawn = on_spawn, .on_wait = on_wait, .on_kill = on_kill, .on_status = on_status,
    .on_pids = on_pids, .on_name = on_name, .on_describe = on_describe, .on_self = on_self,
    .on_adopt = on_adopt, .on_adopt_ring = on_adopt_ring, .on_trace = on_trace,
    .on_launch = on_launch, .on_kill_group = on_kill_group, .on_stop_group = on_stop_group,
    .on_resume_group = on_resume_group, .on_group = on_group,
};

static errval_t service_find_memory(void *arg, caddr_t *ret_end)
{
    struct init_binding *init;
    errval_t err = aos_init(&init);

    (void)arg;
    return err_is_ok(err) ? init_memory(init, ret_end) : err;
}

int main(void)
{
    struct server_conn *conn;
    char name[AOS_SERVICE_NAME_BYTES];
    caddr_t memory_end;
    errval_t err;

    table_init(&svc.table, SERVICE_FIRST_PID);
    waitset_init(&svc.ws);
    process_serve(&svc.server, &ops, &svc, &svc.ws);
    err = server_add_end(&svc.server.base, KPI_CAP_PARENT, TABLE_PID_INIT,
                         SERVER_PEER_TRUSTED, &conn);
    if (err_is_ok(err)) {
        err = domain_grant("memory", &memory_end);
    }
    if (err_is_ok(err)) {
        err = memory_bind(memory_end, &svc.memory);
        binding_set_finder(&svc.memory.base, service_find_memory, NULL);
    }
    if (err_is_ok(err)) {
        err = keep_init();
    }
    if (err_is_ok(err)) {
        keep_recover();
        err = aos_register(&svc.server.base, aos_own_name("process", name), NULL, 0);
    }
    if (err_is_fail(err)) {
        aos_panic("process: cannot start: 0x%llx", (unsigned long long)err);
    }
    waitset_run(&svc.ws);
}
