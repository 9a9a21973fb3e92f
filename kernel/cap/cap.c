/* Making, copying and moving capabilities; splitting memory. */
#include <kernel/cap_remote.h>
#include <kernel/lmp.h>
#include <kernel/cap_tree.h>

uint8_t core_self; /* set by kernel_start, constant since */

uint64_t cap_node_count(void)
{
    return tree_count();
}

void cap_count(enum captype type, uint64_t *ret_objects, uint64_t *ret_caps)
{
    *ret_objects = tree_count_type(type);
    *ret_caps = *ret_objects + slot_count_copies(type);
}

struct cte *cap_find(enum captype type, uint64_t base, uint64_t bytes, uint64_t place)
{
    struct cap_key key = cap_key_make(type, (uint32_t)(base >> CAP_PAGE_SHIFT),
                                      (uint32_t)(bytes >> CAP_PAGE_SHIFT), place);
    return tree_find(&key);
}

errval_t cap_create(struct cte *dest, enum captype type, uint64_t base, uint64_t bytes,
                    uint8_t rights)
{
    const uint64_t end_max = 2 * CAP_NAMED_BASE;
    if (dest->type != CAPTYPE_NULL)
        return SYS_ERR_SLOT_OCCUPIED;
    if (base % CAP_PAGE_BYTES != 0 || bytes % CAP_PAGE_BYTES != 0 || bytes == 0)
        return SYS_ERR_RETYPE_SIZE;
    if (base >= end_max || bytes > end_max - base)
        return SYS_ERR_RETYPE_SIZE;
    if (base < CAP_NAMED_BASE && bytes > CAP_NAMED_BASE - base)
        return SYS_ERR_RETYPE_SIZE;
    uint32_t first = (uint32_t)(base >> CAP_PAGE_SHIFT);
    uint32_t pages = (uint32_t)(bytes >> CAP_PAGE_SHIFT);
    struct cap_key key = {0};
    if (type == CAPTYPE_IRQDEST)
        key = cap_key_make(CAPTYPE_IRQTABLE, (uint32_t)(CAP_IRQ_BASE(0) >> CAP_PAGE_SHIFT),
                           (uint32_t)(CAP_IRQ_BYTES >> CAP_PAGE_SHIFT), 0);
    if (tree_overlap(&key, first, first + pages, false) != NULL)
        return SYS_ERR_RETYPE_OVERLAP;
    slot_init(dest, type, first, pages, (uint8_t)(rights & captype_table[type].rights),
              core_self);
    tree_insert(dest);
    return ERR_OK;
}

/* Objects with state that must not exist twice. */
static bool cap_copyable(enum captype type)
{
    return type != CAPTYPE_MAPPING && type != CAPTYPE_ENDPOINT &&
           !(type >= CAPTYPE_VNODEL0 && type <= CAPTYPE_VNODEL3);
}

static errval_t cap_check_slots(const struct cte *src, const struct cte *dest)
{
    if (src->type == CAPTYPE_NULL)
        return SYS_ERR_CAP_NOT_FOUND;
    if ((src->flags & CTE_DYING) != 0)
        return SYS_ERR_BUSY;
    if (dest->type != CAPTYPE_NULL)
        return SYS_ERR_SLOT_OCCUPIED;
    return ERR_OK;
}

errval_t cap_transfer_check(const struct cte *src, const struct cte *dest, bool move)
{
    errval_t err = cap_check_slots(src, dest);
    if (err_is_fail(err))
        return err;
    if (!move)
        return cap_copyable(cte_type(src)) ? ERR_OK : SYS_ERR_NOT_COPYABLE;
    if (src->type == CAPTYPE_ENDPOINT && endpoint_in_use(cte_base(src), cte_side(src)))
        return SYS_ERR_END_IN_USE;
    return ERR_OK;
}

void cap_transfer(struct cte *src, struct cte *dest, uint8_t rights, bool move)
{
    if (move) {
        slot_move(src, dest);
        dest->rights &= rights;
    } else {
        slot_copy(src, dest);
        dest->rights &= (uint8_t)(rights & ~CAP_RIGHT_D);
    }
}

errval_t cap_copy(struct cte *src, uint8_t rights, struct cte *dest)
{
    errval_t err = cap_transfer_check(src, dest, false);
    if (err_is_fail(err))
        return err;
    slot_copy(src, dest);
    dest->rights &= rights;
    return ERR_OK;
}

errval_t cap_lend(struct cte *src, uint8_t rights, struct cte *dest)
{
    errval_t err = cap_transfer_check(src, dest, false);
    if (err_is_fail(err))
        return err;
    if (cte_loan(src) == CAP_LOAN_MAX)
        return SYS_ERR_NOT_COPYABLE;
    slot_lend(src, dest);
    dest->rights &= rights;
    return ERR_OK;
}

errval_t cap_move(struct cte *src, struct cte *dest)
{
    errval_t err = cap_transfer_check(src, dest, true);
    if (err_is_fail(err))
        return err;
    slot_move(src, dest);
    return ERR_OK;
}

void cap_embed(struct cte *src, struct cte *dest)
{
    kernel_assert(dest->type == CAPTYPE_NULL && (src->flags & CTE_DYING) == 0);
    slot_copy(src, dest);
    dest->flags |= CTE_EMBEDDED;
}

errval_t cap_split(struct cte *src, uint64_t off, struct cte *dest)
{
    errval_t err = cap_check_slots(src, dest);
    if (err_is_fail(err))
        return err;
    if (src->type != CAPTYPE_RAM && src->type != CAPTYPE_FRAME && src->type != CAPTYPE_DEVFRAME)
        return SYS_ERR_CAP_TYPE;
    if ((src->rights & CAP_RIGHT_D) == 0)
        return SYS_ERR_CAP_RIGHTS;
    if (off % CAP_PAGE_BYTES != 0 || off == 0 || off >= cte_bytes(src))
        return SYS_ERR_RETYPE_SIZE;
    if (cap_is_foreign(src))
        return SYS_ERR_REMOTE;
    struct cap_key key = cap_key_of(src);
    bool alone = slot_alone(src) && (src->flags & CTE_ANCHOR) == 0;
    if (!alone || tree_overlap(&key, src->page, src->page + src->pages, false) != NULL)
        return SYS_ERR_HAS_DESCENDANTS;
    uint32_t low = (uint32_t)(off >> CAP_PAGE_SHIFT);
    tree_remove(src);
    slot_init(dest, cte_type(src), src->page + low, src->pages - low, src->rights, src->owner);
    src->pages = low;
    src->aux = 0;
    tree_insert(src);
    tree_insert(dest);
    return ERR_OK;
}
