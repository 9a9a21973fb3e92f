/* Finding the services. */
#include <stdio.h>
#include <stdlib.h>

#include <aos/services.h>
#include <if/serial.h>

#include "shell_priv.h"

static void connect_check(const char *service, errval_t err)
{
    if (err_is_fail(err)) {
        (void)shell_error(service, err);
        exit(STATUS_FAILED);
    }
}

void shell_connect(struct shell *sh)
{
    connect_check("init", aos_init(&sh->init));
    connect_check("memory", aos_memory(&sh->memory));
    connect_check("nameserver", aos_nameserver(&sh->names));
    connect_check("process", aos_process(&sh->process));
    connect_check("serial", aos_serial(&sh->serial));
    /* A person may think as long as they want. */
    binding_set_deadline(&sh->serial->base, AOS_FOREVER);
}
