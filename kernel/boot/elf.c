/* See <kernel/elf.h>. Field names in comments and errors are those of the ELF-64 object file
 * format. */
#include <kernel/elf.h>

#include <stdbool.h>

#include <abi/errors.h>
#include <kernel/string.h>

/* ELF-64 object file format 1.5, figure 2. */
struct elf_header {
    uint8_t ident[16];
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint64_t entry;
    uint64_t phoff;
    uint64_t shoff;
    uint32_t flags;
    uint16_t ehsize;
    uint16_t phentsize;
    uint16_t phnum;
    uint16_t shentsize;
    uint16_t shnum;
    uint16_t shstrndx;
};

/* Figure 6. */
struct elf_phdr {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t vaddr;
    uint64_t paddr;
    uint64_t filesz;
    uint64_t memsz;
    uint64_t align;
};

_Static_assert(sizeof(struct elf_header) == 64, "e_ehsize");
_Static_assert(sizeof(struct elf_phdr) == 56, "e_phentsize");

enum {
    ELF_IDENT_CLASS = 4,
    ELF_IDENT_DATA = 5,
    ELF_IDENT_VERSION = 6,
    ELF_CLASS_64 = 2,
    ELF_DATA_LITTLE = 1,
    ELF_VERSION = 1,
    ELF_TYPE_EXEC = 2,
    ELF_MACHINE_AARCH64 = 183,           /* IHI 0056, 5.1.1 */
    ELF_PT_LOAD = 1,
    ELF_PT_DYNAMIC = 2,
    ELF_PT_INTERP = 3,
    ELF_PT_TLS = 7,
    ELF_PF_X = 1,
    ELF_PF_W = 2,
    ELF_PF_R = 4,
    ELF_INSTRUCTION_BYTES = 4,
};

static bool elf_is_pow2(uint64_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

/* Is [at, at + bytes) inside [start, start + room)? */
static bool elf_inside(uint64_t at, uint64_t bytes, uint64_t start, uint64_t room)
{
    return at >= start && at - start <= room && bytes <= room - (at - start);
}

static errval_t elf_check_header(const uint8_t *file, size_t bytes, struct elf_header *header)
{
    static const uint8_t magic[4] = {0x7f, 'E', 'L', 'F'};

    if (bytes < sizeof(*header)) {
        return LIB_ERR_ELF_TRUNCATED;
    }
    memcpy(header, file, sizeof(*header));
    if (memcmp(header->ident, magic, sizeof(magic)) != 0) {
        return LIB_ERR_ELF_MAGIC;
    }
    if (header->ident[ELF_IDENT_CLASS] != ELF_CLASS_64
        || header->ident[ELF_IDENT_DATA] != ELF_DATA_LITTLE
        || header->ident[ELF_IDENT_VERSION] != ELF_VERSION || header->version != ELF_VERSION) {
        return LIB_ERR_ELF_CLASS;
    }
    if (header->machine != ELF_MACHINE_AARCH64) {
        return LIB_ERR_ELF_MACHINE;
    }
    if (header->type != ELF_TYPE_EXEC) {
        return LIB_ERR_ELF_TYPE;
    }
    if (header->ehsize != sizeof(*header) || header->phentsize != sizeof(struct elf_phdr)) {
        return LIB_ERR_ELF_SIZES;
    }
    if (header->phnum == 0 || header->phnum > ELF_HEADERS_MAX) {
        return LIB_ERR_ELF_COUNT;
    }
    if (!elf_inside(header->phoff, (uint64_t)header->phnum * sizeof(struct elf_phdr), 0, bytes)) {
        return LIB_ERR_ELF_HEADER;
    }
    return ERR_OK;
}

static uint32_t elf_vm_flags(uint32_t flags)
{
    uint32_t write = (flags & ELF_PF_W) != 0 ? KPI_VM_WRITE : 0;
    uint32_t execute = (flags & ELF_PF_X) != 0 ? KPI_VM_EXECUTE : 0;

    return KPI_VM_READ | write | execute;
}

/* Appends one PT_LOAD to `program`. An empty one (a place holder in the linker script) is
 * nothing. */
static errval_t elf_add_segment(const uint8_t *file, size_t bytes, const struct elf_phdr *phdr,
                                struct elf_program *program)
{
    struct elf_segment segment = {
        .va = phdr->vaddr, .mem_bytes = phdr->memsz, .file_off = phdr->offset,
        .file_bytes = phdr->filesz, .flags = elf_vm_flags(phdr->flags),
    };
    uint32_t magic = 0;

    if (phdr->filesz > phdr->memsz) {
        return LIB_ERR_ELF_BYTES;
    }
    if (phdr->memsz == 0) {
        return ERR_OK;
    }
    if (!elf_inside(phdr->offset, phdr->filesz, 0, bytes)) {
        return LIB_ERR_ELF_FILE;
    }
    if ((phdr->flags & ELF_PF_R) == 0
        || (phdr->flags & (ELF_PF_W | ELF_PF_X)) == (ELF_PF_W | ELF_PF_X)) {
        return LIB_ERR_ELF_FLAGS;
    }
    if (!elf_inside(phdr->vaddr, phdr->memsz, ELF_VA_MIN, ELF_VA_END - ELF_VA_MIN)) {
        return LIB_ERR_ELF_SEGMENT;
    }
    if (phdr->align < KPI_PAGE_BYTES || !elf_is_pow2(phdr->align)
        || (phdr->vaddr - phdr->offset) % KPI_PAGE_BYTES != 0) {
        return LIB_ERR_ELF_ALIGN;
    }
    if (program->segment_count == ELF_SEGMENTS_MAX) {
        return LIB_ERR_ELF_COUNT;
    }
    if (program->segment_count != 0) {
        const struct elf_segment *last = &program->segments[program->segment_count - 1];
        uint64_t end = elf_segment_page(last) + elf_segment_pages(last) * KPI_PAGE_BYTES;

        if (elf_segment_page(&segment) < end) {
            return LIB_ERR_ELF_OVERLAP;
        }
    }
    if (segment.flags == KPI_VM_READ && segment.file_bytes >= sizeof(magic)) {
        memcpy(&magic, file + segment.file_off, sizeof(magic));
    }
    if (magic == ELF_SYMBOLS_MAGIC) {
        program->symbols_va = segment.va;
        program->symbols_bytes = segment.file_bytes;
    }
    program->segments[program->segment_count++] = segment;
    return ERR_OK;
}

static errval_t elf_set_tls(const struct elf_phdr *phdr, struct elf_program *program)
{
    bool second = program->tls_bytes != 0;

    if (phdr->filesz > phdr->memsz) {
        return LIB_ERR_ELF_BYTES;
    }
    if (second || phdr->memsz > ELF_TLS_BYTES_MAX || phdr->align > ELF_TLS_ALIGN_MAX
        || (phdr->align != 0 && !elf_is_pow2(phdr->align))) {
        return LIB_ERR_ELF_TLS;
    }
    program->tls_va = phdr->vaddr;
    program->tls_file_bytes = phdr->filesz;
    program->tls_bytes = phdr->memsz;
    program->tls_align = phdr->align == 0 ? 1 : phdr->align;
    return ERR_OK;
}

/* The entry point and the TLS image refer to segments, so they are checked when all are known. */
static errval_t elf_check_references(const struct elf_program *program)
{
    bool entry_ok = false;
    bool tls_ok = program->tls_file_bytes == 0;

    for (uint32_t i = 0; i < program->segment_count; i++) {
        const struct elf_segment *s = &program->segments[i];

        entry_ok |= (s->flags & KPI_VM_EXECUTE) != 0
            && elf_inside(program->entry, ELF_INSTRUCTION_BYTES, s->va, s->file_bytes);
        tls_ok |= elf_inside(program->tls_va, program->tls_file_bytes, s->va, s->file_bytes);
    }
    if (!entry_ok || program->entry % ELF_INSTRUCTION_BYTES != 0) {
        return LIB_ERR_ELF_ENTRY;
    }
    return tls_ok ? ERR_OK : LIB_ERR_ELF_TLS;
}

errval_t elf_check(const void *file, size_t bytes, struct elf_program *ret_program)
{
    const uint8_t *data = file;
    struct elf_program program = {0};
    struct elf_header header;
    struct elf_phdr phdr;
    errval_t err = elf_check_header(data, bytes, &header);

    for (uint16_t i = 0; err_is_ok(err) && i < header.phnum; i++) {
        memcpy(&phdr, data + header.phoff + (size_t)i * sizeof(phdr), sizeof(phdr));
        switch (phdr.type) {
        case ELF_PT_LOAD:
            err = elf_add_segment(data, bytes, &phdr, &program);
            break;
        case ELF_PT_TLS:
            err = elf_set_tls(&phdr, &program);
            break;
        case ELF_PT_DYNAMIC:
        case ELF_PT_INTERP:
            err = LIB_ERR_ELF_DYNAMIC;
            break;
        /* notes, stack flags and the like say nothing to a loader */
        default:
            break;
        }
    }
    if (err_is_fail(err)) {
        return err;
    }
    program.entry = header.entry;
    err = elf_check_references(&program);
    if (err_is_fail(err)) {
        return err;
    }
    *ret_program = program;
    return ERR_OK;
}
