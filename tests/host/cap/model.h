/* The naive model: plain arrays, linear searches, recursion. It says what the capability system
 * should do; nothing of its code is shared. A model slot is an index; `slots[i].real` is the slot
 * it stands for. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kernel/cap.h>

enum {
    BLOCK_SLOTS = 256,
    HOME_BLOCKS = 2, /* slots outside of any object */
    BLOCKS = 40,
    MODEL_SLOTS = BLOCKS * BLOCK_SLOTS,
    MODEL_OBJECTS = 1500,
    TABLES = 24,
    ENTRIES = 512,
    NONE = -1,
    /* slots of a dispatcher's block */
    SLOT_CSPACE = 0,
    SLOT_VSPACE = 1,
};

struct model_slot {
    struct cte *real;
    int object; /* NONE = empty */
    uint8_t rights;
    int lender; /* the slot that it is a loan of, NONE: it is no loan */
};

struct model_object {
    enum captype type; /* CAPTYPE_NULL = free */
    uint64_t base, bytes;
    unsigned side;
    int copies;
    int block;        /* its slots, NONE if it has none */
    unsigned slots;   /* number of them */
    int table;        /* VNode: its entries */
    bool attached;    /* VNode */
    uint64_t va;      /* VNode */
    uint16_t asid;    /* VNode */
    bool ended;       /* Dispatcher */
    int vnode;        /* Mapping: of the table it is in, */
    unsigned index;   /* first entry, */
    unsigned entries; /* number, */
    int child;        /* the table it attaches, NONE for memory, */
    uint8_t most;     /* KPI_VM_* at most, */
    int loan;         /* the slot of the loan it was made with, NONE: none */
    bool device;
};

struct model {
    struct model_slot slots[MODEL_SLOTS];
    struct model_object objects[MODEL_OBJECTS];
    int block_owner[BLOCKS]; /* object, NONE = free; home blocks own themselves */
    int table_owner[TABLES];
    uint64_t entries[TABLES][ENTRIES]; /* what the hardware should see */
    unsigned object_count;
};
extern struct model model;

void model_reset(struct cte *home);
/* A free object, block or table; the caller has checked model_room. */
bool model_room(unsigned objects, unsigned blocks, unsigned tables);
int model_object(enum captype type, uint64_t base, uint64_t bytes);
void model_put(int slot, int object, uint8_t rights);

errval_t model_retype(int src, uint64_t off, unsigned type, uint64_t bytes, unsigned count,
                      int dest);
errval_t model_copy(int src, uint8_t rights, int dest);
errval_t model_lend(int src, uint8_t rights, int dest);
/* How many loans deep a slot is. */
unsigned model_depth(int slot);
errval_t model_move(int src, int dest);
errval_t model_split(int src, uint64_t off, int dest);
errval_t model_map(int vnode, unsigned index, int src, uint64_t off, unsigned pages, unsigned flags,
                   int mapping);
errval_t model_modify(int mapping, unsigned first, unsigned pages, unsigned flags);
void model_delete(int slot);
/* False: the capability itself would go with its descendants; the model is spoiled then. */
bool model_revoke(int slot);
void model_embed(int dispatcher, int cspace, int vspace);
void model_end(int dispatcher);

/* Compares everything with the real database. */
void model_compare(void);
#define DESCRIPTION_BYTES 80u
/* "block+index=" and what the slot holds: type, #object, range, copies. */
void model_describe(int slot, char *ret_text, size_t bytes);
