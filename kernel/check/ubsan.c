// Run-time half of -fsanitize=undefined (option kernel_ubsan): every finding is a panic. The names
// and the layout of the descriptors are the compiler's (GCC manual, "Instrumentation Options";
// gcc/ubsan.cc): each begins with the place in the source.
#include <kernel/panic.h>
#include <stdint.h>

struct ubsan_place {
    const char *file;
    uint32_t line, column;
};

static _Noreturn void ubsan_report(const struct ubsan_place *place, const char *what)
{
    panic("undefined behaviour: %s at %s:%u:%u", what, place->file, place->line, place->column);
}

#define UBSAN_HANDLER(name, what)                                                                  \
    void __ubsan_handle_##name(const struct ubsan_place *place);                                   \
    void __ubsan_handle_##name(const struct ubsan_place *place)                                    \
    {                                                                                              \
        ubsan_report(place, what);                                                                 \
    }

UBSAN_HANDLER(add_overflow, "addition overflows")
UBSAN_HANDLER(sub_overflow, "subtraction overflows")
UBSAN_HANDLER(mul_overflow, "multiplication overflows")
UBSAN_HANDLER(negate_overflow, "negation overflows")
UBSAN_HANDLER(divrem_overflow, "division overflows or divides by zero")
UBSAN_HANDLER(shift_out_of_bounds, "shift out of range")
UBSAN_HANDLER(out_of_bounds, "array index out of range")
UBSAN_HANDLER(type_mismatch_v1, "null or unaligned pointer, or object too small")
UBSAN_HANDLER(pointer_overflow, "pointer arithmetic overflows")
UBSAN_HANDLER(load_invalid_value, "value not of its type")
UBSAN_HANDLER(builtin_unreachable, "unreachable code reached")
UBSAN_HANDLER(missing_return, "function without a return value")
UBSAN_HANDLER(vla_bound_not_positive, "array length not positive")
UBSAN_HANDLER(nonnull_arg, "null passed where it is not allowed")
UBSAN_HANDLER(invalid_builtin, "zero passed to a count of zeros")
