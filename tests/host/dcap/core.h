/* One core of the simulated machine: the kernel's capability system and the monitor's protocol,
 * compiled into a shared object of which each core loads a copy of its own. All that the rest of
 * the simulator knows of it. */
#pragma once

#include <kernel/cap.h>
#include <kernel/memory.h>
#include "caps.h"
#include "rules.h"

enum {
    CORES_MAX = 4,
    DOMAINS = 2,       /* on each core */
    DOMAIN_SLOTS = 8,
    MONITOR_SLOTS = 256,
    TABLE_SLOTS = 24,  /* of the monitor's slots, from 1: infrastructure */
    POOL_SLOT = 8,     /* the core's own pool, */
    PLACE_SLOT = 9,    /* and on the boot core those of the others, by core, */
    DEVICE_SLOT = 14,  /* and registers of devices */
    FREE_SLOT = TABLE_SLOTS,
    POOL_PAGES = 32,   /* of each core */
    DEVICE_PAGES = 16,
    INFRA_PAGES = 24,  /* tables and CNodes */
    MAP_ENTRIES = 32,  /* of a core's page table */
};

/* Addresses of slots: those of the monitor are below ROOT_FIRST; the others name a root. */
#define ROOT_FIRST 0x1000u

struct sim_calls {
    void (*send)(uint8_t core, uint8_t to, const struct caps_msg *msg);
    void (*deliver)(uint8_t core, uint8_t from, uint64_t tag, caddr_t slot);
    /* The slot of a domain of this core; NULL: the domain has ended. */
    struct cte *(*find)(uint8_t core, caddr_t root, caddr_t cap);
    /* Whether to fail here: every allocation of a slot asks. */
    bool (*starve)(uint8_t core);
    /* And every other one. */
    bool (*poor)(uint8_t core);
};

struct core {
    struct caps caps;
    struct cte *slots; /* of the monitor */
    struct cte *tables; /* levels 0 to 3 are infrastructure; this is level 3 */
    const struct core_ops *ops;
};

struct core_ops {
    /* Begins anew, with nothing but infrastructure. */
    void (*start)(struct core *core, uint8_t self, uint8_t *memory, const struct sim_calls *calls);
    /* Ends infrastructure; the number of objects left. */
    uint64_t (*end)(void);
    errval_t (*pool)(struct cte *slot, uint32_t page, uint32_t pages);
    errval_t (*hand_over)(struct cte *slot, uint8_t owner);
    errval_t (*take_back)(struct cte *slot);
    errval_t (*node)(uint32_t index, struct cte *dest); /* a CNode from infrastructure */
    errval_t (*retype)(struct cte *src, uint64_t off, enum captype type, uint64_t bytes,
                       uint32_t count, struct cte *dest);
    errval_t (*copy)(struct cte *src, uint8_t rights, struct cte *dest);
    errval_t (*lend)(struct cte *src, uint8_t rights, struct cte *dest);
    errval_t (*move)(struct cte *src, struct cte *dest);
    errval_t (*remove)(struct cte *cte);
    errval_t (*revoke)(struct cte *cte);
    errval_t (*revoke_part)(struct cte *cte, uint64_t off, uint64_t bytes);
    errval_t (*map)(struct cte *frame, uint32_t page, uint32_t entry, struct cte *mapping);
    errval_t (*irq)(uint32_t irq, struct cte *dest);
    errval_t (*notify)(uint32_t bit, struct cte *dest);
    void (*devices)(void); /* in DEVICE_SLOT */
    bool (*work)(void);
    bool (*work_pending)(void);
    uint64_t (*check)(uint64_t *ret_nodes);
    struct cte *(*next)(const struct cte *node); /* NULL: the first */
    struct cte *(*node_of)(struct cte *cte);
    bool (*ended)(void);
    void (*init)(struct caps *c, const struct caps_host *host, uint8_t self);
    void (*up)(struct caps *c, uint8_t core);
    void (*down)(struct caps *c, uint8_t core);
    void (*send)(struct caps *c, caddr_t slot, uint8_t rights, bool move, uint8_t dest,
                 uint64_t tag, caps_done_fn done, void *arg);
    void (*caps_revoke)(struct caps *c, caddr_t root, caddr_t cap, caps_done_fn done, void *arg);
    void (*caps_revoke_part)(struct caps *c, caddr_t root, caddr_t cap, uint64_t off,
                             uint64_t bytes, caps_done_fn done, void *arg);
    void (*caps_retype)(struct caps *c, const struct caps_retype *what, caps_done_fn done,
                        void *arg);
    void (*receive)(struct caps *c, uint8_t core, const struct caps_msg *msg);
    bool (*caps_work)(struct caps *c);
    bool (*collect)(struct caps *c);
    void (*stop)(struct caps *c);
    void (*leave)(struct caps *c, uint8_t successor);
    bool (*idle)(const struct caps *c);
    uint64_t (*rules_own)(const struct caps *c, const struct caps_record *r, bool quiet);
    uint64_t (*rules_parts)(const struct caps *c,
                            void (*tell)(void *arg, const struct audit_record *part), void *arg);
    uint64_t (*rules_agree)(const struct audit_records *records);
    uint64_t (*rules_look)(const struct caps *c, const struct audit_records *told);
    caddr_t (*slot_alloc)(void); /* 0: none */
    void (*slot_free)(caddr_t slot);
    uint32_t (*slots_used)(void);
};

/* What the shared object exports. */
const struct core_ops *core_ops(void);
