/* What a monitor asks of its kernel about objects that several cores know, through the Kernel
 * capability: init only. Thin: abi/objects.if, methods cap_* of kernel, says what each does.
 * `root` is the address of an L1CNode, 0 for one's own; other addresses are within it. */
#pragma once

#include <abi/captypes.h>
#include <aos/types.h>
#include <kpi/remote.h>

/* What another core needs to make a capability to the same object (kpi/remote.h). */
struct kernel_cap {
    uint8_t type, rights, owner;
    uint32_t state;                      /* KPI_CAP_*; means something here only */
    uint32_t page, pages;                /* address or name, and size, in pages */
};
errval_t kernel_caps_describe(caddr_t root, caddr_t cap, struct kernel_cap *ret);
errval_t kernel_caps_anchor(caddr_t root, caddr_t cap, caddr_t dest);
errval_t kernel_caps_foreign(uint8_t type, uint32_t page, uint32_t pages, uint8_t owner,
                            caddr_t dest);
errval_t kernel_caps_set_owner(caddr_t anchor, uint8_t owner);
/* SYS_ERR_AGAIN: the kernel has done its bounded part. */
errval_t kernel_caps_sweep(uint8_t type, uint32_t page, uint32_t pages, bool keep_anchor,
                          caddr_t root, caddr_t keep);
errval_t kernel_caps_part(caddr_t anchor, uint64_t off, uint64_t bytes, bool set);
/* SYS_ERR_AGAIN: the same. */
errval_t kernel_caps_retype(caddr_t root, caddr_t src, uint64_t off, uint8_t type, uint64_t bytes,
                           uint32_t count, caddr_t node, uint32_t index);
/* An object of the database of this core, or a capability of a domain. */
struct kernel_object {
    struct kernel_cap cap;               /* type 0: none. Of an object no rights are told. */
    uint64_t place;                      /* Mapping: table | entry; EndPoint: side */
    uint32_t copies;                     /* capabilities to it; KPI_CAP_MORE: or more */
};
/* The object after `after` in the order of the database; what an object was made of comes before
 * it. `after` of type 0: the first. */
errval_t kernel_caps_next(const struct kernel_object *after, struct kernel_object *ret);
/* The first capability in the space of `dispatcher` at *at or after, where *at is then. Type 0: go
 * on at *at, unless that is 0. */
errval_t kernel_caps_space(caddr_t dispatcher, uint32_t *at, struct kernel_object *ret);
/* Whether something ended since the last call that an anchor may have waited for. */
bool kernel_caps_ended(void);
