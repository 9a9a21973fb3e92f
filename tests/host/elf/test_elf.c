/* The ELF reader: one good file, each field damaged in turn, and random mutations of it. */
#include "check.h"

#include <abi/errors.h>
#include <kernel/elf.h>

enum {
    FILE_BYTES = 0x5000, PHOFF = 64, PHENTSIZE = 56, MUTATIONS = 300000,
    /* offsets of fields in the file header and in a program header */
    E_TYPE = 16, E_MACHINE = 18, E_VERSION = 20, E_ENTRY = 24, E_PHOFF = 32, E_EHSIZE = 52,
    E_PHENTSIZE = 54, E_PHNUM = 56,
    P_TYPE = 0, P_FLAGS = 4, P_OFFSET = 8, P_VADDR = 16, P_FILESZ = 32, P_MEMSZ = 40, P_ALIGN = 48,
    TEXT = 0, RODATA = 1, DATA = 2, TLS = 3, SYMBOLS = 4, EMPTY = 5, NOTE = 6, PHNUM = 7,
};

static uint8_t good[FILE_BYTES];

static void put(uint8_t *file, size_t at, uint64_t value, size_t bytes)
{
    memcpy(file + at, &value, bytes);
}

static size_t ph(int index, int field)
{
    return (size_t)(PHOFF + index * PHENTSIZE + field);
}

static void put_phdr(int index, uint32_t type, uint32_t flags, uint64_t offset, uint64_t va,
                     uint64_t filesz, uint64_t memsz, uint64_t align)
{
    put(good, ph(index, P_TYPE), type, 4);
    put(good, ph(index, P_FLAGS), flags, 4);
    put(good, ph(index, P_OFFSET), offset, 8);
    put(good, ph(index, P_VADDR), va, 8);
    put(good, ph(index, P_FILESZ), filesz, 8);
    put(good, ph(index, P_MEMSZ), memsz, 8);
    put(good, ph(index, P_ALIGN), align, 8);
}

static void make_good(void)
{
    static const uint8_t ident[16] = {0x7f, 'E', 'L', 'F', 2, 1, 1};

    memset(good, 0, sizeof(good));
    memcpy(good, ident, sizeof(ident));
    put(good, E_TYPE, 2, 2);
    put(good, E_MACHINE, 183, 2);
    put(good, E_VERSION, 1, 4);
    put(good, E_ENTRY, 0x400010, 8);
    put(good, E_PHOFF, PHOFF, 8);
    put(good, E_EHSIZE, 64, 2);
    put(good, E_PHENTSIZE, PHENTSIZE, 2);
    put(good, E_PHNUM, PHNUM, 2);
    put_phdr(TEXT, 1, 5, 0x1000, 0x400000, 0x800, 0x800, 0x10000);
    put_phdr(RODATA, 1, 4, 0x2000, 0x401000, 0x900, 0x900, 0x1000);
    put_phdr(DATA, 1, 6, 0x3100, 0x402100, 0x200, 0x8000, 0x1000);
    put_phdr(TLS, 7, 4, 0x3100, 0x402100, 0x10, 0x40, 16);
    put_phdr(SYMBOLS, 1, 4, 0x4000, 0x600000, 0x100, 0x100, 0x1000);
    put_phdr(EMPTY, 1, 4, 0, 0, 0, 0, 0);
    put_phdr(NOTE, 4, 4, UINT64_MAX, UINT64_MAX, UINT64_MAX, 0, 3);
    memcpy(good + 0x4000, "SYMS", 4);
}

/* Checks a copy that ends exactly at the end of its memory, so that the address sanitizer sees any
 * read beyond. */
static errval_t check_copy(const uint8_t *file, size_t bytes, struct elf_program *ret)
{
    uint8_t *copy = malloc(bytes == 0 ? 1 : bytes);
    errval_t err;

    memcpy(copy, file, bytes);
    err = elf_check(copy, bytes, ret);
    free(copy);
    return err;
}

static void ELF0001_reads_a_good_file(void)
{
    struct elf_program p;

    make_good();
    CHECK_EQ(check_copy(good, sizeof(good), &p), ERR_OK);
    CHECK_EQ(p.entry, 0x400010);
    CHECK_EQ(p.segment_count, 4);
    CHECK_EQ(p.segments[0].flags, KPI_VM_READ | KPI_VM_EXECUTE);
    CHECK_EQ(p.segments[1].flags, KPI_VM_READ);
    CHECK_EQ(p.segments[2].flags, KPI_VM_READ | KPI_VM_WRITE);
    CHECK_EQ(p.segments[2].mem_bytes, 0x8000);
    CHECK_EQ(elf_segment_page(&p.segments[2]), 0x402000);
    CHECK_EQ(elf_segment_pages(&p.segments[2]), 9);
    CHECK_EQ(p.tls_va, 0x402100);
    CHECK_EQ(p.tls_bytes, 0x40);
    CHECK_EQ(p.tls_align, 16);
    CHECK_EQ(p.symbols_va, 0x600000);
    CHECK_EQ(p.symbols_bytes, 0x100);
}

struct damage {
    size_t at;
    uint64_t value;
    size_t bytes;
    errval_t expected;
};

static void ELF0002_names_the_damaged_field(void)
{
    const struct damage damages[] = {
        {0, 0x7e, 1, LIB_ERR_ELF_MAGIC},
        {3, 'f', 1, LIB_ERR_ELF_MAGIC},
        {4, 1, 1, LIB_ERR_ELF_CLASS},
        {5, 2, 1, LIB_ERR_ELF_CLASS},
        {6, 0, 1, LIB_ERR_ELF_CLASS},
        {E_VERSION, 2, 4, LIB_ERR_ELF_CLASS},
        {E_TYPE, 3, 2, LIB_ERR_ELF_TYPE},
        {E_MACHINE, 62, 2, LIB_ERR_ELF_MACHINE},
        {E_EHSIZE, 63, 2, LIB_ERR_ELF_SIZES},
        {E_PHENTSIZE, 0, 2, LIB_ERR_ELF_SIZES},
        {E_PHNUM, 0, 2, LIB_ERR_ELF_COUNT},
        {E_PHNUM, ELF_HEADERS_MAX + 1, 2, LIB_ERR_ELF_COUNT},
        {E_PHNUM, 0xffff, 2, LIB_ERR_ELF_COUNT},
        {E_PHOFF, FILE_BYTES, 8, LIB_ERR_ELF_HEADER},
        {E_PHOFF, FILE_BYTES - PHENTSIZE * PHNUM + 1, 8, LIB_ERR_ELF_HEADER},
        {E_PHOFF, UINT64_MAX - 7, 8, LIB_ERR_ELF_HEADER},
        {E_ENTRY, 0x400012, 8, LIB_ERR_ELF_ENTRY},
        {E_ENTRY, 0x401000, 8, LIB_ERR_ELF_ENTRY},
        {E_ENTRY, 0x400800, 8, LIB_ERR_ELF_ENTRY},
        {E_ENTRY, 0, 8, LIB_ERR_ELF_ENTRY},
        {ph(TEXT, P_TYPE), 2, 4, LIB_ERR_ELF_DYNAMIC},
        {ph(NOTE, P_TYPE), 3, 4, LIB_ERR_ELF_DYNAMIC},
        {ph(TEXT, P_FLAGS), 7, 4, LIB_ERR_ELF_FLAGS},
        {ph(TEXT, P_FLAGS), 1, 4, LIB_ERR_ELF_FLAGS},
        {ph(RODATA, P_FLAGS), 0, 4, LIB_ERR_ELF_FLAGS},
        {ph(TEXT, P_OFFSET), FILE_BYTES, 8, LIB_ERR_ELF_FILE},
        {ph(TEXT, P_OFFSET), UINT64_MAX - 0xfff, 8, LIB_ERR_ELF_FILE},
        {ph(RODATA, P_FILESZ), 0x901, 8, LIB_ERR_ELF_BYTES},
        {ph(DATA, P_FILESZ), UINT64_MAX, 8, LIB_ERR_ELF_BYTES},
        {ph(TLS, P_FILESZ), 0x41, 8, LIB_ERR_ELF_BYTES},
        {ph(TEXT, P_VADDR), 0x400800, 8, LIB_ERR_ELF_ALIGN},
        {ph(TEXT, P_ALIGN), 0x3000, 8, LIB_ERR_ELF_ALIGN},
        {ph(TEXT, P_ALIGN), 0x800, 8, LIB_ERR_ELF_ALIGN},
        {ph(TEXT, P_VADDR), 0x1ff000, 8, LIB_ERR_ELF_SEGMENT},
        {ph(DATA, P_VADDR), UINT64_MAX - 0xeff, 8, LIB_ERR_ELF_SEGMENT},
        {ph(DATA, P_MEMSZ), UINT64_MAX, 8, LIB_ERR_ELF_SEGMENT},
        {ph(SYMBOLS, P_VADDR), ELF_VA_END, 8, LIB_ERR_ELF_SEGMENT},
        {ph(RODATA, P_VADDR), 0x400000, 8, LIB_ERR_ELF_OVERLAP},
        {ph(DATA, P_VADDR), 0x3fe100, 8, LIB_ERR_ELF_OVERLAP},
        {ph(TLS, P_MEMSZ), ELF_TLS_BYTES_MAX + 1, 8, LIB_ERR_ELF_TLS},
        {ph(TLS, P_ALIGN), 24, 8, LIB_ERR_ELF_TLS},
        {ph(TLS, P_ALIGN), 8192, 8, LIB_ERR_ELF_TLS},
        {ph(TLS, P_VADDR), 0x402300, 8, LIB_ERR_ELF_TLS},
        {ph(NOTE, P_TYPE), 7, 4, LIB_ERR_ELF_BYTES},
    };

    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        uint8_t file[FILE_BYTES];
        struct elf_program p = {.entry = 42};
        errval_t err;

        memcpy(file, good, sizeof(file));
        put(file, damages[i].at, damages[i].value, damages[i].bytes);
        err = check_copy(file, sizeof(file), &p);
        if (err != damages[i].expected) {
            fprintf(stderr, "damage %zu\n", i);
        }
        CHECK_EQ(err, damages[i].expected);
        CHECK_EQ(p.entry, 42);
    }
}

static void ELF0003_refuses_every_truncation(void)
{
    struct elf_program p;

    for (size_t bytes = 0; bytes < 0x4100; bytes++) {
        CHECK(check_copy(good, bytes, &p) != ERR_OK);
    }
    CHECK_EQ(check_copy(good, 63, &p), LIB_ERR_ELF_TRUNCATED);
    CHECK_EQ(check_copy(good, 0x4100, &p), ERR_OK);
}

/* What elf.h promises about an accepted file. */
static void check_promises(const struct elf_program *p, size_t bytes)
{
    uint64_t end = ELF_VA_MIN;

    CHECK(p->segment_count >= 1 && p->segment_count <= ELF_SEGMENTS_MAX);
    for (uint32_t i = 0; i < p->segment_count; i++) {
        const struct elf_segment *s = &p->segments[i];

        CHECK(s->mem_bytes >= 1 && s->file_bytes <= s->mem_bytes);
        CHECK(s->file_off <= bytes && s->file_bytes <= bytes - s->file_off);
        CHECK((s->va - s->file_off) % KPI_PAGE_BYTES == 0);
        CHECK(elf_segment_page(s) >= end);
        end = elf_segment_page(s) + elf_segment_pages(s) * KPI_PAGE_BYTES;
        CHECK(end <= ELF_VA_END);
        CHECK((s->flags & KPI_VM_READ) != 0);
        CHECK((s->flags & (KPI_VM_WRITE | KPI_VM_EXECUTE)) != (KPI_VM_WRITE | KPI_VM_EXECUTE));
    }
    CHECK(p->tls_file_bytes <= p->tls_bytes && p->tls_bytes <= ELF_TLS_BYTES_MAX);
}

static void ELF0004_survives_mutations(void)
{
    static const uint64_t odd[] = {0, 1, 0xff, 0x7fffffff, 0xffffffff, UINT64_MAX, 1ull << 63,
                                   0x1000, 0xfff, 0x400000, ELF_VA_END, FILE_BYTES};
    uint64_t seed = 0xe1f;
    uint32_t accepted = 0;

    for (int i = 0; i < MUTATIONS; i++) {
        uint8_t file[PHOFF + PHNUM * PHENTSIZE];
        uint8_t whole[FILE_BYTES];
        struct elf_program p;
        uint64_t count = 1 + check_random(&seed) % 3;

        memcpy(file, good, sizeof(file));
        for (uint64_t k = 0; k < count; k++) {
            uint64_t at = check_random(&seed) % (sizeof(file) - 8);
            uint64_t pick = check_random(&seed);
            uint64_t value = pick % 3 == 0 ? check_random(&seed)
                                           : odd[pick / 3 % (sizeof(odd) / sizeof(odd[0]))];

            put(file, at & ~3ull, value, 1u << check_random(&seed) % 4);
        }
        memcpy(whole, good, sizeof(whole));
        memcpy(whole, file, sizeof(file));
        if (elf_check(whole, sizeof(whole), &p) == ERR_OK) {
            check_promises(&p, sizeof(whole));
            accepted++;
        }
    }
    CHECK(accepted > 0 && accepted < MUTATIONS);
}

int main(void)
{
    RUN(ELF0001_reads_a_good_file);
    RUN(ELF0002_names_the_damaged_field);
    RUN(ELF0003_refuses_every_truncation);
    RUN(ELF0004_survives_mutations);
    return 0;
}
