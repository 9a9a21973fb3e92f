/* Words of last resort and checks. debug_printf does not allocate and takes no lock of the C
 * library: it formats into a line on the stack and hands it to io_emergency. */
#pragma once

#include <aos/types.h>

#define DEBUG_LINE_BYTES 512u

/* Cut at DEBUG_LINE_BYTES. */
void debug_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints the text, the caller and a backtrace, and ends the domain with AOS_STATUS_PANIC. */
void aos_panic(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn, cold));

/* An invariant of libaos itself; never for errors that others can cause. */
#define USER_CHECK(x)                                                                             \
    do {                                                                                          \
        if (__builtin_expect(!(x), 0)) {                                                          \
            aos_panic("%s:%d: %s", __FILE__, __LINE__, #x);                                       \
        }                                                                                         \
    } while (0)

/* Name and offset of the function at `pc` from the symbol segment, "?" if unknown. */
const char *debug_symbol(uint64_t pc, uint64_t *ret_offset);
/* Return addresses from frame pointer `fp` on, at most `max`; follows only frames inside the
 * stack that holds `fp`. */
size_t debug_backtrace(uint64_t fp, uint64_t *ret_pcs, size_t max);
