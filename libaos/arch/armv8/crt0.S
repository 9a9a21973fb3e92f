/* Entry of a domain: the kernel starts it disabled, with the stack of the first thread in SP. */
    .global _start
    .type _start, %function
_start:
    mov     x29, #0                      /* the end of every backtrace */
    mov     x30, #0
    b       libaos_start

/* Upcall: disabled, SP = top of the upcall stack, x0 = KPI_UPCALL_*. upcall_handle does not
 * return. */
    .global upcall_entry
    .type upcall_entry, %function
upcall_entry:
    mov     x29, #0
    mov     x30, #0
    b       upcall_handle
