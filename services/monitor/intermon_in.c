/* What comes by the ways to other monitors (intermon.h). */
#include "intermon_priv.h"

#include <string.h>

#include <aos/domain.h>

#include "audit.h"
#include "share.h"

static void on_pass(struct server_ctx *ctx, uint32_t line, intermon_side_t side, uint64_t header,
                    const uint64_t *words, intermon_cap_kind_t cap, uint32_t cap_line,
                    uint64_t tag)
{
    struct line_wire w = {
        .line = line, .to_proxy = side == INTERMON_SIDE_PROXY, .header = header,
        .cap = (uint8_t)cap, .cap_line = cap_line,
    };
    caddr_t slot = w.cap == LINE_CAP_OTHER ? share_take(tag) : 0;

    memcpy(w.words, words, sizeof(w.words));
    w.cap = w.cap == LINE_CAP_OTHER && slot == 0 ? LINE_CAP_LOST : w.cap;
    line_receive((uint32_t)ctx->peer_pid, &w, slot);
    share_look_soon();
}

static void on_caps(struct server_ctx *ctx, uint8_t sender, uint8_t to,
                    const struct intermon_cap_message *m)
{
    const struct caps_msg msg = {
        .kind = m->kind, .flags = m->flags, .rights = m->rights, .owner = m->owner,
        .home = m->home, .users = m->users, .from = m->origin, .dest = m->dest, .op = m->op,
        .key = {m->type, m->page, m->pages}, .version = m->version, .first = m->first,
        .count = m->count, .tag = m->tag, .err = m->err,
    };

    if (to == domain_core()) {
        share_receive(sender, &msg);
    } else if (to < LINE_PEERS_MAX && domain_on_boot_core()
               && !ways.peers[ctx->peer_pid].stale[to]) {
        intermon_pass_caps(sender, to, &msg);
    }
}

static void on_online(struct server_ctx *ctx, uint8_t core)
{
    (void)ctx;
    share_core_up(core);
}

static void on_audit(struct server_ctx *ctx, const struct intermon_audit_message *m)
{
    audit_receive((uint32_t)ctx->peer_pid, m);
}

static void on_look(struct server_ctx *ctx, uint32_t number, const struct monitor_object *after)
{
    objects_looked((uint32_t)ctx->peer_pid, number, after);
}

static void on_seen(struct server_ctx *ctx, uint32_t number, const struct monitor_object *all,
                    size_t count)
{
    objects_seen((uint32_t)ctx->peer_pid, number, all, count);
}

/* Who was told says so; what it sent before was for the core that is off. */
static void on_offline(struct server_ctx *ctx, uint8_t core)
{
    if (domain_on_boot_core()) {
        ways.peers[ctx->peer_pid].stale[core % LINE_PEERS_MAX] = false;
    } else {
        share_core_down(core);
        intermon_tell((uint32_t)ctx->peer_pid, INTERMON_OFFLINE, core);
    }
}

static void on_ended(struct server_ctx *ctx, uint32_t line, intermon_side_t side)
{
    const struct line_wire w = {
        .line = line, .to_proxy = side == INTERMON_SIDE_PROXY, .ended = true,
    };

    line_receive((uint32_t)ctx->peer_pid, &w, 0);
    share_look_soon();
}

static void on_taken(struct server_ctx *ctx, uint32_t line, intermon_side_t side, uint32_t count)
{
    const struct line_wire w = {
        .line = line, .to_proxy = side == INTERMON_SIDE_PROXY, .taken = count,
    };

    line_receive((uint32_t)ctx->peer_pid, &w, 0);
}

static void on_root(struct server_ctx *ctx, intermon_cap_kind_t cap, uint32_t cap_line)
{
    const struct line_wire w = {.cap = (uint8_t)cap, .cap_line = cap_line};
    caddr_t end;

    if (err_is_ok(line_import((uint32_t)ctx->peer_pid, &w, &end))) {
        ways.host->root((uint32_t)ctx->peer_pid, end);
    }
}

static void on_peer_gone(struct server_ctx *ctx)
{
    ways.peers[ctx->peer_pid].up = false;
    line_peer_gone((uint32_t)ctx->peer_pid);
    audit_peer_gone((uint32_t)ctx->peer_pid);
    objects_peer_gone((uint32_t)ctx->peer_pid);
}

const struct intermon_server_ops intermon_ops = {
    .on_pass = on_pass, .on_ended = on_ended, .on_root = on_root, .on_caps = on_caps,
    .on_online = on_online, .on_offline = on_offline, .on_audit = on_audit,
    .on_look = on_look, .on_seen = on_seen, .on_taken = on_taken, .on_peer_gone = on_peer_gone,
};
