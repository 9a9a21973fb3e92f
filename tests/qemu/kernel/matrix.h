/* The matrix of what may end a capability: each type of idl/abi/captypes.if by each way. matrix.c
 * has the ways, matrix_rows.c what each type is good for and how one sees that. */
#pragma once

#include "kobj.h"

/* Where an object comes from, and so who its ancestor is. */
enum matrix_from {
    FROM_RAM = 1,                        /* the arena */
    FROM_DEVICE,                         /* a DevFrame of the boot */
    FROM_IRQTABLE,
    FROM_KERNEL,                         /* it has no ancestor that anyone has */
    FROM_BOOT,                           /* a copy of what init has from the start */
    FROM_NOWHERE,                        /* nobody can have one */
};

struct matrix_row {
    enum matrix_from from;
    /* Puts one into the slot M_OBJECT, and what else it needs into the rest. */
    void (*make)(void);
    /* Whether it has its effect. `cap`: where a capability to it is, if there is one. */
    bool (*works)(caddr_t cap);
    /* Ends what keeps its memory in use when its last capability has gone; NULL: nothing does. */
    void (*clear)(void);
    uint64_t page;                       /* of the arena; a neighbour is at 0 */
    bool copies;                         /* it can be copied and lent */
    bool survives;                       /* its effect stays when the last capability goes */
    bool has_derived;                    /* revoke takes its effect away, too */
};
extern const struct matrix_row matrix_rows[CAPTYPE_COUNT];

/* Slots of the task node, the same in each cell of the matrix; all but the first three are the
 * rows'. */
extern caddr_t matrix_slots;
#define M_OBJECT  (matrix_slots + 0)
#define M_COPY    (matrix_slots + 1)
#define M_NEIGHBOUR (matrix_slots + 2)   /* a frame beside it, and where that is mapped */
#define M_NEAR_MAPPING (matrix_slots + 3)
#define M_FREE    (matrix_slots + 4)
#define M_SLOTS   24u

/* Reads the word at `va` as a thread does that handles its own faults; false: it faulted. */
bool matrix_readable(uint64_t va);
/* Maps a page of `cap`; the slot `mapping` gets the Mapping. */
uint64_t matrix_map(unsigned place, caddr_t cap, caddr_t mapping);
/* Maps it by tables of its own, made in slots from `first` on; *ret_table is the last-level one. */
uint64_t matrix_tables(caddr_t cap, caddr_t first, caddr_t *ret_table);
/* The capability to the devices from `base` on, and the offset of that in it. */
caddr_t matrix_device(uint64_t base, uint64_t *ret_off);
#define MATRIX_DEVICE 0x09010000ull      /* PL031 of QEMU's virt (hw/arm/virt.c memory map) */

/* A domain that counts in a word: address and capability spaces of its own. */
struct matrix_runner {
    caddr_t part[10];                    /* RUNNER_* */
    volatile uint64_t *count;            /* the word, in our own space */
};
enum {
    RUNNER_ROOT, RUNNER_L1, RUNNER_L2, RUNNER_L3, RUNNER_CODE, RUNNER_DATA, RUNNER_SPACE,
    RUNNER_DISPATCHER, RUNNER_DATA_MAPPING, RUNNER_ATTACHED, RUNNER_PARTS
};
/* In slots from `first` on: RUNNER_PARTS and six more. */
void matrix_run(struct matrix_runner *runner, caddr_t first);
bool matrix_runs(const struct matrix_runner *runner);

#define MATRIX_RUNNING 20u               /* checks of matrix_running.c */
void matrix_running(void);
