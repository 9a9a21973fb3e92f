/* The derivation tree and the slots under kernel/cap; kernel/mem uses them too. */
#pragma once

#include <stddef.h>
#include <kernel/cap.h>
#include <kernel/memory.h>
#include <kernel/panic.h>

/* Where an object stands in the derivation tree. */
struct cap_key {
    uint64_t range; /* first page << 32 | ~pages: the larger of two that start together is first */
    uint64_t place; /* tells Mappings of the same pages and the ends of a channel apart */
    uint8_t type;
};

/* Keys of a slot and of parts, and their order: the order of the tree. */
struct cap_key cap_key_of(const struct cte *cte);
static inline struct cap_key cap_key_make(enum captype type, uint32_t page, uint32_t pages,
                                          uint64_t place)
{
    return (struct cap_key){
        .range = (uint64_t)page << 32 | (uint32_t)~pages, .place = place, .type = (uint8_t)type};
}
bool cap_key_before(const struct cap_key *a, const struct cap_key *b);

/* The tree. Nodes have level > 0. */
void tree_insert(struct cte *node);
/* The same for a node that comes after `before`: the nearer, the faster. */
void tree_insert_after(struct cte *node, struct cte *before);
void tree_remove(struct cte *node);
/* `heir`, of the same key, takes the place of `node`. */
void tree_replace(struct cte *node, struct cte *heir);
struct cte *tree_find(const struct cap_key *key);
/* First node after the key; NULL at the end. */
struct cte *tree_after(const struct cap_key *key);
/* First node from (page, pages, type) on, whatever its place. */
struct cte *tree_at(enum captype type, uint32_t page, uint32_t pages);
/* Last node that starts at this page or before. */
struct cte *tree_last_from(uint32_t page);
/* First node after that one. */
struct cte *tree_next(const struct cte *node);
/* Some node after `key` that overlaps pages [first, end); without Mappings if `objects`. */
struct cte *tree_overlap(const struct cap_key *key, uint32_t first, uint32_t end, bool objects);
struct cte *tree_root(void);
uint64_t tree_count(void);
uint64_t tree_count_type(enum captype type);

/* Slots and lists of copies. */
static inline bool slot_alone(const struct cte *cte)
{
    return cte->level != 0 && (cte->next == NULL || cte->type == CAPTYPE_MAPPING);
}
/* The list is in the order of a walk through the loans: those of a slot come right after it. */
static inline bool slot_has_loans(const struct cte *cte)
{
    return !slot_alone(cte) && cte->next != NULL && cte_loan(cte->next) > cte_loan(cte);
}
/* Its Mapping, if it is a loan that was mapped; else NULL. */
static inline struct cte *slot_loan_mapping(const struct cte *cte)
{
    return cte_loan(cte) != 0 ? cte->left : NULL;
}
/* A new object in an empty slot. */
static inline void slot_init(struct cte *slot, enum captype type, uint32_t page, uint32_t pages,
                             uint8_t rights, uint8_t owner)
{
    *slot = (struct cte){
        .type = (uint8_t)type, .rights = rights, .owner = owner, .page = page, .pages = pages};
}
/* The object of `slot` has an anchor from now on, and had none. */
void slot_set_anchor(struct cte *slot);
void slot_clear_anchor(struct cte *slot);
/* Something ended that an anchor may have waited for. */
void slot_note_ended(void);
/* Capabilities that are not the nodes of their objects. */
uint64_t slot_count_copies(enum captype type);
void slot_copy(struct cte *src, struct cte *dest);
void slot_lend(struct cte *src, struct cte *dest);
/* `loan`, which has no loans and no Mapping, is a copy of `slot` from now on, not a loan of it. */
void slot_unlend(struct cte *loan, struct cte *slot);
/* `mapping` was made with `loan` (invariant 13), which has none. */
void slot_link_mapping(struct cte *loan, struct cte *mapping);
void slot_move(struct cte *src, struct cte *dest);
void slot_swap(struct cte *a, struct cte *b);
/* Takes one copy of several away. */
void slot_drop(struct cte *slot);
/* The first dying object, and the one after it; NULL: there is none. */
const struct cte *cap_dying(void);
static inline struct cte *dying_next(const struct cte *cte)
{
    paddr_t next = cte->aux & CTE_ADDRESS_MASK;
    return next == 0 ? NULL : phys_to_virt(next);
}
/* Takes the only copy away: the object is no more. */
void slot_end(struct cte *slot);
