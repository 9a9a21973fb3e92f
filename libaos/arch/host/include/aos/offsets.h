/* Layout that assembly relies on; thread/thread_priv.h and kpi/dispatcher.h check it. */
#pragma once

#define THREAD_SP      24
#define THREAD_TPIDR   32
#define THREAD_MODE    40
#define THREAD_REGS    64
#define THREAD_FPSR    352               /* FPSR, FPCR, then q0-q31 */
#define THREAD_FP      368

#define REGS_SP        248
#define REGS_PC        256
#define REGS_TPIDR     272

#define PAGE_RESUME    0x20
