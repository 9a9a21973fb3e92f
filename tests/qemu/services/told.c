/* See told.h. */
#include "told.h"

#include <aos/cap.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/waitset.h>
#include <if/shares_server.h>

static struct waitset ws;

static int told_serve(void *arg)
{
    (void)arg;
    waitset_run(&ws);
}

errval_t told_say(const char *name)
{
    static struct server server;
    struct thread *thread;
    errval_t err;

    waitset_init(&ws);
    server_init(&server, &shares_server_interface, NULL, NULL, NULL, &ws);
    err = thread_create(told_serve, NULL, &(struct thread_attr){.detached = true}, &thread);
    return err_is_ok(err) ? aos_register(&server, name, NULL, 0) : err;
}

errval_t told_await(const char *name)
{
    caddr_t end;
    errval_t err = aos_await(name, TOLD_WAIT_NS, &end);

    return err_is_ok(err) ? cap_destroy(end) : err;
}
