/* See fake_space.h. */
#include "fake_space.h"

#include <check.h>
#include <stdarg.h>

#include <abi/user.h>
#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/ram.h>
#include <aos/slot.h>

#include "mem_priv.h"
#include "paging_priv.h"
#include "ranges_priv.h"

#define CAPS  60000u
#define PHYS  60000u                     /* pages */
#define LARGE (AOS_LARGE_BYTES / AOS_PAGE_BYTES)

struct fake_cap {
    uint8_t type;
    bool taken, attached;
    uint64_t base, bytes;                /* of frames and tables */
    uint64_t va;                         /* of tables and mappings */
    uint32_t count, step;                /* entries of a mapping, pages of each */
};

static struct fake_cap caps[CAPS];
static uint32_t next_slot = 100;
static struct {
    uint32_t page;                       /* 0: none */
    uint32_t flags;
} entries[SPACE_PAGES];
static uint64_t content[PHYS];
static bool phys_used[PHYS];
static struct space_counts counts;
static uint32_t fail_every, fail_count;
static unsigned locked;
static uint32_t made[MEM_SLAB_COUNT];    /* records since mem_begin */

struct slab mem_slabs[MEM_SLAB_COUNT];
struct kpi_dispatcher arch_host_page;
uint64_t arch_host_counter;

static const size_t sizes[MEM_SLAB_COUNT] = {
    [MEM_SLAB_RANGE] = sizeof(struct tree_node),
    [MEM_SLAB_TABLE] = sizeof(struct ptable),
    [MEM_SLAB_PART] = sizeof(struct paging_part),
    [MEM_SLAB_REGION] = sizeof(struct paging_region),
    [MEM_SLAB_ACCESS] = sizeof(struct paging_access),
    [MEM_SLAB_STORE] = sizeof(struct paging_store),
};

void aos_panic(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}

void disp_enable_pending(void)
{
}

/* mem_priv.h */

static bool fails(void)
{
    return fail_every != 0 && ++fail_count % fail_every == 0;
}

errval_t mem_begin(uint64_t bytes, uint64_t align)
{
    CHECK(locked == 0);
    if (bytes != 0 && fails()) {
        return LIB_ERR_NO_MEMORY;
    }
    memset(made, 0, sizeof(made));
    locked++;
    return ERR_OK;
}

void mem_lock(void)
{
    locked++;
}

void mem_end(void)
{
    CHECK(locked > 0);
    locked--;
}

bool mem_locked(void)
{
    return locked != 0;
}

/* A record of its own from the host's heap, so that its sanitizer sees who uses it too long. */
void *mem_new(enum mem_slab kind)
{
    CHECK(locked > 0);
    CHECK(++made[kind] <= MEM_NODES_RESERVE / 2);
    counts.records++;
    return calloc(1, sizes[kind]);
}

void mem_free(enum mem_slab kind, void *object)
{
    CHECK(locked > 0 && object != NULL);
    counts.records--;
    free(object);
}

caddr_t slot_take(uint32_t count)
{
    CHECK(count == 1 && locked > 0);
    do {
        next_slot = next_slot + 1 < CAPS ? next_slot + 1 : 100;
    } while (caps[next_slot].taken);
    caps[next_slot] = (struct fake_cap){ .taken = true };
    counts.caps++;
    return next_slot;
}

void slot_free(caddr_t slot)
{
    CHECK(caps[slot].taken);
    caps[slot].taken = false;
    counts.caps--;
}

/* RAM: pages, first fit. */

static uint64_t phys_take(uint64_t pages, uint64_t align)
{
    for (uint64_t at = align; at + pages <= PHYS; at += align) {
        uint64_t i = 0;
        while (i < pages && !phys_used[at + i]) {
            i++;
        }
        if (i < pages) {
            continue;
        }
        for (i = 0; i < pages; i++) {
            phys_used[at + i] = true;
            content[at + i] = 0;
        }
        counts.pages += pages;
        return at;
    }
    CHECK(false);
    return 0;
}

void ram_give(uint64_t base, uint64_t bytes)
{
    for (uint64_t i = base / AOS_PAGE_BYTES; i < (base + bytes) / AOS_PAGE_BYTES; i++) {
        CHECK(phys_used[i]);
        phys_used[i] = false;
    }
    counts.pages -= bytes / AOS_PAGE_BYTES;
}

errval_t ram_make(caddr_t dest, enum captype type, uint64_t bytes, uint64_t align,
                  uint64_t *ret_base)
{
    CHECK(caps[dest].taken && caps[dest].type == CAPTYPE_NULL);
    if (fails()) {
        return LIB_ERR_NO_MEMORY;
    }
    caps[dest].type = (uint8_t)type;
    caps[dest].base = phys_take(bytes / AOS_PAGE_BYTES, align / AOS_PAGE_BYTES) * AOS_PAGE_BYTES;
    caps[dest].bytes = bytes;
    *ret_base = caps[dest].base;
    return ERR_OK;
}

errval_t frame_alloc(uint64_t bytes, caddr_t *ret_frame, uint64_t *ret_bytes)
{
    uint64_t base;
    mem_lock();
    *ret_bytes = aos_round_up(bytes, AOS_PAGE_BYTES);
    *ret_frame = slot_take(1);
    errval_t err = ram_make(*ret_frame, CAPTYPE_FRAME, *ret_bytes,
                            bytes >= AOS_LARGE_BYTES ? AOS_LARGE_BYTES : AOS_PAGE_BYTES, &base);
    if (err_is_fail(err)) {
        slot_free(*ret_frame);
    }
    mem_end();
    return err;
}

/* Nothing is mapped of what goes away. */
static void frame_unused(const struct fake_cap *c)
{
    for (uint32_t i = 0; i < SPACE_PAGES; i++) {
        CHECK(entries[i].page < c->base / AOS_PAGE_BYTES ||
              entries[i].page >= (c->base + c->bytes) / AOS_PAGE_BYTES);
    }
}

errval_t ram_free(caddr_t c)
{
    ram_give(caps[c].base, caps[c].bytes);
    return cap_destroy(c);
}

errval_t cap_copy(caddr_t dest, caddr_t src)
{
    CHECK(caps[dest].taken && caps[dest].type == CAPTYPE_NULL);
    caps[dest] = caps[src];
    return ERR_OK;
}

errval_t cap_delete(caddr_t c)
{
    CHECK(caps[c].taken && caps[c].type != CAPTYPE_NULL);
    if (caps[c].type == CAPTYPE_MAPPING) {
        return inv_mapping_unmap(c);
    }
    caps[c].type = CAPTYPE_NULL;
    return ERR_OK;
}

errval_t cap_destroy(caddr_t c)
{
    errval_t err = cap_delete(c);
    slot_free(c);
    return err;
}

errval_t cap_identify(caddr_t c, struct cap_info *ret_info)
{
    *ret_info = (struct cap_info){ .type = caps[c].type, .a = caps[c].base, .b = caps[c].bytes };
    return ERR_OK;
}

errval_t cap_retype(caddr_t dest, caddr_t src, uint64_t off, enum captype type, uint64_t bytes,
                    uint32_t count)
{
    return SYS_ERR_RETYPE_ILLEGAL;
}

errval_t inv_cnode_move(caddr_t object, caddr_t src, uint32_t index)
{
    return SYS_ERR_CAP_TYPE;
}

/* Page tables. */

static uint64_t entry_bytes(uint8_t type)
{
    return AOS_PAGE_BYTES << 9 * (CAPTYPE_VNODEL3 - type);
}

static void space_enter(uint64_t va, uint64_t page, uint32_t pages, uint32_t flags, bool fresh)
{
    for (uint32_t i = 0; i < pages; i++) {
        uint64_t at = (va - SPACE_VA) / AOS_PAGE_BYTES + i;
        if (va < SPACE_VA || at >= SPACE_PAGES) {
            continue;                    /* where nobody looks */
        }
        CHECK(!fresh || entries[at].page == 0);
        entries[at].page = (uint32_t)page + (page != 0 ? i : 0);
        entries[at].flags = flags;
    }
}

errval_t inv_vnode_map(caddr_t object, uint16_t index, caddr_t src, uint64_t off, uint16_t pages,
                       uint32_t flags, caddr_t mapping)
{
    const struct fake_cap *t = &caps[object];
    struct fake_cap *s = &caps[src];
    struct fake_cap *m = &caps[mapping];
    CHECK(t->taken && t->type >= CAPTYPE_VNODEL0 && t->type <= CAPTYPE_VNODEL3);
    CHECK(s->taken && m->taken && m->type == CAPTYPE_NULL && index + pages <= KPI_TABLE_ENTRIES);
    uint64_t va = t->va + index * entry_bytes(t->type);
    if (s->type != CAPTYPE_FRAME) {
        CHECK(s->type == t->type + 1 && !s->attached && pages == 1);
        s->attached = true;
        s->va = va;
        *m = (struct fake_cap){ .type = CAPTYPE_MAPPING, .taken = true, .va = va, .base = src };
        return ERR_OK;
    }
    uint32_t step = (uint32_t)(entry_bytes(t->type) / AOS_PAGE_BYTES);
    CHECK(t->type >= CAPTYPE_VNODEL2 && off + pages * step * AOS_PAGE_BYTES <= s->bytes);
    CHECK((s->base + off) % (step * AOS_PAGE_BYTES) == 0);
    *m = (struct fake_cap){ .type = CAPTYPE_MAPPING, .taken = true, .va = va, .count = pages,
                            .step = step };
    space_enter(va, (s->base + off) / AOS_PAGE_BYTES, pages * step, flags, true);
    counts.entries += pages;
    return ERR_OK;
}

errval_t inv_mapping_unmap(caddr_t object)
{
    struct fake_cap *m = &caps[object];
    CHECK(m->taken && m->type == CAPTYPE_MAPPING);
    if (m->count == 0) {
        caps[m->base].attached = false;
    } else {
        space_enter(m->va, 0, m->count * m->step, 0, false);
        counts.entries -= m->count;
    }
    m->type = CAPTYPE_NULL;
    return ERR_OK;
}

errval_t inv_mapping_modify(caddr_t object, uint16_t first, uint16_t pages, uint32_t flags)
{
    const struct fake_cap *m = &caps[object];
    CHECK(m->taken && m->type == CAPTYPE_MAPPING && pages != 0);
    CHECK((uint32_t)first + pages <= m->count);
    for (uint32_t i = first * m->step; i < (uint32_t)(first + pages) * m->step; i++) {
        uint64_t at = (m->va - SPACE_VA) / AOS_PAGE_BYTES + i;
        if (m->va >= SPACE_VA && at < SPACE_PAGES) {
            entries[at].flags = flags;
        }
    }
    return ERR_OK;
}

/* content.c: one word for each page. */

uint64_t *space_access(uint64_t va, uint32_t need)
{
    uint64_t at = (va - SPACE_VA) / AOS_PAGE_BYTES;
    CHECK(va >= SPACE_VA && at < SPACE_PAGES);
    if (entries[at].page == 0 || (entries[at].flags & need) != need) {
        return NULL;
    }
    CHECK(phys_used[entries[at].page]);
    return &content[entries[at].page];
}

void paging_clear(uint64_t va, uint64_t bytes)
{
    for (uint64_t at = va; at < va + bytes; at += AOS_PAGE_BYTES) {
        *space_access(at, KPI_VM_WRITE) = 0;
    }
}

void paging_copy(uint64_t to, uint64_t from, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes; i += AOS_PAGE_BYTES) {
        *space_access(to + i, KPI_VM_WRITE) = *space_access(from + i, KPI_VM_READ);
    }
}

caddr_t space_frame(uint32_t pages, uint64_t value)
{
    uint64_t bytes;
    caddr_t frame;
    CHECK(err_is_ok(frame_alloc(pages * AOS_PAGE_BYTES, &frame, &bytes)));
    for (uint32_t i = 0; i < pages; i++) {
        content[caps[frame].base / AOS_PAGE_BYTES + i] = value + i;
    }
    return frame;
}

void space_frame_free(caddr_t frame)
{
    frame_unused(&caps[frame]);
    CHECK(err_is_ok(ram_free(frame)));
}

void space_fail(uint32_t n)
{
    fail_every = n;
}

struct space_counts space_counts(void)
{
    struct space_counts c = counts;
    for (int i = 0; i < MEM_SLAB_COUNT; i++) {
        c.records += mem_slabs[i].total_count - mem_slabs[i].free_count;
    }
    return c;
}

void space_init(void)
{
    static uint64_t nodes[100000];
    struct paging_state *st = paging_self();
    caps[KPI_CAP_SELF_VROOT] = (struct fake_cap){ .taken = true, .type = CAPTYPE_VNODEL0 };
    slab_init(&mem_slabs[MEM_SLAB_RANGE], sizeof(struct tree_node));
    (void)slab_grow(&mem_slabs[MEM_SLAB_RANGE], nodes, sizeof(nodes));
    st->root = KPI_CAP_SELF_VROOT;
    const struct kpi_table root = { .mapping = UINT16_MAX };
    mem_lock();
    paging_adopt_table(st, &root);
    paging_add_free(st, SPACE_VA, KPI_DYNAMIC_END);
    mem_end();
}

const struct kpi_startup *domain_startup(void)
{
    return NULL;
}
