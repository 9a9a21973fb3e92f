/* Address spaces: frames and fresh memory in regions. */
#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/slot.h>

#include "mem_priv.h"
#include "paging_priv.h"

static struct paging_state paging_own;

struct paging_state *paging_self(void)
{
    return &paging_own;
}

/* What a range that came with the domain is, for reports. */
static const char *paging_range_name(const struct kpi_range *range)
{
    static const struct {
        uint64_t start, end;
        const char *name;
    } places[] = {
        { KPI_DISPATCHER_VA, KPI_STARTUP_VA, "dispatcher page" },
        { KPI_STARTUP_VA, KPI_STARTUP_VA + KPI_STARTUP_BYTES_MAX, "startup block" },
        { KPI_STACK_TOP - KPI_STACK_BYTES, KPI_STACK_TOP, "stack" },
    };
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (range->va >= places[i].start && range->va < places[i].end) {
            return places[i].name;
        }
    }
    if ((range->flags & AOS_VM_EXECUTE) != 0) {
        return "code";
    }
    return (range->flags & AOS_VM_WRITE) != 0 ? "data" : "constants";
}

void paging_init_self(void)
{
    const struct kpi_startup *startup = domain_startup();
    const char *block = (const char *)startup;
    const struct kpi_table *tables = (const void *)(block + startup->tables_off);
    const struct kpi_range *ranges = (const void *)(block + startup->ranges_off);
    struct paging_state *st = &paging_own;
    st->root = KPI_CAP_SELF_VROOT;
    paging_add_free(st, KPI_DYNAMIC_VA, KPI_DYNAMIC_END);
    for (uint32_t i = 0; i < startup->table_count; i++) {
        paging_adopt_table(st, &tables[i]);
    }
    for (uint32_t i = 0; i < startup->range_count; i++) {
        struct paging_region *r = mem_new(MEM_SLAB_REGION);
        r->node.key = ranges[i].va;
        r->node.bytes = ranges[i].bytes;
        r->flags = ranges[i].flags;
        r->unit = AOS_PAGE_BYTES;
        r->lazy = ranges[i].kind == KPI_RANGE_LAZY;
        r->cluster = PAGING_STACK_CLUSTER;
        r->permanent = true;
        r->name = paging_range_name(&ranges[i]);
        tree_insert(&st->regions, &r->node);
        USER_CHECK(ranges[i].va + ranges[i].bytes <= KPI_DYNAMIC_VA);
    }
}

/* May 2 MiB entries be used? The physical address must be aligned where the virtual one is. */
static bool paging_large(uint64_t va, caddr_t frame, uint64_t off, uint64_t bytes)
{
    struct cap_info info;
    if (bytes < AOS_LARGE_BYTES || err_is_fail(cap_identify(frame, &info))) {
        return false;
    }
    return (info.a + off - va) % AOS_LARGE_BYTES == 0;
}

static errval_t paging_fill(struct paging_state *st, struct paging_region *r, uint64_t va,
                            caddr_t frame, uint64_t off, uint64_t bytes, uint32_t flags)
{
    struct paging_span span = {
        .va = va, .frame = frame, .off = off, .bytes = bytes, .flags = flags & ~AOS_VM_LARGE,
        .large = paging_large(va, frame, off, bytes),
    };
    if ((flags & AOS_VM_LARGE) != 0 && (!span.large || (va | bytes) % AOS_LARGE_BYTES != 0)) {
        return LIB_ERR_BAD_ALIGN;
    }
    return paging_map_span(st, r, &span);
}

errval_t paging_map_frame(struct paging_state *st, caddr_t frame, uint64_t off, uint64_t bytes,
                          uint32_t flags, void **ret_va)
{
    struct paging_region *r;
    uint64_t align = bytes >= AOS_LARGE_BYTES ? AOS_LARGE_BYTES : AOS_PAGE_BYTES;
    errval_t err = off % AOS_PAGE_BYTES == 0 ? region_take(st, bytes, align, &r)
                                             : LIB_ERR_BAD_ALIGN;
    if (err_is_fail(err)) {
        return err;
    }
    r->flags = flags & ~AOS_VM_LARGE;
    r->unit = (flags & AOS_VM_LARGE) != 0 ? AOS_LARGE_BYTES : AOS_PAGE_BYTES;
    err = paging_fill(st, r, r->node.key, frame, off, bytes, flags);
    if (err_is_fail(err)) {
        region_release(st, r);
        return err;
    }
    *ret_va = (void *)r->node.key;
    region_publish(st, r);
    return ERR_OK;
}

/* Memory behind a guard. The kernel clears what becomes a Frame. */
static errval_t paging_alloc_region(uint64_t bytes, uint64_t guard, uint32_t flags,
                                    const char *name, void **ret_va)
{
    struct paging_state *st = &paging_own;
    struct paging_region *r;
    bool large = (flags & AOS_VM_LARGE) != 0;
    if (bytes == 0 || bytes > KPI_VA_LIMIT || guard > KPI_VA_LIMIT || guard % AOS_PAGE_BYTES != 0) {
        return LIB_ERR_BAD_ALIGN;
    }
    caddr_t frame;
    bytes = large ? aos_round_up(bytes, AOS_LARGE_BYTES) : bytes;
    errval_t err = frame_alloc(bytes, &frame, &bytes);
    if (err_is_fail(err)) {
        return err;
    }
    uint64_t align = bytes >= AOS_LARGE_BYTES && guard == 0 ? AOS_LARGE_BYTES : AOS_PAGE_BYTES;
    err = region_take(st, guard + bytes, align, &r);
    if (err_is_fail(err)) {
        (void)ram_free(frame);
        return err;
    }
    r->frame = frame;
    r->guard_bytes = guard;
    r->name = name;
    r->flags = flags & ~AOS_VM_LARGE;
    r->unit = large ? AOS_LARGE_BYTES : AOS_PAGE_BYTES;
    uint64_t va = r->node.key + guard;
    err = paging_fill(st, r, va, frame, 0, bytes, flags);
    if (err_is_fail(err)) {
        region_release(st, r);
        return err;
    }
    region_publish(st, r);
    *ret_va = (void *)va;
    return ERR_OK;
}

errval_t paging_alloc(uint64_t bytes, uint32_t flags, void **ret_va)
{
    return paging_alloc_region(bytes, 0, flags, NULL, ret_va);
}

errval_t paging_alloc_guarded(uint64_t bytes, uint64_t guard, const char *name, void **ret_va)
{
    return paging_alloc_region(bytes, guard, AOS_VM_RW, name, ret_va);
}

errval_t paging_reserve(struct paging_state *st, uint64_t bytes, uint64_t align, void **ret_va)
{
    struct paging_region *r;
    errval_t err = region_take(st, bytes, align, &r);
    if (err_is_ok(err)) {
        *ret_va = (void *)r->node.key;
        region_publish(st, r);
    }
    return err;
}

errval_t paging_map_reserved(struct paging_state *st, void *va, caddr_t frame, uint64_t off,
                             uint64_t bytes, uint32_t flags)
{
    uint64_t at = (uint64_t)va;
    if (at % AOS_PAGE_BYTES != 0 || off % AOS_PAGE_BYTES != 0 || bytes == 0 ||
        bytes % AOS_PAGE_BYTES != 0) {
        return LIB_ERR_BAD_ALIGN;
    }
    mem_lock();
    struct paging_region *r = region_around(st, at, bytes);
    bool inside = r != NULL && !r->permanent && !r->lazy;
    mem_end();
    if (!inside) {
        return LIB_ERR_BAD_ADDRESS;
    }
    return paging_fill(st, r, at, frame, off, bytes, flags);
}

errval_t fault_set_region_handler(void *va, fault_handler handler, void *arg)
{
    mem_lock();
    struct paging_region *r = region_find(&paging_own, (uint64_t)va);
    if (r != NULL) {
        r->handler = handler;
        r->handler_arg = arg;
    }
    mem_end();
    return r != NULL ? ERR_OK : LIB_ERR_BAD_ADDRESS;
}
