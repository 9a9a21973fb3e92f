// Run-time half of -fsanitize=undefined (option kernel_ubsan): every finding is a panic that names
// the place in the source and the values. The names and the layout of the descriptors are the
// compiler's (GCC manual, "Instrumentation Options"; gcc/ubsan.cc): each begins with the place.
#include <kernel/panic.h>
#include <stdint.h>

struct ubsan_place {
    const char *file;
    uint32_t line, column;
};

// A type: `info` of an integer is log2 of its bits << 1, | 1 if it is signed.
struct ubsan_type {
    uint16_t kind, info;
    char name[]; // quoted
};
#define UBSAN_KIND_INTEGER 0

struct ubsan_arithmetic { // overflows, and a value that its type does not have
    struct ubsan_place place;
    const struct ubsan_type *type;
};
struct ubsan_pair { // shifts: of both operands; out of bounds: array and index
    struct ubsan_place place;
    const struct ubsan_type *left, *right;
};
struct ubsan_mismatch {
    struct ubsan_place place;
    const struct ubsan_type *type;
    uint8_t align_log2, kind;
};

static _Noreturn void ubsan_report(const struct ubsan_place *place, const char *what)
{
    panic("undefined behaviour: %s at %s:%u:%u", what, place->file, place->line, place->column);
}

// A value is passed as such if it fits into a register; those of the kernel do.
static long long ubsan_value(const struct ubsan_type *type, uint64_t value)
{
    unsigned bits = 1u << (type->info >> 1);
    if (type->kind != UBSAN_KIND_INTEGER || (type->info & 1) == 0 || bits >= 64)
        return (long long)value;
    return (long long)(value << (64 - bits)) >> (64 - bits);
}

static _Noreturn void ubsan_report_pair(const struct ubsan_place *place, const char *what,
                                        const struct ubsan_type *left, uint64_t l,
                                        const struct ubsan_type *right, uint64_t r)
{
    panic("undefined behaviour: %s at %s:%u:%u: %lld (%s), %lld (%s)", what, place->file,
          place->line, place->column, ubsan_value(left, l), left->name, ubsan_value(right, r),
          right->name);
}

#define UBSAN_PLAIN(kind, what)                                                                    \
    void __ubsan_handle_##kind(const struct ubsan_place *place);                                   \
    void __ubsan_handle_##kind(const struct ubsan_place *place)                                    \
    {                                                                                              \
        ubsan_report(place, what);                                                                 \
    }

#define UBSAN_BINARY(kind, what)                                                                   \
    void __ubsan_handle_##kind(const struct ubsan_arithmetic *data, uint64_t l, uint64_t r);       \
    void __ubsan_handle_##kind(const struct ubsan_arithmetic *data, uint64_t l, uint64_t r)        \
    {                                                                                              \
        ubsan_report_pair(&data->place, what, data->type, l, data->type, r);                       \
    }

#define UBSAN_UNARY(kind, what)                                                                    \
    void __ubsan_handle_##kind(const struct ubsan_arithmetic *data, uint64_t value);               \
    void __ubsan_handle_##kind(const struct ubsan_arithmetic *data, uint64_t value)                \
    {                                                                                              \
        panic("undefined behaviour: %s at %s:%u:%u: %lld (%s)", what, data->place.file,            \
              data->place.line, data->place.column, ubsan_value(data->type, value),                \
              data->type->name);                                                                   \
    }

UBSAN_BINARY(add_overflow, "addition overflows")
UBSAN_BINARY(sub_overflow, "subtraction overflows")
UBSAN_BINARY(mul_overflow, "multiplication overflows")
UBSAN_BINARY(divrem_overflow, "division overflows or divides by zero")
UBSAN_UNARY(negate_overflow, "negation overflows")
UBSAN_UNARY(load_invalid_value, "value not of its type")
UBSAN_PLAIN(builtin_unreachable, "unreachable code reached")
UBSAN_PLAIN(missing_return, "function without a return value")
UBSAN_PLAIN(vla_bound_not_positive, "array length not positive")
UBSAN_PLAIN(nonnull_arg, "null passed where it is not allowed")
UBSAN_PLAIN(nonnull_return_v1, "null returned where it is not allowed")
UBSAN_PLAIN(invalid_builtin, "zero passed to a count of zeros")

void __ubsan_handle_shift_out_of_bounds(const struct ubsan_pair *data, uint64_t l, uint64_t r);
void __ubsan_handle_shift_out_of_bounds(const struct ubsan_pair *data, uint64_t l, uint64_t r)
{
    ubsan_report_pair(&data->place, "shift out of range", data->left, l, data->right, r);
}

void __ubsan_handle_out_of_bounds(const struct ubsan_pair *data, uint64_t index);
void __ubsan_handle_out_of_bounds(const struct ubsan_pair *data, uint64_t index)
{
    panic("undefined behaviour: array index out of range at %s:%u:%u: %lld of %s",
          data->place.file, data->place.line, data->place.column, ubsan_value(data->right, index),
          data->left->name);
}

void __ubsan_handle_pointer_overflow(const struct ubsan_place *place, uint64_t base, uint64_t end);
void __ubsan_handle_pointer_overflow(const struct ubsan_place *place, uint64_t base, uint64_t end)
{
    panic("undefined behaviour: pointer arithmetic overflows at %s:%u:%u: from 0x%llx to 0x%llx",
          place->file, place->line, place->column, (unsigned long long)base,
          (unsigned long long)end);
}

void __ubsan_handle_type_mismatch_v1(const struct ubsan_mismatch *data, uint64_t pointer);
void __ubsan_handle_type_mismatch_v1(const struct ubsan_mismatch *data, uint64_t pointer)
{
    uint64_t align = 1ull << data->align_log2;
    panic("undefined behaviour: %s at %s:%u:%u: 0x%llx for %s",
          pointer == 0              ? "null pointer"
          : pointer % align != 0    ? "unaligned pointer"
                                    : "object too small",
          data->place.file, data->place.line, data->place.column, (unsigned long long)pointer,
          data->type->name);
}
