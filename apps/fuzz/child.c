/* The part of the fuzzer that attacks. It knows how the kernel is entered and what interesting
 * values look like, and nothing of what the calls mean: most are refused, and what is not refused
 * must not matter to anybody else. */
#include "fuzz_priv.h"

#include <stddef.h>

#include <aos/time.h>
#include <abi/user.h>
#include <kpi/cspace.h>

#define METHODS 14u

static uint64_t buffer[512];             /* a valid pointer to give away */

static uint64_t child_caddr(void)
{
    switch (fuzz_below(8)) {
    case 0:
        return KPI_CADDR_L1 | fuzz_below(4);
    case 1:
        return KPI_CADDR(1, fuzz_below(24));
    case 2:
        return fuzz_random();
    case 3:
        return KPI_CADDR(0, fuzz_below(256));
    case 4:
        return KPI_CADDR(2, fuzz_below(256));
    default:
        return fuzz_below(KPI_CAP_FIRST_FREE + 16);
    }
}

uint64_t fuzz_number(void)
{
    static const uint64_t interesting[] = {
        0, 1, 2, 3, 7, 8, 15, 16, 63, 64, 255, 256, 257, 511, 512, 0x1000, 0x2000, 0x4000, 0x10000,
        0x200000, 0x400000, 0x3fc00000, 0x40000000, 0x80000000, 0xffffffff, 0x100000000,
        0x7fffffffffff, 0x800000000000, 0xffff000000000000, 0xffff000040000000, ~0ull, ~0ull - 4095,
        0x7fffffffffffffff, 0x8000000000000000,
    };

    switch (fuzz_below(6)) {
    case 0:
        return fuzz_random();
    case 1:
        return child_caddr();
    case 2:
        return (uint64_t)(uintptr_t)buffer + fuzz_below(sizeof(buffer) + 16);
    case 3:
        return fuzz_below(16);
    default:
        return interesting[fuzz_below(sizeof(interesting) / sizeof(interesting[0]))];
    }
}

/* Capabilities whose loss ends the run early and so teaches little: the own dispatcher and the page
 * tables. */
static bool child_precious(uint64_t caddr)
{
    return caddr == KPI_CAP_SELF_DISP || caddr == KPI_CAP_SELF_VROOT ||
           (caddr & ~(uint64_t)KPI_CADDR_L1) == KPI_L1_VNODES ||
           (caddr >= KPI_CAP_TASK_MAPPING0 && caddr < KPI_CAP_GRANT0) ||
           caddr >> 8 == KPI_L1_VNODES;
}

/* Six numbers are system calls; the others end a program at once, so only a wild one tries them. */
static uint64_t child_syscall(bool wild)
{
    uint64_t dice = fuzz_below(32);

    return dice < 24 ? SYSCALL_INVOKE : (dice - 24) % (wild ? 8 : 6);
}

void fuzz_child(uint64_t seed, uint64_t operations, bool wild)
{
    fuzz_random_seed(seed);
    for (uint64_t i = 0; i < operations; i++) {
        uint64_t regs[12];
        uint64_t number = child_syscall(wild);

        for (size_t k = 0; k < sizeof(regs) / sizeof(regs[0]); k++) {
            regs[k] = fuzz_number();
        }
        if (fuzz_below(8) != 0) {
            regs[0] = child_caddr();
        }
        if (number == SYSCALL_INVOKE && fuzz_below(8) != 0) {
            regs[1] = fuzz_below(METHODS);
            regs[2] = fuzz_below(2) == 0 ? child_caddr() : regs[2];
        }
        if (!wild && (child_precious(regs[0]) || number == SYSCALL_RESUME)) {
            continue;
        }
        if (number == SYSCALL_CALL
            && err_is_fail(inv_dispatcher_deadline(KPI_CAP_SELF_DISP,
                                                   time_now_ns() + FUZZ_WAIT_NS))) {
            continue;                    /* nobody would ever wake it */
        }
        fuzz_svc(number, regs);
    }
}
