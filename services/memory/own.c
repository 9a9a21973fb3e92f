/* The service's own memory, which comes from its own allocator: what libaos needs (slots, page
 * tables, connections), and the records of the allocator. Others leave MEMORY_OWN_BYTES and
 * MEMORY_RECORDS_RESERVE records to it, so that it can always take back. */
#include "service_priv.h"

#include <stdio.h>

#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/paging.h>
#include <aos/ram.h>
#include <aos/slot.h>

/* More records are made when there are fewer than this, so many bytes of them. */
#define SERVICE_RECORDS_LOW   128u
#define SERVICE_RECORDS_BYTES 0x8000u
#define SERVICE_RECORDS_FIRST 256u
#define SERVICE_RECORDS_EARLY 0x40000ull /* bytes of them, at most, from the early RAM */

static union memory_record first_records[SERVICE_RECORDS_FIRST];
static bool making_records;

static errval_t own_alloc(void *arg, uint64_t bytes, uint64_t align, caddr_t *ret_ram,
                          uint64_t *ret_bytes)
{
    errval_t err;

    (void)arg;
    mutex_lock(&service.lock);
    err = service_take_locked(service.core.own, service.core.own, bytes, align, ret_ram,
                              ret_bytes);
    mutex_unlock(&service.lock);
    return err;
}

static void own_free(void *arg, caddr_t ram, uint64_t bytes)
{
    (void)arg;
    (void)bytes;
    mutex_lock(&service.lock);
    (void)service_give_locked(service.core.own, ram);
    mutex_unlock(&service.lock);
}

static const struct ram_source own_source = {.alloc = own_alloc, .free = own_free};

void service_own_records(void)
{
    void *memory;

    /* Mapping them takes memory, so records: not again before that is done. */
    if (service.core.spare_count >= SERVICE_RECORDS_LOW || making_records) {
        return;
    }
    making_records = true;
    if (err_is_ok(paging_alloc(SERVICE_RECORDS_BYTES, AOS_VM_RW, &memory))) {
        memory_add_records(&service.core, memory, SERVICE_RECORDS_BYTES);
    }
    making_records = false;
}

static void own_add_roots(void)
{
    char name[16];
    struct cap_info info;
    caddr_t cap;

    for (uint32_t i = 0; i < MEMORY_ROOTS_MAX; i++) {
        snprintf(name, sizeof(name), "ram%u", i);
        if (err_is_fail(domain_grant(name, &cap))) {
            break;
        }
        if (err_is_ok(cap_identify(cap, &info))
            && err_is_ok(memory_add(&service.core, info.a, info.b))) {
            service.roots[memory_root_at(&service.core, info.a)] = cap;
        }
    }
}

/* What the service before this one has left. */
static void own_open_vault(void)
{
    struct vault *vault = &service.vault;
    errval_t err = vault_open(vault);

    if (err_has(err, LIB_ERR_NOT_FOUND)) {
        return;
    }
    if (err_is_ok(err) && vault->bytes < sizeof(struct keep_vault) + sizeof(struct keep_region)) {
        err = LIB_ERR_RANGE;
    }
    if (err_is_fail(err)) {
        aos_panic("memory: no vault: 0x%llx", (unsigned long long)err);
    }
    keep_init(&service.core, vault->data, vault->bytes);
}

/* Records for it: from the early RAM, or, if they are many, from what nobody has. `ret_hole`: then
 * that is this service's own. */
static void own_make_records(struct memory_range *ret_hole)
{
    uint32_t count = keep_records(&service.core);
    uint64_t bytes = aos_round_up(count * sizeof(union memory_record), AOS_PAGE_BYTES);
    void *memory;

    *ret_hole = (struct memory_range){0};
    if (count <= SERVICE_RECORDS_FIRST / 2) {
        return;
    }
    if ((bytes > SERVICE_RECORDS_EARLY || err_is_fail(paging_alloc(bytes, AOS_VM_RW, &memory)))
        && !service_find_hole(bytes, ret_hole, &memory)) {
        aos_panic("memory: no records for what there was");
    }
    memory_add_records(&service.core, memory, bytes);
}

/* The hole is not to be given out, nor known to the next service as one. */
static void own_keep_hole(const struct memory_range *hole)
{
    struct memory_region *r;

    if (hole->bytes != 0) {
        r = memory_restore(&service.core, service.core.own, service.core.own, hole->base,
                           hole->bytes);
        if (r == NULL || !keep_has_room(&service.core, 1)) {
            aos_panic("memory: no place for its records");
        }
        keep_region(&service.core, r);
    }
}

/* What other cores have is theirs as it was, but they may end, or go off, without a word to this
 * service, which they may not know yet: it goes when nobody uses it any more. */
static void own_await_far(void)
{
    for (struct memory_account *a = service.core.accounts; a != NULL; a = a->next) {
        if (service_is_far(a->pid)) {
            memory_retire_all(&service.core, a, /* patient= */ true);
        }
    }
}

/* What was recorded and never given away, or has come back and was not noted. */
static void own_probe_restored(void)
{
    struct memory_region *r = NULL;
    uint32_t place = 0;

    while ((r = memory_dying_next(&service.core, r)) != NULL) {
        r->patient = service_is_far(r->charged->pid); /* as the service before this one had it */
    }
    while ((r = keep_next(&service.core, &place)) != NULL) {
        struct memory_range range = {
            .root = r->root, .off = r->base - service.core.roots[r->root].base, .base = r->base,
            .bytes = r->bytes,
        };

        if (r->state == MEMORY_USED && service_probe(&range)) {
            memory_give(&service.core, r->base, r->bytes);
        }
    }
}

void service_own_init(void)
{
    struct memory_range hole;

    memory_core_init(&service.core, domain_first_program(domain_core()));
    memory_add_records(&service.core, first_records, sizeof(first_records));
    own_open_vault();
    own_add_roots();
    own_make_records(&hole);
    service.core.reserve = quota_of_services(service.core.total);
    service_borrow_restore();
    keep_restore(&service.core, domain_pid());
    if (err_is_fail(accounts_connect(&service.core, domain_pid(), &service.core.own))) {
        aos_panic("memory: no records");
    }
    own_keep_hole(&hole);
    if (err_is_fail(slot_alloc(&service.probe_slot))) {
        aos_panic("memory: no slot");
    }
    ram_set_source(&own_source);
    own_await_far();
    own_probe_restored();
}
