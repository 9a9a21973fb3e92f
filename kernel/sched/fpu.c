/* Lazy switching of the FP unit. */
#include <kernel/fpu.h>
#include <arch/sysreg.h>
#include <kernel/dispatcher.h>

#define CPACR_FPEN (3ull << 20)          /* no traps of FP and SIMD (DDI 0487 D19.2.33) */

/* Whose registers are in the unit; NULL = nobody's. */
static struct dispatcher *fpu_owner;

void fpu_take(struct dispatcher *d)
{
    sysreg_write(cpacr_el1, CPACR_FPEN);
    isb();
    d->fp_traps++;
    if (fpu_owner != NULL && fpu_owner != d) {
        fpu_save(fpu_owner->fp);
        fpu_owner->cpacr = 0;
    }
    if (fpu_owner != d) {
        fpu_load(d->fp);
    }
    fpu_owner = d;
    d->cpacr = CPACR_FPEN;
    dispatcher_page(d)->fp_live = 1;
}

void fpu_forget(struct dispatcher *d)
{
    if (fpu_owner == d) {
        fpu_owner = NULL;
    }
}
