// Arm generic timer, virtual counter and timer. Source: DDI 0487, chapter D11 and D19.12.
#include <kernel/timer.h>
#include <kernel/irq.h>
#include <kernel/panic.h>
#include <arch/sysreg.h>

#define NS_PER_S      1000000000ul
#define CTL_ENABLE    1u
#define CNTKCTL_EL0VCTEN (1u << 1) // EL0 may read CNTVCT_EL0 and CNTFRQ_EL0, nothing else

// Constant after timer_init and timer_set_base: ns = ticks * timer.ns_mult >> 32.
static struct {
    uint64_t base;
    uint64_t ns_mult;
    uint32_t hz, irq;
} timer;

void timer_init(void)
{
    timer.base = timer_ticks();
    timer.hz = (uint32_t)sysreg_read(cntfrq_el0);
    if (timer.hz == 0)
        panic("the firmware has not set the frequency of the timer (CNTFRQ_EL0)");
    timer.ns_mult = (NS_PER_S << 32) / timer.hz;
}

void timer_start(uint32_t irq)
{
    timer.irq = irq;
    timer_disarm();
    sysreg_write(cntkctl_el1, CNTKCTL_EL0VCTEN);
    irq_enable(timer.irq);
}

uint64_t timer_ticks(void)
{
    isb(); // the counter may be read ahead of earlier instructions
    return sysreg_read(cntvct_el0);
}

uint32_t timer_hz(void)
{
    return timer.hz;
}

uint32_t timer_irq(void)
{
    return timer.irq;
}

uint64_t timer_base_ticks(void)
{
    return timer.base;
}

void timer_set_base(uint64_t ticks)
{
    timer.base = ticks;
}

uint64_t timer_ticks_to_ns(uint64_t ticks)
{
    unsigned __int128 product = (unsigned __int128)(ticks - timer.base) * timer.ns_mult;
    return (uint64_t)(product >> 32);
}

uint64_t timer_ns_to_ticks(uint64_t ns)
{
    uint64_t seconds = ns / NS_PER_S, rest = ns % NS_PER_S;
    if (seconds > UINT64_MAX / timer.hz - 1)
        return UINT64_MAX;
    uint64_t ticks = seconds * timer.hz + (rest * timer.hz + NS_PER_S - 1) / NS_PER_S;
    return ticks > UINT64_MAX - timer.base ? UINT64_MAX : ticks + timer.base;
}

uint64_t timer_now_ns(void)
{
    return timer.hz == 0 ? 0 : timer_ticks_to_ns(timer_ticks());
}

void timer_arm_ticks(uint64_t abs)
{
    sysreg_write(cntv_cval_el0, abs);
    sysreg_write(cntv_ctl_el0, CTL_ENABLE);
    isb();
}

void timer_disarm(void)
{
    sysreg_write(cntv_ctl_el0, 0);
    isb();
}
