/* Records of address spaces. All under the memory lock, all from slabs (mem_priv.h). */
#pragma once

#include <aos/fault.h>
#include <aos/paging.h>

#include "tree_priv.h"

/* One page table. Key of its node: first address it translates | level. */
struct ptable {
    struct tree_node node;
    caddr_t cap;
    caddr_t mapping;                     /* that attaches it; 0: root, or not known */
    uint64_t base;                       /* physical, to give back to the pool; 0: not from there */
    uint32_t live;                       /* entries in use */
    bool owned;                          /* made here, not by the spawner */
    uint8_t level;
};

/* One Mapping capability: consecutive entries of one table. */
struct paging_part {
    struct paging_part *next;
    struct ptable *table;
    uint64_t va;
    caddr_t mapping;
    caddr_t copy;                        /* of a borrowed frame, made for this part; 0: none */
    uint16_t count;                      /* entries */
};

/* One allocated range of addresses. node: start, and bytes with the guard. */
struct paging_region {
    struct tree_node node;
    uint64_t guard_bytes;                /* at the start, never mapped */
    struct paging_part *parts;
    /* of paging_alloc: given back with the region; 0: not ours */
    caddr_t frame;
    uint32_t flags;
    uint32_t permanent;                  /* came with the domain */
    const char *name;
    fault_handler handler;
    void *handler_arg;
};

/* paging.c */
void paging_init_self(void);

/* tables.c: entries for [va, va + bytes) of `frame` at `off`, as new parts at the end of *parts,
 * which must not be known to others. Takes the lock for one table at a time. On failure the new
 * parts are undone. */
struct paging_span {
    uint64_t va;
    caddr_t frame;
    uint64_t off;
    uint64_t bytes;
    uint32_t flags;
    /* frame and offset are aligned for 2 MiB entries where va is */
    bool large;
};
errval_t paging_map_span(struct paging_state *st, const struct paging_span *span,
                         struct paging_part **parts);
/* Deletes the mappings of the list. */
void paging_drop_parts(struct paging_part *parts);
/* A table that came with the domain. */
void paging_adopt_table(struct paging_state *st, const struct kpi_table *table);
void paging_destroy_tables(struct paging_state *st);
