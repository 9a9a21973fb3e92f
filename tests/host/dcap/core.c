/* The shared object: kernel and monitor of one core (core.h). */
#include <stdio.h>
#include <string.h>
#include <arch/maintain.h>
#include <aos/kernel.h>
#include <kernel/cap_look.h>
#include <kernel/cap_remote.h>
#include <kernel/check.h>
#include <kernel/dispatcher.h>
#include <kernel/irq_cap.h>
#include <kernel/lmp.h>
#include <kernel/notify.h>
#include <kernel/vnode.h>
#include "core.h"

uint8_t *arena;
static struct cte slots[MONITOR_SLOTS];
static bool slot_used[MONITOR_SLOTS];
static const struct sim_calls *sim;
static uint8_t self;

/* Slots of the infrastructure. */
enum { INFRA = 1, SPACE = 2, IRQ_TABLE = 20 };
#define DEVICE_BASE 0x9000000ull

/* The kernel around it; what it says is in cap/say.c. */
void arch_table_written(void)
{
}
void arch_tlb_page(uint16_t asid, uint64_t va)
{
}
void arch_tlb_asid(uint16_t asid)
{
}
void arch_tlb_done(void)
{
}
void arch_clear_memory(void *memory, size_t bytes)
{
    memset(memory, 0, bytes);
}
struct dispatcher *dispatcher_of(const struct cte *object)
{
    return phys_to_virt(cte_base(object));
}
void dispatcher_object_init(struct dispatcher *d)
{
}
void dispatcher_object_destroy(struct dispatcher *d)
{
}
void dispatcher_space_gone(struct dispatcher *d)
{
}
bool dispatcher_ending_step(void)
{
    return false;
}
bool dispatcher_ending(void)
{
    return false;
}
bool dispatcher_has_core(const struct dispatcher *d)
{
    return false;
}
unsigned channel_slot_count(uint64_t base)
{
    return 0;
}
struct cte *channel_slot(uint64_t base, unsigned side, unsigned index)
{
    return NULL;
}
void channel_object_init(uint64_t base, uint64_t bytes)
{
}
struct endpoint *endpoint_at(uint64_t base, unsigned side)
{
    return phys_to_virt(base);
}
void endpoint_object_destroy(uint64_t base, unsigned side)
{
}
bool endpoint_in_use(uint64_t base, unsigned side)
{
    return false;
}
bool irq_cap_available(uint32_t irq)
{
    return irq >= IRQ_CAP_FIRST && irq < IRQ_CAP_MAX;
}

void irq_object_destroy(uint32_t irq)
{
}
void notify_object_destroy(struct cte *notify)
{
}
void ipc_check_end_object(struct check *check, struct cte *end)
{
}
void ipc_check_dispatcher(struct check *check, struct cte *dispatcher)
{
}
void ipc_check_notify(struct check *check, struct cte *notify)
{
}
void ipc_check_end(struct check *check)
{
}

/* What the monitor asks of it. */
static struct cte *resolve(caddr_t root, caddr_t cap)
{
    struct cte *slot = root != 0 ? sim->find(self, root, cap) : &slots[cap];
    return slot == NULL || slot->type == CAPTYPE_NULL ? NULL : slot;
}

static errval_t host_describe(void *arg, caddr_t root, caddr_t cap, struct caps_description *ret)
{
    struct cap_description d;
    struct cte *cte = resolve(root, cap);
    if (cte == NULL)
        return SYS_ERR_CAP_NOT_FOUND;
    cap_describe(cte, &d);
    *ret = (struct caps_description){.key = {.type = d.type, .page = d.page, .pages = d.pages},
                                     .rights = d.rights,
                                     .owner = d.owner,
                                     .state = d.state};
    return ERR_OK;
}

static errval_t host_anchor(void *arg, caddr_t root, caddr_t cap, caddr_t dest)
{
    struct cte *cte = resolve(root, cap);
    return cte == NULL ? SYS_ERR_CAP_NOT_FOUND : cap_anchor(cte, &slots[dest]);
}

static errval_t host_foreign(void *arg, const struct caps_key *key, uint8_t owner, caddr_t dest)
{
    return cap_foreign((enum captype)key->type, key->page, key->pages, owner, &slots[dest]);
}

static errval_t host_set_owner(void *arg, caddr_t anchor, uint8_t owner)
{
    return cap_set_owner(&slots[anchor], owner);
}

static errval_t host_copy(void *arg, caddr_t src, uint8_t rights, caddr_t dest)
{
    return cap_copy(&slots[src], rights, &slots[dest]);
}

static void host_remove(void *arg, caddr_t slot)
{
    while (cap_delete(&slots[slot]) == SYS_ERR_AGAIN) {
    }
}

static errval_t host_sweep(void *arg, const struct caps_key *key, bool keep_anchor, caddr_t root,
                           caddr_t keep)
{
    const struct cte *kept = keep != 0 ? resolve(root, keep) : NULL;
    return cap_sweep((enum captype)key->type, key->page, key->pages, keep_anchor, kept);
}

static errval_t host_retype(void *arg, const struct caps_retype *what)
{
    struct cte *src = resolve(what->root, what->src);
    struct cte *dest = sim->find(self, what->root, what->node + what->index);
    if (src == NULL || dest == NULL)
        return SYS_ERR_CAP_NOT_FOUND;
    return cap_retype_agreed(src, what->off, (enum captype)what->type, what->bytes, what->count,
                             dest);
}

static errval_t host_part(void *arg, caddr_t anchor, uint64_t off, uint64_t bytes, bool set)
{
    return cap_part(&slots[anchor], off, bytes, set);
}

static caddr_t slot_take(void)
{
    for (caddr_t i = FREE_SLOT; i < MONITOR_SLOTS; i++) {
        if (!slot_used[i]) {
            slot_used[i] = true;
            return i;
        }
    }
    return 0;
}

static errval_t host_slot_alloc(void *arg, caddr_t *ret_slot)
{
    if (sim->starve(self))
        return LIB_ERR_SLOT_LIMIT;
    *ret_slot = slot_take();
    return *ret_slot != 0 ? ERR_OK : LIB_ERR_SLOT_LIMIT;
}

static void slot_give(caddr_t slot)
{
    if (!slot_used[slot] || slots[slot].type != CAPTYPE_NULL)
        panic("slot %u is freed twice, or in use", slot);
    slot_used[slot] = false;
}

static void host_slot_free(void *arg, caddr_t slot)
{
    slot_give(slot);
}

static void host_send(void *arg, uint8_t core, const struct caps_msg *msg)
{
    sim->send(self, core, msg);
}

static errval_t host_room(void *arg)
{
    return sim->poor(self) ? LIB_ERR_NO_MEMORY : ERR_OK;
}

static void host_deliver(void *arg, uint8_t from, uint64_t tag, caddr_t slot)
{
    sim->deliver(self, from, tag, slot);
}

static const struct caps_host host = {
    .describe = host_describe,
    .anchor = host_anchor,
    .foreign = host_foreign,
    .set_owner = host_set_owner,
    .copy = host_copy,
    .remove = host_remove,
    .sweep = host_sweep,
    .retype = host_retype,
    .part = host_part,
    .slot_alloc = host_slot_alloc,
    .slot_free = host_slot_free,
    .send = host_send,
    .room = host_room,
    .deliver = host_deliver,
};

static void must(errval_t err)
{
    if (err != ERR_OK)
        panic("the infrastructure: error 0x%x", (unsigned)err);
}

static void retype_all(struct cte *src, uint64_t off, enum captype type, uint64_t bytes,
                       struct cte *dest)
{
    errval_t err;
    do {
        err = cap_retype(src, off, type, bytes, 1, dest);
    } while (err == SYS_ERR_AGAIN);
    must(err);
}

/* Pages of the cores: infrastructure, then pools. */
static uint64_t infra_base(uint8_t core)
{
    return ARENA_BASE + (uint64_t)core * (INFRA_PAGES * CAP_PAGE_BYTES);
}

static void start(struct core *core, uint8_t number, uint8_t *memory, const struct sim_calls *calls)
{
    memset(slots, 0, sizeof slots);
    memset(slot_used, 0, sizeof slot_used);
    arena = memory;
    sim = calls;
    self = core_self = number;
    (void)cap_remote_ended();
    core->slots = slots;
    core->ops = core_ops();
    must(cap_create(&slots[INFRA], CAPTYPE_RAM, infra_base(self), INFRA_PAGES * CAP_PAGE_BYTES,
                    CAP_RIGHTS_ALL));
    for (unsigned i = 0; i < 4; i++)
        retype_all(&slots[INFRA], i * CAP_PAGE_BYTES, CAPTYPE_VNODEL0 + i, CAP_PAGE_BYTES,
                   &slots[SPACE + i]);
    for (unsigned i = 0; i < 3; i++)
        must(vnode_map(&slots[SPACE + i], 1, &slots[SPACE + i + 1], 0, 1, 0,
                       &slots[IRQ_TABLE + 1 + i]));
    if (self == 0)
        must(cap_create(&slots[IRQ_TABLE], CAPTYPE_IRQTABLE, CAP_IRQ_BASE(0), CAP_IRQ_BYTES,
                        CAP_RIGHTS_ALL));
    caps_init(&core->caps, &host, self);
    rules_say(true);
}

static uint64_t end(void)
{
    uint64_t before;
    for (unsigned i = 0; i < 3; i++)
        host_remove(NULL, IRQ_TABLE + 1 + i);
    for (unsigned i = 4; i > 0; i--)
        host_remove(NULL, SPACE + i - 1);
    if (self == 0)
        host_remove(NULL, IRQ_TABLE);
    if (slots[DEVICE_SLOT].type != CAPTYPE_NULL)
        host_remove(NULL, DEVICE_SLOT);
    host_remove(NULL, INFRA);
    while (cap_work()) {
    }
    before = cap_node_count();
    return before;
}

static errval_t pool(struct cte *slot, uint32_t page, uint32_t pages)
{
    return cap_create(slot, CAPTYPE_RAM, (uint64_t)page << CAP_PAGE_SHIFT,
                      (uint64_t)pages << CAP_PAGE_SHIFT, CAP_RIGHTS_ALL);
}

/* The four tables come first. */
static errval_t node(uint32_t index, struct cte *dest)
{
    return cap_retype(&slots[INFRA], (4 + 4 * index) * CAP_PAGE_BYTES, CAPTYPE_L2CNODE,
                      KPI_L2_BYTES, 1, dest);
}

static errval_t map(struct cte *frame, uint32_t page, uint32_t entry, struct cte *mapping)
{
    return vnode_map(&slots[SPACE + 3], entry, frame, (uint64_t)page << CAP_PAGE_SHIFT, 1,
                     KPI_VM_READ, mapping);
}

static errval_t irq(uint32_t number, struct cte *dest)
{
    return cap_create(dest, CAPTYPE_IRQDEST, CAP_IRQ_BASE(number), CAP_PAGE_BYTES, CAP_RIGHTS_ALL);
}

static errval_t notify(uint32_t bit, struct cte *dest)
{
    return cap_create(dest, CAPTYPE_NOTIFY, notify_base(self, bit), CAP_PAGE_BYTES,
                      CAP_RIGHTS_ALL);
}

static void devices(void)
{
    must(cap_create(&slots[DEVICE_SLOT], CAPTYPE_DEVFRAME, DEVICE_BASE,
                    DEVICE_PAGES * CAP_PAGE_BYTES, CAP_RIGHTS_ALL));
}

static struct cte *next_node(const struct cte *at)
{
    struct cap_key first = {0};
    return at != NULL ? tree_next(at) : tree_after(&first);
}

/* What the rules look at. */
errval_t kernel_caps_next(const struct kernel_object *after, struct kernel_object *ret)
{
    struct cap_key key = cap_key_make((enum captype)after->cap.type, after->cap.page,
                                      after->cap.pages, after->place);
    struct cap_sight s = {0};
    if (after->cap.type == CAPTYPE_NULL)
        key = (struct cap_key){0};
    (void)cap_look(&key, &s);
    *ret = (struct kernel_object){.cap = {.type = s.what.type,
                                          .owner = s.what.owner,
                                          .state = s.what.state,
                                          .page = s.what.page,
                                          .pages = s.what.pages},
                                  .place = s.place,
                                  .copies = s.copies};
    return ERR_OK;
}

errval_t kernel_print(const char *text, size_t bytes)
{
    fwrite(text, 1, bytes, stderr);
    return ERR_OK;
}

static uint32_t slots_used(void)
{
    uint32_t used = 0;
    for (unsigned i = 0; i < MONITOR_SLOTS; i++)
        used += slot_used[i];
    return used;
}

static const struct core_ops ops = {
    .start = start,
    .end = end,
    .pool = pool,
    .hand_over = cap_hand_over,
    .take_back = cap_take_back,
    .node = node,
    .retype = cap_retype,
    .copy = cap_copy,
    .lend = cap_lend,
    .move = cap_move,
    .remove = cap_delete,
    .revoke = cap_revoke,
    .revoke_part = cap_revoke_part,
    .map = map,
    .irq = irq,
    .notify = notify,
    .devices = devices,
    .work = cap_work,
    .work_pending = cap_work_pending,
    .check = cap_check_all,
    .next = next_node,
    .node_of = cte_node,
    .ended = cap_remote_ended,
    .init = caps_init,
    .up = caps_core_up,
    .down = caps_core_down,
    .send = caps_send,
    .caps_revoke = caps_revoke,
    .caps_revoke_part = caps_revoke_part,
    .caps_retype = caps_retype,
    .receive = caps_receive,
    .caps_work = caps_work,
    .collect = caps_collect,
    .stop = caps_stop,
    .leave = caps_leave,
    .idle = caps_is_idle,
    .rules_own = rules_own,
    .rules_parts = rules_parts,
    .rules_agree = rules_agree,
    .rules_look = rules_look,
    .slot_alloc = slot_take,
    .slot_free = slot_give,
    .slots_used = slots_used,
};

const struct core_ops *core_ops(void)
{
    return &ops;
}
