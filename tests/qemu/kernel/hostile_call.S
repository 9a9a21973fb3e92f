// hostile_call(number, regs): system call `number` (0 to 7) with x0-x10 from regs.
        .text
        .global hostile_call
hostile_call:
        stp     x29, x30, [sp, #-16]!
        mov     x29, sp
        mov     x16, x1
        and     x17, x0, #7
        adr     x18, table
        add     x17, x18, x17, lsl #3
        ldp     x0, x1, [x16]
        ldp     x2, x3, [x16, #16]
        ldp     x4, x5, [x16, #32]
        ldp     x6, x7, [x16, #48]
        ldp     x8, x9, [x16, #64]
        ldr     x10, [x16, #80]
        br      x17
table:  svc     #0
        b       done
        svc     #1
        b       done
        svc     #2
        b       done
        svc     #3
        b       done
        svc     #4
        b       done
        svc     #5
        b       done
        svc     #2
        b       done
        svc     #2
        b       done
done:   ldp     x29, x30, [sp], #16
        ret
