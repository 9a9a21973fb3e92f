// The calls that bench.c counts, with nothing around them.
#include <abi/syscalls.h>

        .text
        .global bench_null, bench_rpc, bench_server
bench_null:                             // x0 = dispatcher: method 0 does not exist
        mov     x1, xzr
        svc     #SYSCALL_INVOKE
        ret
bench_rpc:                              // x0 = end
        mov     x10, xzr
        svc     #SYSCALL_CALL
        ret
bench_server:                           // x0 = end
        mov     x19, x0
        mov     x0, xzr
1:      mov     x10, xzr
        svc     #SYSCALL_CALL
        mov     x0, x19
        b       1b
