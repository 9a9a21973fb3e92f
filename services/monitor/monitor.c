/* monitor.if, and the way to the monitor itself, which is a peer like others: by it a line begins
 * and ends on the same core. */
#include "monitor.h"

#include <stdlib.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <if/monitor_server.h>


/* A message to itself that is still to be received. */
struct monitor_item {
    struct monitor_item *next;
    struct line_wire wire;
    caddr_t cap;
};

static struct {
    struct monitor_server server;
    struct waitset *ws;
    struct monitor_item *head, **tail;
    struct work receive;
    uint32_t self;                       /* core */
} monitor;

static void monitor_receive(void *arg)
{
    struct monitor_item *i = monitor.head;

    (void)arg;
    if (i == NULL) {
        return;
    }
    monitor.head = i->next;
    if (monitor.head == NULL) {
        monitor.tail = &monitor.head;
    } else {
        waitset_post(monitor.ws, &monitor.receive);
    }
    line_receive(monitor.self, &i->wire, i->cap);
    free(i);
}

static errval_t monitor_send(uint32_t peer, const struct line_wire *w, caddr_t cap)
{
    struct monitor_item *i;

    if (peer != monitor.self) {
        return intermon_send(peer, w, cap);
    }
    i = malloc(sizeof(*i));
    if (i == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    *i = (struct monitor_item){NULL, *w, cap};
    *monitor.tail = i;
    monitor.tail = &i->next;
    waitset_post(monitor.ws, &monitor.receive);
    return ERR_OK;
}

static errval_t on_proxy(struct server_ctx *ctx, caddr_t end, caddr_t *ret_proxy)
{
    struct line_wire w = {0};
    errval_t err = line_export(monitor.self, end, &w);

    if (err_is_ok(err)) {
        server_take_cap(ctx, end);
        err = line_import(monitor.self, &w, ret_proxy);
    }
    return err_is_ok(err) ? ERR_OK : err_push(err, MONITOR_ERR_LIMIT);
}

static const struct monitor_server_ops ops = {.on_proxy = on_proxy};

errval_t monitor_start(const struct intermon_host *ways, struct waitset *ws)
{
    static const struct line_host host = {monitor_send};

    monitor.ws = ws;
    monitor.tail = &monitor.head;
    monitor.receive.fn = monitor_receive;
    monitor.self = domain_core();
    line_init(&host, ws);
    intermon_init(ways, ws);
    monitor_serve(&monitor.server, &ops, &monitor, ws);
    return ERR_OK;
}

errval_t monitor_end_for(uint64_t pid, caddr_t *ret_end)
{
    return server_make_end(&monitor.server.base, pid, 0, ret_end);
}
