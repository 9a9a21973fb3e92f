/* libaos without a kernel, for one thread. */
#include "fake.h"

#include <sched.h>
#include <stdarg.h>

#include <check.h>

#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/fault.h>
#include <aos/paging.h>
#include <aos/ram.h>
#include <aos/slot.h>
#include <aos/ump.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <aos/timer.h>

#define SLOTS  512u
#define TIMERS 32u

struct kpi_dispatcher arch_host_page;
bool (*arch_host_copy)(void *to, const void *from, uint32_t bytes);
uint64_t arch_host_counter;
struct waitset *fake_waitset;
bool (*fake_wait)(void);
uint64_t fake_tick_ns;
void (*fake_destroying)(caddr_t cap);
uint32_t fake_rotations;

struct fake_slot {
    bool used;
    uint8_t type, rights;
    caddr_t lender; /* of a loan: the slot it is a loan of */
    uint8_t *memory; /* frames */
    uint64_t tag;    /* which one it is, for other processes; 0: not told yet */
    const _Atomic uint64_t *alive; /* of another process's loan: not 0 until that takes it back */
};
static struct fake_slot slots[SLOTS];
static uint32_t mappings;
static uint64_t now = 1000;
static struct timer *timers[TIMERS];

uint64_t fake_trace[FAKE_TRACE_BYTES / 8];

void *domain_trace(size_t *ret_bytes)
{
    *ret_bytes = sizeof(fake_trace);
    return fake_trace;
}

uint32_t domain_pid(void)
{
    return FAKE_PID;
}

const struct kpi_startup *domain_startup(void)
{
    static const struct kpi_startup none;

    return &none;                        /* without limits */
}

void fake_start(void)
{
    arch_host_page.disabled = 0;
}

/* --- capabilities and slots ----------------------------------------------------------------- */

errval_t slot_alloc(caddr_t *ret_slot)
{
    for (uint32_t i = 1; i < SLOTS; i++) {
        if (!slots[i].used) {
            slots[i].used = true;
            *ret_slot = i;
            return ERR_OK;
        }
    }
    return LIB_ERR_NO_SLOTS;
}

errval_t slot_alloc_range(uint32_t count, caddr_t *ret_first)
{
    for (uint32_t i = 1, free = 0; i < SLOTS; i++) {
        free = slots[i].used ? 0 : free + 1;
        if (free == count) {
            *ret_first = i + 1 - count;
            for (uint32_t k = *ret_first; k <= i; k++) {
                slots[k].used = true;
            }
            return ERR_OK;
        }
    }
    return LIB_ERR_NO_SLOTS;
}

void slot_free(caddr_t slot)
{
    CHECK(slot < SLOTS && slots[slot].used && slots[slot].type == CAPTYPE_NULL);
    slots[slot].used = false;
}

caddr_t fake_cap(enum captype type, uint8_t rights)
{
    caddr_t slot;
    CHECK(slot_alloc(&slot) == ERR_OK);
    slots[slot] = (struct fake_slot){.used = true, .type = (uint8_t)type, .rights = rights};
    return slot;
}

/* A loan that was taken back is there no longer, wherever it is. */
static uint8_t fake_type(caddr_t slot)
{
    const struct fake_slot *s = &slots[slot];
    return s->alive != NULL && *s->alive == 0 ? CAPTYPE_NULL : s->type;
}

bool fake_cap_is_gone(caddr_t slot)
{
    return fake_type(slot) == CAPTYPE_NULL;
}

bool fake_slot_is_empty(caddr_t slot)
{
    return !slots[slot].used;
}

uint32_t fake_caps_in_use(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < SLOTS; i++) {
        count += slots[i].used;
    }
    return count;
}

errval_t cap_identify(caddr_t c, struct cap_info *ret_info)
{
    if (c >= SLOTS || fake_type(c) == CAPTYPE_NULL) {
        return SYS_ERR_CAP_NOT_FOUND;
    }
    *ret_info = (struct cap_info){.type = slots[c].type, .rights = slots[c].rights};
    return ERR_OK;
}

errval_t cap_mint(caddr_t dest, caddr_t src, uint8_t rights)
{
    slots[dest].type = slots[src].type;
    slots[dest].rights = slots[src].rights & rights;
    slots[dest].lender = slots[src].lender;
    slots[dest].memory = slots[src].memory;
    slots[dest].tag = slots[src].tag;
    slots[dest].alive = slots[src].alive;
    return ERR_OK;
}

errval_t fake_cap_export(caddr_t slot, struct fake_export *ret_export)
{
    static uint64_t tags;
    struct cap_info info;
    errval_t err = cap_identify(slot, &info);
    if (err_is_fail(err)) {
        return err;
    }
    struct fake_slot *s = &slots[slot];
    if (s->tag == 0) {
        tags += 2;
        s->tag = tags - 1;
    }
    *ret_export = (struct fake_export){info.type, info.rights, s->tag, s->memory, s->alive};
    return ERR_OK;
}

errval_t fake_cap_import(const struct fake_export *export, caddr_t *ret_slot)
{
    caddr_t slot;
    errval_t err = slot_alloc(&slot);
    if (err_is_fail(err)) {
        return err;
    }
    slots[slot] = (struct fake_slot){.used = true,
                                     .type = export->type,
                                     .rights = export->rights,
                                     .memory = export->memory,
                                     .tag = export->tag,
                                     .alive = export->alive};
    *ret_slot = slot;
    return ERR_OK;
}

errval_t cap_copy(caddr_t dest, caddr_t src)
{
    struct cap_info info;
    errval_t err = cap_identify(src, &info);
    return err_is_fail(err) ? err : cap_mint(dest, src, CAP_RIGHTS_ALL);
}

errval_t cap_lend(caddr_t dest, caddr_t src, uint8_t rights)
{
    errval_t err = cap_mint(dest, src, rights & (uint8_t)~CAP_RIGHT_D);
    slots[dest].lender = src;
    return err;
}

/* Empties a slot and ends what was lent from it. */
static void fake_clear(caddr_t c)
{
    slots[c].type = CAPTYPE_NULL;
    slots[c].lender = 0;
    slots[c].memory = NULL;
    slots[c].tag = 0;
    slots[c].alive = NULL;
    for (caddr_t i = 1; i < SLOTS; i++) {
        if (slots[i].type != CAPTYPE_NULL && slots[i].lender == c) {
            fake_clear(i);
        }
    }
}

errval_t cap_move(caddr_t dest, caddr_t src)
{
    errval_t err = cap_mint(dest, src, 0xff);
    slots[src].type = CAPTYPE_NULL;
    slots[src].lender = 0;
    for (caddr_t i = 1; i < SLOTS; i++) {
        slots[i].lender = slots[i].lender == src ? dest : slots[i].lender;
    }
    return err;
}

errval_t cap_delete(caddr_t c)
{
    fake_clear(c);
    return ERR_OK;
}

errval_t cap_destroy(caddr_t c)
{
    if (fake_destroying != NULL) {
        fake_destroying(c);
    }
    CHECK(c != 0 && c < SLOTS && slots[c].used);
    fake_clear(c);
    slots[c].used = false;
    return ERR_OK;
}

errval_t cap_destroy_received(caddr_t c)
{
    return cap_destroy(c);
}

caddr_t recv_slot_rotate_disabled(void)
{
    fake_rotations++;
    return 0;
}

void recv_slot_refill(void)
{
}

bool recv_slot_low(void)
{
    return false;
}

/* --- memory --------------------------------------------------------------------------------- */

errval_t frame_alloc(uint64_t bytes, caddr_t *ret_frame, uint64_t *ret_bytes)
{
    *ret_bytes = aos_round_up(bytes, AOS_PAGE_BYTES);
    *ret_frame = fake_cap(CAPTYPE_FRAME, CAP_RIGHTS_ALL);
    slots[*ret_frame].memory = malloc(*ret_bytes);
    return ERR_OK;
}

errval_t ram_free(caddr_t c)
{
    free(slots[c].memory);
    slots[c].memory = NULL;
    return cap_destroy(c);
}

errval_t ram_free_range(uint64_t base, uint64_t bytes)
{
    (void)base;
    (void)bytes;
    return ERR_OK;
}

errval_t ram_free_range_unused(uint64_t base, uint64_t bytes)
{
    return ram_free_range(base, bytes);
}

errval_t ram_retype_new(caddr_t dest, enum captype type, uint64_t bytes, uint64_t align)
{
    (void)dest;
    (void)type;
    (void)bytes;
    (void)align;
    return LIB_ERR_NO_MEMORY;
}

struct paging_state *paging_self(void)
{
    return NULL;
}

errval_t paging_map_frame(struct paging_state *st, caddr_t frame, uint64_t off, uint64_t bytes,
                          uint32_t flags, void **ret_va)
{
    (void)st;
    (void)off;
    (void)bytes;
    (void)flags;
    mappings++;
    *ret_va = slots[frame].memory;
    return ERR_OK;
}

errval_t paging_unmap(struct paging_state *st, void *va)
{
    (void)st;
    (void)va;
    mappings--;
    return ERR_OK;
}

errval_t fault_set_region_handler(void *va, fault_handler handler, void *arg)
{
    (void)va;
    (void)handler;
    (void)arg;
    return ERR_OK;
}

/* --- time ----------------------------------------------------------------------------------- */

uint64_t time_now_ns(void)
{
    now += fake_tick_ns;
    return now;
}

uint64_t time_deadline_ns(uint64_t ns)
{
    return ns > UINT64_MAX - now ? AOS_FOREVER : now + ns;
}

bool timer_arm_disabled(struct timer *t, uint64_t deadline_ns)
{
    timer_cancel_disabled(t);
    for (uint32_t i = 0; i < TIMERS; i++) {
        if (timers[i] == NULL) {
            timers[i] = t;
            t->deadline_ns = deadline_ns;
            t->place = i + 1;
            return true;
        }
    }
    return false;
}

void timer_cancel_disabled(struct timer *t)
{
    if (t->place != 0) {
        timers[t->place - 1] = NULL;
        t->place = 0;
    }
}

void fake_pass_time(uint64_t ns)
{
    now += ns;
    for (uint32_t i = 0; i < TIMERS; i++) {
        struct timer *t = timers[i];
        if (t != NULL && t->deadline_ns <= now) {
            timer_cancel_disabled(t);
            t->fire_disabled(t);
        }
    }
}

/* --- threads: one, which runs the waitset while it is blocked ------------------------------------
 */

static struct thread *const blocked = (struct thread *)&slots;

bool thread_block_until_disabled(struct thread_queue *q, uint64_t deadline_ns)
{
    CHECK(disp_is_disabled());
    q->head = blocked;
    while (q->head != NULL) {
        disp_enable();
        bool some =
            fake_waitset != NULL && q != &fake_waitset->waiters && waitset_poll(fake_waitset);
        some = some || (fake_wait != NULL && fake_wait());
        disp_disable();
        if (!some && q->head != NULL) {
            q->head = NULL;
            CHECK(deadline_ns != AOS_FOREVER);
            fake_pass_time(deadline_ns > now ? deadline_ns - now : 0);
            return false;
        }
    }
    return true;
}

void thread_block_disabled(struct thread_queue *q)
{
    (void)thread_block_until_disabled(q, AOS_FOREVER);
}

bool thread_wake_one_disabled(struct thread_queue *q)
{
    CHECK(disp_is_disabled());
    bool some = q->head != NULL;
    q->head = NULL;
    return some;
}

void thread_wake_all_disabled(struct thread_queue *q)
{
    (void)thread_wake_one_disabled(q);
}

void thread_sleep_until(uint64_t deadline_ns)
{
    if (fake_wait != NULL) { /* another process needs real time */
        (void)sched_yield();
        return;
    }
    disp_disable();
    fake_pass_time(deadline_ns > now ? deadline_ns - now : 0);
    disp_enable();
    if (fake_waitset != NULL) {
        (void)waitset_poll(fake_waitset);
    }
}

void thread_sleep_ns(uint64_t ns)
{
    thread_sleep_until(now + ns);
}

void mutex_lock(struct mutex *m)
{
    m->depth++;
}

bool mutex_held(const struct mutex *m)
{
    return m->depth != 0;
}

void mutex_unlock(struct mutex *m)
{
    CHECK(m->depth > 0);
    m->depth--;
}

void disp_enable_pending(void)
{
}

void disp_event_disabled(uint64_t events)
{
    (void)events;
}

void aos_panic(const char *format, ...)
{
    fprintf(stderr, "panic: %s\n", format);
    exit(1);
}

/* There are no kernel events without a kernel: a source is what a test listens on. */
void (*fake_listener)(struct chan *c, const struct lmp_msg *msg);

void source_deliver_disabled(struct chan *c, const struct lmp_msg *msg)
{
    if (fake_listener != NULL) {
        fake_listener(c, msg);
    } else {
        chan_discard_cap_disabled(msg->cap);
    }
}

bool source_run(struct chan *c)
{
    (void)c;
    return false;
}

void fake_check_clean(void)
{
    CHECK_EQ(arch_host_page.disabled, 0);
    CHECK_EQ(fake_caps_in_use(), 0);
    CHECK_EQ(mappings, 0);
}

/* Nothing here is remote. */
errval_t ump_rings_map(caddr_t frame, uint32_t bytes, bool first, struct ump_config *ret_config)
{
    (void)frame;
    (void)bytes;
    (void)first;
    (void)ret_config;
    return LIB_ERR_NO_ADDRESS;
}

void ump_frames_unmap(const struct ump_config *config)
{
    (void)config;
}

errval_t chan_notify_connect(caddr_t notify, caddr_t end)
{
    (void)notify;
    (void)end;
    return LIB_ERR_NOT_FOUND;
}

void chan_notify_signal(caddr_t notify)
{
    (void)notify;
}
