/* Before main: nothing is connected yet, but from now on it will be when it is needed. */
#include <aos/domain.h>
#include <aos/services.h>

#include "rpc_priv.h"

errval_t aos_rpc_init(void)
{
    aos_use_memory();
    aos_use_monitor();
    io_set_ops(&rpc_io_ops);
    return ERR_OK;
}
