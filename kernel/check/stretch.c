/* Built into the kernel `measured`: kernel/stretch.h. Event counter 1 counts the instructions of
 * the kernel alone, so that nothing has to be read on the way in. */
#include <kernel/stretch.h>
#include <arch/sysreg.h>

#define PMU_COUNTER      1u
#define PMU_INST_RETIRED 0x08u
#define PMEVTYPER_U      (1u << 30) /* DDI 0487, PMEVTYPER<n>_EL0: not while in EL0 */

static struct {
    uint32_t from; /* the counter at the last point */
    uint32_t longest;
} stretch; /* owner: this file */

/* The counter has 32 bits: differences are right as long as a stretch is shorter than that. */
static uint32_t stretch_count(void)
{
    isb();
    return (uint32_t)sysreg_read(pmevcntr1_el0);
}

void stretch_start(void)
{
    sysreg_write(pmselr_el0, PMU_COUNTER);
    isb();
    sysreg_write(pmxevtyper_el0, PMU_INST_RETIRED | PMEVTYPER_U);
    sysreg_write(pmcntenset_el0, 1u << PMU_COUNTER);
    stretch.from = stretch_count();
}

void stretch_point(void)
{
    uint32_t now = stretch_count(), length = now - stretch.from;
    if (length > stretch.longest)
        stretch.longest = length;
    stretch.from = now;
}

uint64_t stretch_take(void)
{
    uint64_t longest = stretch.longest;
    stretch.longest = 0;
    return longest;
}
