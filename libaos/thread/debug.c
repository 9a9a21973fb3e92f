/* Last words, symbols and backtraces. */
#include <stdarg.h>

#include <kernel/format.h>
#include <kernel/symbols.h>

#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/io.h>
#include <aos/paging.h>

#include "thread_priv.h"

/* `name: prefix: ` (if there is a name), the text, and then a newline: one line. */
static void debug_print_v(const char *name, const char *prefix, const char *format,
                          va_list args)
{
    char line[DEBUG_LINE_BYTES];
    size_t length = 0;
    if (name != NULL) {
        length = format_string(line, sizeof(line), "%s: %s: ", name, prefix);
        length = length < sizeof(line) / 2 ? length : sizeof(line) / 2;
    }
    length += format_string_v(line + length, sizeof(line) - 1 - length, format, args);
    if (length >= sizeof(line) - 1) {
        length = sizeof(line) - 2;
        line[length - 1] = '\n';
    } else if (name != NULL) {
        line[length++] = '\n';
    }
    io_emergency(line, length);
}

void debug_printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    debug_print_v(NULL, NULL, format, args);
    va_end(args);
}

void aos_panic(const char *format, ...)
{
    static uint32_t panicking;
    va_list args;
    if (__atomic_exchange_n(&panicking, 1, __ATOMIC_RELAXED) != 0 || disp_is_disabled()) {
        domain_exit(AOS_STATUS_PANIC);   /* a panic in a panic, or where nothing can be sent */
    }
    va_start(args, format);
    debug_print_v(domain_name(), "panic", format, args);
    va_end(args);
    report_backtrace(0, arch_frame_pointer());
    domain_exit(AOS_STATUS_PANIC);
}

const char *debug_symbol(uint64_t pc, uint64_t *ret_offset)
{
    const struct kpi_startup *startup = domain_startup();
    const char *name;
    uint64_t offset;
    if (startup->symbols_va != 0 &&
        symbols_find((const void *)startup->symbols_va, startup->symbols_bytes, pc, &name,
                     &offset) && name[0] != '?') {
        *ret_offset = offset;
        return name;
    }
    *ret_offset = 0;
    return "?";
}

/* End of the stack that `fp` lies on; 0 if it lies on none that is known. */
static uint64_t debug_stack_end(uint64_t fp)
{
    struct paging_region_info region;
    if (fp >= KPI_STACK_TOP - KPI_STACK_BYTES && fp < KPI_STACK_TOP) {
        return KPI_STACK_TOP;
    }
    if (!paging_lookup(fp, &region) || region.guard || (region.flags & AOS_VM_READ) == 0) {
        return 0;
    }
    return region.va + region.bytes;
}

size_t debug_backtrace(uint64_t fp, uint64_t *ret_pcs, size_t max)
{
    uint64_t end = debug_stack_end(fp);
    size_t count = 0;
    while (count < max && fp % 16 == 0 && fp != 0 && end >= 16 && fp <= end - 16) {
        const uint64_t *frame = (const uint64_t *)fp;
        if (frame[1] == 0) {
            break;
        }
        ret_pcs[count++] = frame[1];
        if (frame[0] <= fp) {
            break;                       /* stacks grow down: a caller's frame is above */
        }
        fp = frame[0];
    }
    return count;
}
