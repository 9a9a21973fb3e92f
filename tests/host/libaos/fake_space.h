/* What paging stands on, for a host test: capabilities, page tables with entries that can be looked
 * at, pages whose content is one word, and the reserves of mem_priv.h, which are watched. */
#pragma once

#include <aos/paging.h>

#define SPACE_VA    KPI_DYNAMIC_VA
#define SPACE_PAGES 24576u               /* addresses that the test can look at: 96 MiB */

/* The content of the page at `va`; NULL: the entry does not allow `need` (KPI_VM_*). */
uint64_t *space_access(uint64_t va, uint32_t need);
/* A frame of `pages` pages that is not the own domain's. */
caddr_t space_frame(uint32_t pages, uint64_t content);
void space_frame_free(caddr_t frame);
/* Sets the own space up. */
void space_init(void);
/* Every n-th attempt to get memory fails; 0: none. */
void space_fail(uint32_t n);
struct space_counts {
    uint64_t caps, entries, pages, records;
};
struct space_counts space_counts(void);
