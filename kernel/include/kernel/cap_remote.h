/* Objects that several cores know. All of this is for the monitor of the core, which talks to those
 * of other cores; docs/design/0022 has the protocol and the terms:
 *
 * An object has an *owner*, the core whose kernel may make something of it. On another core it is
 * foreign there: its capabilities have no d. An object that other cores know has, on each core that
 * knows it, one *anchor*: a capability in a slot of the monitor. So whatever ordinary programs do,
 * and however they end, the last capability on a core never goes without its monitor, and deletion
 * is always a matter of one core. What cannot be decided here fails with SYS_ERR_REMOTE and is the
 * monitor's business: revoking and parting such objects.
 *
 * The owner is a field of the node of an object (that of other copies means nothing). */
#pragma once

#include <kernel/cap.h>

/* Whether another core owns the object. */
bool cap_is_foreign(const struct cte *cte);

struct cap_description {
    uint8_t type;
    uint8_t rights;
    uint8_t owner;
    uint8_t state; /* KPI_CAP_* */
    uint32_t page; /* of the address or name */
    uint32_t pages;
};
/* `cte` is not empty. */
void cap_describe(struct cte *cte, struct cap_description *ret);

/* `dest` becomes the anchor of the object of `src`, with all rights of its type.
 * SYS_ERR_NOT_COPYABLE, SYS_ERR_BUSY (it has one, or is dying), SYS_ERR_SLOT_OCCUPIED. */
errval_t cap_anchor(struct cte *src, struct cte *dest);

/* `dest` becomes the anchor of an object that `owner` owns and that is not known here so far. The
 * caller knows from the owner that it does not straddle anything. SYS_ERR_RETYPE_OVERLAP: it is
 * known. SYS_ERR_NOT_COPYABLE: such objects stay on their core. SYS_ERR_RETYPE_SIZE: no object of
 * the type has that range. */
errval_t cap_foreign(enum captype type, uint32_t page, uint32_t pages, uint8_t owner,
                     struct cte *dest);

/* The object of an anchor changes owner; the anchor has d if that is this core. An IRQDest that
 * leaves is disconnected. SYS_ERR_CAP_TYPE: no anchor. */
errval_t cap_set_owner(struct cte *anchor, uint8_t owner);

/* `slot` holds the only capability to a RAM without descendants. It becomes the anchor of the same
 * RAM, which `owner` owns from now on: the first memory of a core that starts. SYS_ERR_CAP_TYPE,
 * SYS_ERR_HAS_DESCENDANTS; SYS_ERR_REMOTE: another core owns it, or may know it. */
errval_t cap_hand_over_check(const struct cte *slot);
errval_t cap_hand_over(struct cte *slot, uint8_t owner);
/* And back, when that core has stopped. SYS_ERR_CAP_TYPE: no anchor. */
errval_t cap_take_back(struct cte *slot);

/* Whether part of a foreign frame may be made a frame by its owner (`set`): if nothing here maps
 * any of [off, off + bytes), then nothing here maps any more of the frame from now on. Without
 * `set` it may be mapped again. SYS_ERR_RETYPE_OVERLAP, SYS_ERR_RETYPE_SIZE, SYS_ERR_CAP_TYPE. */
errval_t cap_part(struct cte *anchor, uint64_t off, uint64_t bytes, bool set);

/* Retype of the owner after all cores agreed. */
errval_t cap_retype_agreed(struct cte *src, uint64_t off, enum captype type, uint64_t bytes,
                           uint32_t count, struct cte *dest);

/* Deletes, of the object with this type and range, all capabilities but the anchor (if
 * `keep_anchor`) and `keep` (NULL: none); and all that was made of it. The object need not be known
 * here. SYS_ERR_AGAIN: repeat. */
errval_t cap_sweep(enum captype type, uint32_t page, uint32_t pages, bool keep_anchor,
                   const struct cte *keep);

/* Whether a capability or Mapping ended since the last call that an anchor may have waited for. */
bool cap_remote_ended(void);
/* Anchors on this core. */
uint64_t cap_anchor_count(void);
