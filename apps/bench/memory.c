/* Memory: faults that fill a page on demand, and that copy one. */
#include "bench_priv.h"

#include <aos/paging.h>

#define MEMORY_PAGES (BENCH_WARMUP + BENCH_SAMPLES)

/* Writes to the next page, which has not been touched before. */
static errval_t memory_touch(void *arg)
{
    volatile uint8_t **next = arg;

    **next = 1;
    *next += AOS_PAGE_BYTES;
    return ERR_OK;
}

void bench_memory(void)
{
    volatile uint8_t *next;
    void *va, *copy;

    bench_check("memory on demand", paging_alloc_lazy(&(struct paging_lazy){
        .bytes = MEMORY_PAGES * AOS_PAGE_BYTES, .flags = AOS_VM_RW}, &va));
    next = va;
    bench_run("lazy_fault", &(struct bench){.fn = memory_touch}, &next);
    bench_check("snapshot", paging_snapshot(va, &copy));
    next = copy;
    bench_run("cow_fault", &(struct bench){.fn = memory_touch}, &next);
    bench_check("unmap", paging_unmap(paging_self(), copy));
    bench_check("unmap", paging_unmap(paging_self(), va));
}
