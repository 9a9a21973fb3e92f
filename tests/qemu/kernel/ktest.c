#include "ktest.h"

#define TEXT_MAX 160u
#define SPACE_VA 0x40000000ull           /* pages that kt_pages and kt_map give out */
#define SPACE_L3_PAGES KPI_TABLE_ENTRIES
#define STACK_PAGES 4u
#define NS_PER_S    1000000000u

static unsigned kt_planned, kt_done, kt_failed;
static caddr_t kt_next_slot = KPI_CAP_FIRST_FREE;
static uint64_t kt_ram_used;
static caddr_t kt_l3;                    /* table of the 2 MiB at SPACE_VA */
static unsigned kt_space_used;           /* pages */

void kt_thread_entry(void *start);
void kt_upcall_resume(void);

static size_t kt_append(char *line, size_t at, const char *text)
{
    while (*text != '\0' && at < TEXT_MAX) {
        line[at++] = *text++;
    }
    return at;
}

static size_t kt_append_number(char *line, size_t at, uint64_t value, unsigned base)
{
    char digits[20];
    size_t n = 0;

    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (n > 0 && at < TEXT_MAX) {
        line[at++] = digits[--n];
    }
    return at;
}

static void kt_print(const char *line, size_t length)
{
    (void)inv_kernel_print(KPI_CAP_KERNEL, line, length);
}

void kt_plan(unsigned count)
{
    char line[TEXT_MAX];
    size_t n = kt_append(line, 0, "1..");

    kt_planned = count;
    kt_print(line, kt_append_number(line, n, count, 10));
}

void kt_ok(bool ok, const char *what)
{
    char line[TEXT_MAX];
    size_t n = kt_append(line, 0, ok ? "ok " : "not ok ");

    kt_done++;
    kt_failed += !ok;
    n = kt_append_number(line, n, kt_done, 10);
    n = kt_append(line, n, " - ");
    kt_print(line, kt_append(line, n, what));
}

void kt_note(const char *text, uint64_t number)
{
    char line[TEXT_MAX];
    size_t n = kt_append(line, 0, "# ");

    n = kt_append(line, n, text);
    n = kt_append(line, n, " ");
    n = kt_append_number(line, n, number, 10);
    n = kt_append(line, n, " 0x");
    kt_print(line, kt_append_number(line, n, number, 16));
}

void kt_eq(uint64_t got, uint64_t want, const char *what)
{
    if (got != want) {
        kt_note("got", got);
        kt_note("want", want);
    }
    kt_ok(got == want, what);
}

_Noreturn void kt_end(void)
{
    static const char good[] = "KTEST PASSED", bad[] = "KTEST FAILED";

    if (kt_failed == 0 && kt_done == kt_planned) {
        kt_print(good, sizeof(good) - 1);
    } else {
        kt_print(bad, sizeof(bad) - 1);
    }
    for (;;) {
        (void)inv_kernel_shutdown(KPI_CAP_KERNEL, 0);
    }
}

void kt_need(errval_t err, const char *what)
{
    if (err_is_fail(err)) {
        kt_note("error", err_no(err) >> 6);
        kt_note(what, err);
        kt_ok(false, what);
        kt_end();
    }
}

caddr_t kt_slots(unsigned count)
{
    caddr_t first = kt_next_slot;

    kt_next_slot += count;
    if (kt_next_slot > KPI_L2_SLOTS) {
        kt_need(SYS_ERR_SLOT_INVALID, "out of slots");
    }
    return first;
}

static caddr_t kt_retype(enum captype type, uint64_t bytes, uint32_t count, unsigned slots)
{
    caddr_t first = kt_slots(slots);
    errval_t err;

    do {
        err = inv_cnode_retype(KT_TASK_NODE, KPI_CAP_EARLY_RAM, kt_ram_used, (uint8_t)type, bytes,
                               count, first);
    } while (err == SYS_ERR_AGAIN);
    kt_need(err, captype_name(type));
    kt_ram_used += bytes * count;
    return first;
}

caddr_t kt_object(enum captype type, uint64_t bytes, uint32_t count)
{
    return kt_retype(type, bytes, count, count);
}

void kt_channel(uint64_t bytes, caddr_t *ret_a, caddr_t *ret_b)
{
    *ret_a = kt_retype(CAPTYPE_ENDPOINT, bytes, 1, 2);
    *ret_b = *ret_a + 1;
}

/* Capability of the level 2 table of the first GiB after 1 GiB: none at start, made here. */
static void kt_space_init(void)
{
    const struct kpi_startup *s = (const struct kpi_startup *)KPI_STARTUP_VA;
    const struct kpi_table *t =
        (const struct kpi_table *)(KPI_STARTUP_VA + (uint64_t)s->tables_off);
    caddr_t l1 = 0;

    for (uint32_t i = 0; i < s->table_count; i++) {
        if (t[i].level == 1 && t[i].va == 0) {
            l1 = KPI_CADDR(KPI_L1_VNODES, t[i].index);
        }
    }

    caddr_t l2 = kt_object(CAPTYPE_VNODEL2, KPI_PAGE_BYTES, 1);

    kt_l3 = kt_object(CAPTYPE_VNODEL3, KPI_PAGE_BYTES, 1);
    kt_need(inv_vnode_map(l1, SPACE_VA >> 30, l2, 0, 1, 0, kt_slots(1)), "map L2 table");
    kt_need(inv_vnode_map(l2, 0, kt_l3, 0, 1, 0, kt_slots(1)), "map L3 table");
}

void *kt_map(caddr_t cap, uint64_t off, unsigned pages, uint32_t flags, caddr_t *ret_mapping,
             errval_t *ret_err)
{
    if (kt_l3 == 0) {
        kt_space_init();
    }

    caddr_t mapping = kt_slots(1);
    errval_t err = inv_vnode_map(kt_l3, (uint16_t)kt_space_used, cap, off, (uint16_t)pages, flags,
                                 mapping);

    *ret_err = err;
    if (err_is_fail(err)) {
        return NULL;
    }
    if (ret_mapping != NULL) {
        *ret_mapping = mapping;
    }
    void *va = (void *)(SPACE_VA + kt_space_used * (uint64_t)KPI_PAGE_BYTES);

    kt_space_used += pages + 1;          /* and a guard */
    return va;
}

errval_t kt_map_place(unsigned place, caddr_t cap, caddr_t mapping, void **ret_va)
{
    unsigned index = SPACE_L3_PAGES - 1 - place;

    if (kt_l3 == 0) {
        kt_space_init();
    }
    *ret_va = (void *)(SPACE_VA + index * (uint64_t)KPI_PAGE_BYTES);
    return inv_vnode_map(kt_l3, (uint16_t)index, cap, 0, 1, KPI_VM_READ | KPI_VM_WRITE, mapping);
}

void *kt_pages(unsigned count, caddr_t *ret_frame)
{
    errval_t err;
    caddr_t frame = kt_object(CAPTYPE_FRAME, (uint64_t)count * KPI_PAGE_BYTES, 1);
    void *va = kt_map(frame, 0, count, KPI_VM_READ | KPI_VM_WRITE, NULL, &err);

    kt_need(err, "map pages");
    if (ret_frame != NULL) {
        *ret_frame = frame;
    }
    return va;
}

void kt_thread_make(struct kt_thread *t)
{
    errval_t err;

    t->cap = kt_object(CAPTYPE_DISPATCHER, KPI_DISPATCHER_BYTES, 1);
    t->page = kt_map(t->cap, 0, 1, KPI_VM_READ | KPI_VM_WRITE, NULL, &err);
    kt_need(err, "map dispatcher page");
    t->stack_top = (char *)kt_pages(STACK_PAGES, NULL) + STACK_PAGES * KPI_PAGE_BYTES;

    /* A dispatcher that ends takes its L1 node with it: each has one, with our task node in it. */
    t->l1 = kt_object(CAPTYPE_L1CNODE, KPI_L1_BYTES_MIN, 1);
    kt_need(inv_cnode_copy(t->l1, KT_TASK_NODE, KPI_L1_TASK), "copy of the task node");
    kt_need(inv_dispatcher_setup(t->cap, t->l1, KPI_CAP_SELF_VROOT,
                                 (uint64_t)t->page),
            "dispatcher setup");
    *(caddr_t *)(void *)&t->page->user[8] = t->cap;
    t->page->upcall_entry = (uint64_t)kt_upcall_resume;
    t->page->upcall_sp = (uint64_t)t->stack_top;
}

void kt_thread_start(struct kt_thread *t, void (*fn)(void *), void *arg)
{
    uint64_t *start = (uint64_t *)((uint64_t)t->stack_top - 2 * sizeof(uint64_t));

    start[0] = (uint64_t)fn;
    start[1] = (uint64_t)arg;
    kt_need(inv_dispatcher_start(t->cap, (uint64_t)kt_thread_entry, (uint64_t)start,
                                 (uint64_t)start),
            "dispatcher start");
}

_Noreturn void kt_exit(uint64_t status)
{
    const struct kpi_dispatcher *page = kt_page();

    /* user[8..16): the capability of this dispatcher, 0 in the first one */
    caddr_t cap = *(const caddr_t *)(const void *)&page->user[8];

    for (;;) {
        (void)inv_dispatcher_kill(cap != 0 ? cap : KPI_CAP_SELF_DISP, status);
    }
}

uint64_t kt_now_ns(void)
{
    const struct kpi_dispatcher *page = kt_page();
    uint64_t ticks = kt_ticks() - page->clock_base;

    uint64_t rest = ticks % page->timer_hz;

    return ticks / page->timer_hz * NS_PER_S + rest * NS_PER_S / page->timer_hz;
}

/* The compiler calls these. */
void *memset(void *to, int byte, size_t bytes);
void *memcpy(void *to, const void *from, size_t bytes);

void *memset(void *to, int byte, size_t bytes)
{
    uint8_t *p = to;

    while (bytes-- > 0) {
        *p++ = (uint8_t)byte;
    }
    return to;
}

void *memcpy(void *to, const void *from, size_t bytes)
{
    uint8_t *p = to;
    const uint8_t *q = from;

    while (bytes-- > 0) {
        *p++ = *q++;
    }
    return to;
}
