/* Notifications: kernel/notify.h. The end that is connected is kept in the node of the Notify, and
 * the bit in the end. */
#include <kernel/notify.h>
#include <kernel/cap_remote.h>
#include <kernel/cap_tree.h>
#include <kernel/check.h>
#include <kernel/doorbell.h>
#include <kernel/lmp.h>

/* No Notify of this core has a bit from here on; owner: this file. */
static uint32_t notify_made;

uint32_t notify_limit(void)
{
    return notify_made;
}

errval_t notify_make(uint32_t core, uint32_t bit, struct cte *dest)
{
    bool own = core == core_self;
    errval_t err;

    if (core >= KPI_CORES_MAX || bit >= (own ? KPI_NOTIFY_BITS : KPI_NOTIFY_MONITORS)) {
        return SYS_ERR_BAD_ARGUMENT;
    }
    if (own) {
        err = cap_create(dest, CAPTYPE_NOTIFY, notify_base(core, bit), CAP_PAGE_BYTES,
                         CAP_RIGHTS_ALL);
    } else {
        err = cap_foreign(CAPTYPE_NOTIFY, (uint32_t)(notify_base(core, bit) >> CAP_PAGE_SHIFT), 1,
                          (uint8_t)core, dest);
    }
    if (err_is_fail(err)) {
        return err == SYS_ERR_RETYPE_OVERLAP ? SYS_ERR_NOTIFY_TAKEN : err;
    }
    if (own) {
        notify_made = bit < notify_made ? notify_made : bit + 1;
        doorbell_clear(bit);             /* what rang for who had the bit before */
    }
    return ERR_OK;
}

static struct endpoint *notify_end(const struct cte *node)
{
    return (struct endpoint *)(uintptr_t)node->aux;
}

errval_t notify_connect(struct cte *notify, struct endpoint *end)
{
    struct cte *node = cte_node(notify);
    uint16_t number = (uint16_t)(notify_bit(node) + 1);

    if (node->owner != core_self) {
        return SYS_ERR_REMOTE;
    }
    if ((end->notify != 0 && end->notify != number) ||
        (node->aux != 0 && notify_end(node) != end)) {
        return SYS_ERR_NOTIFY_TAKEN;
    }
    check_touch(node);
    node->aux = (uint64_t)(uintptr_t)end;
    end->notify = number;
    return ERR_OK;
}

static void notify_raise_node(const struct cte *node)
{
    if (node->aux != 0) {
        lmp_raise(notify_end(node));
    }
}

void notify_raise(uint32_t bit)
{
    const struct cte *node = cap_find(CAPTYPE_NOTIFY, notify_base(core_self, bit), CAP_PAGE_BYTES,
                                      0);

    if (node != NULL) {
        notify_raise_node(node);
    }
}

void notify_signal(struct cte *notify)
{
    const struct cte *node = cte_node(notify);

    if (node->owner == core_self) {
        notify_raise_node(node);
    } else {
        doorbell_ring(notify_core(node), notify_bit(node));
    }
}

/* The highest bit goes, so that what it takes to look for bits does not stay. Between Notifies of
 * this core there is nothing else. */
static void notify_lower(uint32_t page)
{
    const struct cte *last = tree_last_from(page - 1);

    notify_made = last != NULL && last->type == CAPTYPE_NOTIFY && notify_core(last) == core_self
                      ? notify_bit(last) + 1 : 0;
}

void notify_object_destroy(struct cte *notify)
{
    if (notify_core(notify) == core_self && notify_bit(notify) + 1 == notify_made) {
        notify_lower(notify->page);
    }
    if (notify->aux != 0) {
        notify_end(notify)->notify = 0;
        notify->aux = 0;
    }
}

void notify_disconnect(struct endpoint *end)
{
    struct cte *node = cap_find(CAPTYPE_NOTIFY, notify_base(core_self, end->notify - 1u),
                                CAP_PAGE_BYTES, 0);

    kernel_assert(node != NULL && notify_end(node) == end); /* an invariant */
    check_touch(node);
    node->aux = 0;
    end->notify = 0;
}
