/* The process service: the table of process.c behind process.if, and the domains behind its
 * entries.
 *
 * Init gives it a nameserver end and a memory end (grant `memory`) that are trusted, so that it can
 * have ends made for its children and set their quotas, and an end of its own (parent end) on which
 * init is the client. It calls init for modules and random numbers; init never waits for it. */
#include "keep.h"
#include "peers.h"

#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/services.h>
#include <if/init.h>

struct service svc;

/* Somebody on another core waits and traces here as long as it has a connection. If it is a process
 * service, the next one may not know all that it did. */
static void on_peer_gone(struct server_ctx *ctx)
{
    struct server_conn *other = server_conn_next(&svc.server.base, NULL);

    if (peers_is_one(ctx)) {
        kin_look(&domain_kin, domain_core_of((uint32_t)ctx->peer_pid));
        return;
    }
    if (domain_core_of((uint32_t)ctx->peer_pid) == domain_core()) {
        return;
    }
    for (; other != NULL; other = server_conn_next(&svc.server.base, other)) {
        if (other != ctx->conn && server_conn_pid(other) == ctx->peer_pid) {
            return;
        }
    }
    domain_guest_gone((uint32_t)ctx->peer_pid);
}

static const struct process_server_ops ops = {
    .on_spawn = on_spawn, .on_wait = on_wait, .on_kill = on_kill, .on_status = on_status,
    .on_pids = on_pids, .on_name = on_name, .on_describe = on_describe, .on_self = on_self,
    .on_starting = on_starting, .on_adopt = on_adopt, .on_adopt_ring = on_adopt_ring,
    .on_trace = on_trace, .on_launch = on_launch, .on_kill_group = on_kill_group,
    .on_stop_group = on_stop_group,
    .on_resume_group = on_resume_group, .on_group = on_group,
    .on_capabilities = on_capabilities, .on_join = on_join, .on_ended = on_ended,
    .on_terminate = on_terminate, .on_act = on_act, .on_ask = on_ask,
    .on_peer_gone = on_peer_gone,
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

    table_init(&svc.table, domain_first_program(domain_core()), domain_core_count());
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
        err = peers_init();
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
