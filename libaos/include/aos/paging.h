/* Address spaces: where frames are mapped. A space makes its page tables on demand from RAM of
 * this domain. Addresses and lengths are bytes in units of the page. Any thread may call. */
#pragma once

#include <aos/fault.h>
#include <aos/types.h>
#include <kpi/startup.h>
#include <kpi/vm.h>

#define AOS_VM_READ     KPI_VM_READ
#define AOS_VM_WRITE    KPI_VM_WRITE
#define AOS_VM_EXECUTE  KPI_VM_EXECUTE
#define AOS_VM_UNCACHED KPI_VM_UNCACHED
#define AOS_VM_RW       (KPI_VM_READ | KPI_VM_WRITE)
/* Only by 2 MiB entries, or not at all (LIB_ERR_BAD_ALIGN). Without it they are used where they
 * fit. What is done to a part of such a region is aligned to 2 MiB. */
#define AOS_VM_LARGE    0x100u

struct tree_node;
struct ptable;

/* In the caller's memory, initialised by one of the init functions; fields are private. */
struct paging_state {
    caddr_t root;                        /* VNodeL0 */
    struct tree_node *tables;            /* page tables by (address, level) */
    struct tree_node *regions;           /* what is mapped or reserved, by address */
    /* free addresses, by address, with the largest range below each */
    struct tree_node *free;
    struct ptable *last;                 /* table that was used last; NULL: none */
    struct ptable *idle_first, *idle_last; /* empty tables that are kept for a while */
    uint32_t idle_count;
};

/* This domain's own space. */
struct paging_state *paging_self(void);

/* Maps `bytes` of `frame` (Frame or DevFrame) from byte `off` on, anywhere. Large
 * entries are used where address, offset and length allow. The capability stays the caller's and
 * must outlive nothing: the mapping holds its own. LIB_ERR_NO_ADDRESS, LIB_ERR_BAD_ALIGN,
 * LIB_ERR_NO_MEMORY, LIB_ERR_NO_SLOTS, or LIB_ERR_MAP on top of the kernel's error. Nothing
 * stays mapped on failure. */
errval_t paging_map_frame(struct paging_state *st, caddr_t frame, uint64_t off, uint64_t bytes,
                          uint32_t flags, void **ret_va);
/* Fresh memory of this domain, mapped into its own space: zeroed, given back by paging_unmap. */
errval_t paging_alloc(uint64_t bytes, uint32_t flags, void **ret_va);
/* The same with `guard` bytes below it that stay unmapped; `ret_va` is the first usable address;
 * a fault in the guard is reported by `name`, which must live on. */
errval_t paging_alloc_guarded(uint64_t bytes, uint64_t guard, const char *name, void **ret_va);
/* Undoes one of these calls, whole: mappings are deleted, the address range is free again. `va` is
 * what they returned. Page tables that become empty go back, but for the last few. */
errval_t paging_unmap(struct paging_state *st, void *va);
/* The same for `bytes` of it from `va` on, at any page: the rest stays, as one region or two, each
 * known by its first address. Not for paging_alloc, whose memory is one piece
 * (LIB_ERR_BAD_ADDRESS); of frames only what was mapped with one run of entries, whole
 * (LIB_ERR_BAD_ALIGN). */
errval_t paging_unmap_part(struct paging_state *st, void *va, uint64_t bytes);
/* Changes the access of a whole region, or of pages of it (`bytes` at `va`), whether they are there
 * already or not. 0: no access at all. */
errval_t paging_protect(struct paging_state *st, void *va, uint32_t flags);
errval_t paging_protect_part(struct paging_state *st, void *va, uint64_t bytes, uint32_t flags);

/* Memory of the own space that is filled on demand: it costs nothing before it is touched, and the
 * fault of the first touch maps a zeroed page. Any size up to the address space. At most
 * `cluster` pages are filled by one fault, as far as they have been untouched: k touched pages cost
 * at most k * cluster frames, and the pages come in stores of up to 16. Code that runs disabled
 * must not be the first to touch it. Given back by paging_unmap, paging_unmap_part. */
struct paging_lazy {
    uint64_t bytes;                      /* rounded up to pages */
    uint64_t guard_bytes;                /* below it, never mapped */
    uint32_t flags;                      /* AOS_VM_* */
    uint32_t cluster;                    /* 0: 1 */
    const char *name;                    /* for reports; lives on; NULL: none */
};
#define PAGING_STACK_CLUSTER 2u          /* for stacks */
errval_t paging_alloc_lazy(const struct paging_lazy *spec, void **ret_va);
/* Fills pages now. What is there stays. LIB_ERR_NO_MEMORY: some are filled. */
errval_t paging_populate(void *va, uint64_t bytes);
/* Gives the pages back: they are untouched again. Of paging_reserve: unmaps them. */
errval_t paging_discard(void *va, uint64_t bytes);

/* Copy on write. A snapshot of a lazy region: a region of its own, with the same contents and the
 * region's access. Pages are shared until one side writes to them: that costs the writer one frame.
 * Snapshots may be taken of snapshots, and all may be given back in any order. Nobody else may
 * write to, or unmap, `va` meanwhile. Memory that disabled code writes to (stacks, channels) must
 * not be shared. */
errval_t paging_snapshot(void *va, void **ret_copy);
/* Makes the contents of `va` those of a snapshot of it, where they differ, by sharing. */
errval_t paging_restore(void *va, void *snapshot);
/* A private view of a frame, perhaps of another domain, that need not be writable: what is written
 * to goes into pages of this domain. paging_discard brings the frame's contents back. The
 * capability stays the caller's; the view has a copy. */
errval_t paging_map_private(caddr_t frame, uint64_t off, uint64_t bytes, uint32_t flags,
                            void **ret_va);

/* What filling on demand uses. */
struct paging_use {
    uint64_t pages;                      /* in regions now; shared ones count once */
    uint64_t filled, copied;             /* pages since the start */
};
void paging_stats(struct paging_use *ret_use);

/* Takes an address range out of use without mapping anything; paging_unmap gives it back. */
errval_t paging_reserve(struct paging_state *st, uint64_t bytes, uint64_t align, void **ret_va);
/* Maps into a part of a reserved range. Parts go away with the range, or by paging_discard. */
errval_t paging_map_reserved(struct paging_state *st, void *va, caddr_t frame, uint64_t off,
                             uint64_t bytes, uint32_t flags);

/* What is at `va` in the own space; false: nothing. */
struct paging_region_info {
    uint64_t va, bytes;
    uint32_t flags;                      /* of the page; 0: none, or reserved only */
    bool lazy;                           /* filled on demand */
    bool guard;                          /* `va` hits the guard of the region */
    const char *name;
    fault_handler handler;               /* aos/fault.h */
    void *handler_arg;
};
bool paging_lookup(uint64_t va, struct paging_region_info *ret_info);
/* The region that has `va`, or else the nearest. False: there is none. */
bool paging_nearest(uint64_t va, struct paging_region_info *ret_info);
