/* Capabilities of this domain by their addresses. All functions may be called by any thread;
 * none keeps a reference. Slots come from aos/slot.h; a `dest` must be empty. Errors are the
 * kernel's (SYS_ERR_*), unchanged. To work in a CNode that is not part of this domain's space
 * use the invocations of <abi/user.h> on its capability. */
#pragma once

#include <aos/types.h>
#include <abi/captypes.h>

struct cap_info {
    uint8_t type;                        /* enum captype; CAPTYPE_NULL: the slot is empty */
    uint8_t rights;                      /* CAP_RIGHT_* */
    /* the first two fields of the type: base and bytes, where it has them */
    uint64_t a, b;
};

/* The CNode that holds slot `c` and the index of `c` in it. */
caddr_t cap_cnode_of(caddr_t c);
uint32_t cap_index_of(caddr_t c);

/* Another capability to the object of `src`, with all its rights; with at most `rights`; and the
 * capability itself, which leaves `src` empty (its slot stays allocated). */
errval_t cap_copy(caddr_t dest, caddr_t src);
errval_t cap_mint(caddr_t dest, caddr_t src, uint8_t rights);
errval_t cap_move(caddr_t dest, caddr_t src);

/* A loan of `src`: a copy without CAP_RIGHT_D that ends when `src` is deleted, wherever it is by
 * then, with all that was copied, lent on and mapped by way of it. */
errval_t cap_lend(caddr_t dest, caddr_t src, uint8_t rights);

/* Both go on until the kernel has finished. The slot stays allocated. */
errval_t cap_delete(caddr_t c);
errval_t cap_revoke(caddr_t c);
/* The same for what was made of the `bytes` bytes at `off` of the memory `c`. */
errval_t cap_revoke_part(caddr_t c, uint64_t off, uint64_t bytes);

/* Who does what this core's kernel refuses with SYS_ERR_REMOTE because other cores have copies: the
 * monitor. The functions here ask it by themselves; without it the error stays. It may take as long
 * as messages to all cores. */
struct cap_remote_ops {
    errval_t (*revoke)(caddr_t c);
    errval_t (*revoke_part)(caddr_t c, uint64_t off, uint64_t bytes);
    errval_t (*retype)(caddr_t dest, caddr_t src, uint64_t off, enum captype type, uint64_t bytes,
                       uint32_t count);
};
void cap_set_remote(const struct cap_remote_ops *ops);

/* Deletes what is in `c`, if anything, and frees the slot. For slots of slot_alloc only. */
errval_t cap_destroy(caddr_t c);
/* The same, quicker, for one that came in a message. */
errval_t cap_destroy_received(caddr_t c);

/* `count` objects of `bytes` each from `src` at byte `off`, into consecutive slots from `dest`
 * on, all in one CNode. An EndPoint retype has count 1 and fills two slots. */
errval_t cap_retype(caddr_t dest, caddr_t src, uint64_t off, enum captype type, uint64_t bytes,
                    uint32_t count);
/* `src` keeps [0, off), `dest` gets the rest. */
errval_t cap_split(caddr_t dest, caddr_t src, uint64_t off);
/* An empty slot is no error. */
errval_t cap_identify(caddr_t c, struct cap_info *ret_info);
