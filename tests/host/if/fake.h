/* What stands for the rest of libaos: see README.md. */
#pragma once

#include <aos/cap.h>
#include <aos/waitset.h>

/* Runs while a thread is blocked. */
extern struct waitset *fake_waitset;
/* Waits for another process when there is nothing to run. False: nothing will come, and time
 * passes. */
extern bool (*fake_wait)(void);
/* How far the clock moves each time it is read. */
extern uint64_t fake_tick_ns;

/* The ring of traced messages (aos/trace.h). */
#define FAKE_TRACE_BYTES 4096u
#define FAKE_PID         77u
extern uint64_t fake_trace[FAKE_TRACE_BYTES / 8];

/* Runs when a capability is about to be destroyed, which takes a kernel a while. NULL: nothing. */
extern void (*fake_destroying)(caddr_t cap);
/* How many times the slot to receive in was taken out of use. */
extern uint32_t fake_rotations;

void fake_start(void);
/* Ends the program if anything is left: capabilities, slots, mappings, armed timers. */
void fake_check_clean(void);
/* A new capability in a fresh slot. */
caddr_t fake_cap(enum captype type, uint8_t rights);
/* Nothing is in it, though it may belong to somebody. */
bool fake_cap_is_gone(caddr_t slot);
bool fake_slot_is_empty(caddr_t slot);
uint32_t fake_caps_in_use(void);

/* A capability as another process is told of it. `memory` and `alive` are places in memory that
 * both have mapped, or NULL. */
struct fake_export {
    uint8_t type, rights;
    uint64_t tag; /* the same for all copies; odd if it was made on this side */
    uint8_t *memory;
    const _Atomic uint64_t *alive; /* of a loan: 0 as soon as it is taken back */
};
errval_t fake_cap_export(caddr_t slot, struct fake_export *ret_export);
/* What is told, in a fresh slot. */
errval_t fake_cap_import(const struct fake_export *export, caddr_t *ret_slot);
/* Moves the clock, fires timers. */
void fake_pass_time(uint64_t ns);

/* Messages to a channel of role CHAN_SOURCE. */
extern void (*fake_listener)(struct chan *c, const struct lmp_msg *msg);
