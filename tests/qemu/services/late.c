/* Linked into a service in place of aos_register (--wrap of the linker): its name comes long after
 * it has begun to serve. */
#include <aos/services.h>
#include <aos/thread.h>

#define LATE_NS 300000000ull             /* what else starts is there by then */

errval_t __real_aos_register(struct server *s, const char *name, const char *props, size_t bytes);
errval_t __wrap_aos_register(struct server *s, const char *name, const char *props, size_t bytes);

errval_t __wrap_aos_register(struct server *s, const char *name, const char *props, size_t bytes)
{
    thread_sleep_ns(LATE_NS);
    return __real_aos_register(s, name, props, bytes);
}
