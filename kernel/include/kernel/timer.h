// The core's timer: the virtual counter and timer of the Arm generic timer. One deadline at a time.
#pragma once
#include <stdint.h>

// Starts the system clock at 0. Panics if the firmware has set no frequency.
void timer_init(void);
// Enables the timer's interrupt (its INTID) and lets EL0 read the counter; after irq_init.
void timer_start(uint32_t irq);

// The counter now, its ticks per second, and the timer's INTID.
uint64_t timer_ticks(void);
uint32_t timer_hz(void);
uint32_t timer_irq(void);
// Tick at which the system clock was 0: when the kernel was entered that booted.
uint64_t timer_base_ticks(void);
// A further core: its clock is that of the others. The counter is the same on all cores (DDI 0487,
// D11.1.2).
void timer_set_base(uint64_t ticks);

// Nanoseconds of system clock.
uint64_t timer_now_ns(void);
// System clock at a tick, and the first tick at which the system clock is at least `ns`; a time
// beyond the counter's range becomes UINT64_MAX.
uint64_t timer_ticks_to_ns(uint64_t ticks);
uint64_t timer_ns_to_ticks(uint64_t ns);

// The timer interrupt is raised when the counter reaches `abs` ticks, and stays raised until
// the next timer_arm_ticks or timer_disarm.
void timer_arm_ticks(uint64_t abs);
void timer_disarm(void);
