/* RAM of the memory service for the pool of this domain (aos/ram.h). The pool calls with its
 * reserve intact, which the first call needs to reach the service. */
#include <aos/cap.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <if/memory.h>

#define RPC_ALLOC_TRIES 3u /* what a service that ended had not given away comes back to the next */

static errval_t rpc_ram_alloc(void *arg, uint64_t bytes, uint64_t align, caddr_t *ret_ram,
                              uint64_t *ret_bytes)
{
    struct memory_binding *b;
    errval_t err = aos_memory(&b);

    (void)arg;
    for (uint32_t i = 0; err_is_ok(err) && i < RPC_ALLOC_TRIES; i++) {
        err = memory_alloc(b, bytes, align, ret_ram, ret_bytes);
        if (err_no(err) != RPC_ERR_PEER_GONE) {
            break;
        }
        err = i + 1 < RPC_ALLOC_TRIES ? ERR_OK : err;
    }
    return err_is_ok(err) ? ERR_OK : err_push(err, LIB_ERR_NO_MEMORY);
}

static void rpc_ram_free(void *arg, caddr_t ram, uint64_t bytes)
{
    struct memory_binding *b;

    (void)arg;
    (void)bytes;
    if (err_is_ok(aos_memory(&b))) {
        /* sent away, whatever the answer: the service knows more */
        (void)memory_free(b, ram);
    } else {
        (void)cap_destroy(ram);
    }
}

static const struct ram_source rpc_ram_source = {.alloc = rpc_ram_alloc, .free = rpc_ram_free};

void aos_use_memory(void)
{
    ram_set_source(&rpc_ram_source);
}
