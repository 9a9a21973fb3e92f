/* What a service has that must outlive it: capabilities and records in a vault that init keeps and
 * gives to every incarnation of the service (manifest: `vault NODES BYTES`). A service may end at
 * any instruction, so a record says by one word whether it holds, which is written last when it is
 * made and first when it goes (vault_set). A new vault is all zero and empty. */
#pragma once

#include <aos/types.h>
#include <kpi/cspace.h>

struct vault {
    void *data;                          /* mapped, `bytes` */
    size_t bytes;
    caddr_t first;                       /* slot 0; the others follow */
    uint32_t slots;
};

/* The vault of this domain. LIB_ERR_NOT_FOUND: it has none. */
errval_t vault_open(struct vault *ret_vault);
/* Puts `cap`, in a slot of slot_alloc, into the empty slot `index`, and says where it is now: such
 * an address serves as any other, and cap_destroy empties the slot. On failure `cap` is deleted. */
errval_t vault_put(const struct vault *v, uint32_t index, caddr_t *io_cap);
/* The address of what is in slot `index`; 0: nothing. */
caddr_t vault_get(const struct vault *v, uint32_t index);

/* Writes the word that says whether a record holds, after all that was written before. */
static inline void vault_set(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
