/* Records of address spaces. All under the memory lock, all from slabs (mem_priv.h). */
#pragma once

#include <aos/fault.h>
#include <aos/paging.h>

#include "tree_priv.h"

/* One page table. Key of its node: first address it translates | level. */
struct ptable {
    struct tree_node node;
    struct ptable *idle_prev, *idle_next; /* empty tables that are kept, oldest first */
    caddr_t cap;
    caddr_t mapping;                     /* that attaches it; 0: root, or not known */
    uint64_t base;                       /* physical, to give back to the pool; 0: not from there */
    uint32_t live;                       /* entries in use */
    bool owned;                          /* made here, not by the spawner */
    bool idle;
    uint8_t level;
};

#define STORE_PAGES_MAX 16u

/* Pages of one Frame that regions filled on demand are made of, each with the number of parts that
 * have it; or a Frame of somebody else, which is only ever read. */
struct paging_store {
    struct paging_store *prev, *next;    /* stores with free pages */
    caddr_t frame;                       /* of its own */
    uint64_t base;                       /* physical; 0: of somebody else */
    uint64_t unit;                       /* bytes of a page: 4 KiB or 2 MiB */
    uint64_t live;                       /* pages in use; of somebody else's: users */
    uint32_t pages;
    uint16_t used, clean;                /* bit per page; clean: still as the kernel made it */
    uint32_t refs[STORE_PAGES_MAX];
};

/* Consecutive pages with consecutive entries of one table: one Mapping. Key: the first address. */
struct paging_part {
    struct tree_node node;
    struct ptable *table;
    caddr_t mapping;                     /* 0: not mapped before it is touched */
    caddr_t copy;                        /* of a borrowed frame, made for this part; 0: none */
    uint16_t count;                      /* entries */
    bool clean;                          /* its pages were all zero when store_take gave them */
    uint32_t first;                      /* page of the store */
    struct paging_store *store;          /* NULL: a frame mapped by its owner */
};

/* A range whose access is not that of its region. */
struct paging_access {
    struct tree_node node;
    uint32_t flags;
};

/* One allocated range of addresses. node: start, and bytes with the guard. */
struct paging_region {
    struct tree_node node;
    uint64_t guard_bytes;                /* at the start, never mapped */
    struct tree_node *parts;             /* struct paging_part */
    struct tree_node *near;              /* the part asked for or made last; NULL: none */
    uint64_t near_end;                   /* where the next one after it begins */
    struct tree_node *access;            /* struct paging_access */
    /* of paging_alloc: given back with the region; 0: not ours */
    caddr_t frame;
    uint32_t flags;
    bool permanent;                      /* came with the domain */
    bool lazy;                           /* filled on demand */
    bool shared;                         /* its pages may have other users: written after a copy */
    uint32_t cluster;                    /* pages that one fault fills, at most */
    uint64_t unit;                       /* bytes of a page: 4 KiB or 2 MiB */
    struct paging_store *origin;         /* what untouched pages are; NULL: zero */
    uint32_t origin_first;               /* page of it that the first usable address shows */
    const char *name;
    fault_handler handler;
    void *handler_arg;
};

#define NODE_PART(n)   ((struct paging_part *)(void *)(n))
#define NODE_REGION(n) ((struct paging_region *)(void *)(n))
#define NODE_ACCESS(n) ((struct paging_access *)(void *)(n))
#define NODE_TABLE(n)  ((struct ptable *)(void *)(n))

/* First usable address, and the end. */
static inline uint64_t region_start(const struct paging_region *r)
{
    return r->node.key + r->guard_bytes;
}

static inline uint64_t region_end(const struct paging_region *r)
{
    return r->node.key + r->node.bytes;
}

/* region.c; all under the lock but the first two. */
errval_t region_take(struct paging_state *st, uint64_t bytes, uint64_t align,
                     struct paging_region **ret_region);
void region_publish(struct paging_state *st, struct paging_region *r);
/* The record is not (or no longer) in the tree: everything goes back. Takes the lock itself. */
void region_release(struct paging_state *st, struct paging_region *r);
/* The region whose usable part starts at va. */
struct paging_region *region_find(struct paging_state *st, uint64_t va);
/* The region that has all of [va, va + bytes), which is not its guard. */
struct paging_region *region_around(struct paging_state *st, uint64_t va, uint64_t bytes);
void paging_add_free(struct paging_state *st, uint64_t start, uint64_t end);

/* access.c: as access_at, in a region that has ranges. */
uint32_t access_of_range(const struct paging_region *r, uint64_t va, uint64_t *ret_end);
uint32_t access_flags_of_range(const struct paging_region *r, uint64_t va);
/* What a page of the region may be used for; ret_end: up to where that holds. */
static inline uint32_t access_at(const struct paging_region *r, uint64_t va, uint64_t *ret_end)
{
    if (r->access != NULL) {
        return access_of_range(r, va, ret_end);
    }
    *ret_end = region_end(r);
    return r->flags;
}
static inline uint32_t access_flags(const struct paging_region *r, uint64_t va)
{
    return r->access != NULL ? access_flags_of_range(r, va) : r->flags;
}
/* At most two new nodes. */
void access_set(struct paging_region *r, uint64_t va, uint64_t bytes, uint32_t flags);
void access_forget(struct paging_region *r, uint64_t va, uint64_t bytes);

/* part.c */
struct paging_part *part_at(struct paging_region *r, uint64_t va);
/* Puts a part, which is not mapped yet, where its key says. */
void part_add(struct paging_region *r, struct paging_part *p);
/* Maps the part with the access that its pages have. */
errval_t part_map(struct paging_state *st, struct paging_region *r, struct paging_part *p);
/* Deletes the mapping, releases the pages, frees the record; it is in the tree of `r`. */
void part_drop(struct paging_state *st, struct paging_region *r, struct paging_part *p);
/* Makes `va` the border of two parts if it is inside one. LIB_ERR_BAD_ALIGN: that part cannot be
 * cut there. At most one new part. */
errval_t part_cut(struct paging_state *st, struct paging_region *r, uint64_t va);
/* Gives the mapped pages of [va, end) the access that they have by now. */
errval_t part_protect(struct paging_region *r, uint64_t va, uint64_t end);
/* A record for `count` pages of `store` at `va`, not mapped; the references are the caller's. */
struct paging_part *part_new(struct paging_region *r, uint64_t va, struct paging_store *store,
                             uint32_t first, uint32_t count);

/* store.c */
/* RAM that the next store_take may need besides the reserves; 0: it has pages. */
uint64_t store_need(uint64_t unit);
/* Up to `want` pages in a row, each with one user, for a new part: its store, first, count and
 * clean. */
errval_t store_take(uint64_t unit, uint32_t want, struct paging_part *p);
/* For a frame of somebody else, with one user. */
errval_t store_foreign(caddr_t frame, struct paging_store **ret_store);
void store_hold(struct paging_store *s, uint32_t first, uint32_t count);
void store_release(struct paging_store *s, uint32_t first, uint32_t count);
/* May a user of the page write to it? */
bool store_alone(const struct paging_store *s, uint32_t page);
uint64_t store_pages_used(void);

/* lazy.c: for a fault of the own domain at `va`. ERR_OK: try again. LIB_ERR_BAD_ADDRESS: it is
 * none of paging's business. Anything else: the page cannot be filled. */
errval_t paging_fault(uint64_t va, enum fault_kind kind, bool translation);
/* Drops the parts of [va, end), whose borders are cut already. */
void lazy_drop(struct paging_state *st, struct paging_region *r, uint64_t va, uint64_t end);

/* cow.c: page `va` of the part `p` is written to, and has other users: it gets a copy. */
errval_t cow_copy(struct paging_state *st, struct paging_region *r, struct paging_part *p,
                  uint64_t va);
uint64_t cow_copied(void);

/* content.c: pages through their addresses. */
void paging_clear(uint64_t va, uint64_t bytes);
void paging_copy(uint64_t to, uint64_t from, uint64_t bytes);

/* paging.c */
void paging_init_self(void);

/* tables.c: entries for [va, va + bytes) of `frame` at `off`, as new parts of `r`. Takes the lock
 * for one table at a time. On failure the new parts are undone. */
struct paging_span {
    uint64_t va;
    caddr_t frame;
    uint64_t off;
    uint64_t bytes;
    uint32_t flags;
    /* frame and offset are aligned for 2 MiB entries where va is */
    bool large;
};
errval_t paging_map_span(struct paging_state *st, struct paging_region *r,
                         const struct paging_span *span);
/* One Mapping more or less, of `count` entries. An owned table without entries is kept for a
 * while. */
errval_t table_map(struct paging_state *st, struct paging_part *p, caddr_t frame, uint64_t off,
                   uint32_t flags);
void table_unmap(struct paging_state *st, struct paging_part *p);
/* A table that came with the domain. */
void paging_adopt_table(struct paging_state *st, const struct kpi_table *table);
