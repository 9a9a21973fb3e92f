// Reader of cpio archives in the "newc" format, the initrd. Pure C, also built on the host.
// Archives are data of a loader: every read is checked. Several archives may follow each other.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cpio {
    const uint8_t *data;
    size_t size;
    size_t next; // offset of the next header
};

struct cpio_entry {
    const char *name; // NUL-terminated, without leading "./" or "/"
    const uint8_t *data;
    size_t size;
    uint32_t mode; // file type and permissions as in stat
};

#define CPIO_MODE_TYPE    0170000u
#define CPIO_MODE_REGULAR 0100000u

enum cpio_result {
    CPIO_ENTRY,  // an entry was found
    CPIO_END,    // no more entries
    CPIO_DAMAGED // what follows cannot be read; what came before is good
};

void cpio_init(struct cpio *cpio, const void *data, size_t size);

// The next entry of any type. `ret_entry` is only written with CPIO_ENTRY; it points into the
// archive.
enum cpio_result cpio_next(struct cpio *cpio, struct cpio_entry *ret_entry);

// The last regular file of that name: a later archive replaces files of an earlier one. False if
// there is none before the end or the damage.
bool cpio_find(const void *data, size_t size, const char *name, struct cpio_entry *ret_entry);
