/* Ends that cross (line.h): lines begin, and proxies come home. */
#include "line_priv.h"

#include <aos/cap.h>

/* The unused line of which `end` is the proxy. NULL: it is an end of this core. */
static struct line *line_of_proxy(uint32_t peer, caddr_t end)
{
    struct cap_info info;

    if (err_is_fail(cap_identify(end, &info))) {
        return NULL;
    }
    for (struct line *l = lines.lines; l != NULL; l = l->next) {
        if (l->proxy && l->peer == peer && l->base == info.a && l->side == info.b && !l->used
            && !l->told && !l->heard) {
            return l;
        }
    }
    return NULL;
}

static bool line_number(uint32_t *ret_number)
{
    for (uint32_t i = 0; i < LINES_MAX; i++) {
        uint32_t number = (lines.next_number + i) % LINES_MAX;

        if (lines.homes[number] == NULL) {
            lines.next_number = number + 1;
            *ret_number = number;
            return true;
        }
    }
    return false;
}

errval_t line_export(uint32_t peer, caddr_t end, struct line_wire *w)
{
    struct line *l = line_of_proxy(peer, end);
    uint32_t number;

    if (l != NULL) {
        w->cap = LINE_CAP_OWN_END;
        w->cap_line = l->number;
        (void)cap_destroy(end);
        line_close(l);
        line_free(l);
        return ERR_OK;
    }
    if (!line_number(&number)) {
        return LIB_ERR_RANGE;
    }
    l = err_is_ok(lines.host->room(lines.count + 1)) ? line_new(peer, number, /* proxy= */ false)
                                                     : NULL;
    if (l == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    l->end = end;
    w->cap = LINE_CAP_NEW_END;
    w->cap_line = number;
    return ERR_OK;
}

void line_unexport(uint32_t peer, const struct line_wire *w)
{
    const struct line_wire ended = {.line = w->cap_line, .ended = true};

    if (w->cap == LINE_CAP_NEW_END) {
        line_receive(peer, &ended, 0);   /* as if the other side had refused it */
    } else {
        lines.host->refuse(peer, w->cap_line);
    }
}

/* The proxy of line `number` of `peer`. */
static errval_t line_open_proxy(struct line *l, caddr_t *ret_end)
{
    const struct lmp_msg remote = {.header = MSG_HEADER(CHAN_CONTROL_REMOTE, MSG_CONTROL, 0, 0)};
    struct cap_info info;
    caddr_t own, proxy;
    errval_t err = chan_create(&own, &proxy);

    if (err_is_fail(err)) {
        return err;
    }
    err = line_open(l, own);
    if (err_is_ok(err)) {
        raw_own_ram(&l->raw);
        err = raw_send(&l->raw, &remote, (struct msg_cap){0});
    }
    if (err_is_ok(err)) {
        err = cap_identify(proxy, &info);
    }
    if (err_is_fail(err)) {
        (void)cap_destroy(proxy);
        return err;
    }
    l->base = info.a;
    l->side = info.b;
    *ret_end = proxy;
    return ERR_OK;
}

errval_t line_import(uint32_t peer, const struct line_wire *w, caddr_t *ret_end)
{
    struct line *l = line_find(peer, w->cap_line, w->cap == LINE_CAP_NEW_END);
    errval_t err;

    if (w->cap == LINE_CAP_OWN_END) {
        if (l == NULL || l->end == 0) {
            return LIB_ERR_NOT_FOUND;
        }
        *ret_end = l->end;
        l->end = 0;
        line_free(l);
        return ERR_OK;
    }
    if (l != NULL || peer >= LINE_PEERS_MAX || w->cap_line >= LINES_MAX) {
        return LIB_ERR_RANGE;
    }
    l = err_is_ok(lines.host->room(lines.count + 1))
        ? line_new(peer, w->cap_line, /* proxy= */ true) : NULL;
    if (l == NULL) {
        lines.host->refuse(peer, w->cap_line);
        return LIB_ERR_NO_MEMORY;
    }
    err = line_open_proxy(l, ret_end);
    if (err_is_fail(err)) {
        line_end(l);                     /* freed when home has ended its side */
    }
    return err;
}
