/* What ends under a domain or a thread that runs at that time. */
#include "matrix.h"

#define COOKIE     12u
#define SPIN_NS    2000000u
#define PLACE      2u

static volatile uint64_t spins;

static bool is_dead(caddr_t dispatcher)
{
    uint64_t state = 0, status, cause, pc, far;
    errval_t err = inv_dispatcher_info(dispatcher, &state, &status, &cause, &pc, &far);

    return err == SYS_ERR_CAP_NOT_FOUND || (err_is_ok(err) && state == KPI_DISP_DEAD);
}

/* A part of a running domain that is revoked by whoever gave its memory. */
static void end_part(const char *what, uint64_t page, uint64_t pages)
{
    struct matrix_runner r;
    caddr_t arena = ko_arena(2u << 20);
    bool ran;

    matrix_run(&r, M_FREE);
    ran = matrix_runs(&r);
    kt_need(ko_revoke_part(KT_TASK_NODE, arena, page * KPI_PAGE_BYTES, pages * KPI_PAGE_BYTES),
            "revoke");
    kt_ok(ran && !matrix_runs(&r) && is_dead(r.part[RUNNER_DISPATCHER]), what);
    ko_arena_end();
}

static void end_slot(const char *what, unsigned part)
{
    struct matrix_runner r;
    bool ran;

    (void)ko_arena(2u << 20);
    matrix_run(&r, M_FREE);
    ran = matrix_runs(&r);
    kt_need(ko_delete(KT_TASK_NODE, r.part[part]), "delete");
    kt_ok(ran && !matrix_runs(&r) && is_dead(r.part[RUNNER_DISPATCHER]), what);
    ko_arena_end();
}

static void test_domain(void)
{
    struct matrix_runner r;

    (void)ko_arena(2u << 20);
    matrix_run(&r, M_FREE);
    kt_need(ko_delete(KT_TASK_NODE, r.part[RUNNER_ROOT]), "delete");
    kt_need(ko_delete(KT_TASK_NODE, r.part[RUNNER_SPACE]), "delete");
    kt_need(ko_delete(KT_TASK_NODE, r.part[RUNNER_CODE]), "delete");
    kt_ok(matrix_runs(&r), "KMAT1001 a domain keeps what it runs with");
    ko_arena_end();
    kt_ok(!matrix_runs(&r), "KMAT1002 but for whoever gave the memory");
    end_part("KMAT1003 its level 0 table is revoked", 0, 1);
    end_part("KMAT1004 its level 1 table", 1, 1);
    end_part("KMAT1005 its level 2 table", 2, 1);
    end_part("KMAT1006 its level 3 table", 3, 1);
    end_part("KMAT1007 its code", 4, 1);
    end_part("KMAT1008 its data", 5, 1);
    end_part("KMAT1009 its capability space", 6, 4);
    end_part("KMAT1010 its dispatcher", 10, 2);
    end_slot("KMAT1011 the Mapping of its data is deleted", RUNNER_DATA_MAPPING);
    end_slot("KMAT1012 the Mapping of its level 1 table", RUNNER_ATTACHED);
    end_slot("KMAT1013 its level 3 table", RUNNER_L3);
    end_slot("KMAT1014 its dispatcher", RUNNER_DISPATCHER);
}

static void spin(void *arg)
{
    const volatile uint64_t *word = arg;

    for (;;) {
        (void)*word;
        spins = spins + 1;
    }
}

enum spin_end { BY_UNMAP, BY_REVOKE, BY_TABLE, BY_MODIFY };

/* A thread that reads a page again and again, so that its translation is in the TLB. */
static void test_thread(enum spin_end how, const char *what)
{
    struct kt_thread t;
    caddr_t frame = M_FREE, mapping = M_FREE + 1, table = M_FREE + 2;
    uint64_t va, before = spins;

    (void)ko_arena(2u << 20);
    ko_make(frame, CAPTYPE_FRAME, KPI_PAGE_BYTES);
    if (how == BY_TABLE) {
        va = matrix_tables(frame, M_FREE + 1, &table);
    } else {
        va = matrix_map(PLACE, frame, mapping);
    }
    kt_thread_make(&t);
    kt_thread_start(&t, spin, (void *)va);
    while (spins < before + 1000) {
        kt_yield();
    }
    if (how == BY_UNMAP) {
        kt_need(inv_mapping_unmap(mapping), "unmap");
    } else if (how == BY_REVOKE) {
        kt_need(ko_revoke(KT_TASK_NODE, frame), "revoke");
    } else if (how == BY_TABLE) {
        kt_need(ko_delete(KT_TASK_NODE, table), "delete");
    } else {
        kt_need(inv_mapping_modify(mapping, 0, 1, 0), "modify");
    }
    before = spins;
    ko_idle(SPIN_NS);
    /* It may have been stopped between reading and counting. */
    kt_ok(spins <= before + 1 && is_dead(t.cap), what);
    ko_arena_end();
}

static void test_watch(void)
{
    struct matrix_runner r;
    struct kt_msg m = { .cookie = 0 };
    caddr_t end = M_FREE + RUNNER_PARTS + 6;

    (void)ko_arena(2u << 20);
    matrix_run(&r, M_FREE);
    ko_make(end, CAPTYPE_ENDPOINT, KPI_CHANNEL_BYTES_MIN);
    kt_need(inv_endpoint_bind(end + 1, COOKIE), "bind");
    kt_need(inv_dispatcher_watch(r.part[RUNNER_DISPATCHER], end), "watch");
    kt_need(ko_delete(KT_TASK_NODE, r.part[RUNNER_DISPATCHER]), "delete");
    kt_poll(&m);
    kt_ok(m.cookie == COOKIE && m.header == KPI_CONTROL_HEADER(KPI_CONTROL_EVENT),
          "KMAT1019 whoever watches a dispatcher hears of its end");
    ko_arena_end();
    kt_poll(&m);
}

/* The last capability to all interrupts: there is no way to another. */
static void test_last(void)
{
    kt_need(ko_delete(KT_TASK_NODE, KPI_CAP_IRQTABLE), "delete");
    kt_eq(inv_irq_table_get(KPI_CAP_IRQTABLE, 33, M_FREE), SYS_ERR_CAP_NOT_FOUND,
          "KMAT1020 the last IRQTable is gone");
}

void matrix_running(void)
{
    test_domain();
    test_thread(BY_UNMAP, "KMAT1015 a page is unmapped that a thread reads");
    test_thread(BY_REVOKE, "KMAT1016 its frame is revoked");
    test_thread(BY_TABLE, "KMAT1017 its table is deleted");
    test_thread(BY_MODIFY, "KMAT1018 it may not be read any more");
    test_watch();
    test_last();
}
