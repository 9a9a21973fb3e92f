/* The simulated machine and the naive model: what every slot outside of the monitors should hold.
 * There is one list of capabilities, and rules about all of it at once; nobody owns anything, there
 * are no anchors and no messages. */
#pragma once

#include <stdio.h>

#include "core.h"

enum {
    CHANNEL_MAX = 64,   /* messages on their way between two monitors */
    INBOX_MAX = 32,
    OPS_MAX = 64,
    REVOKES_MAX = 32,
    BOOT = 0,
};

/* What the model knows of a capability. type 0: none. */
struct mcap {
    struct caps_key key;
    uint8_t rights;
};

struct mslot {
    struct mcap cap;
    struct cte *real;
};

/* Schedules with seeds from here on have capabilities of all types, and cores that stop and start
 * again and again while others have something to say to them; those below, which are older, are
 * shorter and have memory and interrupts. */
#define WIDE_SEEDS (1ull << 40)

/* And those from here on have in addition monitors of which each allocation may fail. */
#define POOR_SEEDS (1ull << 41)

enum core_state { CORE_OFF, CORE_RUNS, CORE_STOPS };

struct domain {
    bool alive, blocked;
    uint32_t generation;
    struct cte node; /* the only capability to its CNode */
    struct mslot slots[DOMAIN_SLOTS];
};

struct inbox {
    bool used;
    caddr_t slot;
    struct mslot m;
};

struct machine {
    struct core core;
    enum core_state state;
    struct domain domains[DOMAINS];
    struct inbox inbox[INBOX_MAX];
    unsigned starving; /* allocations of slots that fail now */
};

/* What a domain waits for, or a root holder of memory. */
enum op_kind { OP_NONE, OP_SEND, OP_REVOKE, OP_PART, OP_RETYPE };
struct op {
    enum op_kind kind;
    uint8_t core, domain;
    uint32_t generation;
    unsigned slot;       /* of the domain: from where, or to where */
    caddr_t sending;     /* the monitor's slot */
    struct mslot m;      /* what is sent */
    uint64_t tag;
    uint8_t dest, rights;
    bool move, delivered, is_pool;
    struct caps_key key;    /* revoked or parted */
    struct caps_key target; /* of which a part is revoked */
    uint32_t first, pages, count;
};

/* Messages of the machine itself: a core is there, and the next of its starts; or no longer. */
enum { WORLD_UP = 200, WORLD_DOWN };

struct channel {
    struct caps_msg messages[CHANNEL_MAX];
    unsigned starts[CHANNEL_MAX]; /* of the receiver, as far as the sender knows */
    bool posted[CHANNEL_MAX];     /* it has a place (post.c) */
    unsigned first, count;
};

struct sim {
    unsigned cores;
    struct machine machines[CORES_MAX];
    struct channel channels[CORES_MAX][CORES_MAX];
    struct op ops[OPS_MAX];
    uint64_t random, tag;
    bool wide, poor;
    unsigned starts[CORES_MAX];           /* of each core */
    unsigned known[CORES_MAX][CORES_MAX]; /* what a core knows of another */
    unsigned step;
    uint64_t done[16];
};
extern struct sim sim;
extern bool trace;

#define TRACE(...)                                                                                 \
    do {                                                                                           \
        if (trace)                                                                                 \
            printf(__VA_ARGS__);                                                                   \
    } while (0)

/* Ends the program, with the way to run this schedule again. */
void fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
#define HOLDS(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail(__VA_ARGS__);                                                                     \
    } while (0)

uint32_t rnd(uint32_t n);
static inline bool one_in(uint32_t n)
{
    return rnd(n) == 0;
}

/* world.c */
void world_load(const char *object);
void world_begin(unsigned cores, bool wide, bool poor);
/* Everything ends; nothing may be left. */
void world_end(void);
void world_deliver(void);    /* one message of a random channel */
void world_work(void);       /* of a random core */
void world_collect(void);
void world_settle(void);     /* until nothing is under way */
bool world_is_quiet(void);   /* no message, nothing under way */
struct op *world_op(enum op_kind kind, uint8_t core);
void world_done(void *arg, errval_t err);
uint8_t *world_memory(uint32_t page);
void core_start(unsigned c);
/* A core that stops goes on with it; switched off once it has nothing left, and nobody has anything
 * to say to it. */
void core_empty(struct machine *m);
caddr_t domain_root(const struct machine *m, const struct domain *d);
void domain_start(struct machine *m, struct domain *d);
void domain_crash(struct machine *m, struct domain *d);
static inline uint8_t number_of(const struct machine *m)
{
    return (uint8_t)(m - sim.machines);
}

/* post.c: whether all messages that are on their way find a place (services/monitor/mail.h). */
void post_begin(void);
void post_put(uint8_t core, uint8_t to, const struct caps_msg *msg);
/* It is the oldest from `core` to `to`. */
void post_take(uint8_t core, uint8_t to, const struct caps_msg *msg);
void post_clear(uint8_t core, uint8_t to);

/* acts.c */
void act_domain(void);
void act_core(void);
/* Deletes in one go. */
void really_remove(struct machine *m, struct cte *cte);

/* model.c */
bool key_before(const struct caps_key *a, const struct caps_key *b);
/* Whether a revoke of `range` takes `key` away, or is about it. */
bool key_concerned(const struct caps_key *range, const struct caps_key *key);
struct caps_key key_of(const struct cte *cte);
void model_take(struct mslot *m, struct cte *real); /* as it really is now */
/* Calls `fn` for every capability of the model. */
typedef bool (*model_fn)(struct machine *m, struct mslot *slot, void *arg);
bool model_any(model_fn fn, void *arg);
/* What a revoke that goes on has taken is no longer in the model. */
void model_sync(void);
/* Nothing made of `key` is left anywhere, nor copies but `kept`. A part of a frame (`mappings`):
 * who has the frame may have mapped it again. */
void model_revoked(const struct caps_key *key, const struct mslot *kept, bool mappings);
/* What overlaps pages of an object and comes after it; `frames`: frames only. */
bool model_overlap(const struct caps_key *key, uint32_t first, uint32_t end, bool frames);

/* check.c */
void check_invariants(void); /* what holds at any time */
void check_slots(void);      /* model and reality */
void check_settled(void);    /* and when nothing is under way */
