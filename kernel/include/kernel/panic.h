// The end of the kernel: a message, registers if an exception caused it, and a backtrace with
// symbols, all to log and UART. In frame mode the machine is switched off then, else it stops.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct kframe;

// May be called in any state, also by a panic: that one says less.
_Noreturn void panic(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

// Checks that stay in every build: a failure is a bug of the kernel, never of a user.
#define kernel_assert(condition)                                                                   \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #condition);                  \
    } while (0)

// Prints the chain of return addresses from a frame record, while it stays inside a kernel stack.
void backtrace_log(uint64_t frame_pointer);

// Prints one code address of the kernel with its symbol.
void backtrace_log_address(uint64_t address);
