/* caps --graph: what was made of what, in DOT (drawing.h): of one process what it has capabilities
 * to, of the machine what the databases of all cores have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <if/init.h>
#include <if/process.h>

#include "drawing.h"
#include "shell_priv.h"

#define GRAPH_FIRST 256u                 /* room at first */

struct graph_list {
    struct monitor_object *all;
    uint32_t count, room;
};

static errval_t graph_add(struct graph_list *l, const struct monitor_object *objects, size_t count)
{
    if (l->room - l->count < count) {
        uint32_t room = l->room == 0 ? GRAPH_FIRST : 2 * l->room;
        struct monitor_object *more = realloc(l->all, room * sizeof(*more));

        if (more == NULL) {
            return LIB_ERR_NO_MEMORY;
        }
        l->all = more;
        l->room = room;
    }
    memcpy(&l->all[l->count], objects, count * sizeof(*objects));
    l->count += (uint32_t)count;
    return ERR_OK;
}

static void graph_draw_list(struct drawing *d, struct graph_list *l)
{
    uint32_t kept = 0;

    qsort(l->all, l->count, sizeof(l->all[0]), drawing_order);
    for (uint32_t i = 0; i < l->count; i++) {
        if (kept != 0 && drawing_order(&l->all[kept - 1], &l->all[i]) == 0) {
            l->all[kept - 1].copies++;
        } else {
            l->all[kept++] = l->all[i];
        }
    }
    for (uint32_t i = 0; i < kept; i++) {
        drawing_add(d, &l->all[i]);
    }
}

static errval_t graph_process(struct shell *sh, uint32_t pid, const struct drawing_how *how,
                              bool *ret_drawn)
{
    struct monitor_object objects[PROCESS_CAPABILITIES_OBJECTS_MAX];
    struct process_binding *b = shell_process_of(sh, pid);
    struct process_info info;
    struct graph_list list = {0};
    struct drawing d;
    uint32_t next = 0;
    size_t count;
    errval_t err = process_describe(b, pid, &info);

    do {
        if (err_is_ok(err)) {
            err = process_capabilities(b, pid, next, objects, &count, &next);
        }
        if (err_is_ok(err)) {
            err = graph_add(&list, objects, count);
        }
    } while (err_is_ok(err) && next != 0);
    if (err_is_ok(err)) {
        drawing_begin(&d, stdout, how, /* cores= */ false);
        drawing_core(&d, info.core);
        graph_draw_list(&d, &list);
        drawing_core_end(&d);
        *ret_drawn = drawing_end(&d);
    }
    free(list.all);
    return err;
}

static errval_t graph_core(struct monitor_binding *b, uint32_t core, struct drawing *d)
{
    struct monitor_object objects[MONITOR_OBJECTS_OBJECTS_MAX], last = {0};
    size_t count = 0;
    errval_t err;

    drawing_core(d, core);
    do {
        err = monitor_objects(b, core, &last, objects, &count);
        for (size_t i = 0; err_is_ok(err) && i < count; i++) {
            drawing_add(d, &objects[i]);
            last = objects[i];
        }
    } while (err_is_ok(err) && count != 0);
    drawing_core_end(d);
    return err;
}

static errval_t graph_machine(struct shell *sh, const struct drawing_how *how, bool *ret_drawn)
{
    struct monitor_binding b;
    struct drawing d;
    uint32_t on;
    caddr_t end;
    errval_t err = init_cores(sh->init, &on);

    err = err_is_ok(err) ? init_monitor(sh->init, &end) : err;
    err = err_is_ok(err) ? monitor_bind(end, &b) : err;
    if (err_is_fail(err)) {
        return err;
    }
    drawing_begin(&d, stdout, how, /* cores= */ true);
    for (uint32_t core = 0; core < DOMAIN_CORES_MAX && err_is_ok(err); core++) {
        if ((on & 1u << core) != 0) {
            err = graph_core(&b, core, &d);
        }
    }
    *ret_drawn = drawing_end(&d);
    monitor_close(&b);
    return err;
}

static bool graph_add_type(const char *name, uint32_t *types)
{
    for (uint32_t type = CAPTYPE_NULL + 1; type < CAPTYPE_COUNT; type++) {
        if (strcmp(captype_name((enum captype)type), name) == 0) {
            *types |= 1u << type;
            return true;
        }
    }
    return false;
}

int shell_graph(struct shell *sh, int argc, char **argv)
{
    bool drawn = false, machine = false;
    struct drawing_how how = {.fold = true};
    uint64_t pid = domain_pid();
    errval_t err;

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--all") == 0) {
            how.fold = false;
        } else if (i == 0 && strcmp(argv[i], "--machine") == 0) {
            machine = true;
        } else if (!graph_add_type(argv[i], &how.types)
                   && (i != 0 || !shell_number(argv[i], UINT32_MAX, &pid))) {
            return BUILTIN_MISUSED;
        }
    }
    err = machine ? graph_machine(sh, &how, &drawn)
                  : graph_process(sh, (uint32_t)pid, &how, &drawn);
    err = err_is_ok(err) && !drawn ? LIB_ERR_NO_MEMORY : err;
    return err_is_ok(err) ? 0 : shell_error("caps", err);
}
