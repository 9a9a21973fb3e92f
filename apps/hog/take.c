/* See hog_priv.h: what a domain has for itself. */
#include "hog_priv.h"

#include <aos/paging.h>
#include <aos/ram.h>
#include <aos/slot.h>
#include <aos/thread.h>
#include <aos/waitset.h>

#define HOG_FRAME_BYTES 0x100000ull
#define HOG_STACK_BYTES 0x4000u
#define KIB             1024u

errval_t hog_memory(uint64_t *ret_count)
{
    uint64_t bytes = HOG_FRAME_BYTES;
    errval_t err = ERR_OK;

    while (bytes >= AOS_PAGE_BYTES) {
        caddr_t frame;

        err = frame_alloc(bytes, &frame, NULL);
        if (err_is_ok(err)) {
            *ret_count += bytes / KIB;
        } else {
            bytes /= 2;
        }
    }
    return err;
}

errval_t hog_slots(uint64_t *ret_count)
{
    errval_t err;
    caddr_t slot;

    while (err_is_ok(err = slot_alloc(&slot))) {
        ++*ret_count;
    }
    return err;
}

static int take_sleep(void *arg)
{
    hog_sleep();
}

errval_t hog_threads(uint64_t *ret_count)
{
    const struct thread_attr attr = {.stack_bytes = HOG_STACK_BYTES, .name = "hog"};
    struct thread *t;
    errval_t err;

    while (err_is_ok(err = thread_create(take_sleep, NULL, &attr, &t))) {
        ++*ret_count;
    }
    return err;
}

static void take_event(void *arg)
{
}

errval_t hog_endpoints(uint64_t *ret_count)
{
    static struct waitset ws;
    errval_t err = ERR_OK;

    waitset_init(&ws);
    while (err_is_ok(err)) {
        struct event_source *source;
        void *memory;

        /* A page for each would be most of what it takes. */
        err = paging_alloc(AOS_PAGE_BYTES, AOS_VM_RW, &memory);
        source = memory;
        for (uint32_t i = 0; err_is_ok(err) && i < AOS_PAGE_BYTES / sizeof(*source); i++) {
            err = event_source_init(&source[i], &ws, take_event, NULL);
            *ret_count += err_is_ok(err);
        }
    }
    return err;
}
