#include <kernel/user_symbols.h>
#include <kernel/symbols.h>
#include <kernel/user_copy.h>
#include <kpi/startup.h>

#define USER_SYMBOLS_BYTES_MAX (16ul << 20) // of a table that is believed

// A table in user space, its parts inside its bounds.
struct user_symbols {
    uint64_t va, bytes;
    struct symbols_header header;
};

static bool user_symbols_read(uint64_t va, void *to, size_t bytes)
{
    struct user_slice slice;
    return err_is_ok(user_slice_make(va, bytes, bytes, &slice)) &&
           err_is_ok(user_copy_in(to, slice, bytes));
}

static bool user_symbols_open(struct user_symbols *ret_table)
{
    struct kpi_startup startup;
    struct user_symbols table;
    if (!user_symbols_read(KPI_STARTUP_VA, &startup, sizeof(startup)) ||
        startup.magic != KPI_STARTUP_MAGIC)
        return false;
    table.va = startup.symbols_va;
    table.bytes = startup.symbols_bytes;
    if (table.bytes < sizeof(table.header) || table.bytes > USER_SYMBOLS_BYTES_MAX ||
        !user_symbols_read(table.va, &table.header, sizeof(table.header)))
        return false;
    const struct symbols_header *h = &table.header;
    if (h->magic != SYMBOLS_MAGIC || h->off_addresses > table.bytes ||
        h->count > (table.bytes - h->off_addresses) / sizeof(uint64_t) ||
        h->off_names > table.bytes ||
        h->count > (table.bytes - h->off_names) / sizeof(uint32_t))
        return false;
    *ret_table = table;
    return true;
}

// Index of the first entry above `pc` in `ret_index`.
static bool user_symbols_search(const struct user_symbols *table, uint64_t pc, uint32_t *ret_index)
{
    uint32_t low = 0, high = table->header.count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint64_t address;
        if (!user_symbols_read(table->va + table->header.off_addresses + 8ul * middle, &address,
                               sizeof(address)))
            return false;
        if (address <= pc)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_index = low;
    return true;
}

// Copies a name; what is not printable becomes '?', so that a domain cannot write log lines.
static bool user_symbols_name(const struct user_symbols *table, uint32_t offset,
                              char ret_name[USER_SYMBOL_MAX])
{
    unsigned n = 0;
    for (; n < USER_SYMBOL_MAX - 1 && offset + n < table->bytes; n++) {
        char c;
        if (!user_symbols_read(table->va + offset + n, &c, 1))
            return false;
        if (c == '\0')
            break;
        ret_name[n] = c;
        if (c <= ' ' || c > '~')
            ret_name[n] = '?';
    }
    ret_name[n] = '\0';
    return n > 0;
}

bool user_symbol_find(uint64_t pc, char ret_name[USER_SYMBOL_MAX], uint64_t *ret_offset)
{
    struct user_symbols table;
    char name[USER_SYMBOL_MAX];
    uint32_t index, name_offset;
    uint64_t address;
    if (!user_symbols_open(&table) || !user_symbols_search(&table, pc, &index))
        return false;
    // The last entry is the end of the last function.
    if (index == 0 || index == table.header.count)
        return false;
    index--;
    if (!user_symbols_read(table.va + table.header.off_addresses + 8ul * index, &address, 8) ||
        !user_symbols_read(table.va + table.header.off_names + 4ul * index, &name_offset, 4) ||
        !user_symbols_name(&table, name_offset, name))
        return false;
    for (unsigned i = 0; i < USER_SYMBOL_MAX; i++)
        ret_name[i] = name[i];
    *ret_offset = pc - address;
    return true;
}
