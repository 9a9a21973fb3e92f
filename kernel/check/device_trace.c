// Every access of the kernel to a device, as a line on the console while the kernel has it. The
// UARTs are left out: a line about a character would be made of characters.
#include <dev/dev_table.h>
#include <kernel/console.h>

#define TRACE_LINE_MAX 200

extern const struct dev_device pl011_device, lpuart_device;

void dev_default_sink(const struct dev_event *event)
{
    char line[TRACE_LINE_MAX + 1];
    if (event->device == &pl011_device || event->device == &lpuart_device)
        return;
    size_t length = dev_format(event, line, TRACE_LINE_MAX);
    length = length < TRACE_LINE_MAX ? length : TRACE_LINE_MAX - 1;
    line[length] = '\n';
    console_write(CONSOLE_STREAM_LOG, line, length + 1);
}
