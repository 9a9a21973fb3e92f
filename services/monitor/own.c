/* See own.h. */
#include "own.h"

#include <aos/cap.h>

#include "revokes.h"
#include "share.h"

/* One operation; on the stack of the thread that waits for it. */
struct own_op {
    struct work begin;
    struct revoke revoke;
    struct caps_retype retype;
    struct sem done;
    errval_t err;
};

static struct {
    struct waitset *ws;
    const struct thread *main;
} own;

static void own_done(void *arg, errval_t err)
{
    struct own_op *op = arg;

    op->err = err;
    sem_post(&op->done);                 /* the last that is seen of it here */
}

static void own_revoke_begin(void *arg)
{
    struct own_op *op = arg;

    revokes_begin(&op->revoke);
}

static void own_retype_begin(void *arg)
{
    struct own_op *op = arg;

    caps_retype(share_caps(), &op->retype, own_done, op);
    share_go_on();
}

static errval_t own_wait(struct own_op *op, void (*begin)(void *arg))
{
    if (thread_self() == own.main) {
        return SYS_ERR_REMOTE;
    }
    sem_init(&op->done, 0);
    op->begin = (struct work){.fn = begin, .arg = op};
    waitset_post(own.ws, &op->begin);
    sem_wait(&op->done);
    return op->err;
}

static errval_t own_revoke_part(caddr_t c, uint64_t off, uint64_t bytes)
{
    struct own_op op = {
        .revoke = {.cap = c, .off = off, .bytes = bytes, .done = own_done, .arg = &op},
    };

    return own_wait(&op, own_revoke_begin);
}

static errval_t own_revoke(caddr_t c)
{
    return own_revoke_part(c, 0, 0);     /* no bytes: all of it */
}

static errval_t own_retype(caddr_t dest, caddr_t src, uint64_t off, enum captype type,
                           uint64_t bytes, uint32_t count)
{
    struct own_op op = {
        .retype = {.src = src, .off = off, .bytes = bytes, .type = (uint8_t)type, .count = count,
                   .node = cap_cnode_of(dest), .index = cap_index_of(dest)},
    };

    return own_wait(&op, own_retype_begin);
}

void own_init(struct waitset *ws)
{
    static const struct cap_remote_ops ops = {own_revoke, own_revoke_part, own_retype};

    own.ws = ws;
    own.main = thread_self();
    cap_set_remote(&ops);
}
