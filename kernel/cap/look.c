/* See kernel/cap_look.h. */
#include <kernel/cap_look.h>
#include <kernel/cap_tree.h>
#include <kernel/cspace.h>
#include <kpi/remote.h>

static void look_at(struct cte *cte, struct cap_sight *ret)
{
    cap_describe(cte, &ret->what);
    ret->copies = 1;
    ret->place = cap_key_of(cte).place;
}

bool cap_look(const struct cap_key *after, struct cap_sight *ret)
{
    const struct cte *copy = tree_after(after);
    if (copy == NULL)
        return false;
    look_at((struct cte *)(uintptr_t)copy, ret);
    while (!slot_alone(copy) && copy->next != NULL) {
        if (ret->copies == CAP_STEP_MAX) {
            ret->what.state |= KPI_CAP_MORE;
            break;
        }
        ret->copies++;
        copy = copy->next;
    }
    return true;
}

/* Units of work to find the slots of a CNode, or that there is none. */
#define LOOK_CNODE_UNITS 4u

/* The address after `at` when there is no slot there: in the next L2 CNode, then in the L1 CNode
 * itself; 0: that was all. */
static caddr_t look_over(const struct cte *root, caddr_t at)
{
    if ((at & KPI_CADDR_L1) != 0)
        return 0;
    uint32_t next = at / KPI_L2_SLOTS + 1;
    return next < cnode_slot_count(root) ? KPI_CADDR(next, 0) : KPI_CADDR_L1;
}

/* How many slots of the same CNode there are from the one at `at` on. */
static uint32_t look_rest(const struct cte *root, caddr_t at)
{
    return (at & KPI_CADDR_L1) != 0 ? cnode_slot_count(root) - (at & ~KPI_CADDR_L1)
                                    : KPI_L2_SLOTS - at % KPI_L2_SLOTS;
}

void cap_look_space(const struct cte *root, caddr_t from, caddr_t *ret_at, struct cap_sight *ret)
{
    struct cte *slot;
    uint32_t units = CAP_STEP_MAX;
    caddr_t at = from == 0 ? 1 : from;
    *ret = (struct cap_sight){0};
    if (root->type != CAPTYPE_L1CNODE)
        at = 0;
    while (at != 0 && units > LOOK_CNODE_UNITS) {
        units -= LOOK_CNODE_UNITS;
        if (err_is_fail(cspace_slot(root, at, &slot))) {
            at = look_over(root, at);
            continue;
        }
        uint32_t rest = look_rest(root, at), n = 0;
        if (rest > units)
            rest = units;
        while (n < rest && (slot[n].type == CAPTYPE_NULL || (slot[n].flags & CTE_DYING) != 0))
            n++;
        at += n;
        units -= n;
        if (n < rest) {
            look_at(&slot[n], ret);
            break;
        }
    }
    *ret_at = at;
}
