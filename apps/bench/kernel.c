/* Invocations: what entering the kernel costs, and page tables. */
#include "bench_priv.h"

#include <aos/cap.h>
#include <aos/ram.h>
#include <aos/slot.h>
#include <abi/user.h>
#include <kpi/cspace.h>
#include <kpi/vm.h>

#define TABLE_INDEX 400u                 /* of the root table: far above what libaos uses */

/* A page table of this program's own, one level above the other, and a frame to map. */
struct tables {
    caddr_t leaf;
    caddr_t frame;
    caddr_t mapping;
};

static errval_t kernel_null(void *arg)
{
    uint64_t type, rights, a, b;

    return inv_cnode_identify(KPI_CADDR_L1 | KPI_L1_TASK, 0, &type, &rights, &a, &b);
}

static errval_t kernel_map(void *arg)
{
    struct tables *t = arg;

    return inv_vnode_map(t->leaf, 0, t->frame, 0, 1, KPI_VM_READ | KPI_VM_WRITE, t->mapping);
}

static errval_t kernel_unmap(void *arg)
{
    struct tables *t = arg;

    return inv_mapping_unmap(t->mapping);
}

static caddr_t kernel_table(caddr_t parent, enum captype type, uint16_t index)
{
    caddr_t table, mapping;

    bench_check("slot", slot_alloc(&table));
    bench_check("slot", slot_alloc(&mapping));
    bench_check("page table", ram_retype_new(table, type, KPI_PAGE_BYTES, KPI_PAGE_BYTES));
    bench_check("attaching a table", inv_vnode_map(parent, index, table, 0, 1, 0, mapping));
    return table;
}

void bench_kernel(void)
{
    struct tables t;
    caddr_t table = kernel_table(KPI_CAP_SELF_VROOT, CAPTYPE_VNODEL1, TABLE_INDEX);
    uint64_t bytes;

    table = kernel_table(table, CAPTYPE_VNODEL2, 0);
    t.leaf = kernel_table(table, CAPTYPE_VNODEL3, 0);
    bench_check("frame", frame_alloc(KPI_PAGE_BYTES, &t.frame, &bytes));
    bench_check("slot", slot_alloc(&t.mapping));
    bench_run("null_invocation", &(struct bench){.fn = kernel_null}, NULL);
    bench_run("map_4k", &(struct bench){.fn = kernel_map, .after = kernel_unmap}, &t);
    bench_run("unmap_4k", &(struct bench){.before = kernel_map, .fn = kernel_unmap}, &t);
}
