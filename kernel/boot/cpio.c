// Format: cpio(5), "New ASCII Format": a header of 13 numbers with 8 hexadecimal digits each, the
// name, the data; name and data are padded to 4 bytes, counted from the start of the archive.
#include <kernel/cpio.h>
#include <kernel/string.h>
#include <stdbool.h>

#define CPIO_MAGIC        "070701"
#define CPIO_MAGIC_SIZE   6u
#define CPIO_FIELD_SIZE   8u
#define CPIO_FIELDS       13u
#define CPIO_HEADER_SIZE  (CPIO_MAGIC_SIZE + CPIO_FIELDS * CPIO_FIELD_SIZE)
#define CPIO_FIELD_MODE   1u
#define CPIO_FIELD_BYTES 6u
#define CPIO_FIELD_NAME   11u
#define CPIO_TRAILER      "TRAILER!!!"
#define CPIO_ALIGN        4u

void cpio_init(struct cpio *cpio, const void *data, size_t size)
{
    *cpio = (struct cpio){.data = data, .size = size};
}

static bool cpio_number(const uint8_t *header, unsigned field, uint32_t *ret_value)
{
    const uint8_t *digits = header + CPIO_MAGIC_SIZE + CPIO_FIELD_SIZE * field;
    uint32_t value = 0;
    for (unsigned i = 0; i < CPIO_FIELD_SIZE; i++) {
        uint8_t c = digits[i];
        if (c >= '0' && c <= '9')
            value = value << 4 | (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value << 4 | (uint32_t)(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F')
            value = value << 4 | (uint32_t)(c - 'A' + 10);
        else
            return false;
    }
    *ret_value = value;
    return true;
}

// Rounds up; a size of SIZE_MAX - 3 or more cannot come in, since sizes have 32 bits.
static size_t cpio_align(size_t offset)
{
    return (offset + CPIO_ALIGN - 1) & ~(size_t)(CPIO_ALIGN - 1);
}

static const char *cpio_clean_name(const char *name)
{
    for (;;) {
        if (name[0] == '/')
            name += 1;
        else if (name[0] == '.' && name[1] == '/')
            name += 2;
        else
            return name;
    }
}

// Decodes the entry at cpio->next and moves behind it.
static enum cpio_result cpio_decode(struct cpio *cpio, struct cpio_entry *ret_entry)
{
    const uint8_t *header = cpio->data + cpio->next;
    size_t left = cpio->size - cpio->next;
    uint32_t mode, size, name_size;
    if (left < CPIO_HEADER_SIZE || memcmp(header, CPIO_MAGIC, CPIO_MAGIC_SIZE) != 0)
        return CPIO_DAMAGED;
    if (!cpio_number(header, CPIO_FIELD_MODE, &mode) ||
        !cpio_number(header, CPIO_FIELD_BYTES, &size) ||
        !cpio_number(header, CPIO_FIELD_NAME, &name_size))
        return CPIO_DAMAGED;
    if (name_size == 0 || name_size > left - CPIO_HEADER_SIZE)
        return CPIO_DAMAGED;
    const char *name = (const char *)header + CPIO_HEADER_SIZE;
    size_t data = cpio_align(cpio->next + CPIO_HEADER_SIZE + name_size);
    if (name[name_size - 1] != '\0' || data > cpio->size || size > cpio->size - data)
        return CPIO_DAMAGED;
    size_t next = cpio_align(data + size);
    cpio->next = next < cpio->size ? next : cpio->size;
    *ret_entry = (struct cpio_entry){
        .name = cpio_clean_name(name), .data = cpio->data + data, .size = size, .mode = mode};
    return CPIO_ENTRY;
}

enum cpio_result cpio_next(struct cpio *cpio, struct cpio_entry *ret_entry)
{
    for (;;) {
        // Between archives, and behind the last, there may be zeros.
        while (cpio->next < cpio->size && cpio->data[cpio->next] == 0)
            cpio->next++;
        if (cpio->next == cpio->size)
            return CPIO_END;
        struct cpio_entry entry;
        enum cpio_result result = cpio_decode(cpio, &entry);
        if (result == CPIO_ENTRY && strcmp(entry.name, CPIO_TRAILER) == 0)
            continue;
        if (result == CPIO_ENTRY)
            *ret_entry = entry;
        return result;
    }
}

bool cpio_find(const void *data, size_t size, const char *name, struct cpio_entry *ret_entry)
{
    struct cpio cpio;
    struct cpio_entry entry;
    bool found = false;
    cpio_init(&cpio, data, size);
    while (cpio_next(&cpio, &entry) == CPIO_ENTRY) {
        if ((entry.mode & CPIO_MODE_TYPE) != CPIO_MODE_REGULAR || strcmp(entry.name, name) != 0)
            continue;
        *ret_entry = entry;
        found = true;
    }
    return found;
}
