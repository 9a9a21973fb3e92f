// Memory of the CPU drivers of further cores.
//
// It is set aside before the first linear map is made, not taken from user space when a core is
// started: a kernel region that was RAM before would be in the linear maps of the cores that run
// already. So no kernel ever maps another one's region, and the page tables can prove it.
#include <kernel/cores.h>
#include <kernel/core_data.h>
#include <kernel/kasan.h>
#include <kernel/log.h>

#define CORES_SHARE 2u // at most one part in so many of what is free goes to one region

static bool cores_take(struct platform *p, uint64_t size, uint64_t align, struct region *ret_region)
{
    uint64_t base;
    if (size == 0)
        return true;
    if (size > region_total(&p->free_ram) / CORES_SHARE ||
        !region_take(&p->free_ram, size, align, LINEAR_SIZE, &base))
        return false;
    *ret_region = (struct region){base, size};
    return true;
}

bool cores_reserve(struct platform *p)
{
    struct platform_cores *cores = &p->cores;
    uint64_t shadow = kasan_shadow_bytes(p);
    uint64_t doorbells = (uint64_t)p->core_count * p->core_count * PAGE_SIZE;
    cores->kernel[cores->self] = p->kernel;
    if (!cores_take(p, shadow, BLOCK_SIZE, &cores->shadow[cores->self]))
        return false;
    if (p->core_count < 2 || p->psci == CONDUIT_NONE ||
        !cores_take(p, doorbells, PAGE_SIZE, &cores->doorbells))
        return true;
    for (unsigned i = 0; i < p->core_count; i++) {
        if (i == cores->self)
            continue;
        if (!cores_take(p, shadow, BLOCK_SIZE, &cores->shadow[i]) ||
            !cores_take(p, KERNEL_REGION_SIZE, KERNEL_REGION_SIZE, &cores->kernel[i]))
            klog(LOG_WARNING, "no memory for a kernel on core %u\n", i);
    }
    return true;
}

static bool cores_exclude_region(struct region_list *list, const struct region *region)
{
    return region_remove(list, region->base, region->size);
}

bool cores_exclude(const struct platform *p, struct region_list *list)
{
    bool fits = cores_exclude_region(list, &p->cores.doorbells);
    for (unsigned i = 0; i < p->core_count; i++) {
        fits = fits && cores_exclude_region(list, &p->cores.kernel[i]) &&
               cores_exclude_region(list, &p->cores.shadow[i]);
    }
    return fits;
}

const struct core_data *core_data_find(uint64_t argument, paddr_t region_base)
{
    const struct core_data *data = (const struct core_data *)(KERNEL_BASE + CORE_DATA_OFFSET);
    // The first says that it may be one: nothing but that page of the region is left as it was.
    if (argument != region_base + CORE_DATA_OFFSET || data->magic != CORE_DATA_MAGIC)
        return NULL;
    return data;
}
