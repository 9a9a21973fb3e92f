/* The system clock (aos/time.h): whole seconds first, so that nothing overflows. */
#include <aos/dispatch.h>
#include <aos/time.h>

#define NS_PER_S 1000000000ull

uint64_t time_now_ns(void)
{
    const struct kpi_dispatcher *page = disp_page();
    uint64_t ticks = arch_counter() - page->clock_base;
    uint64_t hz = page->timer_hz;
    uint64_t seconds = ticks / hz;
    return seconds * NS_PER_S + (ticks - seconds * hz) * NS_PER_S / hz;
}

uint64_t time_deadline_ns(uint64_t ns)
{
    uint64_t now = time_now_ns();
    return ns > AOS_FOREVER - 1 - now ? AOS_FOREVER : now + ns;
}
