/* How long interrupts wait while a kernel does what there are several of them for. */
#include "stretch.h"

#include <kpi/remote.h>

/* What a kernel maps of its own, which it reads from its page tables. */
void test_mapping(void)
{
    uint64_t va = 0, base, bytes = 0, flags, ranges = 0;

    (void)stretch();
    do {
        kt_need(inv_kernel_mapping(KPI_CAP_KERNEL, va + bytes, &va, &base, &bytes, &flags),
                "mapping");
        ranges += bytes != 0;
    } while (va + bytes != 0);
    kt_ok(ranges > 2, "STRETCH0039 a kernel maps something");
    judge("STRETCH0040 and tells it within the bound");
}

/* Of the object of `cap`, all but its anchor and what is in slot0 + 1. */
static void sweep(caddr_t cap)
{
    uint64_t type = 0, rights, owner, state, page = 0, pages = 0;
    errval_t err;

    kt_need(inv_kernel_cap_describe(KPI_CAP_KERNEL, KPI_CAP_SELF_L1, cap, &type, &rights, &owner,
                                    &state, &page, &pages), "describe");
    (void)stretch();
    do {
        err = inv_kernel_cap_sweep(KPI_CAP_KERNEL, (uint8_t)type, (uint32_t)page, (uint32_t)pages,
                                   1, KPI_CAP_SELF_L1, slot0 + 1);
    } while (err == SYS_ERR_AGAIN);
    kt_need(err, "sweep");
}

/* What a monitor deletes when another core has revoked: copies without end, and objects. */
void test_sweep(void)
{
    uint64_t before = ko_count();
    caddr_t arena = ko_arena(128 * MIB), anchor = slot0 + 2;

    ko_make(slot0 + 1, CAPTYPE_FRAME, KPI_PAGE_BYTES);
    many(slot0, fill_copies);
    kt_need(inv_kernel_cap_anchor(KPI_CAP_KERNEL, KPI_CAP_SELF_L1, slot0 + 1, anchor), "anchor");
    sweep(anchor);
    kt_ok(ko_type(KT_TASK_NODE, slot0 + 1) == CAPTYPE_FRAME &&
              ko_type(KT_TASK_NODE, anchor) == CAPTYPE_FRAME,
          "STRETCH0041 10 240 copies are swept away, all but the anchor and one");
    judge("STRETCH0042 within the bound");
    kt_need(ko_delete(KT_TASK_NODE, anchor), "delete the anchor");
    kt_need(ko_delete(KT_TASK_NODE, slot0), "delete");
    many(slot0, fill_frames);
    sweep(arena);
    judge("STRETCH0043 and 10 240 frames");
    kt_eq(ko_count(), before, "STRETCH0044 nothing is left");
}

/* What there is, told one by one: an object of 10 240 copies, and a space with empty slots. */
void test_look(void)
{
    uint64_t before = ko_count(), objects = 0, more = 0, caps = 0, at = 0;
    uint64_t type = 0, rights, owner, state = 0, page = 0, pages = 0, place = 0, copies;

    (void)ko_arena(128 * MIB);
    ko_make(slot0 + 1, CAPTYPE_FRAME, KPI_PAGE_BYTES);
    many(slot0, fill_copies);
    (void)stretch();
    do {
        kt_need(inv_kernel_cap_next(KPI_CAP_KERNEL, (uint8_t)type, (uint32_t)page, (uint32_t)pages,
                                    place, &type, &owner, &state, &page, &pages, &place, &copies),
                "next");
        objects += type != CAPTYPE_NULL;
        more += (state & KPI_CAP_MORE) != 0;
    } while (type != CAPTYPE_NULL);
    kt_ok(objects == ko_count() && more == 1, "STRETCH0045 each object is told once");
    judge("STRETCH0046 within the bound");
    do {
        kt_need(inv_kernel_cap_space(KPI_CAP_KERNEL, KPI_CAP_SELF_DISP, (uint32_t)at, &at, &type,
                                     &rights, &owner, &state, &page, &pages, &place), "space");
        caps += type != CAPTYPE_NULL;
        at += type != CAPTYPE_NULL;
    } while (at != 0);
    kt_ok(caps > NODE_SLOTS / 16, "STRETCH0047 so is each capability of a domain");
    judge("STRETCH0048 within the bound");
    ko_arena_end();
    kt_eq(ko_count(), before, "STRETCH0049 nothing is left");
}

/* The other core gets its kernel, step by step. The last step starts it and is not counted: from
 * then on what the other core executes is counted, too. */
void test_core(void)
{
    caddr_t pool = slot0, frame;
    uint64_t longest = 0, counted = 0;
    errval_t err;

    (void)ko_arena(2 * KPI_CORE_POOL_MIN);
    ko_make(pool, CAPTYPE_RAM, KPI_CORE_POOL_MIN);
    kt_pages(KPI_CORE_CHANNEL_BYTES / KPI_PAGE_BYTES, &frame);
    (void)stretch();
    do {
        longest = counted > longest ? counted : longest;
        err = inv_kcb_start(ko_kcb(1), pool, frame);
        counted = stretch();
    } while (err == SYS_ERR_AGAIN);
    kt_eq(err, ERR_OK, "STRETCH0037 a core starts");
    kt_note("instructions at most:", longest);
    kt_ok(longest > 0 && longest <= STRETCH_MAX, "STRETCH0038 within the bound");
}
