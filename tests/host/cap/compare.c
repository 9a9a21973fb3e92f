/* The model against the real database. */
#include "check.h"
#include "env.h"
#include "model.h"

#include <kernel/cap_tree.h>
#include <kernel/cspace.h>
#include <kpi/vm.h>

static void compare_slot(const struct model_slot *slot)
{
    const struct cte *real = slot->real;
    if (slot->object == NONE) {
        CHECK_EQ(real->type, CAPTYPE_NULL);
        return;
    }
    const struct model_object *o = &model.objects[slot->object];
    CHECK_EQ(real->type, o->type);
    CHECK_EQ(real->rights, slot->rights);
    CHECK_EQ(real->flags & CTE_DYING, 0);
    if (o->type != CAPTYPE_IRQDEST)
        CHECK_EQ(cte_base(real), o->base);
    CHECK_EQ(cte_bytes(real), o->bytes);
    if (o->type == CAPTYPE_ENDPOINT)
        CHECK_EQ(cte_side(real), o->side);
}

static void compare_copies(void)
{
    static int seen[MODEL_OBJECTS];
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < MODEL_SLOTS; i++) {
        const struct model_slot *slot = &model.slots[i];
        if (slot->object == NONE || seen[slot->object]++ != 0)
            continue;
        int copies = 0;
        for (const struct cte *c = cte_node(slot->real); c != NULL; c = c->next)
            copies++;
        CHECK_EQ(copies, model.objects[slot->object].copies);
    }
}

static void compare_table(int t)
{
    const uint64_t ours = 0xfull << 55; /* the kernel's own bits */
    const struct model_object *o = &model.objects[model.table_owner[t]];
    const uint64_t *real = phys_to_virt(o->base);
    for (unsigned i = 0; i < ENTRIES; i++)
        CHECK_EQ(real[i] & ~ours, model.entries[t][i]);
}

void model_compare(void)
{
    CHECK_EQ(cap_node_count(), model.object_count);
    for (int b = 0; b < BLOCKS; b++) {
        if (model.block_owner[b] == NONE)
            continue;
        unsigned n = b < HOME_BLOCKS ? BLOCK_SLOTS : model.objects[model.block_owner[b]].slots;
        for (unsigned i = 0; i < n; i++)
            compare_slot(&model.slots[b * BLOCK_SLOTS + (int)i]);
    }
    compare_copies();
    for (int t = 0; t < TABLES; t++) {
        if (model.table_owner[t] != NONE)
            compare_table(t);
    }
    uint64_t nodes;
    CHECK_EQ(cap_check_all(&nodes), 0);
    CHECK_EQ(nodes, model.object_count);
}
