#include "kobj.h"
#include <kpi/core.h>

#define SETTLE_NS    1000000u
#define SETTLE_TRIES 2000u

static caddr_t arena;                    /* slot; 0: none was ever made */
static uint64_t arena_used;              /* bytes */

caddr_t ko_boot_ram(uint64_t *ret_base, uint64_t *ret_bytes)
{
    const struct kpi_bootinfo *b = (const struct kpi_bootinfo *)KPI_BOOTINFO_VA;
    const struct kpi_boot_cap *most = NULL;

    for (uint32_t i = 0; i < b->cap_count; i++) {
        const struct kpi_boot_cap *c = &b->caps[i];

        if (c->kind == KPI_BOOT_RAM && (most == NULL || c->bytes > most->bytes)) {
            most = c;
        }
    }
    if (most == NULL) {
        kt_need(SYS_ERR_CAP_NOT_FOUND, "no memory");
        return 0;
    }
    *ret_base = most->base;
    *ret_bytes = most->bytes;
    return most->cap;
}

caddr_t ko_arena(uint64_t bytes)
{
    uint64_t base = 0, have = 0;
    caddr_t ram = ko_boot_ram(&base, &have);
    uint64_t off = (KPI_LARGE_BYTES - base % KPI_LARGE_BYTES) % KPI_LARGE_BYTES;

    if (arena == 0) {
        arena = kt_slots(1);
    }
    arena_used = 0;
    kt_need(ko_retype(KT_TASK_NODE, ram, off, CAPTYPE_RAM, bytes, 1, arena), "arena");
    return arena;
}

void ko_arena_end(void)
{
    kt_need(ko_revoke(KT_TASK_NODE, arena), "revoke the arena");
    kt_need(ko_delete(KT_TASK_NODE, arena), "delete the arena");
}

errval_t ko_delete(caddr_t node, uint32_t index)
{
    errval_t err;

    do {
        err = inv_cnode_delete(node, index);
    } while (err == SYS_ERR_AGAIN);
    return err;
}

errval_t ko_revoke(caddr_t node, uint32_t index)
{
    errval_t err;

    do {
        err = inv_cnode_revoke(node, index);
    } while (err == SYS_ERR_AGAIN);
    return err;
}

errval_t ko_revoke_part(caddr_t node, uint32_t index, uint64_t off, uint64_t bytes)
{
    errval_t err;

    do {
        err = inv_cnode_revoke_part(node, index, off, bytes);
    } while (err == SYS_ERR_AGAIN);
    return err;
}

errval_t ko_retype(caddr_t node, caddr_t src, uint64_t off, enum captype type, uint64_t bytes,
                   uint32_t count, uint32_t index)
{
    errval_t err;

    do {
        err = inv_cnode_retype(node, src, off, (uint8_t)type, bytes, count, index);
    } while (err == SYS_ERR_AGAIN);
    return err;
}

void ko_make_in(caddr_t node, uint32_t index, enum captype type, uint64_t bytes, uint32_t count)
{
    kt_need(ko_retype(node, arena, arena_used, type, bytes, count, index), captype_name(type));
    arena_used += bytes * count;
}

void ko_make(caddr_t dest, enum captype type, uint64_t bytes)
{
    ko_make_in(KT_TASK_NODE, dest, type, bytes, 1);
}

uint64_t ko_bytes(enum captype type)
{
    switch (type) {
    case CAPTYPE_L1CNODE:
        return KPI_L1_BYTES_MIN;
    case CAPTYPE_L2CNODE:
        return KPI_L2_BYTES;
    case CAPTYPE_DISPATCHER:
        return KPI_DISPATCHER_BYTES;
    case CAPTYPE_ENDPOINT:
        return KPI_CHANNEL_BYTES_MIN;
    default:
        return KPI_PAGE_BYTES;
    }
}

uint64_t ko_count(void)
{
    uint64_t up, idle, switches, interrupts, caps = 0;

    kt_need(inv_kernel_stats(KPI_CAP_KERNEL, &up, &idle, &switches, &interrupts, &caps), "stats");
    return caps;
}

void ko_idle(uint64_t ns)
{
    struct kt_msg m = { .cookie = 0 };

    kt_need(inv_dispatcher_deadline(KPI_CAP_SELF_DISP, kt_now_ns() + ns), "deadline");
    kt_call(&m);
}

bool ko_settle(uint64_t count)
{
    for (unsigned i = 0; i < SETTLE_TRIES; i++) {
        if (ko_count() == count) {
            return true;
        }
        ko_idle(SETTLE_NS);
    }
    kt_note("objects", ko_count());
    kt_note("instead of", count);
    return false;
}

enum captype ko_type(caddr_t node, uint32_t index)
{
    uint64_t type = CAPTYPE_COUNT, rights, a, b;

    kt_need(inv_cnode_identify(node, index, &type, &rights, &a, &b), "identify");
    return (enum captype)type;
}

caddr_t ko_kcb(uint32_t core)
{
    const struct kpi_bootinfo *b = (const struct kpi_bootinfo *)KPI_BOOTINFO_VA;

    for (uint32_t i = 0; i < b->cap_count; i++) {
        uint64_t number = KPI_CORES_MAX, state = 0;

        if (b->caps[i].kind == KPI_BOOT_KCB) {
            kt_need(inv_kcb_state(b->caps[i].cap, &number, &state), "state of a core");
        }
        if (number == core) {
            return b->caps[i].cap;
        }
    }
    kt_need(SYS_ERR_CAP_NOT_FOUND, "no such core");
    return 0;
}

errval_t ko_core_start(caddr_t kcb, caddr_t pool, caddr_t channel)
{
    errval_t err;

    do {
        err = inv_kcb_start(kcb, pool, channel);
    } while (err == SYS_ERR_AGAIN);
    return err;
}
