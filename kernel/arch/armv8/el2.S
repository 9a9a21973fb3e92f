// el2_drop: from EL2 to EL1 with nothing trapped, virtualised or offset. Called with the MMU off;
// returns to its caller at EL1 with SCTLR_EL1 = x1. Uses x2, x3.
// Source: DDI 0487 D19.2 (HCR_EL2, CNTHCTL_EL2, CPTR_EL2, MDCR_EL2), IHI 0069 12.5 (ICC_SRE_EL2).

#define HCR_RW   (1 << 31)               // EL1 is AArch64
#define HCR_APK  (1 << 40)               // pointer authentication is not trapped (RES0 without it)
#define HCR_API  (1 << 41)
#define SPSR_EL1H_MASKED 0x3c5

        .text
        .global el2_drop
el2_drop:
        ldr     x2, =(HCR_RW | HCR_APK | HCR_API)
        msr     hcr_el2, x2
        isb
        mov     x2, #3                  // EL1 may use the physical counter and timer
        msr     cnthctl_el2, x2
        msr     cntvoff_el2, xzr
        mov     x2, #0x33ff             // RES1 bits; FP is not trapped to EL2
        msr     cptr_el2, x2
        msr     hstr_el2, xzr
        msr     vttbr_el2, xzr
        mrs     x2, mdcr_el2
        and     x2, x2, #0x1f           // keep HPMN, the number of counters EL1 may use
        msr     mdcr_el2, x2
        mrs     x2, midr_el1
        msr     vpidr_el2, x2
        mrs     x2, mpidr_el1
        msr     vmpidr_el2, x2
        mrs     x2, id_aa64pfr0_el1
        ubfx    x2, x2, #24, #4
        cbz     x2, 1f                  // no GICv3 system registers
        mrs     x2, S3_4_C12_C9_5       // ICC_SRE_EL2
        orr     x2, x2, #1              // SRE
        orr     x2, x2, #8              // Enable: EL1 may use ICC_SRE_EL1
        msr     S3_4_C12_C9_5, x2
        isb
        mrs     x2, S3_4_C12_C9_5
        tbz     x2, #0, 1f              // the controller does not offer them (GICv2)
        msr     S3_4_C12_C11_0, xzr     // ICH_HCR_EL2
1:      msr     sctlr_el1, x1
        mov     x2, #SPSR_EL1H_MASKED
        msr     spsr_el2, x2
        msr     elr_el2, x30
        isb
        eret
