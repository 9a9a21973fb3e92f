/* Doorbells between cores: one page for each ordered pair of cores, in which the first sets bits,
 * and an interrupt that the first sends to the second, whose number is that of the first core. They
 * are the only memory that CPU drivers share: a bit that nobody was to set wakes somebody for
 * nothing, and that is all it does.
 *
 * Ordering. The sender sets its bit with release semantics, so what its user wrote before is seen
 * by whom the bit wakes; a barrier completes that before the interrupt leaves. The receiver claims
 * the interrupt, and then, behind a barrier (irq_claim), takes bits with acquire semantics: a bit
 * that it does not see yet comes with an interrupt of its own. Were a word read before the claim,
 * the interrupt of a bit could be claimed and the bit not seen, and nobody would look again. A bit
 * that is set already needs none: the receiver has not taken it yet, and the interrupt that came
 * with it is on its way. */
#pragma once

#include <stdint.h>

struct platform;

/* What one sender may cost per slice, and two of them together; if there are more, they share what
 * two may. An interrupt and each of its bits are a unit, and so are so many places looked at for
 * bits. Then it is not heard before the next slice, unless nobody wants to run. */
#define DOORBELL_SLICE_MAX 1024u
#define DOORBELL_LOOK_UNIT 4096u
/* Bits taken before other interrupts are looked at. */
#define DOORBELL_STEP      16u

/* Maps this core's pages and forgets what rang before it started. */
void doorbell_init(const struct platform *platform);
/* Sets the bit at another core. */
void doorbell_ring(unsigned core, uint32_t bit);
/* Forgets that others have rung this core's bit. */
void doorbell_clear(uint32_t bit);
/* The interrupt of `sender` has been claimed. */
void doorbell_rung(unsigned sender);

/* Senders that are not heard, a bit each; owned by doorbell.c. */
extern uint32_t doorbell_muted;
/* All are heard again: a new slice, or the core is idle. */
void doorbell_hear(void);
/* The same, if that is a slice ago. */
void doorbell_hear_at(uint64_t now_ticks);
