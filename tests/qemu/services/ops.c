/* See ops.h. */
#include "ops.h"

#include <aos/cap.h>
#include <aos/services.h>
#include <if/memory.h>

errval_t ops_ram(uint64_t bytes, uint64_t align)
{
    struct memory_binding *b;
    uint64_t actual;
    caddr_t ram;
    errval_t err = aos_memory(&b);

    if (err_is_ok(err)) {
        err = memory_alloc(b, bytes, align, &ram, &actual);
    }
    return err_is_ok(err) ? memory_free(b, ram) : err;
}

errval_t ops_lookup(void)
{
    caddr_t end;
    errval_t err = aos_lookup("serial", &end);

    return err_is_ok(err) ? cap_destroy(end) : err;
}
