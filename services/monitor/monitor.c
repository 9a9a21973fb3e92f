/* monitor.if, and the way to the monitor itself, which is a peer like others: by it a line begins
 * and ends on the same core. */
#include "monitor.h"

#include <stdlib.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <if/monitor_server.h>

#include "line.h"

#define MONITOR_SELF 0u

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
    line_receive(MONITOR_SELF, &i->wire, i->cap);
    free(i);
}

static errval_t monitor_send(uint32_t peer, const struct line_wire *w, caddr_t cap)
{
    struct monitor_item *i = malloc(sizeof(*i));

    (void)peer;
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
    errval_t err = line_export(MONITOR_SELF, end, &w);

    if (err_is_ok(err)) {
        server_take_cap(ctx, end);
        err = line_import(MONITOR_SELF, &w, ret_proxy);
    }
    return err_is_ok(err) ? ERR_OK : err_push(err, MONITOR_ERR_LIMIT);
}

static const struct monitor_server_ops ops = {.on_proxy = on_proxy};

errval_t monitor_start(struct waitset *ws)
{
    static const struct line_host host = {monitor_send};

    monitor.ws = ws;
    monitor.tail = &monitor.head;
    monitor.receive.fn = monitor_receive;
    line_init(&host, ws);
    monitor_serve(&monitor.server, &ops, &monitor, ws);
    return ERR_OK;
}

errval_t monitor_end_for(uint64_t pid, caddr_t *ret_end)
{
    return server_make_end(&monitor.server.base, pid, 0, ret_end);
}
