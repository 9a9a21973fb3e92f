// The shadow of RAM follows the objects of the kernel (kasan.c).
#include <kernel/cap_tree.h>
#include <kernel/kasan.h>
#include <kernel/memory.h>
#include <kernel/platform.h>
#include "kasan_priv.h"

// Objects that the kernel works on: what is made of RAM and is not memory itself.
static bool kasan_is_object(const struct cte *cte)
{
    return (captype_table[CAPTYPE_RAM].retype_mask >> cte->type & 1) != 0 &&
           captype_table[cte->type].retype_mask == 0;
}

static uintptr_t kasan_object(const struct cte *cte)
{
    return (uintptr_t)phys_to_virt(cte_base(cte));
}

void kasan_object_made(const struct cte *cte)
{
    if (kasan_is_object(cte))
        kasan_fill(kasan_object(cte), cte_bytes(cte), 0);
}

// The other end of the channel `cte` was an end of is still there.
static bool kasan_channel_lives(const struct cte *cte)
{
    const struct cte *other = tree_at(cte_type(cte), cte->page, cte->pages);
    return other != NULL && other->type == cte->type && other->page == cte->page;
}

void kasan_object_gone(const struct cte *cte)
{
    if (kasan_is_object(cte) && !kasan_channel_lives(cte))
        kasan_fill(kasan_object(cte), cte_bytes(cte), SHADOW_FREED);
}

// Mistakes on purpose, to see them caught: the arguments `planted=` of the command line, and
// `planted-further=` for the cores that did not boot.
static void kasan_plant(const struct platform *platform)
{
    struct cte *ram = tree_at(CAPTYPE_NULL, 0, UINT32_MAX), slot = {0};
    while (ram != NULL && (ram->type != CAPTYPE_RAM || (ram->rights & CAP_RIGHT_D) == 0))
        ram = tree_next(ram);
    kernel_assert(ram != NULL);
    volatile uint64_t *memory = phys_to_virt(cte_base(ram));
    if (platform_has_bootarg(platform, platform->further == NULL ? "planted=foreign"
                                                                 : "planted-further=foreign"))
        memory[0] = 1;
    if (!platform_has_bootarg(platform, "planted=freed"))
        return;
    while (cap_retype(ram, 0, CAPTYPE_VNODEL3, PAGE_SIZE, 1, &slot) == SYS_ERR_AGAIN)
        ;
    memory[1] = 0; // no mistake
    while (cap_delete(&slot) == SYS_ERR_AGAIN)
        ;
    memory[1] = 0;
}

void kasan_start(const struct platform *platform)
{
    for (unsigned i = 0; i < platform->ram.count; i++)
        kasan_fill(LINEAR_BASE + platform->ram.item[i].base, platform->ram.item[i].size,
                   SHADOW_FOREIGN);
    const struct cte *cte = tree_at(CAPTYPE_NULL, 0, UINT32_MAX);
    for (; cte != NULL; cte = tree_next(cte))
        kasan_object_made(cte);
    kasan_check_ram();
    kasan_plant(platform);
}
