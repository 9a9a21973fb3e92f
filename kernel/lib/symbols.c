#include <kernel/symbols.h>

// The name at `offset` if it ends inside the table, else NULL.
static const char *symbols_name(const void *table, size_t size, uint32_t offset)
{
    const char *text = (const char *)table;
    for (size_t i = offset; i < size; i++) {
        if (text[i] == '\0')
            return text + offset;
    }
    return NULL;
}

bool symbols_find(const void *table, size_t size, uint64_t address, const char **ret_name,
                  uint64_t *ret_offset)
{
    const struct symbols_header *h = table;
    if (size < sizeof(*h) || h->magic != SYMBOLS_MAGIC || h->off_addresses % sizeof(uint64_t) != 0)
        return false;
    if (h->off_addresses > size || h->count > (size - h->off_addresses) / sizeof(uint64_t))
        return false;
    if (h->off_names % sizeof(uint32_t) != 0 || h->off_names > size ||
        h->count > (size - h->off_names) / sizeof(uint32_t))
        return false;
    const char *base = table;
    const uint64_t *addresses = (const uint64_t *)(const void *)(base + h->off_addresses);
    const uint32_t *names = (const uint32_t *)(const void *)(base + h->off_names);
    uint32_t low = 0, high = h->count; // the answer lies below `high`
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (addresses[middle] <= address)
            low = middle + 1;
        else
            high = middle;
    }
    const char *name = low > 0 ? symbols_name(table, size, names[low - 1]) : NULL;
    if (name == NULL || name[0] == '\0') // the end of the last function has an empty name
        return false;
    *ret_name = name;
    *ret_offset = address - addresses[low - 1];
    return true;
}
