/* Lent buffers, server side. The region belongs to the client: nothing here depends on what stands
 * in it, and a copy may end with a fault. A lease is used by whoever holds its connection, which
 * keeps the region mapped. */
#include "chan_priv.h"

#include <aos/paging.h>

static uint32_t lease_words(uint32_t bytes)
{
    return (bytes + 7u) / 8u;
}

/* One word of a request, without the rule for the bulk bit. */
static bool lease_decode(struct server_ctx *ctx, const struct lend_info *info, uint64_t word,
                         struct lease *ret_lease)
{
    uint32_t len = (uint32_t)word, off = LEND_OFF(word);
    const struct chan_area *region = &ctx->conn->chan.region;
    if (len > info->bound) {
        return false;
    }
    *ret_lease = (struct lease){.off = off, .len = len};
    if ((word & LEND_BULK) == 0) {
        return off == 0;
    }
    ret_lease->conn = ctx->conn;
    return len != 0 && off % LEND_ALIGN == 0 && region->base != NULL && off <= region->bytes &&
           len <= region->bytes - off;
}

bool server_leases(struct server_ctx *ctx, const struct lend_set *set, const uint64_t *words,
                   struct lease *ret_lent)
{
    uint32_t total[2] = {0, 0}, some[2] = {0, 0}, bulk[2] = {0, 0}; /* in, out */
    for (uint32_t i = 0; i < set->count; i++) {
        const struct lend_info *info = &set->info[i];
        struct lease *l = &ret_lent[i];
        if (!lease_decode(ctx, info, words[info->word], l)) {
            return false;
        }
        some[info->out] += l->len != 0;
        bulk[info->out] += l->conn != NULL;
        total[info->out] += info->out || l->conn != NULL ? lease_words(l->len) : 0;
    }
    total[0] += msg_words(ctx->header);
    const uint32_t room[2] = {MSG_WORDS_MAX, set->room_words};
    for (uint32_t out = 0; out < 2; out++) {
        if (bulk[out] != (total[out] > room[out] ? some[out] : 0)) {
            return false;
        }
    }
    ctx->lent = ret_lent;
    return true;
}

/* Is [off, off + n) lent, and is the client still there? */
static errval_t lease_check(const struct lease *l, uint32_t off, uint32_t n)
{
    if (off > l->len || n > l->len - off) {
        return LIB_ERR_RANGE;
    }
    return l->conn == NULL || l->conn->chan.state == CHAN_OPEN ? ERR_OK : RPC_ERR_PEER_GONE;
}

errval_t lease_read(const struct lease *l, uint32_t off, void *dst, uint32_t n)
{
    errval_t err = lease_check(l, off, n);
    if (err_is_fail(err) || n == 0) {
        return err;
    }
    if (l->conn == NULL) {
        __builtin_memcpy(dst, l->base + off, n);
        return ERR_OK;
    }
    return chan_area_get(&l->conn->chan.region, l->off + off, dst, n) ? ERR_OK : RPC_ERR_PEER_GONE;
}

errval_t lease_read_strings(const struct lease *l, char *dst)
{
    errval_t err = lease_read(l, 0, dst, l->len);
    if (err_is_fail(err)) {
        return err;
    }
    return msg_strings_ok(dst, l->len) ? ERR_OK : RPC_ERR_MALFORMED;
}

errval_t lease_write(struct lease *l, uint32_t off, const void *src, uint32_t n)
{
    errval_t err = lease_check(l, off, n);
    if (err_is_fail(err) || n == 0) {
        return err;
    }
    if (l->conn == NULL) {
        __builtin_memcpy(l->base + off, src, n);
        return ERR_OK;
    }
    return chan_area_put(&l->conn->chan.region, l->off + off, src, n) ? ERR_OK : RPC_ERR_PEER_GONE;
}

errval_t lease_reply(struct lease *l, uint64_t *words, uint32_t *pos, const void *bytes,
                     uint64_t n)
{
    if (n > l->len) {
        return RPC_ERR_BAD_REPLY;
    }
    if (l->conn != NULL) {
        return bytes != NULL ? lease_write(l, 0, bytes, (uint32_t)n) : ERR_OK;
    }
    msg_put_bytes(words, pos, bytes != NULL ? bytes : l->base, n);
    return ERR_OK;
}

errval_t conn_op_region(struct server_conn *conn, const struct server_interface *iface,
                        struct server_ctx *ctx, struct lmp_msg *msg)
{
    uint64_t bytes = msg->words[1];
    uint32_t rights = CAP_RIGHT_R | (iface->region_written ? CAP_RIGHT_W : 0);
    if (iface->region_bytes == 0 || conn->chan.region.base != NULL || bytes == 0 ||
        bytes % AOS_PAGE_BYTES != 0 || (conn->chan.slow & CHAN_SLOW_UNBOUND) != 0) {
        return RPC_ERR_MALFORMED;
    }
    if (ctx->caps_count != 1 || !msg_cap_ok(ctx->caps_info[0], 1u << CAPTYPE_FRAME, rights)) {
        return RPC_ERR_CAPABILITY;
    }
    bytes = bytes < iface->region_bytes ? bytes : iface->region_bytes;
    errval_t err = chan_area_attach(&conn->chan.region, ctx->caps[0], 0, (uint32_t)bytes,
                                    iface->region_written ? AOS_VM_RW : AOS_VM_READ);
    if (err_is_fail(err)) {
        return err_push(err, RPC_ERR_CAPABILITY);
    }
    *msg = (struct lmp_msg){.header = MSG_SHAPE(1, 0), .words = {bytes}};
    return ERR_OK;
}
