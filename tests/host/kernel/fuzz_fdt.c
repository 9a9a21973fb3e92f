// libFuzzer entry: any bytes as a device tree.
#include <kernel/platform.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct platform platform;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fdt fdt;
    if (!fdt_open(data, size, &fdt))
        return 0;
    if (fdt_used_size(&fdt) > size)
        abort();
    (void)platform_parse(&fdt, &platform);
    (void)platform_has_bootarg(&platform, "console=frames");
    return 0;
}
