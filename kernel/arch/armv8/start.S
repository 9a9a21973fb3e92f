// Entry of the image: from any 2 MiB aligned physical address, at EL2 or EL1, MMU and data cache
// off, x0 = physical address of a device tree (Linux Documentation/arm64/booting). Ends in
// kernel_main at the link address with MMU and caches on, .data copied and .bss cleared.
//
// Kept: x20 = x0 at entry, x21 = physical load address, x22 = exception level at entry.
#include <arch/kasan_shadow.h>
#include <arch/pte.h>

#define TABLE_FLAGS (PTE_VALID | PTE_TABLE)
#define RAM_FLAGS   (PTE_VALID | PTE_PAGE | PTE_AF | PTE_SH_INNER | (MAIR_NORMAL << PTE_ATTR_SHIFT))
#define IDENT_FLAGS (PTE_VALID | PTE_AF | PTE_AP_RO | PTE_SH_INNER | \
                     (MAIR_NORMAL << PTE_ATTR_SHIFT))

// SCTLR_EL1 (DDI 0487, D19.2.125). Off: the RES1 bits of Armv8.0. On adds M, A=0, C, SA, SA0, I,
// WXN, and lets EL0 use DC ZVA (DZE), CTR_EL0 (UCT), cache maintenance by address (UCI), WFI, WFE.
#define SCTLR_OFF 0x30d00800
#define SCTLR_ON  (SCTLR_OFF | 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 12 | 1 << 14 | 1 << 15 | \
                   1 << 16 | 1 << 18 | 1 << 19 | 1 << 26)

// TCR_EL1: 48-bit halves, 4 KiB granules, walks write-back inner shareable. IPS and AS are added.
#define TCR_SIZES  (16 | 16 << 16)
#define TCR_WALKS  (1 << 8 | 1 << 10 | 3 << 12 | 1 << 24 | 1 << 26 | 3 << 28)
#define TCR_TG1_4K (2 << 30)

        .section .head, "ax"
        .global _head
_head:  b       entry
        .long   0
        .quad   0                       // text_offset
        .quad   KERNEL_REGION_SIZE      // image_size: nothing else may lie in the region
        .quad   0xa                     // little endian, 4 KiB pages, anywhere in memory
        .quad   0, 0, 0
        .ascii  "ARM\x64"
        .long   0

        .text
entry:  msr     daifset, #0xf
        mov     x20, x0
        adrp    x21, _head
        mrs     x22, CurrentEL
        lsr     x22, x22, #2
        mov     w1, #(SCTLR_OFF & 0xffff)
        movk    w1, #(SCTLR_OFF >> 16), lsl #16
        cmp     x22, #2
        b.eq    1f
        msr     sctlr_el1, x1
        isb
        b       2f
1:      bl      el2_drop                // returns at EL1; x1 becomes SCTLR_EL1
2:      bl      build_tables
        bl      mmu_on
        ldr     x0, =entry_high
        br      x0

// Fills the boot tables: image at the link address with its permissions, and the first block of
// the image under its physical address, for the instructions that turn the MMU on.
build_tables:
        mov     x23, x30
        adrp    x0, boot_l0
        adrp    x1, boot_tables_end
1:      stp     xzr, xzr, [x0], #16
        cmp     x0, x1
        b.lo    1b

        adrp    x2, boot_l0
        ldr     x3, =KERNEL_BASE
        adrp    x1, boot_l1
        lsr     x4, x3, #39
        bl      set_table
        adrp    x2, boot_l1
        adrp    x1, boot_l2
        lsr     x4, x3, #30
        bl      set_table
        adrp    x2, boot_l2
        adrp    x1, boot_image_l3
        lsr     x4, x3, #21
        bl      set_table
#ifdef CONFIG_KASAN
// The shadow of the region: compiled code writes there from its first stack frame on.
        adrp    x2, boot_l0
        ldr     x3, =KASAN_REGION_VA
        adrp    x1, boot_kasan_l1
        lsr     x4, x3, #39
        bl      set_table
        adrp    x2, boot_kasan_l1
        adrp    x1, boot_kasan_l2
        lsr     x4, x3, #30
        bl      set_table
        adrp    x2, boot_kasan_l2
        adrp    x1, boot_kasan_l3
        lsr     x4, x3, #21
        bl      set_table
        adrp    x2, boot_kasan_l3
        ubfx    x4, x3, #12, #9
        add     x2, x2, x4, lsl #3
        adrp    x0, boot_kasan_shadow
        adrp    x6, boot_kasan_shadow_end
        ldr     x5, =(RAM_FLAGS | (1 << PTE_UXN_BIT) | (1 << PTE_PXN_BIT))
5:      orr     x7, x5, x0
        str     x7, [x2], #8
        add     x0, x0, #4096
        cmp     x0, x6
        b.lo    5b
#endif
        adrp    x2, boot_ident_l0
        adrp    x1, boot_ident_l1
        lsr     x4, x21, #39
        bl      set_table
        adrp    x2, boot_ident_l1
        adrp    x1, boot_ident_l2
        lsr     x4, x21, #30
        bl      set_table
        adrp    x2, boot_ident_l2
        lsr     x4, x21, #21
        and     x4, x4, #0x1ff
        ldr     x5, =(IDENT_FLAGS | (1 << PTE_UXN_BIT))
        orr     x5, x5, x21
        str     x5, [x2, x4, lsl #3]

// Pages of the region: x0 physical address, x2 entry, x6.. the limits.
        mov     x0, x21
        adrp    x2, boot_image_l3
        adrp    x6, _rodata_start
        adrp    x7, _rodata_end
        adrp    x8, _stack_guard
        ldr     x9, =KERNEL_REGION_SIZE
        add     x9, x9, x21
2:      ldr     x5, =(RAM_FLAGS | PTE_AP_RO | (1 << PTE_UXN_BIT))
        cmp     x0, x6
        b.lo    3f
        orr     x5, x5, #(1 << PTE_PXN_BIT)
        cmp     x0, x7
        b.lo    3f
        and     x5, x5, #~PTE_AP_RO
3:      orr     x5, x5, x0
        cmp     x0, x8
        csel    x5, xzr, x5, eq         // the guard page stays unmapped
        str     x5, [x2], #8
        add     x0, x0, #4096
        cmp     x0, x9
        b.lo    2b

// The tables were written past the caches: drop what a speculating cache may hold of them.
        dsb     sy
        mrs     x3, ctr_el0
        ubfx    x3, x3, #16, #4
        mov     x4, #4
        lsl     x4, x4, x3              // smallest data cache line in bytes
        adrp    x0, boot_l0
        adrp    x1, boot_tables_end
4:      dc      ivac, x0
        add     x0, x0, x4
        cmp     x0, x1
        b.lo    4b
        dsb     sy
        ret     x23

// Entry x4 (mod 512) of table x2 := table x1.
set_table:
        and     x4, x4, #0x1ff
        orr     x1, x1, #TABLE_FLAGS
        str     x1, [x2, x4, lsl #3]
        ret

mmu_on: ldr     x0, =MAIR_VALUE
        msr     mair_el1, x0
        ldr     x0, =(TCR_SIZES | TCR_WALKS | TCR_TG1_4K)
        mrs     x1, id_aa64mmfr0_el1
        and     x2, x1, #0xf            // PARange: IPS, at most 48 bits (5)
        mov     x3, #5
        cmp     x2, x3
        csel    x2, x2, x3, lo
        orr     x0, x0, x2, lsl #32
        ubfx    x2, x1, #4, #4          // ASIDBits: 2 means 16 bits
        cmp     x2, #2
        cset    x2, eq
        orr     x0, x0, x2, lsl #36     // TCR_EL1.AS
        msr     tcr_el1, x0
        adrp    x0, boot_ident_l0
        msr     ttbr0_el1, x0
        adrp    x0, boot_l0
        msr     ttbr1_el1, x0
        isb
        tlbi    vmalle1
        ic      iallu
        dsb     nsh
        isb
        ldr     x0, =SCTLR_ON
        msr     sctlr_el1, x0
        isb
        ret

// At the link address. Nothing before this point may touch .data, .bss or a stack.
entry_high:
        adrp    x0, _data_start
        adrp    x1, _data_load
        add     x1, x1, :lo12:_data_load
        adrp    x2, _data_end
        add     x2, x2, :lo12:_data_end
        b       2f
1:      ldp     x3, x4, [x1], #16
        stp     x3, x4, [x0], #16
2:      cmp     x0, x2
        b.lo    1b
        adrp    x0, _bss_start
        add     x0, x0, :lo12:_bss_start
        adrp    x1, _bss_end
        add     x1, x1, :lo12:_bss_end
        b       4f
3:      stp     xzr, xzr, [x0], #16
4:      cmp     x0, x1
        b.lo    3b

        adrp    x0, vectors
        add     x0, x0, :lo12:vectors
        msr     vbar_el1, x0
        msr     spsel, #1
        isb
        adrp    x0, _stack_top
        add     x0, x0, :lo12:_stack_top
        mov     sp, x0
        mov     x29, xzr
        mov     x30, xzr
        mov     x0, x20
        mov     x1, x21
        mov     x2, x22
        bl      kernel_main
        .global _boot_end               // a backtrace ends here
_boot_end:
        b       .
        .ltorg

        .section .boot_tables, "aw", %nobits
        .balign 4096
        .global boot_l0, boot_l2, boot_dev_l3, boot_window_l3, boot_ident_l0
boot_l0:        .space 4096
boot_l1:        .space 4096
boot_l2:        .space 4096
boot_image_l3:  .space 4096
boot_dev_l3:    .space 4096
boot_window_l3: .space 4096
boot_ident_l0:  .space 4096
boot_ident_l1:  .space 4096
boot_ident_l2:  .space 4096
#ifdef CONFIG_KASAN
boot_kasan_l1:  .space 4096
boot_kasan_l2:  .space 4096
boot_kasan_l3:  .space 4096
boot_kasan_shadow: .space KASAN_REGION_BYTES // 0: all may be touched
boot_kasan_shadow_end:
#endif
boot_tables_end:
