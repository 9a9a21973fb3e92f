/* The RAM pool (aos/ram.h), for mem.c. */
#pragma once

#include "tree_priv.h"

struct ram_chunk {
    struct tree_node node;               /* key: physical base; bytes */
    caddr_t cap;
    bool returnable;                     /* came from the source */
    bool returning;                      /* on the way back: not in the trees any more */
    struct ram_chunk *next;              /* chunks to return */
};

/* Of the reserve so much is in one run: two L2 CNodes may be needed. */
#define RAM_RESERVE_RUN (2ull * KPI_L2_BYTES)

uint64_t ram_pool_free(void);
/* The largest free range. */
uint64_t ram_pool_run(void);
/* The memory lock, held once, is dropped while the source runs. */
void mem_unlock_for_source(void);
