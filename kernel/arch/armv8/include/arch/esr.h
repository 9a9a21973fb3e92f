// Why an exception was taken: fields of ESR_EL1 (DDI 0487, D19.2.37).
#pragma once

#define ESR_CLASS(esr) ((esr) >> 26 & 0x3fu)

#define ESR_CLASS_UNKNOWN     0x00u
#define ESR_CLASS_FP          0x07u
#define ESR_CLASS_ILLEGAL     0x0eu
#define ESR_CLASS_SVC         0x15u
#define ESR_CLASS_SYSREG      0x18u
#define ESR_CLASS_IABORT_USER 0x20u
#define ESR_CLASS_IABORT      0x21u // in the kernel, as the next DABORT
#define ESR_CLASS_PC          0x22u
#define ESR_CLASS_DABORT_USER 0x24u
#define ESR_CLASS_DABORT      0x25u
#define ESR_CLASS_SP          0x26u
#define ESR_CLASS_SERROR      0x2fu
#define ESR_CLASS_BRK         0x3cu

// Of an abort: its status without the level of the table, and the direction of the access.
#define ESR_STATUS(esr)       ((esr) & 0x3cu)
#define ESR_STATUS_TRANSLATE  0x04u
#define ESR_STATUS_PERMISSION 0x0cu
#define ESR_WRITE             (1u << 6)
