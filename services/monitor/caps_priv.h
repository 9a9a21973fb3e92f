/* What the parts of the protocol share: caps.c has the tables, caps_send.c, caps_revoke.c and
 * caps_part.c the operations, caps_leave.c their end. */
#pragma once

#include "caps.h"

/* Types, as far as the rules differ. */
static inline bool caps_is_single(uint8_t type)
{
    return type == CAPTYPE_RAM || type == CAPTYPE_IRQDEST;
}
static inline bool caps_crosses(uint8_t type)
{
    return caps_is_single(type) || type == CAPTYPE_FRAME || type == CAPTYPE_DEVFRAME ||
           type == CAPTYPE_NOTIFY;
}
static inline uint8_t caps_bit(uint8_t core)
{
    return (uint8_t)(1u << core);
}
static inline bool caps_key_same(const struct caps_key *a, const struct caps_key *b)
{
    return a->type == b->type && a->page == b->page && a->pages == b->pages;
}

/* caps.c: records */
struct caps_record *caps_find(struct caps *c, const struct caps_key *key);
/* A record with an anchor that `slot` has already; NULL: there is no room. */
struct caps_record *caps_record_add(struct caps *c, const struct caps_key *key, caddr_t slot);
bool caps_record_room(const struct caps *c);
/* The anchor is gone: its slot and the record are free. */
void caps_record_free(struct caps *c, struct caps_record *record);
/* Deletes the anchor, too. */
void caps_record_remove(struct caps *c, struct caps_record *record);
/* The record of an object that this core owns; if there is none yet, one is made, with an anchor,
 * of the capability at `cap` in `root`. */
errval_t caps_record_make(struct caps *c, const struct caps_key *key, caddr_t root, caddr_t cap,
                          struct caps_record **ret);
/* The owner, when nothing relies on the record: forgets it if no other core knows the object. */
void caps_settle(struct caps *c, struct caps_record *record);

/* caps.c: operations */
struct caps_op *caps_op_begin(struct caps *c, enum caps_op_kind kind);
/* Ends it; answers or calls who asked. */
void caps_op_end(struct caps *c, struct caps_op *op, errval_t err);
/* Sends `msg` of this operation to a core, or to all in a mask. */
void caps_ask(struct caps *c, struct caps_op *op, uint8_t core, struct caps_msg msg);
void caps_ask_all(struct caps *c, struct caps_op *op, uint8_t cores, struct caps_msg msg);
void caps_answer(struct caps *c, uint8_t core, uint32_t op, errval_t err);

/* caps_revoke.c: whether a revoke of `range` is about `key`, that or something made of it. */
bool caps_concerns(const struct caps_key *range, const struct caps_key *key);
/* Whether the object may vanish any moment: nothing begins with it. */
bool caps_is_marked(const struct caps *c, const struct caps_key *key);
void caps_on_mark(struct caps *c, uint8_t core, const struct caps_msg *msg);
void caps_on_commit(struct caps *c, uint8_t core, const struct caps_msg *msg);
void caps_revoke_answered(struct caps *c, struct caps_op *op);
void caps_marks_work(struct caps *c);

/* caps_send.c */
void caps_send_start(struct caps *c, struct caps_op *op);
void caps_via_start(struct caps *c, struct caps_op *op);
void caps_give_answered(struct caps *c, struct caps_op *op, errval_t err);
void caps_on_give(struct caps *c, uint8_t core, const struct caps_msg *msg);
void caps_on_moved(struct caps *c, uint8_t core, const struct caps_msg *msg);
/* GIVE of an operation that has its record locked. */
void caps_give(struct caps *c, struct caps_op *op, struct caps_record *record, uint8_t flags);

/* caps_part.c */
void caps_retype_start(struct caps *c, struct caps_op *op);
void caps_part_answered(struct caps *c, struct caps_op *op, uint8_t core, errval_t err);
void caps_retype_work(struct caps *c, struct caps_op *op);
void caps_on_part(struct caps *c, uint8_t core, const struct caps_msg *msg);

/* caps_leave.c */
void caps_release(struct caps *c, struct caps_record *record);
void caps_release_answered(struct caps *c, struct caps_op *op, errval_t err);
/* The record is used again: if it was to be released, that is over. Whoever gives has the last
 * word, not the late answer of an owner that there was before. */
void caps_release_forget(struct caps *c, struct caps_record *record);
void caps_on_release(struct caps *c, uint8_t core, const struct caps_msg *msg);
void caps_drop_answered(struct caps *c, struct caps_op *op, errval_t err);
void caps_on_drop(struct caps *c, uint8_t core, const struct caps_msg *msg);
void caps_rehome_start(struct caps *c, struct caps_op *op);
void caps_rehome_given(struct caps *c, struct caps_op *op, errval_t err);
void caps_away_answered(struct caps *c, struct caps_op *op, errval_t err);
