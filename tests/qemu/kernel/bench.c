/* Instruction counts of the kernel's own paths, under -icount shift=0: PMCCNTR_EL0 counts
 * instructions then. The caller's own instructions between two reads are part of the figures; an
 * empty reading is shown first. */
#include "ktest.h"

#define ROUNDS 200u
#define COOKIE 5u

static caddr_t server_end;
void bench_null(uint64_t dispatcher);
void bench_rpc(uint64_t end);
void bench_rpc_cap(uint64_t end_and_slot);
void bench_server(uint64_t end, caddr_t slot);

static void server(void *arg)
{
    if (err_is_ok(inv_endpoint_bind(server_end, COOKIE))) {
        bench_server(server_end, kt_slots(1));
    }
    kt_exit(1);
}

static caddr_t map_slot;

static void bench_map_unmap(uint64_t frame)
{
    void *va;

    if (err_is_ok(kt_map_place(0, (caddr_t)frame, map_slot, &va))) {
        (void)inv_mapping_unmap(map_slot);
    }
}

static void bench_copy_delete(uint64_t frame)
{
    if (err_is_ok(inv_cnode_copy(KT_TASK_NODE, (caddr_t)frame, map_slot))) {
        (void)inv_cnode_delete(KT_TASK_NODE, map_slot);
    }
}

static void empty(uint64_t cap)
{
}

/* Smallest and median count of `what`. */
static void measure(void (*what)(uint64_t), uint64_t cap, const char *name, uint64_t limit)
{
    static uint64_t counts[ROUNDS];

    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t start = kt_cycles();

        what(cap);
        counts[i] = kt_cycles() - start;
    }
    for (unsigned i = 1; i < ROUNDS; i++) {
        for (unsigned j = i; j > 0 && counts[j] < counts[j - 1]; j--) {
            uint64_t swap = counts[j];

            counts[j] = counts[j - 1];
            counts[j - 1] = swap;
        }
    }
    kt_note(name, counts[ROUNDS / 2]);
    kt_ok(counts[ROUNDS / 2] <= limit, name);
}

void test_main(void)
{
    static struct kt_thread t;
    caddr_t end;

    kt_plan(6);
    kt_channel(KPI_CHANNEL_BYTES_MIN, &end, &server_end);
    kt_need(inv_endpoint_bind(end, COOKIE), "bind");
    kt_thread_make(&t);
    kt_thread_start(&t, server, NULL);
    kt_yield();
    measure(empty, 0, "KBENCH0001 empty", 10);
    measure(bench_null, KPI_CAP_SELF_DISP, "KBENCH0002 null invocation", 150);
    measure(bench_rpc, end, "KBENCH0003 raw LMP round trip", 210);

    caddr_t frame = kt_object(CAPTYPE_FRAME, KPI_PAGE_BYTES, 1);

    measure(bench_rpc_cap, end | (uint64_t)frame << 32,
            "KBENCH0004 round trip with a capability, moved there and back", 1400);
    map_slot = kt_slots(1);
    measure(bench_map_unmap, frame, "KBENCH0005 map and unmap 4 KiB", 1650);
    measure(bench_copy_delete, frame, "KBENCH0006 copy and delete", 700);
}
