#include <kernel/region.h>

static uint64_t region_end(const struct region *r)
{
    return r->base + r->size;
}

static void region_delete(struct region_list *list, unsigned at)
{
    list->count--;
    for (unsigned i = at; i < list->count; i++)
        list->item[i] = list->item[i + 1];
}

static void region_insert(struct region_list *list, unsigned at, struct region r)
{
    for (unsigned i = list->count; i > at; i--)
        list->item[i] = list->item[i - 1];
    list->item[at] = r;
    list->count++;
}

bool region_add(struct region_list *list, uint64_t base, uint64_t size)
{
    if (size == 0)
        return true;
    uint64_t end = base + size;
    unsigned first = 0;
    while (first < list->count && region_end(&list->item[first]) < base)
        first++;
    unsigned after = first;
    while (after < list->count && list->item[after].base <= end)
        after++;
    if (after == first && list->count == REGION_LIST_MAX)
        return false;
    for (unsigned i = first; i < after; i++) {
        const struct region *r = &list->item[i];
        base = r->base < base ? r->base : base;
        end = region_end(r) > end ? region_end(r) : end;
    }
    while (after-- > first)
        region_delete(list, first);
    region_insert(list, first, (struct region){base, end - base});
    return true;
}

bool region_remove(struct region_list *list, uint64_t base, uint64_t size)
{
    uint64_t end = base + size;
    for (unsigned i = 0; i < list->count && size > 0;) {
        struct region *r = &list->item[i];
        struct region low = {r->base, 0}, high = {end, 0};
        if (region_end(r) <= base || r->base >= end) {
            i++;
            continue;
        }
        low.size = r->base < base ? base - r->base : 0;
        high.size = region_end(r) > end ? region_end(r) - end : 0;
        if (low.size > 0 && high.size > 0) {
            if (list->count == REGION_LIST_MAX)
                return false; // the only item touched, so nothing has changed
            *r = low;
            region_insert(list, i + 1, high);
            return true;
        }
        if (low.size == 0 && high.size == 0) {
            region_delete(list, i);
            continue;
        }
        *r = low.size > 0 ? low : high;
        i++;
    }
    return true;
}

bool region_contains(const struct region_list *list, uint64_t base, uint64_t size)
{
    for (unsigned i = 0; i < list->count; i++) {
        const struct region *r = &list->item[i];
        if (base >= r->base && base - r->base <= r->size && size <= r->size - (base - r->base))
            return true;
    }
    return false;
}

bool region_take(struct region_list *list, uint64_t size, uint64_t align, uint64_t limit,
                 uint64_t *ret_base)
{
    for (unsigned i = list->count; i-- > 0;) {
        const struct region *r = &list->item[i];
        uint64_t end = region_end(r) < limit ? region_end(r) : limit;
        end &= ~(align - 1);
        if (end < r->base || end - r->base < size)
            continue;
        if (!region_remove(list, end - size, size))
            continue;
        *ret_base = end - size;
        return true;
    }
    return false;
}

void region_trim(struct region_list *list, uint64_t align)
{
    for (unsigned i = 0; i < list->count;) {
        struct region *r = &list->item[i];
        uint64_t end = region_end(r) & ~(align - 1);
        uint64_t base = (r->base + align - 1) & ~(align - 1);
        if (base < r->base || base >= end) {
            region_delete(list, i);
            continue;
        }
        *r = (struct region){base, end - base};
        i++;
    }
}

uint64_t region_total(const struct region_list *list)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < list->count; i++)
        total += list->item[i].size;
    return total;
}
