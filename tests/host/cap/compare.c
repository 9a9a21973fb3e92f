/* The model against the real database. */
#include "check.h"
#include "env.h"
#include "model.h"

#include <kernel/cap_tree.h>
#include <kernel/cspace.h>
#include <kpi/vm.h>

void model_describe(int slot, char *ret_text, size_t bytes)
{
    const struct model_slot *s = &model.slots[slot];
    int n = snprintf(ret_text, bytes, "%d+%d=", slot / BLOCK_SLOTS, slot % BLOCK_SLOTS);
    if (s->object == NONE) {
        (void)snprintf(ret_text + n, bytes - (size_t)n, "empty");
        return;
    }
    const struct model_object *o = &model.objects[s->object];
    (void)snprintf(ret_text + n, bytes - (size_t)n, "%s#%d[0x%llx+0x%llx]x%d",
                   captype_name(o->type), s->object, (unsigned long long)o->base,
                   (unsigned long long)o->bytes, o->copies);
}

static bool slot_same(const struct model_slot *slot)
{
    const struct cte *real = slot->real;
    if (slot->object == NONE)
        return real->type == CAPTYPE_NULL;
    const struct model_object *o = &model.objects[slot->object];
    return real->type == o->type && real->rights == slot->rights &&
           (real->flags & CTE_DYING) == 0 &&
           cte_loan(real) == model_depth((int)(slot - model.slots)) &&
           (o->type == CAPTYPE_IRQDEST || cte_base(real) == o->base) &&
           cte_bytes(real) == o->bytes &&
           (o->type != CAPTYPE_ENDPOINT || cte_side(real) == o->side);
}

static void compare_slot(int slot)
{
    if (slot_same(&model.slots[slot]))
        return;
    char text[DESCRIPTION_BYTES];
    model_describe(slot, text, sizeof text);
    const struct cte *real = model.slots[slot].real;
    fprintf(stderr, "slot %s, rights 0x%x; real %s[0x%llx+0x%llx], rights 0x%x, flags 0x%x\n", text,
            model.slots[slot].rights, captype_name(real->type), (unsigned long long)cte_base(real),
            (unsigned long long)cte_bytes(real), real->rights, real->flags);
    CHECK(slot_same(&model.slots[slot]));
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
        const struct cte *c = cte_node(slot->real);
        for (; c != NULL; c = slot_alone(c) ? NULL : c->next)
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

static void compare_counts(void)
{
    for (uint32_t type = 0; type < CAPTYPE_COUNT; type++) {
        uint64_t objects, caps, model_objects = 0, model_caps = 0;
        cap_count((enum captype)type, &objects, &caps);
        for (int i = 0; type != CAPTYPE_NULL && i < MODEL_OBJECTS; i++) {
            if (model.objects[i].type == type) {
                model_objects++;
                model_caps += (uint64_t)model.objects[i].copies;
            }
        }
        CHECK_EQ(objects, model_objects);
        CHECK_EQ(caps, model_caps);
    }
}

void model_compare(void)
{
    compare_counts();
    CHECK_EQ(cap_node_count(), model.object_count);
    for (int b = 0; b < BLOCKS; b++) {
        if (model.block_owner[b] == NONE)
            continue;
        unsigned n = b < HOME_BLOCKS ? BLOCK_SLOTS : model.objects[model.block_owner[b]].slots;
        for (unsigned i = 0; i < n; i++)
            compare_slot(b * BLOCK_SLOTS + (int)i);
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
