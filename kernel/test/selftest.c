// Checks of what boot has set up. Prints TAP: the plan first, one line per check.
#include "selftest_priv.h"

#include <kernel/boot.h>
#include <kernel/cpio.h>
#include <kernel/cpu.h>
#include <kernel/irq.h>
#include <kernel/log.h>
#include <kernel/mmu.h>
#include <kernel/power.h>
#include <kernel/string.h>
#include <kernel/timer.h>
#include <arch/sysreg.h>

#define PAR_FAILED     1u // of PAR_EL1, after an address translation
#define TIMER_DELAY_NS 1000000u
#define TIMER_ROUNDS   20

extern char _head[], _text_end[], _rodata_start[], _data_start[], _stack_guard[];

// Results so far; this file's.
static unsigned selftest_count, selftest_failed;

static void selftest_result(bool good, const char *what)
{
    selftest_count++;
    selftest_failed += !good;
    kprintf("%s %u - %s\n", good ? "ok" : "not ok", selftest_count, what);
}

static bool selftest_readable(const void *va)
{
    __asm__ volatile("at s1e1r, %0\n isb" ::"r"(va) : "memory");
    return !(sysreg_read(par_el1) & PAR_FAILED);
}

static bool selftest_writable(const void *va)
{
    __asm__ volatile("at s1e1w, %0\n isb" ::"r"(va) : "memory");
    return !(sysreg_read(par_el1) & PAR_FAILED);
}

static bool selftest_user_access(const void *va)
{
    __asm__ volatile("at s1e0r, %0\n isb" ::"r"(va) : "memory");
    return !(sysreg_read(par_el1) & PAR_FAILED);
}

static void selftest_memory(const struct platform *p)
{
    const char *image = phys_to_virt(p->kernel.base);
    bool linear = true;
    for (unsigned i = 0; i < p->ram.count; i++) {
        const struct region *r = &p->ram.item[i];
        linear &= selftest_writable(phys_to_virt(r->base));
        linear &= selftest_writable(phys_to_virt(r->base + r->size - 1));
        linear &= !selftest_user_access(phys_to_virt(r->base));
    }
    selftest_result(selftest_readable(_head) && !selftest_writable(_head) &&
                        !selftest_writable((const void *)((uintptr_t)_text_end - 1)),
                    "KERN0001 text is not writable");
    selftest_result(selftest_readable(_rodata_start) && !selftest_writable(_rodata_start),
                    "KERN0002 constants are not writable");
    selftest_result(selftest_writable(_data_start) && !selftest_readable(_stack_guard),
                    "KERN0003 data are writable, the stack guard is not mapped");
    selftest_result(linear, "KERN0004 RAM is in the linear map, for the kernel only");
    selftest_result(!selftest_readable(image) && !selftest_readable(image + p->kernel.size - 1),
                    "KERN0005 the kernel is a hole in the linear map");
    selftest_result(!selftest_readable(NULL) && !selftest_readable((void *)p->kernel.base),
                    "KERN0006 nothing is mapped in the user half");
}

static void selftest_platform(const struct platform *p)
{
    struct fdt fdt;
    uint64_t free_bytes = region_total(&p->free_ram);
    bool disjoint = !region_contains(&p->free_ram, p->device_tree.base, 1) &&
                    !region_contains(&p->free_ram, p->kernel.base, 1) &&
                    (p->initrd.size == 0 || !region_contains(&p->free_ram, p->initrd.base, 1));
    selftest_result(free_bytes > region_total(&p->memory) / 2 && disjoint,
                    "KERN0007 free memory is most of it and holds nothing of the loader's");
    selftest_result(fdt_open(phys_to_virt(p->device_tree.base), p->device_tree.size, &fdt),
                    "KERN0008 the copy of the device tree is good");
    selftest_result(p->seed_bytes > 0 && p->core_mpidr[p->cores.self] == cpu_mpidr(),
                    "KERN0009 a seed and this core's number");
    // The seed may not be readable in the copy: look for its first 8 bytes.
    const char *copy = phys_to_virt(p->device_tree.base);
    bool found = false;
    for (uint64_t i = 0; i + 8 <= p->device_tree.size; i++)
        found |= memcmp(copy + i, p->seed, 8) == 0;
    selftest_result(!found, "KERN0010 the seed is not in the copy");
}

static void selftest_initrd(const struct platform *p)
{
    struct cpio cpio;
    struct cpio_entry entry;
    enum cpio_result result;
    cpio_init(&cpio, phys_to_virt(p->initrd.base), p->initrd.size);
    unsigned entries = 0;
    while ((result = cpio_next(&cpio, &entry)) == CPIO_ENTRY)
        entries++;
    selftest_result(p->initrd.size == 0 || (result == CPIO_END && entries > 0),
                    "KERN0011 the initrd, if any, is an archive");
}

// Waits for the next interrupt with interrupts masked, which WFI allows.
static uint32_t selftest_next_irq(void)
{
    uint32_t irq;
    while ((irq = irq_claim()) == IRQ_NONE)
        cpu_wfi();
    return irq;
}

static void selftest_timer(void)
{
    bool right = true, early = false;
    for (unsigned i = 0; i < TIMER_ROUNDS; i++) {
        uint64_t until = timer_now_ns() + TIMER_DELAY_NS;
        timer_arm_ticks(timer_ns_to_ticks(until));
        uint32_t irq = selftest_next_irq();
        early |= timer_now_ns() < until;
        right &= irq == timer_irq();
        timer_disarm();
        irq_eoi(irq);
    }
    selftest_result(right, "KERN0012 the timer's interrupt arrives");
    selftest_result(!early, "KERN0013 and never early");
    uint64_t ns = 123456789012345ul;
    selftest_result(timer_ticks_to_ns(timer_ns_to_ticks(ns)) - ns < 1000 &&
                        timer_ns_to_ticks(UINT64_MAX) > timer_ns_to_ticks(UINT64_MAX / 2),
                    "KERN0014 times survive the way to ticks and back");
    timer_arm_ticks(0);
    irq_disable(timer_irq());
    bool silent = irq_claim() == IRQ_NONE;
    irq_enable(timer_irq());
    uint32_t irq = selftest_next_irq();
    timer_disarm();
    irq_eoi(irq);
    selftest_result(silent && irq == timer_irq(), "KERN0015 a disabled interrupt stays silent");
}

static void selftest_log(void)
{
    char text[64];
    uint64_t from = log_end(), next;
    klog(LOG_DEBUG, "only in the ring %d\n", 42);
    size_t n = log_read(from, text, sizeof(text), &next);
    bool good = n > 20 && next == log_end() && memcmp(text + n - 4, " 42\n", 4) == 0;
    selftest_result(good, "KERN0016 the log can be read back");
}

void kernel_start(const struct platform *platform)
{
    uint64_t entered = timer_base_ticks(), started = timer_ticks();
    kprintf("selftest: kernel_main at tick %llu, kernel_start at tick %llu\n",
            (unsigned long long)entered, (unsigned long long)started);
    kprintf("1..16\n");
    selftest_memory(platform);
    selftest_platform(platform);
    selftest_initrd(platform);
    selftest_timer();
    selftest_log();
    kprintf("selftest: %u of %u passed\n", selftest_count - selftest_failed, selftest_count);
    selftest_panic(platform);
    kprintf("selftest: end\n");
    power_off();
}
