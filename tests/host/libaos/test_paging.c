/* Regions, parts, access, stores and copies against a model, over page tables of the test's own:
 * random sequences of everything a domain can do to its address space, and faults. */
#include <check.h>

#include "fake_space.h"
#include "mem_priv.h"
#include "paging_priv.h"

#define REGIONS_MAX 12u
#define PAGES_MAX   300u
#define STEPS       60000u
#define FRAME_PAGES 64u

/* What a region should be: of each page its content and access. */
struct model {
    uint64_t va;                         /* 0: none */
    uint32_t pages;
    uint32_t frame_first;                /* of a view: what untouched pages show */
    uint32_t frame;                      /* 1 + index; 0: zero */
    uint64_t content[PAGES_MAX];
    uint32_t flags[PAGES_MAX];
    uint32_t family;                     /* snapshots that can be gone back to: same number */
};

static struct model models[REGIONS_MAX];
static caddr_t frames[2];
static uint64_t seed;
static uint64_t written;
static bool injecting;

static uint32_t pick(uint32_t n)
{
    return (uint32_t)(check_random(&seed) % n);
}

static uint64_t origin(const struct model *m, uint32_t page)
{
    return m->frame == 0 ? 0 : 1000000u * m->frame + m->frame_first + page;
}

static struct model *model_free(void)
{
    for (uint32_t i = 0; i < REGIONS_MAX; i++) {
        if (models[i].va == 0) {
            return &models[i];
        }
    }
    return NULL;
}

static struct model *model_any(void)
{
    struct model *m = &models[pick(REGIONS_MAX)];
    return m->va != 0 ? m : NULL;
}

/* One access, as the processor and fault.c do it. False: it is not allowed, or there is no memory
 * for it. */
static bool touch(uint64_t va, bool write, uint64_t **ret_word)
{
    for (int tries = 0; tries < 3; tries++) {
        uint64_t *word = space_access(va, write ? KPI_VM_WRITE : KPI_VM_READ);
        if (word != NULL) {
            *ret_word = word;
            return true;
        }
        bool translation = space_access(va, 0) == NULL || space_access(va, KPI_VM_READ) == NULL;
        errval_t err = paging_fault(va, write ? FAULT_WRITE : FAULT_READ, translation);
        CHECK(!mem_locked());
        if (err_is_fail(err)) {
            CHECK(err == LIB_ERR_BAD_ADDRESS || injecting);
            *ret_word = NULL;
            return false;
        }
    }
    CHECK(false);                        /* filled, and still not there */
    return false;
}

static void do_touch(struct model *m, uint32_t page, bool write)
{
    uint64_t *word;
    bool allowed = (m->flags[page] & (write ? AOS_VM_WRITE : AOS_VM_READ)) != 0;
    uint64_t va = m->va + page * AOS_PAGE_BYTES;
    struct paging_use before;
    struct paging_use after;
    paging_stats(&before);
    bool done = touch(va, write, &word);
    paging_stats(&after);
    if (!done) {
        CHECK(!allowed || injecting);
        return;
    }
    CHECK(allowed);
    CHECK_EQ(*word, m->content[page]);
    CHECK(after.copied - before.copied <= 1);
    if (write) {
        *word = m->content[page] = ++written;
    }
}

static void do_alloc(struct model *m)
{
    void *va;
    uint32_t pages = pick(PAGES_MAX) + 1;
    struct paging_lazy spec = { .bytes = pages * AOS_PAGE_BYTES, .flags = AOS_VM_RW,
                                .cluster = pick(20), .guard_bytes = pick(3) * AOS_PAGE_BYTES };
    errval_t err;
    if (pick(4) != 0) {
        err = paging_alloc_lazy(&spec, &va);
        *m = (struct model){ .pages = pages };
    } else {
        uint32_t frame = pick(2);
        uint32_t first = pick(FRAME_PAGES);
        pages = pick(FRAME_PAGES - first) + 1;
        err = paging_map_private(frames[frame], first * AOS_PAGE_BYTES, pages * AOS_PAGE_BYTES,
                                 AOS_VM_RW, &va);
        *m = (struct model){ .pages = pages, .frame = frame + 1, .frame_first = first };
    }
    CHECK(err_is_ok(err));
    m->va = (uint64_t)va;
    m->family = (uint32_t)++written;
    for (uint32_t i = 0; i < pages; i++) {
        m->content[i] = origin(m, i);
        m->flags[i] = AOS_VM_RW;
    }
}

static void do_protect(struct model *m, uint32_t first, uint32_t count)
{
    static const uint32_t kinds[] = { AOS_VM_RW, AOS_VM_READ, 0, AOS_VM_RW };
    uint32_t flags = kinds[pick(4)];
    if (pick(5) == 0) {
        first = 0;
        count = m->pages;
        CHECK(err_is_ok(paging_protect(paging_self(), (void *)m->va, flags)));
    } else {
        void *va = (void *)(m->va + first * AOS_PAGE_BYTES);
        CHECK(err_is_ok(paging_protect_part(paging_self(), va, count * AOS_PAGE_BYTES, flags)));
    }
    for (uint32_t i = first; i < first + count; i++) {
        m->flags[i] = flags;
    }
}

static void do_discard(struct model *m, uint32_t first, uint32_t count)
{
    CHECK(err_is_ok(paging_discard((void *)(m->va + first * AOS_PAGE_BYTES),
                                   count * AOS_PAGE_BYTES)));
    for (uint32_t i = first; i < first + count; i++) {
        m->content[i] = origin(m, i);
    }
}

static void do_populate(struct model *m, uint32_t first, uint32_t count)
{
    errval_t err = paging_populate((void *)(m->va + first * AOS_PAGE_BYTES),
                                   count * AOS_PAGE_BYTES);
    bool readable = true;
    for (uint32_t i = first; i < first + count; i++) {
        readable &= m->flags[i] != 0;
    }
    CHECK(err_is_ok(err) || !readable || injecting);
}

/* Takes [first, first + count) away; what is above becomes a region of its own. */
static void do_unmap_part(struct model *m, uint32_t first, uint32_t count)
{
    struct model *high = model_free();
    if (high == NULL) {
        return;
    }
    CHECK(err_is_ok(paging_unmap_part(paging_self(), (void *)(m->va + first * AOS_PAGE_BYTES),
                                      count * AOS_PAGE_BYTES)));
    CHECK(space_access(m->va + first * AOS_PAGE_BYTES, KPI_VM_READ) == NULL);
    uint32_t above = first + count;
    *high = (struct model){ .frame = m->frame, .frame_first = m->frame_first + above,
                            .pages = m->pages - above, .family = (uint32_t)++written };
    for (uint32_t i = 0; i < high->pages; i++) {
        high->content[i] = m->content[above + i];
        high->flags[i] = m->flags[above + i];
    }
    high->va = high->pages != 0 ? m->va + above * AOS_PAGE_BYTES : 0;
    m->pages = first;
    m->va = first != 0 ? m->va : 0;
    m->family = (uint32_t)++written;
}

static void do_snapshot(struct model *m)
{
    struct model *copy = model_free();
    void *va;
    if (copy == NULL) {
        return;
    }
    struct paging_use before;
    struct paging_use after;
    paging_stats(&before);
    CHECK(err_is_ok(paging_snapshot((void *)m->va, &va)));
    paging_stats(&after);
    CHECK(after.pages == before.pages);
    *copy = *m;
    copy->va = (uint64_t)va;
    struct paging_region_info info;
    CHECK(paging_lookup(m->va, &info));
    mem_lock();
    uint32_t flags = region_find(paging_self(), m->va)->flags;
    mem_end();
    for (uint32_t i = 0; i < copy->pages; i++) {
        copy->flags[i] = flags;
    }
}

static void do_restore(struct model *m)
{
    for (uint32_t i = 0; i < REGIONS_MAX; i++) {
        struct model *s = &models[i];
        if (s == m || s->va == 0 || s->family != m->family) {
            continue;
        }
        CHECK(err_is_ok(paging_restore((void *)m->va, (void *)s->va)));
        memcpy(m->content, s->content, sizeof(m->content));
        return;
    }
}

static void do_unmap(struct model *m)
{
    CHECK(err_is_ok(paging_unmap(paging_self(), (void *)m->va)));
    m->va = 0;
}

static void step(void)
{
    struct model *m = model_any();
    uint32_t what = pick(100);
    if (m == NULL) {
        m = model_free();
        if (m != NULL && what < 60) {
            do_alloc(m);
        }
        return;
    }
    uint32_t first = pick(m->pages);
    uint32_t count = pick(m->pages - first) + 1;
    count = pick(2) != 0 && count > 3 ? 3 : count;
    if (what < 60) {
        do_touch(m, first, what < 35);
    } else if (what < 70) {
        do_protect(m, first, count);
    } else if (what < 78) {
        do_discard(m, first, count);
    } else if (what < 82) {
        do_populate(m, first, count);
    } else if (what < 86) {
        do_unmap_part(m, first, count);
    } else if (what < 93) {
        do_snapshot(m);
    } else if (what < 97) {
        do_restore(m);
    } else {
        do_unmap(m);
    }
}

/* Nothing that the model forbids is in an entry, and what is there is right. */
static void look(void)
{
    for (uint32_t i = 0; i < REGIONS_MAX; i++) {
        const struct model *m = &models[i];
        for (uint32_t k = 0; m->va != 0 && k < m->pages; k++) {
            uint64_t va = m->va + k * AOS_PAGE_BYTES;
            const uint64_t *word = space_access(va, KPI_VM_READ);
            CHECK(word == NULL || (m->flags[k] != 0 && *word == m->content[k]));
            CHECK(space_access(va, KPI_VM_WRITE) == NULL || (m->flags[k] & AOS_VM_WRITE) != 0);
        }
    }
}

static void run(uint64_t from, uint32_t steps, uint32_t fail)
{
    struct paging_use use;
    seed = from;
    injecting = fail != 0;
    space_fail(fail);
    struct space_counts before = space_counts();
    for (uint32_t i = 0; i < steps; i++) {
        step();
        if (i % 64 == 0) {
            look();
        }
    }
    for (uint32_t i = 0; i < REGIONS_MAX; i++) {
        if (models[i].va != 0) {
            look();
            do_unmap(&models[i]);
        }
    }
    space_fail(0);
    paging_stats(&use);
    CHECK_EQ(use.pages, 0);
    struct space_counts after = space_counts();
    CHECK_EQ(after.entries, before.entries);
    /* One empty store, and page tables that are kept for a while with those above them. */
    CHECK(after.pages <= before.pages + 16 + 10);
    CHECK(after.records <= before.records + 12 && after.caps <= before.caps + 24);
}

/* LIB1041: parts of a snapshot reached over the end of a page table. */
static void LIB0090_random_use_matches_a_model(void)
{
    for (uint64_t i = 1; i <= 8; i++) {
        run(i * 7919, STEPS, 0);
    }
}

static void LIB0091_without_memory_nothing_breaks(void)
{
    for (uint64_t i = 1; i <= 4; i++) {
        run(i * 104729, STEPS, 3 + (uint32_t)i);
    }
}

int main(void)
{
    space_init();
    frames[0] = space_frame(FRAME_PAGES, 1000000);
    frames[1] = space_frame(FRAME_PAGES, 2000000);
    RUN(LIB0090_random_use_matches_a_model);
    RUN(LIB0091_without_memory_nothing_breaks);
    space_frame_free(frames[0]);
    space_frame_free(frames[1]);
    return 0;
}
