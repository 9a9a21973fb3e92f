/* Thread-local storage, variant 1 of the ELF TLS specification: TPIDR_EL0 points to a control
 * block of 16 bytes, and the block of the program follows, aligned. The C library's header page
 * may write the word pair below it. */
#include <aos/debug.h>

#include "thread_priv.h"

#define TLS_TCB_BYTES 16u

/* Defined by domain.lds. */
extern const uint8_t aos_tls_image[];
extern const uint8_t aos_tls_file_bytes[];
extern const uint8_t aos_tls_bytes[];
extern const uint8_t aos_tls_align[];

static uint64_t tls_align(void)
{
    uint64_t align = (uint64_t)aos_tls_align;
    return align < TLS_TCB_BYTES ? TLS_TCB_BYTES : align;
}

uint64_t tls_bytes(void)
{
    return 2 * tls_align() + TLS_TCB_BYTES + aos_round_up((uint64_t)aos_tls_bytes, TLS_TCB_BYTES);
}

uint64_t tls_build(void *memory)
{
    uint64_t align = tls_align();
    uint64_t tp = aos_round_up((uint64_t)memory + TLS_TCB_BYTES, align);
    uint8_t *block = (uint8_t *)(tp + align); /* align >= 16: the control block rounded up */
    uint64_t file_bytes = (uint64_t)aos_tls_file_bytes;
    for (uint64_t i = 0; i < (uint64_t)aos_tls_bytes; i++) {
        block[i] = i < file_bytes ? aos_tls_image[i] : 0;
    }
    return tp;
}
