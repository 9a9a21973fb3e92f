/* Program files: modules of the boot image, mapped once. */
#include "service_priv.h"

#include <string.h>

#include <aos/cap.h>
#include <aos/paging.h>
#include <aos/services.h>
#include <if/init.h>

#define SERVICE_MODULES_MAX 48u          /* programs kept mapped */

static struct {
    uint32_t next;                       /* where the next one goes */
    struct module all[SERVICE_MODULES_MAX];
} modules;

/* A place for one more module; when there is none, that of the one that was mapped first. */
static struct module *service_module_place(void)
{
    struct module *m = &modules.all[modules.next];

    if (m->file != NULL) {
        (void)paging_unmap(paging_self(), (void *)(uintptr_t)m->file);
        proc_unshare(m->image);
        (void)cap_destroy(m->frame);     /* whoever runs it has mappings that stay */
        *m = (struct module){.file = NULL};
    }
    return m;
}

errval_t service_module(const char *name, const struct module **ret_module)
{
    struct module *m;
    struct proc_image *image;
    struct init_binding *init;
    caddr_t frame;
    uint64_t bytes;
    void *va;
    errval_t err;

    for (uint32_t i = 0; i < SERVICE_MODULES_MAX; i++) {
        if (modules.all[i].file != NULL && strcmp(modules.all[i].name, name) == 0) {
            *ret_module = &modules.all[i];
            return ERR_OK;
        }
    }
    if (strlen(name) > TABLE_NAME_BYTES) {
        return PROCESS_ERR_NO_PROGRAM;
    }
    err = aos_init(&init);
    if (err_is_ok(err)) {
        err = init_module(init, name, strlen(name), &frame, &bytes);
    }
    if (err_is_fail(err)) {
        return err_push(err, PROCESS_ERR_NO_PROGRAM);
    }
    err = paging_map_frame(paging_self(), frame, 0, aos_round_up(bytes, AOS_PAGE_BYTES),
                           AOS_VM_READ, &va);
    if (err_is_fail(err)) {
        (void)cap_destroy(frame);
        return err_push(err, PROCESS_ERR_NO_MEMORY);
    }
    err = proc_share(va, bytes, frame, &image);
    if (err_is_fail(err)) {
        (void)paging_unmap(paging_self(), va);
        (void)cap_destroy(frame);
        return err_push(err, PROCESS_ERR_NO_MEMORY);
    }
    m = service_module_place();
    strcpy(m->name, name);
    m->frame = frame;
    m->file = va;
    m->image = image;
    modules.next = (modules.next + 1) % SERVICE_MODULES_MAX;
    *ret_module = m;
    return ERR_OK;
}
