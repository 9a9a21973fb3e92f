/* See hog_priv.h: what services have for their clients. */
#include "hog_priv.h"

#include <stdio.h>
#include <string.h>

#include <aos/binding.h>
#include <aos/cap.h>
#include <aos/process.h>
#include <aos/services.h>
#include <if/bench.h>
#include <if/nameserver.h>
#include <if/process.h>

#define HOG_ENDS_MAX 256u                /* more than any service gives one domain */

errval_t hog_spawn(uint64_t *ret_count)
{
    static const char *const argv[] = {"hog", "sleep"};
    errval_t err;
    uint32_t pid;

    while (err_is_ok(err = aos_spawn(2, argv, &pid))) {
        ++*ret_count;
    }
    return err;
}

/* A name for a channel that nobody serves. */
static errval_t others_register(uint64_t number)
{
    struct nameserver_binding *b;
    char name[32];
    caddr_t own, peer;
    errval_t err = aos_nameserver(&b);

    if (err_is_ok(err)) {
        err = chan_create(&own, &peer);
    }
    if (err_is_fail(err)) {
        return err;
    }
    (void)snprintf(name, sizeof(name), "hog/%llu", (unsigned long long)number);
    err = nameserver_register(b, name, strlen(name), BENCH_ID, NULL, 0, peer);
    if (err_is_fail(err)) {
        (void)cap_destroy(own);
    }
    return err;
}

errval_t hog_names(uint64_t *ret_count)
{
    errval_t err;

    while (err_is_ok(err = others_register(*ret_count)) || err_has(err, NAMESERVER_ERR_TAKEN)) {
        ++*ret_count;                    /* another hog may have this one */
    }
    return err;
}

/* As many calls on a fresh end of the process service as it takes: none will be answered. */
static errval_t others_begin(struct process_binding *b, uint32_t pid, uint64_t *ret_count)
{
    errval_t err;

    do {
        struct process_wait_call call;

        err = process_wait_begin(b, pid, &call);
        *ret_count += err_is_ok(err);
    } while (err_is_ok(err));
    return err_has(err, RPC_ERR_AGAIN) ? ERR_OK : err; /* this end has no more places */
}

errval_t hog_messages(uint64_t *ret_count)
{
    static const char *const argv[] = {"hog", "sleep"};
    static struct process_binding bindings[HOG_ENDS_MAX];
    uint32_t pid, ends = 0;
    errval_t err = aos_spawn(2, argv, &pid);

    while (err_is_ok(err) && ends < HOG_ENDS_MAX) {
        caddr_t end;

        err = aos_lookup("process", &end);
        if (err_is_ok(err)) {
            err = process_bind(end, &bindings[ends]);
        }
        if (err_is_ok(err)) {
            err = others_begin(&bindings[ends++], pid, ret_count);
        }
    }
    return err;
}
