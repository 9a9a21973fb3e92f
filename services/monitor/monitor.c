/* monitor.if, and the way to the monitor itself, which is a peer like others: by it a line begins
 * and ends on the same core. */
#include "monitor.h"

#include <stdlib.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/kernel.h>
#include <aos/ram.h>
#include <aos/slot.h>
#include <aos/time.h>
#include <aos/ump.h>
#include <if/monitor_server.h>

#include "audit.h"
#include "mail_line.h"
#include "objects.h"
#include "own.h"
#include "revokes.h"
#include "share.h"

#define MONITOR_FRAME_NS     20000000ull /* between tries to free one */
#define MONITOR_FRAME_TRIES  250u
#define MONITOR_KEPT_DIVISOR 8u          /* lines leave this part of init's memory */
#define MONITOR_NOTIFY_LOOKS 8u          /* bits looked at before one is taken that never was */
#define MONITOR_NOTIFY_TRIES 256u        /* and if there is none */

static struct {
    struct monitor_server server;
    struct waitset *ws;
    struct mail_list mail;               /* to itself, that is still to be received */
    struct work receive;
    uint32_t self;                       /* core */
} monitor;

static void monitor_receive(void *arg)
{
    struct mail_line *i;

    (void)arg;
    if (monitor.mail.head == NULL) {
        return;
    }
    i = mail_as_line(mail_take(&monitor.mail));
    if (monitor.mail.head != NULL) {
        waitset_post(monitor.ws, &monitor.receive);
    }
    line_receive(monitor.self, &i->wire, i->cap);
    mail_free(&i->mail);
}

static errval_t monitor_send(uint32_t peer, const struct line_wire *w, caddr_t cap)
{
    struct mail_line *i;

    if (peer != monitor.self) {
        return intermon_send(peer, w, cap);
    }
    i = mail_line(w);
    if (i == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    i->cap = cap;
    mail_add(&monitor.mail, &i->mail);
    waitset_post(monitor.ws, &monitor.receive);
    return ERR_OK;
}

static void monitor_refuse(uint32_t peer, uint32_t number)
{
    const struct line_wire w = {.line = number, .ended = true};

    if (peer == monitor.self) {
        line_receive(peer, &w, 0);
    } else {
        intermon_refuse(peer, number);
    }
}

static errval_t on_proxy(struct server_ctx *ctx, caddr_t end, caddr_t *ret_proxy)
{
    struct line_wire w = {0};
    errval_t err = line_export(monitor.self, end, &w);

    if (err_is_ok(err)) {
        server_take_cap(ctx, end);
        err = line_import(monitor.self, &w, ret_proxy);
    }
    return err_is_ok(err) ? ERR_OK : err_push(err, MONITOR_ERR_LIMIT);
}

/* --- what a domain's kernel refuses because other cores have copies ------------------------- */

/* An operation under way; its answer. */
struct monitor_op {
    union {
        struct monitor_revoke_responder revoke;
        struct monitor_revoke_part_responder part;
        struct monitor_retype_responder retype;
    } answer;
    caddr_t root;                        /* L1CNode of the domain */
    struct revoke what;                  /* of the first two */
};

static struct monitor_op *monitor_begin(struct server_ctx *ctx, caddr_t root)
{
    struct monitor_op *op = malloc(sizeof(*op));

    if (op != NULL) {
        server_take_cap(ctx, root);
        op->root = root;
    }
    return op;
}

static errval_t monitor_end(struct monitor_op *op, errval_t err)
{
    (void)cap_destroy(op->root);
    return err_is_ok(err) ? ERR_OK : err_push(err, MONITOR_ERR_FAILED);
}

static void revoke_done(void *arg, errval_t err)
{
    struct monitor_op *op = arg;

    monitor_revoke_reply(&op->answer.revoke, monitor_end(op, err));
    free(op);
}

static errval_t on_revoke(struct server_ctx *ctx, caddr_t root, uint32_t cap)
{
    struct monitor_op *op = monitor_begin(ctx, root);

    if (op == NULL) {
        return MONITOR_ERR_LIMIT;
    }
    op->answer.revoke = monitor_revoke_defer(ctx);
    op->what = (struct revoke){.root = root, .cap = cap, .done = revoke_done, .arg = op};
    revokes_begin(&op->what);
    return SERVER_DEFERRED;
}

static void part_done(void *arg, errval_t err)
{
    struct monitor_op *op = arg;

    monitor_revoke_part_reply(&op->answer.part, monitor_end(op, err));
    free(op);
}

static errval_t on_revoke_part(struct server_ctx *ctx, caddr_t root, uint32_t cap, uint64_t off,
                               uint64_t bytes)
{
    struct monitor_op *op = monitor_begin(ctx, root);

    if (op == NULL) {
        return MONITOR_ERR_LIMIT;
    }
    op->answer.part = monitor_revoke_part_defer(ctx);
    op->what = (struct revoke){
        .root = root, .cap = cap, .off = off, .bytes = bytes, .done = part_done, .arg = op,
    };
    revokes_begin(&op->what);
    return SERVER_DEFERRED;
}

static void retype_done(void *arg, errval_t err)
{
    struct monitor_op *op = arg;

    monitor_retype_reply(&op->answer.retype, monitor_end(op, err));
    free(op);
}

static errval_t on_retype(struct server_ctx *ctx, caddr_t root, uint32_t src, uint64_t off,
                          uint8_t type, uint64_t bytes, uint32_t count, uint32_t node,
                          uint32_t index)
{
    const struct caps_retype what = {
        .root = root, .src = src, .off = off, .bytes = bytes, .type = type, .count = count,
        .node = node, .index = index,
    };
    struct monitor_op *op = monitor_begin(ctx, root);

    if (op == NULL) {
        return MONITOR_ERR_LIMIT;
    }
    op->answer.retype = monitor_retype_defer(ctx);
    caps_retype(share_caps(), &what, retype_done, op);
    share_go_on();
    return SERVER_DEFERRED;
}

/* --- frames that are given back ------------------------------------------------------------- */

/* Others have copies of it, or some monitor has not given up what it knows of it yet. Programs
 * delete what they have without a word, and monitors find out by looking (share.c), so no event
 * tells when a frame can be freed: it is tried again and again. After a revoke it is no use to try
 * at once, either: that some monitor finds nothing left takes it a look. */
struct monitor_frame {
    struct monitor_frame *next;
    caddr_t frame;
    uint32_t tries;
    bool revoking;
    struct revoke revoke;
};

static struct monitor_frame *frames;
static struct monitor_frame *frames_unused; /* one for each line: it has one frame at most */
static uint32_t frames_unused_count;
static struct waitset_timer frames_timer;

static void frames_try(void *arg);

static void frames_try_later(void)
{
    (void)waitset_timer_set(monitor.ws, &frames_timer, time_deadline_ns(MONITOR_FRAME_NS),
                            frames_try, NULL);
}

static void frame_revoked(void *arg, errval_t err)
{
    struct monitor_frame *f = arg;

    (void)err;                           /* it is tried again in any case */
    f->revoking = false;
    frames_try_later();
}

/* Frees it, or asks all cores. False: it is gone, or is left alone for good. */
static bool frame_try(struct monitor_frame *f)
{
    errval_t err = ram_free(f->frame);

    if (err_is_ok(err) || f->tries++ == MONITOR_FRAME_TRIES) {
        return false;
    }
    if (err_no(err) == SYS_ERR_REMOTE) {
        f->revoking = true;
        f->revoke = (struct revoke){.cap = f->frame, .done = frame_revoked, .arg = f};
        revokes_begin(&f->revoke);
        share_look_soon();
    }
    return true;
}

static void frames_try(void *arg)
{
    struct monitor_frame **at = &frames;

    (void)arg;
    while (*at != NULL) {
        struct monitor_frame *f = *at;

        if (f->revoking || frame_try(f)) {
            at = &f->next;
        } else {
            *at = f->next;
            f->next = frames_unused;
            frames_unused = f;
            frames_unused_count++;
        }
    }
    if (frames != NULL) {
        frames_try_later();
    }
}

static void monitor_free_frame(caddr_t frame)
{
    struct monitor_frame *f = err_is_fail(ram_free(frame)) ? frames_unused : NULL;

    if (f != NULL) {
        frames_unused = f->next;
        frames_unused_count--;
        *f = (struct monitor_frame){.next = frames, .frame = frame};
        frames = f;
        frames_try(NULL);
    }
}

/* Programs have lines as they please, but not what services are started again from. */
static errval_t monitor_room(uint32_t lines)
{
    uint64_t free_bytes, total;

    ram_stats(&free_bytes, &total);
    if (free_bytes < total / MONITOR_KEPT_DIVISOR) {
        return LIB_ERR_NO_MEMORY;
    }
    while (frames_unused_count < lines) {
        struct monitor_frame *f = malloc(sizeof(*f));

        if (f == NULL) {
            return LIB_ERR_NO_MEMORY;
        }
        f->next = frames_unused;
        frames_unused = f;
        frames_unused_count++;
    }
    return mail_reserve(lines);
}

/* Bits are given out again when nobody has a capability to them any more; new ones only if several
 * others are taken: the kernel looks at all up to the highest whenever another core rings. */
static struct {
    uint32_t next, end;                  /* to look at; those from `end` on are free */
} notifies = {KPI_NOTIFY_MONITORS, KPI_NOTIFY_MONITORS};

/* The highest that are free are not given out before others are. */
static void monitor_lower_notifies(caddr_t slot)
{
    for (uint32_t i = 0; i < MONITOR_NOTIFY_LOOKS && notifies.end > KPI_NOTIFY_MONITORS
         && err_is_ok(kernel_notify(monitor.self, notifies.end - 1, slot)); i++) {
        (void)cap_delete(slot);
        notifies.end--;
    }
}

/* Of those below `end`, of which only some are looked at. */
static errval_t monitor_find_notify(caddr_t slot)
{
    uint32_t tries = notifies.end < KPI_NOTIFY_BITS ? MONITOR_NOTIFY_LOOKS : MONITOR_NOTIFY_TRIES;
    errval_t err = SYS_ERR_NOTIFY_TAKEN;

    for (uint32_t i = 0; i < tries && err == SYS_ERR_NOTIFY_TAKEN; i++) {
        if (notifies.next < notifies.end) {
            err = kernel_notify(monitor.self, notifies.next, slot);
        }
        notifies.next = notifies.next < notifies.end ? notifies.next + 1 : KPI_NOTIFY_MONITORS;
    }
    return err;
}

static errval_t monitor_make_notify(caddr_t *ret_notify)
{
    caddr_t slot;
    errval_t err = slot_alloc(&slot);

    if (err_is_fail(err)) {
        return err;
    }
    monitor_lower_notifies(slot);
    err = monitor_find_notify(slot);
    if (err == SYS_ERR_NOTIFY_TAKEN && notifies.end < KPI_NOTIFY_BITS) {
        err = kernel_notify(monitor.self, notifies.end, slot);
        notifies.end++;
    }
    if (err_is_fail(err)) {
        slot_free(slot);
        return err;
    }
    *ret_notify = slot;
    return ERR_OK;
}

static errval_t on_notify(struct server_ctx *ctx, caddr_t *ret_notify)
{
    errval_t err = monitor_make_notify(ret_notify);

    (void)ctx;
    return err_is_ok(err) ? ERR_OK : err_push(err, MONITOR_ERR_LIMIT);
}

static errval_t on_lines(struct server_ctx *ctx, uint32_t *ret_count)
{
    (void)ctx;
    *ret_count = line_count();
    return ERR_OK;
}

static void check_done(void *arg, const struct audit_result *r)
{
    struct monitor_check_responder *answer = arg;

    monitor_check_reply(answer, r->failed ? MONITOR_ERR_FAILED : ERR_OK, r->found, r->nodes,
                        r->records, r->quiet ? 0 : 1);
    free(answer);
}

static errval_t on_check(struct server_ctx *ctx, uint64_t *ret_found, uint64_t *ret_nodes,
                         uint32_t *ret_records, uint32_t *ret_busy)
{
    struct monitor_check_responder *answer = malloc(sizeof(*answer));

    (void)ret_found, (void)ret_nodes, (void)ret_records, (void)ret_busy;
    if (answer == NULL) {
        return MONITOR_ERR_LIMIT;
    }
    *answer = monitor_check_defer(ctx);
    audit_begin(server_conn_trusted(ctx->conn), check_done, answer);
    return SERVER_DEFERRED;
}

static void objects_told(void *arg, errval_t err, const struct monitor_object *objects,
                         size_t count)
{
    struct monitor_objects_responder *answer = arg;

    monitor_objects_reply(answer, err_is_ok(err) ? ERR_OK : err_push(err, MONITOR_ERR_FAILED),
                          objects, count);
    free(answer);
}

static errval_t on_objects(struct server_ctx *ctx, uint32_t core,
                           const struct monitor_object *after, struct monitor_object *ret_objects,
                           size_t *ret_objects_count)
{
    struct monitor_objects_responder *answer;
    errval_t err;

    if (!server_conn_trusted(ctx->conn)) {
        return MONITOR_ERR_DENIED;
    }
    if (core == monitor.self) {
        err = objects_own(after, ret_objects, ret_objects_count);
        return err_is_ok(err) ? ERR_OK : err_push(err, MONITOR_ERR_FAILED);
    }
    answer = malloc(sizeof(*answer));
    err = answer == NULL ? LIB_ERR_NO_MEMORY : objects_ask(core, after, objects_told, answer);
    if (err_is_fail(err)) {
        free(answer);
        return err_push(err, err == RPC_ERR_NOT_BOUND ? MONITOR_ERR_NO_CORE : MONITOR_ERR_LIMIT);
    }
    *answer = monitor_objects_defer(ctx);
    return SERVER_DEFERRED;
}

static errval_t on_space(struct server_ctx *ctx, caddr_t dispatcher, uint32_t from,
                         struct monitor_object *ret_objects, size_t *ret_objects_count,
                         uint32_t *ret_next)
{
    errval_t err = objects_space(dispatcher, from, ret_objects, ret_objects_count, ret_next);

    (void)ctx;
    return err_is_ok(err) ? ERR_OK : err_push(err, MONITOR_ERR_FAILED);
}

static const struct monitor_server_ops ops = {
    .on_proxy = on_proxy, .on_revoke = on_revoke, .on_revoke_part = on_revoke_part,
    .on_retype = on_retype, .on_lines = on_lines, .on_check = on_check,
    .on_notify = on_notify, .on_objects = on_objects, .on_space = on_space,
};

errval_t monitor_start(const struct intermon_host *ways, struct waitset *ws)
{
    static const struct line_host host = {
        monitor_send, monitor_free_frame, monitor_room, monitor_refuse,
    };
    errval_t err = intermon_init(ways, ws);

    if (err_is_fail(err)) {
        return err;
    }
    monitor.ws = ws;
    mail_list_init(&monitor.mail);
    monitor.receive.fn = monitor_receive;
    monitor.self = domain_core();
    line_init(&host, ws);
    revokes_init(ws);
    own_init(ws);
    ump_set_notify(monitor_make_notify);
    monitor_serve(&monitor.server, &ops, &monitor, ws);
    return ERR_OK;
}

errval_t monitor_end_for(uint64_t pid, bool trusted, caddr_t *ret_end)
{
    return server_make_end(&monitor.server.base, pid, trusted ? SERVER_PEER_TRUSTED : 0, ret_end);
}
