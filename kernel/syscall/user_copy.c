/* User memory: kernel/user_copy.h. */
#include <kernel/user_copy.h>
#include <arch/pte.h>
#include <arch/sysreg.h>
#include <kernel/kasan.h>
#include <kernel/memory.h>
#include <kernel/string.h>
#include <kpi/vm.h>

/* PAR_EL1 after a successful AT instruction (DDI 0487 D19.2.109). */
#define PAR_FAILED      1u
#define PAR_ADDRESS     0x0000fffffffff000ull
#define PAR_ATTR_SHIFT  56
#define MAIR_ATTR(index) (MAIR_VALUE >> ((index) * 8) & 0xffu)

/* Linear address of the byte at `va`, NULL if user mode may not read (write) it, or if it is not
 * ordinary memory. */
static char *user_translate(uint64_t va, bool write)
{
    if (write) {
        __asm__ volatile("at s1e0w, %0" ::"r"(va));
    } else {
        __asm__ volatile("at s1e0r, %0" ::"r"(va));
    }
    isb();

    uint64_t par = sysreg_read(par_el1);

    if ((par & PAR_FAILED) != 0 || par >> PAR_ATTR_SHIFT != MAIR_ATTR(MAIR_NORMAL)) {
        return NULL;
    }
    return (char *)phys_to_virt(par & PAR_ADDRESS) + va % KPI_PAGE_BYTES;
}

/* Bytes from `va` to the end of its page, at most `bytes`. */
static size_t user_chunk(uint64_t va, size_t bytes)
{
    size_t rest = KPI_PAGE_BYTES - va % KPI_PAGE_BYTES;

    return bytes < rest ? bytes : rest;
}

errval_t user_copy_in(void *to, struct user_slice from, size_t bytes)
{
    char *target = to;

    while (bytes > 0) {
        size_t chunk = user_chunk(from.va, bytes);
        const char *source = user_translate(from.va, false);

        if (source == NULL) {
            return SYS_ERR_USER_POINTER;
        }
        kasan_copy(target, source, chunk);
        target += chunk;
        from.va += chunk;
        bytes -= chunk;
    }
    return ERR_OK;
}

bool user_writable(struct user_slice slice)
{
    size_t bytes = slice.bytes;

    while (bytes > 0) {
        size_t chunk = user_chunk(slice.va, bytes);

        if (user_translate(slice.va, true) == NULL) {
            return false;
        }
        slice.va += chunk;
        bytes -= chunk;
    }
    return true;
}

errval_t user_copy_out(struct user_slice to, const void *from, size_t bytes)
{
    const char *source = from;

    while (bytes > 0) {
        size_t chunk = user_chunk(to.va, bytes);
        char *target = user_translate(to.va, true);

        if (target == NULL) {
            return SYS_ERR_USER_POINTER;
        }
        kasan_copy(target, source, chunk);
        source += chunk;
        to.va += chunk;
        bytes -= chunk;
    }
    return ERR_OK;
}
