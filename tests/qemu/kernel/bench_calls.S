// The calls that bench.c counts, with nothing around them.
#include <abi/syscalls.h>

#define PAGE_RECV_SLOT 0x18

        .text
        .global bench_null, bench_rpc, bench_rpc_cap, bench_server
bench_null:                             // x0 = dispatcher: method 0 does not exist
        mov     x1, xzr
        svc     #SYSCALL_INVOKE
        ret
bench_rpc:                              // x0 = end
        mov     x10, xzr
        svc     #SYSCALL_CALL
        ret
bench_rpc_cap:                          // x0 = end | slot << 32: the capability there moves
        lsr     x10, x0, #32
        mov     w0, w0
        mrs     x16, tpidrro_el0
        str     w10, [x16, #PAGE_RECV_SLOT]
        mov     x11, #0x1ff             // all rights, move
        orr     x10, x10, x11, lsl #32
        svc     #SYSCALL_CALL
        ret
bench_server:                           // x0 = end, x1 = receive slot: what comes goes back
        mov     x19, x0
        mrs     x21, tpidrro_el0
        mov     w20, w1
        mov     x22, #0x1ff
        str     w20, [x21, #PAGE_RECV_SLOT]
        mov     x0, xzr
        mov     x10, xzr
1:      svc     #SYSCALL_CALL
        mov     x0, x19
        cbz     x10, 1b
        str     w20, [x21, #PAGE_RECV_SLOT]
        orr     x10, x10, x22, lsl #32
        b       1b
