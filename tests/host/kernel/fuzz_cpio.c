// libFuzzer entry: any bytes as an archive.
#include <kernel/cpio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cpio cpio;
    struct cpio_entry entry;
    cpio_init(&cpio, data, size);
    while (cpio_next(&cpio, &entry) == CPIO_ENTRY) {
        if (entry.data < data || entry.size > (size_t)(data + size - entry.data))
            abort();
        (void)strlen(entry.name);
    }
    (void)cpio_find(data, size, "init", &entry);
    return 0;
}
