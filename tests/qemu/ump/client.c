/* The side of ringtest that makes rings. */
#include "ringtest.h"

#include <aos/cap.h>
#include <aos/chan.h>
#include <aos/process.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <if/process.h>

errval_t ring_spawn(struct rings_binding *setup, uint32_t *ret_pid)
{
    static const char args[] = "ringtest\0serve", names[] = "rings";
    struct process_binding *process;
    caddr_t own, theirs;
    errval_t err = aos_process(&process);
    if (err_is_ok(err)) {
        err = chan_create(&own, &theirs);
    }
    if (err_is_ok(err)) {
        err = process_spawn(process, args, sizeof(args), NULL, 0, 0, 0, names, sizeof(names),
                            &theirs, 1, ret_pid);
    }
    return err_is_ok(err) ? rings_bind(own, setup) : err;
}

errval_t ring_make(struct ring *r, struct waitset *ws, caddr_t *ret_bell)
{
    uint64_t bytes;
    caddr_t bell;
    *r = (struct ring){0};
    for (uint32_t i = 0; i < 2; i++) {
        errval_t err = frame_alloc(RING_BYTES, &r->frames[i], &bytes);
        if (err_is_fail(err)) {
            return err;
        }
    }
    errval_t err = ump_frames_map(r->frames[0], RING_BYTES, r->frames[1], RING_BYTES, &r->config);
    if (err_is_ok(err)) {
        err = chan_create(&bell, ret_bell);
    }
    return err_is_ok(err) ? link_open(&r->link, bell, ws, &r->config) : err;
}

errval_t ring_open(struct ring *r, struct rings_binding *setup, uint32_t spin, uint32_t peer_spin)
{
    uint32_t number;
    caddr_t bell;
    errval_t err = ring_make(r, NULL, &bell);
    if (err_is_ok(err)) {
        err = rings_attach(setup, r->frames[1], r->frames[0], bell, peer_spin, &number);
    }
    if (err_is_fail(err)) {
        return err;
    }
    r->config.spin = spin;
    link_connect(&r->link, &r->b.base.chan);
    err = binding_open_ump(&r->b.base, &r->config, &rings_client_interface);
    r->opened = err_is_ok(err);
    return err;
}

void ring_close(struct ring *r)
{
    if (r->opened) {
        rings_close(&r->b);
    }
    r->link.chan = NULL;
    link_close(&r->link);
    ump_frames_unmap(&r->config);
    (void)cap_destroy(r->frames[0]);
    (void)cap_destroy(r->frames[1]);
}
