/* Retype: new objects from memory. */
#include <arch/maintain.h>
#include <kernel/asid.h>
#include <kernel/cap_remote.h>
#include <kernel/dispatcher.h>
#include <kernel/kasan.h>
#include <kernel/lmp.h>
#include <kernel/memory.h>
#include <kpi/dispatcher.h>
#include <kpi/vm.h>
#include <kernel/check.h>

_Static_assert(CAPTYPE_COUNT <= 32, "type sets are 32 bits wide");

static bool is_power_of_two(uint64_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

/* Whether an object of the type may have this size. */
static bool retype_size_ok(enum captype type, uint64_t bytes)
{
    switch (type) {
    case CAPTYPE_RAM:
    case CAPTYPE_FRAME:
    case CAPTYPE_DEVFRAME:
        return bytes != 0 && bytes % CAP_PAGE_BYTES == 0;
    case CAPTYPE_L1CNODE:
        return is_power_of_two(bytes) && bytes >= KPI_L1_BYTES_MIN && bytes <= KPI_L1_BYTES_MAX;
    case CAPTYPE_L2CNODE:
        return bytes == KPI_L2_BYTES;
    case CAPTYPE_VNODEL0:
    case CAPTYPE_VNODEL1:
    case CAPTYPE_VNODEL2:
    case CAPTYPE_VNODEL3:
        return bytes == KPI_PAGE_BYTES;
    case CAPTYPE_DISPATCHER:
        return bytes == KPI_DISPATCHER_BYTES;
    case CAPTYPE_ENDPOINT:
        return is_power_of_two(bytes) && bytes >= KPI_CHANNEL_BYTES_MIN &&
               bytes <= KPI_CHANNEL_BYTES_MAX;
    case CAPTYPE_NULL:
    case CAPTYPE_MAPPING:
    case CAPTYPE_IRQTABLE:
    case CAPTYPE_IRQDEST:
    case CAPTYPE_KERNEL:
    case CAPTYPE_KCB:
    case CAPTYPE_NOTIFY:
    case CAPTYPE_PERFMON:
    case CAPTYPE_COUNT:
        break;
    }
    return false;
}

/* Clears a bounded part of pages [first, end) of a RAM object. How far it got is kept in the node:
 * memory under RAM that no descendant uses is not written by anyone. True when all is clear. */
static bool retype_clear(struct cte *ram, uint32_t first, uint32_t end)
{
    uint32_t clear_first = (uint32_t)(ram->aux >> 32), clear_end = (uint32_t)ram->aux;
    uint32_t from = clear_first <= first && clear_end > first ? clear_end : first;
    if (from >= end)
        return true;
    if (from == first)
        clear_first = first;
    uint32_t pages = end - from;
    if (pages > CAP_CLEAR_MAX / CAP_PAGE_BYTES)
        pages = CAP_CLEAR_MAX / CAP_PAGE_BYTES;
    arch_clear_memory(phys_to_virt((uint64_t)from << CAP_PAGE_SHIFT),
                      (size_t)pages << CAP_PAGE_SHIFT);
    ram->aux = (uint64_t)clear_first << 32 | (from + pages);
    return from + pages == end;
}

/* Fills the slots of one object of pages [page, page + pages); `before` is the one made before it,
 * NULL for the first. */
static void retype_make(const struct cte *src, enum captype type, uint32_t page, uint32_t pages,
                        struct cte *dest, struct cte *before)
{
    uint64_t base = (uint64_t)page << CAP_PAGE_SHIFT;
    uint8_t rights = (uint8_t)(src->rights & captype_table[type].rights);
    slot_init(dest, type, page, pages, rights, core_self);
    kasan_object_made(dest);
    if (type == CAPTYPE_VNODEL0) {
        dest->aux = (uint64_t)asid_alloc() << CTE_ASID_SHIFT;
        dest->flags = CTE_ATTACHED;
    } else if (type == CAPTYPE_DISPATCHER) {
        dispatcher_object_init(phys_to_virt(base));
    } else if (type == CAPTYPE_ENDPOINT) {
        slot_init(dest + 1, type, page, pages, rights, core_self);
        dest[1].detail = 1;
        dest[0].aux = (uint64_t)(uintptr_t)endpoint_at(base, 0);
        dest[1].aux = (uint64_t)(uintptr_t)endpoint_at(base, 1);
        tree_insert(dest + 1);
        channel_object_init(base, (uint64_t)pages << CAP_PAGE_SHIFT);
    }
    if (before == NULL)
        tree_insert(dest);
    else
        tree_insert_after(dest, before);
}

static errval_t retype_check(const struct cte *src, uint64_t off, enum captype type, uint64_t bytes,
                             uint32_t count, const struct cte *dest)
{
    if (src->type == CAPTYPE_NULL)
        return SYS_ERR_CAP_NOT_FOUND;
    if ((src->flags & CTE_DYING) != 0)
        return SYS_ERR_BUSY;
    if ((src->rights & CAP_RIGHT_D) == 0)
        return SYS_ERR_CAP_RIGHTS;
    if (cap_is_foreign(src))
        return SYS_ERR_REMOTE;
    if (type >= CAPTYPE_COUNT || (captype_table[src->type].retype_mask >> type & 1) == 0)
        return SYS_ERR_RETYPE_ILLEGAL;
    uint64_t have = cte_bytes(src);
    if (count == 0 || off % CAP_PAGE_BYTES != 0 || off > have || bytes > have - off)
        return SYS_ERR_RETYPE_SIZE;
    if (!retype_size_ok(type, bytes) || count > (have - off) / bytes)
        return SYS_ERR_RETYPE_SIZE;
    if (type == src->type && bytes == have)
        return SYS_ERR_RETYPE_SIZE;
    if (type == CAPTYPE_ENDPOINT && count != 1)
        return SYS_ERR_RETYPE_SIZE;
    uint32_t slots = type == CAPTYPE_ENDPOINT ? 2 : count;
    for (uint32_t i = 0; i < slots; i++) {
        if (dest[i].type != CAPTYPE_NULL)
            return SYS_ERR_SLOT_OCCUPIED;
    }
    if (type == CAPTYPE_VNODEL0 && asid_available() < count)
        return SYS_ERR_NO_ASID;
    return ERR_OK;
}

/* Everything was checked but what the range is used for. */
static errval_t retype_range(struct cte *src, uint64_t off, enum captype type, uint64_t bytes,
                             uint32_t count, struct cte *dest)
{
    uint32_t pages = (uint32_t)(bytes >> CAP_PAGE_SHIFT);
    uint32_t first = src->page + (uint32_t)(off >> CAP_PAGE_SHIFT);
    uint32_t end = first + pages * count;
    struct cap_key key = cap_key_of(src);
    if (tree_overlap(&key, first, end, false) != NULL) {
        /* What overlaps may be on its way out. */
        if (!cap_work_pending())
            return SYS_ERR_RETYPE_OVERLAP;
        (void)cap_work();
        return SYS_ERR_AGAIN;
    }
    struct cte *node = cte_node(src);
    if (src->type == CAPTYPE_RAM) {
        if (type != CAPTYPE_RAM && !retype_clear(node, first, end))
            return SYS_ERR_AGAIN;
        node->aux = 0;
    } else {
        check_touch(node);
        node->flags |= CTE_PARTED; /* only frames can be parted, other than RAM */
    }
    for (uint32_t i = 0; i < count; i++)
        retype_make(src, type, first + i * pages, pages, dest + i, i == 0 ? NULL : dest + i - 1);
    return ERR_OK;
}

errval_t cap_retype(struct cte *src, uint64_t off, enum captype type, uint64_t bytes,
                    uint32_t count, struct cte *dest)
{
    errval_t err = retype_check(src, off, type, bytes, count, dest);
    if (err_is_fail(err))
        return err;
    /* A frame that is known elsewhere may be mapped there. RAM is nowhere else in use. */
    if (src->type != CAPTYPE_RAM && (cte_node(src)->flags & CTE_KNOWN) != 0)
        return SYS_ERR_REMOTE;
    return retype_range(src, off, type, bytes, count, dest);
}

errval_t cap_retype_agreed(struct cte *src, uint64_t off, enum captype type, uint64_t bytes,
                           uint32_t count, struct cte *dest)
{
    errval_t err = retype_check(src, off, type, bytes, count, dest);
    return err_is_fail(err) ? err : retype_range(src, off, type, bytes, count, dest);
}
