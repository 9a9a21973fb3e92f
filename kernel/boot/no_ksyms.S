// The empty symbol table of the first link.
        .section .ksyms, "a"
        .balign 8
        .global kernel_symbols, kernel_symbols_end
kernel_symbols:
kernel_symbols_end:
