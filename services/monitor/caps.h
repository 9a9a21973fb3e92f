/* Capabilities to objects that several cores know: the monitors' protocol. Free of transport and
 * kernel calls, which the host gives (struct caps_host): init on AOS, a simulator in
 * tests/host/dcap. docs/design/0022 explains it; the invariants are in invariants.h.
 *
 * Terms. The *owner* of an object is the core that may make something of it. A core that knows an
 * object which others know has an *anchor* of it, a capability in a slot of its monitor, and a
 * record. The *home* is the core on which the object was made: what it was made of is there, so it
 * keeps an anchor, in use or not, until the object ends. *Users* are the other cores that may have
 * capabilities to it, known to the owner only.
 *
 * All of one core; single-threaded. An operation ends by calling its `done`, maybe before the
 * function that began it returns. Channels between two monitors keep the order. */
#pragma once

#include <aos/kernel_caps.h>

#define CAPS_CORES_MAX   8u
/* Objects that this core and others know. The simulator makes it small. */
#ifndef CAPS_RECORDS_MAX
#define CAPS_RECORDS_MAX 1024u
#endif
#define CAPS_BUCKETS     256u
/* Operations under way: own ones, and those that others asked for. Of each there is at most one
 * message under way between its core and another one, whoever of them has sent it (mail.h). */
#define CAPS_OPS_MAX     32u
/* Of these, revokes: what all cores must remember. */
#define CAPS_REVOKES_MAX 4u
#define CAPS_MARKS_MAX   (CAPS_CORES_MAX * CAPS_REVOKES_MAX)

/* An object: its type, and its pages (of memory or of the names of other things). Type 0 stands for
 * a range: everything that starts in it and is no larger. */
struct caps_key {
    uint8_t type;
    uint32_t page, pages;
};

enum caps_kind {
    CAPS_GIVE = 1, /* a capability, or (CAPS_MOVE) the ownership of an object */
    CAPS_VIA,      /* please give a capability to `dest`, owner */
    CAPS_MOVED,    /* the object has a new owner */
    CAPS_RELEASE,  /* owner, this core does not use it any more */
    CAPS_DROP,     /* home, the object has ended */
    CAPS_PART,     /* may these pages become a frame? (count 0: they did not) */
    CAPS_MARK,     /* a revoke begins: nothing in this range is given to others any more */
    CAPS_COMMIT,   /* all cores are marked: sweep */
    CAPS_REHOME,   /* owner, `dest` is the home now */
    CAPS_ACK,      /* the answer to any of these */
};

#define CAPS_MOVE    0x1u /* GIVE: `dest` is the owner from now on */
#define CAPS_SILENT  0x2u /* GIVE: nothing is delivered */
#define CAPS_SETTLED 0x4u /* GIVE: the home is as told */
#define CAPS_PARTED  0x8u /* GIVE: frames were made of the frame */

struct caps_msg {
    uint8_t kind;
    uint8_t flags;
    uint8_t rights;
    uint8_t owner, home, users;
    uint8_t from; /* core that asked first; the answer goes there */
    uint8_t dest;
    uint32_t op;  /* the asker's */
    struct caps_key key;
    uint32_t version;      /* times that the owner changed: news may overtake each other */
    uint32_t first, count; /* PART: pages within the frame */
    uint64_t tag;
    errval_t err; /* ACK */
};

/* What a capability is. `state`: KPI_CAP_*. */
struct caps_description {
    struct caps_key key;
    uint8_t rights, owner;
    uint32_t state;
};

struct caps_retype {
    caddr_t root, src;
    uint64_t off, bytes;
    uint8_t type;
    uint32_t count;
    caddr_t node;   /* of the CNode, in `root` */
    uint32_t index;
};

/* Addresses in `root`, the L1CNode of a domain in the slot of that address, or in the monitor's own
 * space (root 0). Kernel operations are those of kernel/cap_remote.h. */
struct caps_host {
    void *arg;
    errval_t (*describe)(void *arg, caddr_t root, caddr_t cap, struct caps_description *ret);
    errval_t (*anchor)(void *arg, caddr_t root, caddr_t cap, caddr_t dest);
    errval_t (*foreign)(void *arg, const struct caps_key *key, uint8_t owner, caddr_t dest);
    errval_t (*set_owner)(void *arg, caddr_t anchor, uint8_t owner);
    errval_t (*copy)(void *arg, caddr_t src, uint8_t rights, caddr_t dest);
    /* Deletes to the end. */
    void (*remove)(void *arg, caddr_t slot);
    /* These may say SYS_ERR_AGAIN: they are called again by caps_work. */
    errval_t (*sweep)(void *arg, const struct caps_key *key, bool keep_anchor, caddr_t root,
                      caddr_t keep);
    errval_t (*retype)(void *arg, const struct caps_retype *what);
    errval_t (*part)(void *arg, caddr_t anchor, uint64_t off, uint64_t bytes, bool set);
    /* Empty slots of the monitor. */
    errval_t (*slot_alloc)(void *arg, caddr_t *ret_slot);
    void (*slot_free)(void *arg, caddr_t slot);
    /* Never fails: the host keeps what does not fit into the channel yet (mail.h). */
    void (*send)(void *arg, uint8_t core, const struct caps_msg *msg);
    /* Makes what the next `deliver` takes. */
    errval_t (*room)(void *arg);
    /* A capability from core `from` has come, in a slot that is the host's from now on. */
    void (*deliver)(void *arg, uint8_t from, uint64_t tag, caddr_t slot);
};

struct caps_record {
    bool used;
    struct caps_key key;
    caddr_t anchor;
    uint8_t owner;
    uint8_t home;     /* true at the owner, and at the home itself; others may name an old one */
    uint32_t version; /* of the owner */
    uint8_t users;  /* owner: mask of other cores */
    bool taken;     /* not the owner: this core counts as a user */
    bool parted;    /* owner: the users were told */
    bool pinned;    /* not the owner: used as long as this core runs */
    uint8_t busy;   /* operations that rely on it */
    struct caps_record *next;
};

enum caps_op_kind {
    CAPS_OP_NONE,
    CAPS_OP_SEND,
    CAPS_OP_VIA,      /* for another core */
    CAPS_OP_RELEASE,
    CAPS_OP_DROP,
    CAPS_OP_RETYPE,
    CAPS_OP_REVOKE,
    CAPS_OP_HANDOVER, /* this core stops */
    CAPS_OP_AWAY,     /* a home that stops has asked the owner */
    CAPS_OP_REHOME,   /* the owner does it */
};
enum caps_op_state {
    CAPS_WAITS,   /* for its turn; nothing has been sent, or (DROP) it was refused */
    CAPS_ASKED,   /* SEND: the owner; else: those in `asked` */
    CAPS_GIVEN,
    CAPS_TELLING, /* MOVED */
    CAPS_UNDOING, /* PART; RELEASE: it is used again */
    CAPS_MAKING,
    CAPS_MARKING,
    CAPS_SWEEPING,     /* the others, */
    CAPS_SWEEPING_OWN, /* then this core */
};

typedef void (*caps_done_fn)(void *arg, errval_t err);

struct caps_op {
    enum caps_op_kind kind;
    enum caps_op_state state;
    uint32_t id;
    struct caps_key key;
    uint8_t asked;     /* cores that have not answered */
    uint8_t agreed;    /* RETYPE: cores that may have to forget */
    uint8_t from;      /* VIA, REHOME: who asked, */
    uint32_t from_op;  /* and its number */
    uint8_t dest, rights, flags;
    bool move, was_user;
    uint32_t version;  /* GIVE: of the owner, before */
    uint64_t tag;
    caddr_t slot;      /* SEND */
    caddr_t root, cap; /* REVOKE */
    struct caps_key target; /* the same: what it is a part of, which does not end before */
    struct caps_retype what;
    errval_t err;
    caps_done_fn done;
    void *arg;
};

/* A revoke under way anywhere. */
struct caps_mark {
    bool used, acked, sweeping;
    uint8_t core;
    uint32_t op;
    struct caps_key key;
};

struct caps {
    struct caps_host host;
    uint8_t self;
    uint8_t online;    /* other cores */
    bool stopping, leaving;
    uint8_t successor; /* when leaving */
    uint32_t generation;
    bool again;        /* caps_work is to be called, */
    bool retry;        /* caps_collect is, later */
    bool unmarked;     /* a revoke has ended since the host looked: others may begin */
    struct caps_record records[CAPS_RECORDS_MAX];
    struct caps_record *buckets[CAPS_BUCKETS];
    struct caps_record *free;
    uint32_t record_count, pinned_count;
    struct caps_op ops[CAPS_OPS_MAX];
    struct caps_mark marks[CAPS_MARKS_MAX];
};

void caps_init(struct caps *c, const struct caps_host *host, uint8_t self);

/* Another core's monitor can be reached from now on; it knows nothing yet. Who hears something of a
 * core that has heard this of another one has heard it, too. */
void caps_core_up(struct caps *c, uint8_t core);
/* It has stopped: it had no records left but of what it had adopted. What it has sent has been
 * received, but perhaps its last answers; what was sent to it since is lost. */
void caps_core_down(struct caps *c, uint8_t core);

/* The frame in `slot`, of this core, was given to `core` when that started: a user of it until it
 * is down. RPC_ERR_AGAIN: there is no room. */
errval_t caps_lend(struct caps *c, caddr_t slot, uint8_t core);
/* The other side: the anchor that the kernel made in `slot` before there was a monitor. It belongs
 * to this module from now on. */
errval_t caps_adopt(struct caps *c, caddr_t slot);

/* Sends the capability in `slot` of the monitor to the monitor of `dest`, with at most `rights`.
 * Memory that is not yet used (RAM) and interrupts: only by `move`, and only as the last of their
 * kind without descendants (SYS_ERR_HAS_DESCENDANTS, SYS_ERR_NOT_COPYABLE). A frame: with `move`, d
 * and the same condition its ownership moves; otherwise the other core gets a copy without d. When
 * done: the slot is empty (ERR_OK) or as it was. SYS_ERR_BUSY: it is being revoked.
 * SYS_ERR_NOT_COPYABLE: loans stay on their core. SYS_ERR_HAS_DESCENDANTS: a frame of which frames
 * were made gets no new users. RPC_ERR_AGAIN: too much is under way. */
void caps_send(struct caps *c, caddr_t slot, uint8_t rights, bool move, uint8_t dest, uint64_t tag,
               caps_done_fn done, void *arg);

/* cnode.revoke of the capability at `cap` in `root`, on all cores. The caller has checked nothing.
 * With the domain gone in the meantime everything goes. */
void caps_revoke(struct caps *c, caddr_t root, caddr_t cap, caps_done_fn done, void *arg);
/* cnode.revoke_part. SYS_ERR_RETYPE_SIZE: an object that other cores know begins in the part and
 * reaches out of it. What others made of an object that begins before the part may stay. */
void caps_revoke_part(struct caps *c, caddr_t root, caddr_t cap, uint64_t off, uint64_t bytes,
                      caps_done_fn done, void *arg);
/* cnode.retype of a frame that other cores know. */
void caps_retype(struct caps *c, const struct caps_retype *what, caps_done_fn done, void *arg);

/* Is a revoke under way, of this core or of others? Those end, and then `unmarked` is set. */
bool caps_is_marking(const struct caps *c);

/* A message of another monitor. What a monitor sends is trusted, but never more than needed: a
 * message about what is not known is answered, and changes nothing. */
void caps_receive(struct caps *c, uint8_t core, const struct caps_msg *msg);

/* Goes on with what could not be finished at once; true: call it again. */
bool caps_work(struct caps *c);
/* Gives up what is not used any more. To be called when kernel.cap_ended says so, and as long as it
 * or `retry` says that something could not be given up yet. */
bool caps_collect(struct caps *c);

/* This core is to stop: nothing new is taken in, and nothing sent. */
void caps_stop(struct caps *c);
/* Then, when no domain is left on this core, and its host makes nothing of its memory any more:
 * what is owned here, or made here and known elsewhere, goes to `successor`, as caps_collect is
 * called. Notifies are revoked. */
void caps_leave(struct caps *c, uint8_t successor);
/* Whether nothing is under way, of this core or of others. */
bool caps_is_quiet(const struct caps *c);
/* Whether nothing is left: no record but of what was adopted, nothing under way. */
bool caps_is_idle(const struct caps *c);
