/* See share.h. Frames cross, as copies: each core that knows one has an anchor of it
 * (kernel/cap_remote.h), which stays. */
#include "share.h"

#include <stdlib.h>

#include <aos/cap.h>
#include <aos/kernel.h>
#include <aos/msg.h>
#include <aos/slot.h>

/* An anchor of this core. */
struct share_anchor {
    struct share_anchor *next;
    struct kernel_cap object;
    caddr_t cap;
};

static struct share_anchor *anchors;

static bool share_same(const struct kernel_cap *a, const struct kernel_cap *b)
{
    return a->type == b->type && a->page == b->page && a->pages == b->pages;
}

static struct share_anchor *share_find(const struct kernel_cap *object)
{
    struct share_anchor *a = anchors;

    while (a != NULL && !share_same(&a->object, object)) {
        a = a->next;
    }
    return a;
}

/* An entry with an empty slot. */
static struct share_anchor *share_new(const struct kernel_cap *object)
{
    struct share_anchor *a = malloc(sizeof(*a));

    if (a == NULL || err_is_fail(slot_alloc(&a->cap))) {
        free(a);
        return NULL;
    }
    a->object = *object;
    a->next = anchors;
    return a;
}

static errval_t share_enter(struct share_anchor *a, errval_t err)
{
    if (err_is_ok(err)) {
        anchors = a;
    } else {
        slot_free(a->cap);
        free(a);
    }
    return err;
}

errval_t share_give(caddr_t cap, struct kernel_cap *ret_object)
{
    struct kernel_cap object;
    struct share_anchor *a;
    errval_t err = kernel_cap_describe(cap, &object);

    if (err_is_fail(err) || object.type != CAPTYPE_FRAME
        || (object.state & (KPI_CAP_LOAN | KPI_CAP_PARTED)) != 0) {
        return RPC_ERR_CAPABILITY;
    }
    if ((object.state & KPI_CAP_KNOWN) == 0) {
        a = share_new(&object);
        err = a == NULL ? LIB_ERR_NO_MEMORY : share_enter(a, kernel_cap_anchor(cap, a->cap));
    }
    if (err_is_fail(err)) {
        return err_push(err, RPC_ERR_CAPABILITY);
    }
    object.rights &= (uint8_t)~CAP_RIGHT_D;
    (void)cap_destroy(cap);
    *ret_object = object;
    return ERR_OK;
}

errval_t share_take(const struct kernel_cap *object, caddr_t *ret_cap)
{
    struct share_anchor *a = share_find(object);
    errval_t err = ERR_OK;
    caddr_t cap;

    if (a == NULL) {
        a = share_new(object);
        err = a == NULL ? LIB_ERR_NO_MEMORY : share_enter(a, kernel_cap_foreign(object, a->cap));
    }
    if (err_is_ok(err)) {
        err = slot_alloc(&cap);
    }
    if (err_is_fail(err)) {
        return err;
    }
    err = cap_mint(cap, a->cap, object->rights);
    if (err_is_fail(err)) {
        slot_free(cap);
        return err;
    }
    *ret_cap = cap;
    return ERR_OK;
}
