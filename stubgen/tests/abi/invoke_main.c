/* INV0001: the generated decoder of good/kernel.if against a kernel of four slots. */
#include <abi/kernel_invoke.h>
#include <kernel/user_slice.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct cte {
    enum captype type;
    uint8_t rights;
};

struct dispatcher {
    struct cte slots[4];
};

enum { RAM_SLOT = 0, FRAME_SLOT = 1, NODE_SLOT = 2, EMPTY_SLOT = 3 };

static int failures;
static int calls;                     /* of the methods below */
static uint64_t seen[8];              /* what the last one was given */

static void check(bool ok, const char *what)
{
    if (!ok) {
        failures++;
        printf("failed: %s\n", what);
    }
}

errval_t cspace_find(struct dispatcher *self, uint32_t caddr, struct cte **ret)
{
    if (caddr >= 4 || self->slots[caddr].type == CAPTYPE_NULL) {
        return SYS_ERR_CAP_NOT_FOUND;
    }
    *ret = &self->slots[caddr];
    return ERR_OK;
}

errval_t cspace_find_empty(struct dispatcher *self, uint32_t caddr, struct cte **ret)
{
    if (caddr >= 4 || self->slots[caddr].type != CAPTYPE_NULL) {
        return SYS_ERR_SLOT_OCCUPIED;
    }
    *ret = &self->slots[caddr];
    return ERR_OK;
}

enum captype cte_type(const struct cte *cte)
{
    return cte->type;
}

uint8_t cte_rights(const struct cte *cte)
{
    return cte->rights;
}

errval_t user_slice_make(uint64_t va, uint64_t bytes, uint64_t max, struct user_slice *ret)
{
    if (bytes > max) {
        return SYS_ERR_BAD_ARGUMENT;
    }
    *ret = (struct user_slice){ .va = va, .bytes = bytes };
    return ERR_OK;
}

errval_t inv_node_retype(struct dispatcher *self, struct cte *object, struct cte *src, uint64_t off,
                         uint8_t type, uint64_t bytes, uint32_t count, struct cte *dest)
{
    calls++;
    seen[0] = off;
    seen[1] = type;
    seen[2] = bytes;
    seen[3] = count;
    check(src == &self->slots[RAM_SLOT] && dest == &self->slots[EMPTY_SLOT], "cref and slot");
    return ERR_OK;
}

errval_t inv_node_look(struct dispatcher *self, struct cte *object, struct cte *whatever,
                       int16_t signed_, bool yes, uint8_t access, uint64_t *ret_type,
                       uint64_t *ret_rights)
{
    calls++;
    seen[0] = (uint64_t)signed_;
    seen[1] = yes;
    seen[2] = access;
    *ret_type = whatever->type;
    *ret_rights = whatever->rights;
    return ERR_OK;
}

errval_t inv_node_turn(struct dispatcher *self, struct cte *object, int32_t by, int8_t trend,
                       int8_t offset, int16_t drift)
{
    calls++;
    seen[0] = (uint64_t)by;
    seen[1] = (uint64_t)trend;
    seen[2] = (uint64_t)offset;
    seen[3] = (uint64_t)drift;
    return ERR_OK;
}

errval_t inv_frame_print(struct dispatcher *self, struct cte *object, struct user_slice text,
                         struct user_slice into)
{
    calls++;
    seen[0] = text.va;
    seen[1] = text.bytes;
    seen[2] = into.va;
    seen[3] = into.bytes;
    return ERR_OK;
}

static struct dispatcher self;

static errval_t invoke(int slot, uint64_t method, const uint64_t args[INVOKE_ARGS],
                       struct inv_context *c)
{
    static uint64_t results[INVOKE_ARGS];

    memset(results, 0, sizeof(results));
    *c = (struct inv_context){ .self = &self, .object = &self.slots[slot], .method = method,
                               .args = args, .results = results };
    calls = 0;
    invoke_decode(c);
    return c->error;
}

struct attempt {
    const char *what;
    int slot;
    uint64_t method;
    uint64_t args[INVOKE_ARGS];
    errval_t error;
};

static const uint64_t BIG = (uint64_t)1 << 32;

static void refused(void)
{
    const struct attempt attempts[] = {
        { "method 0", NODE_SLOT, 0, { 0 }, SYS_ERR_BAD_METHOD },
        { "a hole between methods", NODE_SLOT, 2, { 0 }, SYS_ERR_BAD_METHOD },
        { "beyond the last method", NODE_SLOT, 5, { 0 }, SYS_ERR_BAD_METHOD },
        { "a huge method", NODE_SLOT, UINT64_MAX, { 0 }, SYS_ERR_BAD_METHOD },
        { "another object's method", FRAME_SLOT, 3, { 0 }, SYS_ERR_BAD_METHOD },
        { "type too wide", NODE_SLOT, 1, { 0, 0, 256, 1, 1, 3 }, SYS_ERR_BAD_ARGUMENT },
        { "count below its range", NODE_SLOT, 1, { 0, 0, 0, 1, 0, 3 }, SYS_ERR_BAD_ARGUMENT },
        { "count beyond its range", NODE_SLOT, 1, { 0, 0, 0, 1, 513, 3 }, SYS_ERR_BAD_ARGUMENT },
        { "count too wide", NODE_SLOT, 1, { 0, 0, 0, 1, BIG | 1, 3 }, SYS_ERR_BAD_ARGUMENT },
        { "condition", NODE_SLOT, 1, { 0, 0, 0, 0x40u * BIG, 2, 3 }, SYS_ERR_BAD_ARGUMENT },
        { "overflow", NODE_SLOT, 1, { 0, 0, 0, UINT64_MAX, 2, 3 }, SYS_ERR_BAD_ARGUMENT },
        { "no capability", NODE_SLOT, 1, { 9, 0, 0, 1, 1, 3 }, SYS_ERR_CAP_NOT_FOUND },
        { "address too wide", NODE_SLOT, 1, { BIG, 0, 0, 1, 1, 3 }, SYS_ERR_BAD_ARGUMENT },
        { "wrong type", NODE_SLOT, 1, { 2, 0, 0, 1, 1, 3 }, SYS_ERR_CAP_TYPE },
        { "missing right", NODE_SLOT, 1, { 1, 0, 0, 1, 1, 3 }, SYS_ERR_CAP_RIGHTS },
        { "slot in use", NODE_SLOT, 1, { 0, 0, 0, 1, 1, 1 }, SYS_ERR_SLOT_OCCUPIED },
        { "slot address too wide", NODE_SLOT, 1, { 0, 0, 0, 1, 1, BIG | 3 }, SYS_ERR_BAD_ARGUMENT },
        { "i16 too large", NODE_SLOT, 3, { 0, 32768, 0, 0 }, SYS_ERR_BAD_ARGUMENT },
        { "i16 too small", NODE_SLOT, 3, { 0, (uint64_t)-32769, 0, 0 }, SYS_ERR_BAD_ARGUMENT },
        { "bool 2", NODE_SLOT, 3, { 0, 0, 2, 0 }, SYS_ERR_BAD_ARGUMENT },
        { "unknown flag", NODE_SLOT, 3, { 0, 0, 0, 4 }, SYS_ERR_BAD_ARGUMENT },
        { "first buffer too large", FRAME_SLOT, 1, { 1, 257, 1, 1 }, SYS_ERR_BAD_ARGUMENT },
        { "second buffer too large", FRAME_SLOT, 1, { 1, 1, 1, 65 }, SYS_ERR_BAD_ARGUMENT },
    };
    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        struct inv_context c;
        const struct attempt *a = &attempts[i];
        check(invoke(a->slot, a->method, a->args, &c) == a->error && calls == 0, a->what);
    }
}

static void accepted(void)
{
    struct inv_context c;
    const uint64_t retype[INVOKE_ARGS] = { RAM_SLOT, UINT64_MAX, 255, 0x4000, 512, EMPTY_SLOT };
    check(invoke(NODE_SLOT, INV_NODE_RETYPE, retype, &c) == ERR_OK && calls == 1, "retype");
    check(seen[0] == UINT64_MAX && seen[1] == 255 && seen[2] == 0x4000 && seen[3] == 512,
          "its values");
    const uint64_t look[INVOKE_ARGS] = { FRAME_SLOT, (uint64_t)-32768, 1, 3 };
    check(invoke(NODE_SLOT, INV_NODE_LOOK, look, &c) == ERR_OK && calls == 1, "look");
    check(seen[0] == (uint64_t)-32768 && seen[1] == 1 && seen[2] == 3, "its values");
    check(c.results[0] == CAPTYPE_FRAME && c.results[1] == CAP_RIGHT_R, "its results");
    check(invoke(RAM_SLOT, INV_NODE_LOOK, look, &c) == ERR_OK, "a second type of the same object");
    const uint64_t turn[INVOKE_ARGS] = { (uint64_t)-90, (uint64_t)-1, (uint64_t)-128,
                                         (uint64_t)-301 };
    check(invoke(NODE_SLOT, INV_NODE_TURN, turn, &c) == ERR_OK, "turn");
    for (size_t i = 0; i < 4; i++) {
        check(seen[i] == turn[i], "its values");
    }
    const uint64_t too_far[4] = { (uint64_t)-91, (uint64_t)-2, (uint64_t)-129, (uint64_t)-32769 };
    for (size_t i = 0; i < 4; i++) {
        uint64_t bad[INVOKE_ARGS];
        memcpy(bad, turn, sizeof(bad));
        bad[i] = too_far[i];
        check(invoke(NODE_SLOT, INV_NODE_TURN, bad, &c) == SYS_ERR_BAD_ARGUMENT, "out of range");
    }
    const uint64_t print[INVOKE_ARGS] = { 0x1000, 256, 0x2000, 64 };
    check(invoke(FRAME_SLOT, INV_FRAME_PRINT, print, &c) == ERR_OK, "print");
    check(seen[0] == 0x1000 && seen[1] == 256 && seen[2] == 0x2000 && seen[3] == 64, "its buffers");
    self.slots[NODE_SLOT].rights = CAP_RIGHT_R;
    check(invoke(NODE_SLOT, INV_NODE_LOOK, look, &c) == SYS_ERR_CAP_RIGHTS && calls == 0,
          "the invoked capability lacks a right");
    self.slots[NODE_SLOT] = (struct cte){ .type = CAPTYPE_NULL };
    check(invoke(NODE_SLOT, INV_NODE_LOOK, look, &c) == SYS_ERR_BAD_METHOD, "Null has no methods");
}

int main(void)
{
    self.slots[RAM_SLOT] = (struct cte){ CAPTYPE_RAM, CAP_RIGHTS_ALL };
    self.slots[FRAME_SLOT] = (struct cte){ CAPTYPE_FRAME, CAP_RIGHT_R };
    self.slots[NODE_SLOT] = (struct cte){ CAPTYPE_NODE, CAP_RIGHT_R | CAP_RIGHT_W };
    refused();
    accepted();
    puts(failures == 0 ? "all passed" : "failed");
    return failures != 0;
}
