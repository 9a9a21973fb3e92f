/* Capabilities of all types that cross, and those that do not, on several cores: sent, copied,
 * deleted, revoked, and the sender ended. A service of init's (coretest, on the core that booted)
 * has a device to give away, and memory that comes back to init when it ends. */
#include "coretest.h"

#include <string.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/paging.h>
#include <aos/process.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/slot.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <aos/waitset.h>

#define DEVICE       "arm,pl061"
#define DEVICE_ID    0xfe0u              /* PrimeCell PeriphID0 (DDI 0190B, 3.3.9): 0x61 */
#define DEVICE_IS    0x61u
#define PAUSE_NS     400000000ull        /* between ends of the service: it must stay */
#define REPEATS_MAX  3u
#define MANY_NOTIFIES 64u

static struct shares_binding service;
static caddr_t device, irq;              /* of the service; here from DCAP0114 on */

static uint32_t last_core(void)
{
    return domain_core_count() - 1;
}

/* Again and again: the end that is found may be of one that has just ended. */
static bool service_bind(void)
{
    uint64_t until = time_deadline_ns(WAIT_NS);
    char name[CORE_NAME_BYTES];
    errval_t err;
    caddr_t end;
    uint8_t type;

    do {
        TRY(time_now_ns() < until);
        err = aos_await(core_server_name(0, name), WAIT_NS, &end);
        if (err_is_ok(err)) {
            err = shares_bind(end, &service);
        }
        if (err_is_ok(err)) {
            err = shares_look(&service, &type);
            if (err_is_fail(err)) {
                shares_close(&service);
            }
        }
        if (err_is_fail(err)) {
            thread_sleep_ns(LOOK_NS);
        }
    } while (err_is_fail(err));
    return true;
}

static bool service_leaves(void)
{
    TRY_OK(shares_leave(&service));
    shares_close(&service);
    return service_bind();
}

static bool far_has(uint32_t core, uint8_t wanted)
{
    uint8_t type;

    TRY_OK(shares_look(&fars[core].b, &type));
    TRY(type == wanted);
    return true;
}

static bool is_here(caddr_t cap, uint8_t wanted)
{
    struct cap_info info;

    TRY_OK(cap_identify(cap, &info));
    TRY(info.type == wanted);
    return true;
}

/* A service's memory is init's again: what a further core has of it is taken away. */
static bool service_ends(void)
{
    uint64_t until = time_deadline_ns(WAIT_NS);
    uint8_t type;

    TRY_OK(shares_make(&service));
    TRY_OK(shares_pass(&service, 1));
    TRY_OK(shares_map(&fars[1].b));
    TRY_OK(shares_write(&fars[1].b, 0, 1));
    do {
        TRY(time_now_ns() < until);
        TRY(service_leaves());
        TRY_OK(shares_look(&fars[1].b, &type));
        if (type != CAPTYPE_NULL) {
            thread_sleep_ns(PAUSE_NS);
        }
    } while (type != CAPTYPE_NULL);
    TRY_OK(shares_unmap(&fars[1].b));
    TRY_OK(shares_drop(&fars[1].b));
    return true;
}

static void note_ring(void *arg)
{
    ++*(uint32_t *)arg;
}

/* `far` rings the Notify that it has: that is heard here. */
static bool far_rings(uint32_t core, struct waitset *ws, const uint32_t *rings)
{
    uint32_t heard = *rings;

    TRY_OK(shares_signal(&fars[core].b));
    while (*rings == heard) {
        TRY_OK(waitset_dispatch(ws, time_deadline_ns(WAIT_NS)));
    }
    return true;
}

static bool notifies(void)
{
    static struct waitset ws;
    struct event_source rung = {0};
    uint32_t rings = 0;
    caddr_t notify;

    waitset_init(&ws);
    TRY_OK(monitor_notify(&monitor, &notify));
    TRY_OK(event_source_init(&rung, &ws, note_ring, &rings));
    TRY_OK(chan_notify_connect(notify, rung.trigger));
    for (uint32_t core = 1; core <= last_core(); core++) {
        TRY_OK(shares_accept(&fars[core].b, notify));
        TRY(far_has(core, CAPTYPE_NOTIFY));
        TRY(far_rings(core, &ws, &rings));
    }
    TRY_OK(shares_drop(&fars[last_core()].b));
    if (last_core() > 1) {               /* by who does not own it */
        TRY_OK(shares_pass(&fars[1].b, last_core()));
        TRY(far_rings(last_core(), &ws, &rings));
        TRY(far_rings(1, &ws, &rings));
    } else {
        TRY_OK(shares_accept(&fars[1].b, notify));
    }
    TRY(err_is_fail(shares_revoke(&fars[1].b)));
    TRY_OK(cap_revoke(notify));
    for (uint32_t core = 1; core <= last_core(); core++) {
        TRY(far_has(core, CAPTYPE_NULL));
        TRY_OK(shares_drop(&fars[core].b));
    }
    TRY(is_here(notify, CAPTYPE_NOTIFY));
    /* The only one is sent away: it works there, and its connection stays here. */
    TRY_OK(shares_hold(&fars[1].b, notify));
    TRY(far_rings(1, &ws, &rings));
    TRY_OK(shares_drop(&fars[1].b));
    event_source_deinit(&rung);
    return true;
}

/* The number of one that is given back at once. */
static bool next_bit(uint64_t *ret_bit)
{
    struct cap_info info;
    caddr_t notify;

    TRY_OK(monitor_notify(&monitor, &notify));
    TRY_OK(cap_identify(notify, &info));
    TRY_OK(cap_destroy(notify));
    *ret_bit = info.b;
    return true;
}

/* Who had many does not leave the kernels with much to look through. */
static bool many_notifies(void)
{
    caddr_t notify[MANY_NOTIFIES];
    struct cap_info highest;
    uint64_t bit = 0;

    for (unsigned i = 0; i < MANY_NOTIFIES; i++) {
        TRY_OK(monitor_notify(&monitor, &notify[i]));
    }
    TRY_OK(cap_identify(notify[MANY_NOTIFIES - 1], &highest));
    for (unsigned i = 0; i < MANY_NOTIFIES; i++) {
        TRY_OK(cap_destroy(notify[i]));
    }
    for (unsigned i = 0; i < MANY_NOTIFIES; i++) {
        TRY(next_bit(&bit));
    }
    TRY(bit + MANY_NOTIFIES / 2 < highest.b);
    return true;
}

/* A copy of the registers, which are where they are on whatever core. */
static bool far_reads_device(uint32_t core)
{
    uint64_t value;

    TRY_OK(shares_map(&fars[core].b));
    TRY_OK(shares_read(&fars[core].b, DEVICE_ID / sizeof(value), &value));
    TRY((uint8_t)value == DEVICE_IS);
    TRY_OK(shares_unmap(&fars[core].b));
    return true;
}

static bool devices(void)
{
    caddr_t copy;

    for (uint32_t core = 1; core <= last_core(); core++) {
        TRY_OK(shares_accept(&fars[core].b, device));
        TRY(far_reads_device(core));
    }
    if (last_core() > 1) {
        TRY_OK(shares_drop(&fars[last_core()].b));
        TRY_OK(shares_pass(&fars[1].b, last_core()));
        TRY(far_reads_device(last_core()));
    }
    TRY_OK(shares_hand(&fars[1].b, &copy)); /* what comes back is a copy, */
    TRY(is_here(copy, CAPTYPE_DEVFRAME));
    TRY(err_no(cap_revoke(copy)) == SYS_ERR_CAP_RIGHTS); /* and no more than that */
    TRY_OK(cap_revoke(device));
    TRY(is_here(copy, CAPTYPE_NULL));
    slot_free(copy);
    for (uint32_t core = 2; core <= last_core(); core++) {
        TRY(far_has(core, CAPTYPE_NULL));
        TRY_OK(shares_drop(&fars[core].b));
    }
    /* The only one moves, with the right to revoke. */
    TRY_OK(shares_hold(&fars[1].b, device));
    TRY(far_reads_device(1));
    TRY_OK(shares_revoke(&fars[1].b));
    TRY_OK(shares_hand(&fars[1].b, &device));
    TRY_OK(cap_revoke(device));
    return is_here(device, CAPTYPE_DEVFRAME);
}

/* There is one of it, wherever it is. */
static bool interrupts(void)
{
    for (uint32_t core = 1; core <= last_core(); core++) {
        TRY(err_is_fail(shares_accept(&fars[core].b, irq)));
        TRY(is_here(irq, CAPTYPE_IRQDEST));
        TRY_OK(shares_hold(&fars[core].b, irq));
        TRY(far_has(core, CAPTYPE_IRQDEST));
        TRY_OK(shares_connect(&fars[core].b));
        TRY_OK(shares_revoke(&fars[core].b));
        if (last_core() > 1) {
            TRY(err_is_fail(shares_pass(&fars[core].b, core == 1 ? 2 : 1)));
        }
        TRY_OK(shares_hand(&fars[core].b, &irq));
        TRY_OK(cap_revoke(irq));
        TRY(is_here(irq, CAPTYPE_IRQDEST));
    }
    return true;
}

/* A loan ends with a slot, which does not wait for other cores: it does not go there. */
static bool loans(void)
{
    uint64_t bytes, value;
    caddr_t frame, copy, loan;
    void *at;

    TRY_OK(frame_alloc(PAGE_BYTES, &frame, &bytes));
    TRY_OK(paging_map_frame(paging_self(), frame, 0, PAGE_BYTES, AOS_VM_RW, &at));
    *(volatile uint64_t *)at = 9;
    TRY_OK(paging_unmap(paging_self(), at));
    TRY_OK(shares_peek(&service, frame, &value)); /* on this core it does */
    TRY(value == 9);
    TRY_OK(slot_alloc(&loan));
    TRY_OK(slot_alloc(&copy));
    TRY_OK(cap_copy(copy, frame));
    TRY_OK(cap_lend(loan, copy, CAP_RIGHT_R));
    for (uint32_t core = 1; core <= last_core(); core++) {
        TRY(err_is_fail(shares_peek(&fars[core].b, frame, &value)));
        TRY(err_is_fail(shares_accept(&fars[core].b, loan)));
        TRY(far_has(core, CAPTYPE_NULL));
        TRY(is_here(loan, CAPTYPE_FRAME));
    }
    TRY_OK(cap_destroy(copy));
    TRY(is_here(loan, CAPTYPE_NULL));
    slot_free(loan);
    TRY_OK(ram_free(frame));
    return true;
}

static bool givers_end(void)
{
    TRY(giver_ends("notify", CAPTYPE_NOTIFY));
    TRY_OK(shares_signal(&fars[1].b));   /* nobody hears it */
    TRY(far_has(1, CAPTYPE_NOTIFY));
    TRY_OK(shares_drop(&fars[1].b));

    TRY_OK(shares_accept(&service, device));
    TRY(giver_ends("held", CAPTYPE_DEVFRAME));
    TRY(far_reads_device(1));
    TRY_OK(cap_revoke(device));
    TRY(far_has(1, CAPTYPE_NULL));
    TRY_OK(shares_drop(&fars[1].b));

    TRY_OK(shares_hold(&service, irq));
    TRY(giver_ends("held", CAPTYPE_IRQDEST));
    TRY_OK(shares_connect(&fars[1].b));
    TRY_OK(shares_hand(&fars[1].b, &irq));
    return is_here(irq, CAPTYPE_IRQDEST);
}

static bool everything(void)
{
    return notifies() && devices() && interrupts() && loans() && givers_end();
}

/* What services keep for having had the most so far is no leak, if it happens once. */
static bool nothing_is_left(void)
{
    struct counters after;
    uint64_t records = 0;

    for (uint32_t i = 0; i < REPEATS_MAX; i++) {
        (void)counters_settle(SETTLE_NS, &before);
        TRY(monitors_agree(&records_before));
        TRY(everything());
        if (as_before(&after, &records)) {
            return true;
        }
    }
    TRY(as_before(&after, &records));
    return true;
}

/* What was deleted elsewhere is init's to give again. */
static bool granted_again(void)
{
    TRY_OK(shares_hold(&fars[last_core()].b, irq));
    TRY_OK(shares_accept(&fars[1].b, device));
    TRY_OK(cap_destroy(device));
    for (uint32_t core = 1; core <= last_core(); core++) {
        TRY_OK(shares_drop(&fars[core].b));
    }
    TRY(service_leaves());
    TRY_OK(shares_granted(&service, "irq/" DEVICE, strlen("irq/" DEVICE), &irq));
    TRY_OK(shares_granted(&service, "device/" DEVICE, strlen("device/" DEVICE), &device));
    TRY_OK(cap_destroy(irq));
    TRY_OK(cap_destroy(device));
    for (uint32_t core = 1; core <= last_core(); core++) {
        TRY(far_end(core));
    }
    return monitors_agree(&records_before);
}

static bool take_device(void)
{
    TRY_OK(shares_granted(&service, "irq/" DEVICE, strlen("irq/" DEVICE), &irq));
    TRY_OK(shares_granted(&service, "device/" DEVICE, strlen("device/" DEVICE), &device));
    return devices();
}

static const struct taptest tests[] = {
    {"DCAP0112 a service's memory comes back from other cores when it ends", service_ends},
    {"DCAP0113 a Notify is rung from every core, revoked, sent away", notifies},
    {"DCAP0123 many Notifies come and go", many_notifies},
    {"DCAP0114 a DevFrame is copied, revoked, moved", take_device},
    {"DCAP0115 an IRQDest moves, and is nowhere twice", interrupts},
    {"DCAP0116 loans stay on their core", loans},
    {"DCAP0117 who gave it away ends", givers_end},
    {"DCAP0118 counters are as before, and the monitors agree", nothing_is_left},
    {"DCAP0119 devices are granted again", granted_again},
};

int core_types(void)
{
    if (!service_bind()) {
        printf("Bail out! there is no service coretest\n");
        return 1;
    }
    return taptest_run(tests, TAPTEST_COUNT(tests));
}
