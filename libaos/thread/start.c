/* From the first instruction of C to main. Runs disabled until the scheduler can take an upcall. */
#include <abi/user.h>
#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/slot.h>

#include "mem_priv.h"
#include "paging_priv.h"
#include "start_priv.h"
#include "thread_priv.h"

uint64_t __stack_chk_guard;
static struct thread start_thread;

const struct kpi_startup *domain_startup(void)
{
    return (const struct kpi_startup *)KPI_STARTUP_VA;
}

uint32_t domain_pid(void)
{
    return domain_startup()->pid;
}

uint32_t domain_core(void)
{
    return domain_startup()->core;
}

bool domain_on_boot_core(void)
{
    return domain_startup()->core == domain_startup()->boot_core;
}

uint32_t domain_core_count(void)
{
    return domain_startup()->core_count;
}

uint32_t domain_core_of(uint32_t pid)
{
    return pid < DOMAIN_PIDS_FIRST ? domain_startup()->boot_core : pid % domain_core_count();
}

uint32_t domain_first_program(uint32_t core)
{
    return domain_pid_on(core, domain_core_count(),
                         core == domain_startup()->boot_core ? 0 : DOMAIN_PIDS_OF_INIT);
}

bool domain_is_service(uint32_t pid)
{
    return pid != 0 && pid < domain_first_program(domain_core_of(pid));
}

const char *domain_name(void)
{
    const struct kpi_startup *startup = domain_startup();
    const char *name = startup->argc > 0 ? (const char *)startup + startup->args_off : "domain";
    const char *base = name;
    for (const char *p = name; *p != '\0'; p++) {
        if (*p == '/' && p[1] != '\0') {
            base = p + 1;
        }
    }
    return base;
}

static bool start_same(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

errval_t domain_grant(const char *name, caddr_t *ret_cap)
{
    const struct kpi_startup *startup = domain_startup();
    const struct kpi_grant *grants =
        (const void *)((const char *)startup + startup->grants_off);
    for (uint32_t i = 0; i < startup->grant_count && i < KPI_CAP_GRANTS; i++) {
        if (start_same(grants[i].name, name)) {
            *ret_cap = KPI_CAP_GRANT0 + i;
            return ERR_OK;
        }
    }
    return LIB_ERR_NOT_FOUND;
}

void domain_exit(int status)
{
    for (;;) {
        (void)inv_dispatcher_kill(KPI_CAP_SELF_DISP, (uint64_t)(uint32_t)status);
    }
}

void __stack_chk_fail(void)
{
    aos_panic("stack smashed");
}

static void start_memory(void)
{
    mem_init();
    slot_init();
    errval_t err = ram_init();
    if (err_is_fail(err)) {
        aos_panic("early RAM: error 0x%llx", (unsigned long long)err);
    }
    paging_init_self();
    recv_slot_refill();
}

/* Never returns, so the TLS block in its frame lives as long as the first thread, and the stack
 * guard may change under it. */
__attribute__((noreturn, no_stack_protector)) void libaos_start(void)
{
    const struct kpi_startup *startup = domain_startup();
    if (startup->magic != KPI_STARTUP_MAGIC) {
        domain_exit(AOS_STATUS_PANIC);
    }
    __stack_chk_guard = startup->random[0] & ~0xffull; /* a zero byte stops string functions */
    void *tls = __builtin_alloca(tls_bytes());
    sched_init(&start_thread, tls);
    disp_enable();
    thread_register(&start_thread);
    __builtin_memcpy(start_thread.name, "main", sizeof("main"));
    start_memory();
    thread_start_helper();
    start_program();
}
