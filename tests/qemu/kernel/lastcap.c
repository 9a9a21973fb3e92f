/* The last Kernel capability: without it nobody prints or switches off. What is good ends with the
 * kernel saying that init has ended, all else with nothing. */
#include "kobj.h"

void test_main(void)
{
    uint64_t up, idle, switches, interrupts, caps;

    kt_plan(1);
    if (ko_delete(KT_TASK_NODE, KPI_CAP_KERNEL) == ERR_OK &&
        ko_type(KT_TASK_NODE, KPI_CAP_KERNEL) == CAPTYPE_NULL &&
        inv_kernel_stats(KPI_CAP_KERNEL, &up, &idle, &switches, &interrupts, &caps) ==
            SYS_ERR_CAP_NOT_FOUND) {
        kt_exit(0);
    }
    for (;;) {
        kt_yield();
    }
}
