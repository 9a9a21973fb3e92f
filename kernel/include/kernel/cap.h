/* Capabilities: slots, the derivation tree, and the operations on them. Pure C, also built on
 * the host.
 *
 * A slot (struct cte) is empty (CAPTYPE_NULL) or names an object. Copies of one object form a
 * list, so a copy is inserted in O(1); the first, the node, represents the object in the
 * derivation tree. The tree is ordered by (base ascending, size descending, type, place):
 * whatever is derived from an object comes after it and lies inside its range. Mutable state of
 * an object that is kept in its slots (VNode, zeroed part of RAM) is that of the node.
 * kernel/invariants.h lists the invariants that cap_check_all checks.
 *
 * Objects that are no memory (interrupts, kernel) have addresses from CAP_NAMED_BASE on, so that
 * they obey the same order: an IRQDest lies inside IRQTable and is its descendant.
 *
 * Every operation checks everything first; on an error nothing has changed. Bounded: an
 * operation does at most CAP_STEP_MAX units of work; SYS_ERR_AGAIN means that the rest is still
 * to be done.
 *
 * Long deletions: a CNode or VNode whose last copy goes, or a CNode whose dispatcher ended, is
 * `dying`. Its slot moves into its own memory (so no other object's end can hurt it) and into
 * the list of dying objects, whose work every caller of cap_delete, cap_revoke and a failing
 * cap_retype continues, and cap_work too. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <abi/captypes.h>
#include <abi/errors.h>
#include <kpi/cspace.h>

#define CAP_PAGE_SHIFT 12
#define CAP_PAGE_BYTES 4096u

/* Physical addresses of capabilities are below this; above it are the names of the rest. */
#define CAP_NAMED_BASE    (1ull << 43)
#define CAP_IRQ_BASE(irq) (CAP_NAMED_BASE + ((uint64_t)(irq) << CAP_PAGE_SHIFT))
#define CAP_IRQ_BYTES     (1ull << 28) /* IRQTable: 65536 interrupts */
#define CAP_KERNEL_BASE   (CAP_NAMED_BASE + (1ull << 32))
#define CAP_PERFMON_BASE  (CAP_KERNEL_BASE + CAP_PAGE_BYTES)
#define CAP_NOTIFY_BASE   (CAP_NAMED_BASE + (1ull << 33))

/* Work per kernel entry in units of about eight instructions: one visited slot. A host test makes
 * it small. What it comes to is measured (tests/qemu/kernel/stretch.c). */
#ifndef CAP_STEP_MAX
#define CAP_STEP_MAX 1024u
#endif
/* Bytes cleared per kernel entry. */
#define CAP_CLEAR_MAX (96u * 1024u)

struct dispatcher;

/* One capability slot: KPI_SLOT_BYTES. The first 24 bytes are used by assembly. */
struct cte {
    union {
        struct {
            uint8_t type;   /* 0x00 enum captype */
            uint8_t rights; /* 0x01 CAP_RIGHT_* */
            uint8_t owner;  /* 0x02 of the node: core that owns the object (kernel/cap_remote.h) */
            uint8_t flags;  /* 0x03 CTE_* */
        };
        uint32_t head; /* the four in one load */
    };
    uint8_t level;  /* 0x04 of the tree; 0 = not the node of its object */
    uint8_t detail; /* 0x05 Mapping: KPI_VM_* allowed at most; EndPoint: side; else: cte_loan */
    uint16_t count; /* 0x06 Mapping: entries; VNode: entries in use */
    uint32_t page;  /* 0x08 base / CAP_PAGE_BYTES */
    uint32_t pages; /* 0x0c size / CAP_PAGE_BYTES */
    /* 0x10 by type (of the node where mutable):
     *  EndPoint  address of its struct endpoint in the linear map
     *  Mapping   table (physical) | index of the first entry
     *  VNode     first address translated | ASID << 48
     *  RAM       part known to be zero: first page << 32 | end page (0 = none)
     *  Notify    address of the struct endpoint connected to it, 0 = none
     *  dying     next in the list (physical; 0 = none) | place to visit next << 48 */
    uint64_t aux;
    uint32_t reach;        /* 0x18 tree: largest end page in this subtree */
    uint32_t object_reach; /* 0x1c the same without Mappings */
    struct cte *next;      /* 0x20 the next copy, NULL = none; Mapping: the loan it is made with */
    union {
        struct cte *prev;   /* not the node: the copy before */
        struct cte *parent; /* node: in the tree, NULL = root */
    };
    struct cte *left; /* 0x30 tree; of a loan, which is no node: its Mapping, NULL = none */
    struct cte *right;
} __attribute__((aligned(16))); /* so that the compiler copies it in pairs of registers */

_Static_assert(sizeof(struct cte) == KPI_SLOT_BYTES, "slots of user CNodes have this size");

#define CTE_DYING    0x1u /* no operation but deletion works on this slot */
#define CTE_EMBEDDED 0x2u /* a space of a dispatcher: lies in its struct's page */
#define CTE_ATTACHED 0x4u /* VNode: part of an address space */
#define CTE_SHARED   0x8u /* dying CNode: other copies could refill it, visit it again */

#define CTE_PARTED   0x10u /* node of a Frame or DevFrame: there may be frames made from it */
#define CTE_ANCHOR   0x20u /* a monitor keeps it for other cores (kernel/cap_remote.h) */
#define CTE_KNOWN    0x40u /* node: the object has an anchor */

#define CTE_ASID_SHIFT   48
#define CTE_ADDRESS_MASK ((1ull << CTE_ASID_SHIFT) - 1)
#define CTE_DYING_INDEX_SHIFT CTE_ASID_SHIFT

static inline enum captype cte_type(const struct cte *cte)
{
    return (enum captype)cte->type;
}
static inline uint8_t cte_rights(const struct cte *cte)
{
    return cte->rights;
}
/* Physical address (or name) and size in bytes. */
static inline uint64_t cte_base(const struct cte *cte)
{
    return (uint64_t)cte->page << CAP_PAGE_SHIFT;
}
static inline uint64_t cte_bytes(const struct cte *cte)
{
    return (uint64_t)cte->pages << CAP_PAGE_SHIFT;
}
static inline uint32_t cte_irq(const struct cte *cte)
{
    return cte->page - (uint32_t)(CAP_NAMED_BASE >> CAP_PAGE_SHIFT);
}
/* EndPoint: 0 or 1. */
static inline unsigned cte_side(const struct cte *cte)
{
    return cte->detail;
}
/* How many loans lie between this copy and one that is nobody's loan; 0: it is none itself. */
static inline unsigned cte_loan(const struct cte *cte)
{
    return cte->type == CAPTYPE_MAPPING || cte->type == CAPTYPE_ENDPOINT ? 0 : cte->detail;
}
#define CAP_LOAN_MAX 15u
/* The copy that represents the object in the tree. */
struct cte *cte_node_search(struct cte *cte);
static inline struct cte *cte_node(struct cte *cte)
{
    return cte->level != 0 ? cte : cte_node_search(cte);
}

/* The core of this capability database: owner of what is made here. Set once, at boot. */
extern uint8_t core_self;

/* Makes the first capability to an object that was not made by retype: at boot, and IRQDest.
 * `dest` is empty; base and bytes are whole pages (SYS_ERR_RETYPE_SIZE); rights are reduced to
 * those of the type. SYS_ERR_RETYPE_OVERLAP if any object overlaps the range (IRQDest: apart
 * from IRQTable). Memory is not cleared. */
errval_t cap_create(struct cte *dest, enum captype type, uint64_t base, uint64_t bytes,
                    uint8_t rights);

/* As the invocation; dest[0..count) (EndPoint: dest[0..2), count 1) are empty slots in a row.
 * `bytes` must be right for the type: RAM, Frame, DevFrame whole pages (base aligned to pages);
 * L1CNode and EndPoint a power of two within the limits of kpi, aligned to 4 KiB; the rest their
 * fixed size. A same-type child is smaller than its source. Clears everything but RAM and
 * DevFrame (and sub-Frames of a Frame, which keep their content); SYS_ERR_AGAIN while clearing
 * is not finished: repeat. */
errval_t cap_retype(struct cte *src, uint64_t off, enum captype type, uint64_t bytes,
                    uint32_t count, struct cte *dest);

/* `dest` becomes a copy with at most `rights`. */
errval_t cap_copy(struct cte *src, uint8_t rights, struct cte *dest);
/* `dest` becomes a loan of `src`: a copy with at most `rights` and without CAP_RIGHT_D, which ends
 * when `src` is deleted, whatever slot it is in by then; and with it all copies of the loan, loans
 * of it, and what was mapped by way of any of them. SYS_ERR_NOT_COPYABLE, too, if it were a loan of
 * more than CAP_LOAN_MAX loans. */
errval_t cap_lend(struct cte *src, uint8_t rights, struct cte *dest);
/* `dest` becomes the capability, `src` empty. */
errval_t cap_move(struct cte *src, struct cte *dest);
/* As the invocation: `src` keeps [0, off), `dest` gets the rest. */
errval_t cap_split(struct cte *src, uint64_t off, struct cte *dest);

/* Empties the slot, after all loans of it; with the last copy the object ends. SYS_ERR_AGAIN: the
 * slot is not empty yet, repeat. */
errval_t cap_delete(struct cte *cte);
/* Deletes all other copies and all descendants (which start inside the range). */
errval_t cap_revoke(struct cte *cte);
/* Deletes what was made of the `bytes` bytes at `off` of a RAM, Frame or DevFrame: descendants that
 * start there and are no larger. The part is smaller than the whole. */
errval_t cap_revoke_part(struct cte *cte, uint64_t off, uint64_t bytes);

/* Transfer in a message. After the check cap_transfer cannot fail as long as nothing else
 * happens in between. A copy loses CAP_RIGHT_D and what is not in `rights`; a move only what is
 * not in `rights`. */
errval_t cap_transfer_check(const struct cte *src, const struct cte *dest, bool move);
void cap_transfer(struct cte *src, struct cte *dest, uint8_t rights, bool move);

/* Copies a capability of any type, with all its rights, to a slot inside the struct of a
 * dispatcher. If revoke takes it away, or the object ends, dispatcher_space_gone(page of the slot)
 * is called before the slot is emptied. */
void cap_embed(struct cte *src, struct cte *dest);

/* `dest`, filled by cap_embed, becomes a copy of `src` instead. SYS_ERR_DISP_STATE: it is no space
 * any more. SYS_ERR_BUSY: it is the last capability to its object. */
errval_t cap_embed_other(struct cte *src, struct cte *dest);

/* The dispatcher whose space `cspace` is (embedded L1CNode, or empty) has ended: empties the
 * whole CNode in the background, whoever holds copies of it, and with it every cycle through it.
 * The slot is no longer a space on return; it may hold a capability to be deleted with the
 * dispatcher. */
void cap_release_cspace(struct cte *cspace);

/* Releases both spaces of a dead dispatcher: cap_release_cspace, and the copy of the address space
 * is deleted. */
void cap_release_spaces(struct dispatcher *d);

/* Goes on with background deletions for at most CAP_STEP_MAX units; true if there is more. To be
 * called when idle and once per slice. */
bool cap_work(void);
bool cap_work_pending(void);

/* Objects in the tree. */
uint64_t cap_node_count(void);
/* Objects of one type, and capabilities to them. */
void cap_count(enum captype type, uint64_t *ret_objects, uint64_t *ret_caps);

/* Checks every invariant; returns the number of violations (each logged, at most
 * CAP_CHECK_LOG_MAX) and the number of objects visited. */
#define CAP_CHECK_LOG_MAX 16u
uint64_t cap_check_all(uint64_t *ret_nodes);

/* Looks objects up by address. */
struct cte *cap_find(enum captype type, uint64_t base, uint64_t bytes, uint64_t place);
