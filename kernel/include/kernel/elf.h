/* The program file reader: pure checks of an ELF file in memory, no allocation, no output. The
 * kernel loads init with it and libaos every other program, so a hostile file meets the same checks
 * everywhere.
 *
 * Accepted: ELF64, little-endian, AArch64, ET_EXEC, static (System V ABI, ELF-64 object file format
 * 1.5; ELF for the Arm 64-bit Architecture, IHI 0056). Everything in `struct elf_program` has been
 * checked: the offsets lie inside the file, the segments are ascending, touch no common page, and
 * lie in the part of the address space that belongs to programs. The contents of the segments are
 * the program's own business.
 *
 * The file is read once, field by field, through copies; it may have any alignment. Who checks a
 * file that someone else can still write to gets results that were true of no moment: map or copy
 * it read-only first. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <kpi/errval.h>
#include <kpi/startup.h>
#include <kpi/vm.h>

#define ELF_SEGMENTS_MAX  8u             /* loadable, not empty */
#define ELF_HEADERS_MAX   32u            /* program headers of any type */
#define ELF_VA_MIN        ((uint64_t)KPI_LARGE_BYTES)       /* below: never mapped */
#define ELF_VA_END        ((uint64_t)KPI_DISPATCHER_VA)
#define ELF_TLS_BYTES_MAX 65536u
#define ELF_TLS_ALIGN_MAX KPI_PAGE_BYTES
/* "SYMS": first word of a symbol segment (apps/images/addsyms.py) */
#define ELF_SYMBOLS_MAGIC 0x534d5953u

/* A loadable segment. `va - file_off` is a multiple of the page size. Bytes from `file_bytes` to
 * `mem_bytes` are zero. */
struct elf_segment {
    uint64_t va;
    uint64_t mem_bytes;                  /* at least 1 */
    uint64_t file_off;
    uint64_t file_bytes;                 /* at most mem_bytes */
    /* KPI_VM_READ, always; KPI_VM_WRITE or KPI_VM_EXECUTE, never both */
    uint32_t flags;
    uint32_t reserved;
};

struct elf_program {
    /* 4-byte aligned, in the file-backed part of an executable segment */
    uint64_t entry;
    uint32_t segment_count;              /* at least 1 */
    uint32_t reserved;
    struct elf_segment segments[ELF_SEGMENTS_MAX];
    uint64_t tls_va;                     /* initial image, inside a segment; tls_bytes 0: no TLS */
    uint64_t tls_file_bytes;
    uint64_t tls_bytes;
    uint64_t tls_align;                  /* power of two, at least 1 */
    /* 0: no symbol segment; its contents are not checked here */
    uint64_t symbols_va;
    uint64_t symbols_bytes;
};

/* Checks `file` and describes it. Errors: LIB_ERR_ELF_*, each naming the field that is wrong;
 * `ret_program` is then untouched. */
errval_t elf_check(const void *file, size_t bytes, struct elf_program *ret_program);

/* First page and number of pages of a segment. */
static inline uint64_t elf_segment_page(const struct elf_segment *segment)
{
    return segment->va & ~(uint64_t)(KPI_PAGE_BYTES - 1u);
}

static inline uint64_t elf_segment_pages(const struct elf_segment *segment)
{
    uint64_t end = segment->va + segment->mem_bytes + KPI_PAGE_BYTES - 1u;

    return (end / KPI_PAGE_BYTES) - (segment->va / KPI_PAGE_BYTES);
}
