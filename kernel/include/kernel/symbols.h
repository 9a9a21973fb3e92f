// Symbol tables: what turns an address into a name and an offset, for kernel and domains alike.
// Pure C, also part of libaos.
//
// Layout (little endian): struct symbols_header, then at off_addresses u64[count] ascending, at
// off_names u32[count], offsets from the table's start of NUL-terminated names.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYMBOLS_MAGIC 0x534d5953u // "SYMS"

struct symbols_header {
    uint32_t magic;
    uint32_t count;
    uint32_t off_addresses; // a multiple of 8
    uint32_t off_names;
};

// The last symbol at or below `address`. `table` is 8-byte aligned and has `size` bytes; nothing
// outside is read, whatever they hold. False, results untouched, if there is no such symbol or the
// table is damaged.
bool symbols_find(const void *table, size_t size, uint64_t address, const char **ret_name,
                  uint64_t *ret_offset);
