// Which code of the kernel is run, for a fuzzer in user space (kpi/coverage.h). The compiler calls
// __sanitizer_cov_trace_pc at the start of every basic block (GCC manual, "Program Instrumentation
// Options": -fsanitize-coverage=trace-pc). Only in a kernel made for that: it tells a user program
// what others do.
#include <kernel/coverage.h>
#include <kernel/kasan.h>
#include <kernel/memory.h>
#include <kpi/coverage.h>

extern const char _text_start[];

// Owner: this file; shared with whoever init gives the frame to.
static struct kpi_coverage coverage __attribute__((aligned(PAGE_SIZE)));
static uint64_t coverage_last; // owner: this file; where control came from

void __sanitizer_cov_trace_pc(void);
KASAN_RAW void __sanitizer_cov_trace_pc(void)
{
    uint64_t at = ((uintptr_t)__builtin_return_address(0) - (uintptr_t)_text_start) / 4;
    coverage.edges[(at ^ coverage_last) % KPI_COVERAGE_EDGES]++;
    coverage_last = (at * 5) >> 1; // tells A to B from B to A
    if (at < KPI_COVERAGE_BLOCKS)
        coverage.blocks[at] = 1;
}

bool coverage_memory(paddr_t *ret_base, uint64_t *ret_bytes)
{
    *ret_base = virt_to_phys(&coverage);
    *ret_bytes = sizeof(coverage);
    return true;
}
