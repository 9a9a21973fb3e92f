#include <kernel/panic.h>
#include <kernel/console.h>
#include <kernel/format.h>
#include <kernel/log.h>
#include <kernel/power.h>
#include <kernel/string.h>
#include <kernel/symbols.h>
#include <arch/esr.h>
#include <arch/frame.h>

#define BACKTRACE_MAX 32 // frames
#define PANIC_LINE_MAX 256

extern const char _text_start[], _text_end[], _boot_end[], _stack_guard[];
extern const char _stack_bottom[], _stack_top[], _emergency_bottom[], _emergency_top[];
extern const char kernel_symbols[], kernel_symbols_end[];

// How many panics are under way: one that happens while another is reported says less.
static unsigned panic_depth;

// A line of a panic: to the console's panic stream and to the log, but not twice to the console.
static void panic_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void panic_line(const char *fmt, ...)
{
    char text[PANIC_LINE_MAX];
    va_list args;
    va_start(args, fmt);
    size_t n = format_string_v(text, sizeof(text) - 1, fmt, args);
    va_end(args);
    n = n < sizeof(text) - 2 ? n : sizeof(text) - 2;
    text[n++] = '\n';
    console_write(CONSOLE_STREAM_PANIC, text, n);
    klog_text(LOG_DEBUG, text, n);
}

static bool backtrace_is_text(uint64_t address)
{
    return address >= (uintptr_t)_text_start && address < (uintptr_t)_text_end;
}

void backtrace_log_address(uint64_t address)
{
    const char *name;
    uint64_t offset;
    size_t size = (size_t)(kernel_symbols_end - kernel_symbols);
    if (backtrace_is_text(address) &&
        symbols_find(kernel_symbols, size, address, &name, &offset))
        panic_line("  %016llx %s+0x%llx", (long long)address, name, (long long)offset);
    else
        panic_line("  %016llx ?", (long long)address);
}

static bool backtrace_in(uint64_t fp, const char *bottom, const char *top)
{
    return fp >= (uintptr_t)bottom && fp + 16 <= (uintptr_t)top;
}

void backtrace_log(uint64_t frame_pointer)
{
    uint64_t fp = frame_pointer;
    for (int i = 0; i < BACKTRACE_MAX && fp % 16 == 0; i++) {
        if (!backtrace_in(fp, _stack_bottom, _stack_top) &&
            !backtrace_in(fp, _emergency_bottom, _emergency_top))
            break;
        const uint64_t *record = (const uint64_t *)(uintptr_t)fp; // caller's record, return address
        if (record[1] == (uintptr_t)_boot_end || !backtrace_is_text(record[1]))
            break;
        backtrace_log_address(record[1] - 4); // the call itself
        if (record[0] <= fp)
            break; // stacks grow down, so callers lie above
        fp = record[0];
    }
}

static void panic_registers(const struct kframe *f)
{
    for (unsigned i = 0; i < 30; i += 3)
        panic_line("x%-2u %016llx  x%-2u %016llx  x%-2u %016llx", i, (long long)f->x[i], i + 1,
                   (long long)f->x[i + 1], i + 2, (long long)f->x[i + 2]);
    panic_line("x30 %016llx  sp  %016llx  pc  %016llx", (long long)f->x[30], (long long)f->sp,
               (long long)f->elr);
    panic_line("pstate %08llx  esr %08llx  far %016llx", (long long)f->spsr, (long long)f->esr,
               (long long)f->far);
}

static _Noreturn void panic_end(void)
{
    panic_line("END OF PANIC");
    if (console_frames())
        power_off();
    cpu_halt();
}

static void panic_begin(void)
{
    console_seize();
    if (++panic_depth > 2)
        cpu_halt();
}

void panic(const char *fmt, ...)
{
    __asm__ volatile("msr daifset, #0xf" ::: "memory");
    char text[PANIC_LINE_MAX];
    va_list args;
    panic_begin();
    va_start(args, fmt);
    format_string_v(text, sizeof(text), fmt, args);
    va_end(args);
    panic_line("KERNEL PANIC: %s%s", log_core_mark(), text);
    if (panic_depth == 1)
        backtrace_log((uintptr_t)__builtin_frame_address(0));
    panic_end();
}

static const char *panic_cause(const struct kframe *f)
{
    if (f->sp >= (uintptr_t)_stack_guard && f->sp < (uintptr_t)_stack_bottom)
        return "kernel stack overflow";
    if (f->far >= (uintptr_t)_stack_guard && f->far < (uintptr_t)_stack_bottom)
        return "kernel stack overflow";
    switch (ESR_CLASS(f->esr)) {
    case ESR_CLASS_ILLEGAL:
        return "illegal execution state";
    case ESR_CLASS_UNKNOWN:
        return "undefined instruction";
    case ESR_CLASS_IABORT:
        return "instruction abort";
    case ESR_CLASS_DABORT:
        return "data abort";
    case ESR_CLASS_SP:
        return "unaligned stack pointer";
    case ESR_CLASS_SERROR:
        return "SError";
    case ESR_CLASS_BRK:
        return "breakpoint instruction";
    default:
        return "exception";
    }
}

void kernel_fault(const struct kframe *frame)
{
    static const char *const kinds[] = {"sync", "irq", "fiq", "SError"};
    panic_begin();
    panic_line("KERNEL PANIC: %s%s in the kernel (%s, vector %llu)", log_core_mark(),
               panic_cause(frame), kinds[frame->vector & 3], (long long)frame->vector);
    panic_registers(frame);
    if (panic_depth == 1) {
        backtrace_log_address(frame->elr);
        panic_line("  called from, unless it has called something since:");
        backtrace_log_address(frame->x[30] - 4);
        panic_line("  called from:");
        backtrace_log(frame->x[29]);
    }
    panic_end();
}
