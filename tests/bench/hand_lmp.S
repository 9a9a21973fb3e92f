/* A call of one word over LMP as somebody would write it by hand for this one method and peer:
 * what a generated stub is measured against (tests/harness/bars.py). It does what the protocol
 * asks for (kpi/lmp.h: unused payload registers are zero, the domain is disabled during the call)
 * and nothing that a stub owes to its callers: no check that the channel is open and free, no
 * txid, no check of the reply, no other threads.
 *
 * uint64_t hand_lmp_call1(uint64_t end, uint64_t header, uint64_t word, uint64_t *ret_word)
 * gives the cookie of the end on which something came: that of this end, unless something else
 * happened. */
#include <abi/syscalls.h>

#define PAGE_DISABLED 0x0    /* struct kpi_dispatcher */

    .text
    .global hand_lmp_call1
    .type hand_lmp_call1, %function
hand_lmp_call1:
    mrs     x17, tpidrro_el0
    mov     w16, #1
    str     x3, [sp, #-16]!
    mov     x3, xzr
    mov     x4, xzr
    mov     x5, xzr
    mov     x6, xzr
    mov     x7, xzr
    mov     x8, xzr
    mov     x9, xzr
    mov     x10, xzr
    str     w16, [x17, #PAGE_DISABLED]
    svc     #SYSCALL_CALL
    ldr     x12, [sp], #16
    mrs     x17, tpidrro_el0
    str     wzr, [x17, #PAGE_DISABLED]
    str     x2, [x12]
    ret
    .size hand_lmp_call1, . - hand_lmp_call1
