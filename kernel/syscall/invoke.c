/* Invocations: the generated decoder, compiled behind the headers that define what it calls as
 * inline functions, and into the handler of the trap. */
#include <kernel/cspace.h>
#include <kernel/stack_guard.h>
#include <abi/kernel_invoke.h>
#include "trap_priv.h"

extern inline __attribute__((always_inline)) void invoke_decode(struct inv_context *c);

#define DECODER STACK_GUARD_NONE
#include <abi/kernel_invoke.c>

/* The arguments are read and the results written where the registers are saved: a method takes its
 * arguments by value before it writes a result. */
STACK_GUARD_NONE struct trap_result trap_invoke(struct dispatcher *d)
{
    uint64_t *x = d->frame.x;
    struct inv_context c; /* the rest is set before it is used */

    c.self = d;
    c.method = x[1];
    c.args = &x[2];
    c.results = &x[1];
    current = d;
    d->invocations++;
    c.error = dispatcher_cap(d, x[0], &c.object);
    if (__builtin_expect(err_is_ok(c.error), 1)) {
        check_touch(c.object);
        invoke_decode(&c);
    }
    x[0] = c.error;
    return trap_go_on(d);
}
