/* Memory of other cores. When this service has no room for a domain of its core, it asks the memory
 * services of the others, of which it is a client like any other, for a piece, which moves here and
 * is a root from then on. Once nothing of it is used any more it goes back. What others ask for is
 * never borrowed, so nobody waits in a circle; and who lends keeps a part (service_lends).
 *
 * A root of others is in the vault, so that the next service of this core knows it. When this one
 * ends, the lender waits until nobody uses what it has lent (main.c, on_peer_gone); so it does not
 * matter which of the two knows of a piece that was on its way.
 *
 * Calls to other cores wait, so a thread makes them: it takes wishes and pieces to return from two
 * lists, one at a time. Everything about the core (memory_priv.h) is the main thread's. */
#include "service_priv.h"

#include <stdlib.h>

#include <aos/binding.h>
#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/services.h>
#include <aos/slot.h>
#include <aos/time.h>
#include <if/init.h>

#define BORROW_BYTES    0x1000000ull     /* at least, if it is to be had: the next ones want some */
#define BORROW_IDLE_NS  50000000ull      /* before an unused piece is returned */
#define BORROW_STACK_BYTES 0x10000ull    /* there from the start: none may be missing later */
#define LEND_DIVISOR    4u               /* who lends keeps this part of its memory free */

/* Somebody waits for memory. */
struct wish {
    struct wish *next;
    struct work done;
    bool for_other;                      /* alloc_for */
    struct memory_alloc_responder alloc;
    struct memory_alloc_for_responder alloc_for;
    uint32_t owner, charged;             /* pids */
    uint64_t bytes, align;
    uint32_t tried;                      /* mask of cores that have nothing for it */
    uint32_t lender;                     /* what has come: from this core, */
    caddr_t ram;                         /* 0: nothing */
};

/* A piece on its way back. */
struct gift {
    struct gift *next;
    struct work done;
    uint32_t lender;
    caddr_t ram;                         /* 0: it has gone */
};

static struct {
    struct mutex lock;                   /* of the lists */
    struct cond changed;
    struct wish *wishes, **wishes_end;
    struct gift *gifts;
    uint32_t waiting;                    /* wishes, also those that the thread has */
    uint32_t pieces;                     /* roots of others */
    uint32_t lender[MEMORY_ROOTS_MAX];   /* by root: 1 + core; 0: its own */
    uint32_t place[MEMORY_ROOTS_MAX];    /* the same: slot of the vault */
    struct waitset_timer idle;
    bool idle_set;
} borrow;

bool service_lends(uint32_t pid, uint64_t bytes)
{
    uint64_t kept = service.core.total / LEND_DIVISOR;

    return domain_core_of(pid) == domain_core()
        || (service.core.free > kept && service.core.free - kept >= bytes);
}

/* --- in the thread -------------------------------------------------------------------------- */

/* The core with the largest piece among those that were not asked yet. */
static bool borrow_choose(const struct wish *w, uint32_t *ret_core)
{
    uint64_t most = 0;
    struct init_binding *init;
    uint32_t on = 0;
    errval_t err = aos_init(&init);

    if (err_is_ok(err)) {
        (void)init_cores(init, &on);
    }
    for (uint32_t core = 0; core < domain_core_count(); core++) {
        uint64_t total, free_bytes, largest = 0, dying;
        struct memory_binding *b;
        uint32_t pieces;

        if (core != domain_core() && (on & ~w->tried & 1u << core) != 0
            && err_is_ok(aos_memory_on(core, &b))
            && err_is_ok(memory_stats(b, &total, &free_bytes, &largest, &pieces, &dying))
            && largest > most) {
            most = largest;
            *ret_core = core;
        }
    }
    return most >= w->bytes;
}

static void borrow_ask(struct wish *w)
{
    uint64_t pieces[] = {aos_round_up(w->bytes, BORROW_BYTES), w->bytes}, actual;
    struct memory_binding *b;
    errval_t err = LIB_ERR_NO_MEMORY;

    while (w->ram == 0 && borrow_choose(w, &w->lender)) {
        w->tried |= 1u << w->lender;
        err = aos_memory_on(w->lender, &b);
        for (uint32_t i = 0; err_is_ok(err) && i < 2 && w->ram == 0; i++) {
            if (err_is_fail(memory_alloc(b, pieces[i], w->align, &w->ram, &actual))) {
                w->ram = 0;
            }
        }
    }
}

static void borrow_give(struct gift *g)
{
    struct memory_binding *b;

    if (err_is_ok(aos_memory_on(g->lender, &b)) && err_is_ok(memory_free(b, g->ram))) {
        g->ram = 0;
    }
}

static int borrow_run(void *arg)
{
    (void)arg;
    mutex_lock(&borrow.lock);
    for (;;) {
        struct wish *w = borrow.wishes;
        struct gift *g = borrow.gifts;

        if (w != NULL) {
            borrow.wishes = w->next;
            borrow.wishes_end = w->next == NULL ? &borrow.wishes : borrow.wishes_end;
        } else if (g != NULL) {
            borrow.gifts = g->next;
        } else {
            cond_wait(&borrow.changed, &borrow.lock);
            continue;
        }
        mutex_unlock(&borrow.lock);
        if (w != NULL) {
            borrow_ask(w);
            waitset_post(&service.ws, &w->done);
        } else {
            borrow_give(g);
            waitset_post(&service.ws, &g->done);
        }
        mutex_lock(&borrow.lock);
    }
    return 0;
}

/* --- in the main thread --------------------------------------------------------------------- */

static void borrow_queue(struct wish *w)
{
    w->next = NULL;
    mutex_lock(&borrow.lock);
    *borrow.wishes_end = w;
    borrow.wishes_end = &w->next;
    cond_signal(&borrow.changed);
    mutex_unlock(&borrow.lock);
}

/* Puts a piece into the vault. False: there is no room, or no vault. `io_ram` is where it is then;
 * 0: it is lost. */
static bool borrow_keep(uint32_t lender, caddr_t *io_ram, uint32_t *ret_place)
{
    struct keep_vault *v = service.core.keep.vault;
    uint32_t place = 0;

    while (v != NULL && place < KEEP_BORROWED_MAX && v->lenders[place] != 0) {
        place++;
    }
    if (v == NULL || place == KEEP_BORROWED_MAX
        || err_is_fail(vault_put(&service.vault, place, io_ram))) {
        return false;
    }
    vault_set(&v->lenders[place], 1 + lender);
    *ret_place = place;
    return true;
}

/* Takes it out again, as it must be to be sent. */
static caddr_t borrow_unkeep(uint32_t place, caddr_t slot)
{
    caddr_t kept = vault_get(&service.vault, place);
    errval_t err;

    vault_set(&service.core.keep.vault->lenders[place], 0);
    err = cap_move(slot, kept);
    if (err_is_fail(err)) {
        (void)cap_destroy(kept);
        slot_free(slot);
        return 0;
    }
    return slot;
}

static bool borrow_root(uint32_t lender, caddr_t ram, uint32_t place)
{
    struct cap_info info;
    uint32_t root;

    if (err_is_fail(cap_identify(ram, &info))
        || err_is_fail(memory_add(&service.core, info.a, info.b))) {
        return false;
    }
    root = memory_root_at(&service.core, info.a);
    service.roots[root] = ram;
    borrow.lender[root] = 1 + lender;
    borrow.place[root] = place;
    borrow.pieces++;
    return true;
}

/* A piece of core `lender` is a root from now on. False: there is no room for one; `io_ram` is as
 * for borrow_keep. */
static bool borrow_add(uint32_t lender, caddr_t *io_ram)
{
    uint32_t place;
    caddr_t slot;

    service_own_records();
    if (err_is_fail(slot_alloc(&slot))) {
        return false;                    /* it could not go back */
    }
    if (!borrow_keep(lender, io_ram, &place)) {
        slot_free(slot);
        return false;
    }
    if (!borrow_root(lender, *io_ram, place)) {
        *io_ram = borrow_unkeep(place, slot);
        return false;
    }
    slot_free(slot);
    return true;
}

void service_borrow_restore(void)
{
    struct keep_vault *v = service.core.keep.vault;

    for (uint32_t place = 0; v != NULL && place < KEEP_BORROWED_MAX; place++) {
        caddr_t ram = vault_get(&service.vault, place);

        if (ram == 0 || v->lenders[place] == 0
            || !borrow_root(v->lenders[place] - 1, ram, place)) {
            vault_set(&v->lenders[place], 0);
            (void)(ram != 0 ? cap_destroy(ram) : ERR_OK); /* on its way when the last one ended */
        }
    }
}

static errval_t borrow_retry(struct wish *w, caddr_t *ret_ram, uint64_t *ret_actual)
{
    struct memory_account *owner = accounts_find(&service.core, w->owner);
    struct memory_account *charged = accounts_find(&service.core, w->charged);

    return owner == NULL || charged == NULL
        ? MEMORY_ERR_NO_PID
        : service_take_locked(owner, charged, w->bytes, w->align, ret_ram, ret_actual);
}

static void borrow_return(uint32_t lender, caddr_t ram);

static void borrow_done(void *arg)
{
    struct wish *w = arg;
    bool came = w->ram != 0;
    caddr_t ram = 0;
    uint64_t actual = 0;
    errval_t err;

    mutex_lock(&service.lock);
    if (came && !borrow_add(w->lender, &w->ram)) {
        borrow_return(w->lender, w->ram);
        came = false;
    }
    w->ram = 0;
    err = borrow_retry(w, &ram, &actual);
    mutex_unlock(&service.lock);
    if (came && err_no(err) == MEMORY_ERR_NO_MEMORY) {
        borrow_queue(w);                 /* others were faster */
        return;
    }
    if (w->for_other) {
        memory_alloc_for_reply(&w->alloc_for, err, ram, actual);
    } else {
        memory_alloc_reply(&w->alloc, err_no(err) == MEMORY_ERR_NO_PID ? MEMORY_ERR_NO_MEMORY : err,
                           ram, actual);
    }
    free(w);
    borrow.waiting--;
    service_return_soon();
}

/* A fresh wish of the caller, or NULL: nothing is borrowed for it. */
static struct wish *borrow_wish(const struct server_ctx *ctx, uint64_t bytes, uint64_t align)
{
    struct wish *w = NULL;

    if (domain_core_count() > 1 && domain_core_of((uint32_t)ctx->peer_pid) == domain_core()) {
        w = calloc(1, sizeof(*w));
    }
    if (w != NULL) {
        w->owner = w->charged = (uint32_t)ctx->peer_pid;
        w->bytes = bytes;
        w->align = align;
        w->done.fn = borrow_done;
        w->done.arg = w;
        borrow.waiting++;
    }
    return w;
}

errval_t service_borrow(struct server_ctx *ctx, uint64_t bytes, uint64_t align)
{
    struct wish *w = borrow_wish(ctx, bytes, align);

    if (w == NULL) {
        return MEMORY_ERR_NO_MEMORY;
    }
    w->alloc = memory_alloc_defer(ctx);
    borrow_queue(w);
    return SERVER_DEFERRED;
}

errval_t service_borrow_for(struct server_ctx *ctx, uint32_t pid, uint64_t bytes, uint64_t align)
{
    struct wish *w = borrow_wish(ctx, bytes, align);

    if (w == NULL) {
        return MEMORY_ERR_NO_MEMORY;
    }
    w->for_other = true;
    w->charged = pid;
    w->alloc_for = memory_alloc_for_defer(ctx);
    borrow_queue(w);
    return SERVER_DEFERRED;
}

/* --- giving back ---------------------------------------------------------------------------- */

static void borrow_returned(void *arg)
{
    struct gift *g = arg;

    if (g->ram != 0 && !borrow_add(g->lender, &g->ram) && g->ram != 0) {
        (void)cap_destroy(g->ram);       /* the lender finds that nobody uses it */
    }
    free(g);
    service_return_soon();
}

static void borrow_return(uint32_t lender, caddr_t ram)
{
    struct gift *g = ram != 0 ? calloc(1, sizeof(*g)) : NULL;

    if (ram == 0) {
        return;
    }
    if (g == NULL) {
        (void)cap_destroy(ram);
        return;
    }
    g->lender = lender;
    g->ram = ram;
    g->done.fn = borrow_returned;
    g->done.arg = g;
    mutex_lock(&borrow.lock);
    g->next = borrow.gifts;
    borrow.gifts = g;
    cond_signal(&borrow.changed);
    mutex_unlock(&borrow.lock);
}

/* If nothing of it is used. */
static void borrow_try_return(uint32_t root)
{
    caddr_t slot;

    if (err_is_fail(slot_alloc(&slot))) {
        return;
    }
    if (!memory_remove(&service.core, root)) {
        slot_free(slot);
        return;
    }
    borrow_return(borrow.lender[root] - 1, borrow_unkeep(borrow.place[root], slot));
    service.roots[root] = 0;
    borrow.lender[root] = 0;
    borrow.pieces--;
}

static void borrow_idle(void *arg)
{
    (void)arg;
    borrow.idle_set = false;
    mutex_lock(&service.lock);
    for (uint32_t root = 0; root < MEMORY_ROOTS_MAX && borrow.waiting == 0; root++) {
        if (borrow.lender[root] != 0) {
            borrow_try_return(root);
        }
    }
    mutex_unlock(&service.lock);
}

void service_return_soon(void)
{
    if (borrow.pieces != 0 && !borrow.idle_set) {
        borrow.idle_set = err_is_ok(waitset_timer_set(&service.ws, &borrow.idle,
                                                      time_deadline_ns(BORROW_IDLE_NS),
                                                      borrow_idle, NULL));
    }
}

errval_t service_borrow_init(void)
{
    const struct thread_attr attr = {
        .stack_bytes = BORROW_STACK_BYTES, .detached = true, .resident = true,
    };
    struct thread *thread;

    borrow.wishes_end = &borrow.wishes;
    return domain_core_count() == 1
        ? ERR_OK : thread_create(borrow_run, NULL, &attr, &thread);
}
