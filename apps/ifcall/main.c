/* ifcall SERVICE[.METHOD] [NAME=VALUE]... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/paging.h>
#include <aos/services.h>
#include <if/init.h>
#include <if/nameserver.h>

#include "ifcall_priv.h"

#define STATUS_FAILED 1
#define STATUS_USAGE  2
#define VALUES_MAX    8192u
#define BYTES_MAX     65536u

static struct ifdesc_value values[VALUES_MAX];
static uint8_t bytes[BYTES_MAX];
static struct ifdesc_room room;
static struct ifcall call;

static int fail(const char *what, errval_t err)
{
    char text[128];
    (void)err_format(err, text, sizeof(text));
    (void)fflush(stdout);
    fprintf(stderr, "ifcall: %s: %s (%s)\n", what, err_message(err), text);
    return STATUS_FAILED;
}

static void put(void *arg, const char *text, size_t count)
{
    (void)fwrite(text, 1, count, arg);
}

/* The descriptions of the boot image. */
static errval_t descriptions(const void **ret_bundle, size_t *ret_bytes)
{
    struct init_binding *init;
    caddr_t frame;
    uint64_t size;
    void *at;
    errval_t err = aos_init(&init);
    if (err_is_ok(err)) {
        err = init_module(init, IFDESC_MODULE, strlen(IFDESC_MODULE), &frame, &size);
    }
    if (err_is_ok(err)) {
        err = paging_map_frame(paging_self(), frame, 0, aos_round_up(size, AOS_PAGE_BYTES),
                               AOS_VM_READ, &at);
    }
    if (err_is_ok(err)) {
        *ret_bundle = at;
        *ret_bytes = size;
    }
    return err;
}

static bool is_nameserver(const char *service)
{
    return strcmp(service, "nameserver") == 0;
}

/* Which interface a service speaks. Nobody registers the nameserver. */
static errval_t interface_of(const char *service, uint16_t *ret_id)
{
    char props[NAMESERVER_DESCRIBE_PROPS_MAX];
    struct nameserver_binding *names;
    size_t props_bytes;
    uint32_t pid;
    if (is_nameserver(service)) {
        *ret_id = NAMESERVER_ID;
        return ERR_OK;
    }
    errval_t err = aos_nameserver(&names);
    return err_is_fail(err) ? err
                            : nameserver_describe(names, service, strlen(service), &pid, ret_id,
                                                  props, &props_bytes);
}

static errval_t end_of(const char *service, caddr_t *ret_end)
{
    struct nameserver_binding *names;
    if (!is_nameserver(service)) {
        return aos_lookup(service, ret_end);
    }
    errval_t err = aos_nameserver(&names);
    return err_is_fail(err) ? err
                            : binding_clone(&names->base, BINDING_CLONE_OWN, 0, ret_end);
}

static errval_t open_service(void *service, struct binding *b,
                             const struct client_interface *iface)
{
    caddr_t end;
    errval_t err = end_of(service, &end);
    return err_is_fail(err) ? err : binding_open(b, end, iface);
}

static int misused(const char *service, const struct ifdesc *d, const struct ifdesc_method *m)
{
    size_t length = 0;
    const char *line = ifdesc_signature(d, m, &length);
    fprintf(stderr, "ifcall: %s.%s: %s\n", service, m->name, room.wrong);
    if (line != NULL) {
        fprintf(stderr, "%.*s\n", (int)length, line);
    }
    return STATUS_USAGE;
}

/* Tells which capabilities came, and deletes them. */
static void drop_caps(void)
{
    for (uint32_t i = 0; i < call.caps_count; i++) {
        uint32_t type = call.caps_info[i] & 0xff, rights = call.caps_info[i] >> 8;
        printf("cap%u: %s %s%s%s%s\n", (unsigned)i, captype_name(type),
               (rights & CAP_RIGHT_R) != 0 ? "r" : "", (rights & CAP_RIGHT_W) != 0 ? "w" : "",
               (rights & CAP_RIGHT_X) != 0 ? "x" : "", (rights & CAP_RIGHT_D) != 0 ? "d" : "");
        (void)cap_destroy(call.caps[i]);
    }
}

static void show(const struct ifdesc_value *v, const char *between)
{
    const struct ifdesc_out out = {put, stdout};
    ifdesc_print(call.d, v, between, &out);
    printf("\n");
}

/* The items of a stream stand on a line each. */
static void show_item(struct ifcall *c, const struct ifdesc_value *item)
{
    show(item, " ");
    drop_caps();
    c->caps_count = 0;
}

static int make_call(char *service, int argc, char **argv)
{
    struct ifdesc_value *params;
    if (call.m->kind == MSG_EVENT) {
        fprintf(stderr, "ifcall: %s.%s: an event comes from the service\n", service, call.m->name);
        return STATUS_USAGE;
    }
    if (!ifdesc_parse(call.d, call.m, argc, argv, &room, &params) ||
        !ifdesc_encode(call.d, call.m, params, &room, &call.msg)) {
        return misused(service, call.d, call.m);
    }
    if (call.msg.caps_count != 0) {
        (void)snprintf(room.wrong, sizeof(room.wrong), "ifcall has no capabilities to send");
        return misused(service, call.d, call.m);
    }
    errval_t err = ifcall_call(&call, open_service, service);
    if (err_is_ok(err) && call.results != NULL && call.results->count != 0) {
        show(call.results, "\n");
    }
    drop_caps();
    ifcall_free(&call);
    if (err_is_fail(err)) {
        return fail(room.wrong[0] != '\0' ? room.wrong : call.m->name, err);
    }
    return 0;
}

int main(int argc, char **argv)
{
    static struct ifdesc d;
    static struct ifdesc_method m;
    const void *bundle;
    size_t bundle_bytes;
    uint16_t id;
    if (argc < 2) {
        fprintf(stderr, "usage: ifcall SERVICE[.METHOD] [NAME=VALUE]...\n");
        return STATUS_USAGE;
    }
    room = (struct ifdesc_room){
        .values = values, .values_max = VALUES_MAX, .bytes = bytes, .bytes_max = BYTES_MAX};
    errval_t err = descriptions(&bundle, &bundle_bytes);
    if (err_is_fail(err)) {
        return fail("the boot image has no descriptions of interfaces", err);
    }
    /* Names of services may have dots, those of methods have none. */
    char *method = strrchr(argv[1], '.');
    err = interface_of(argv[1], &id);
    if (err_is_fail(err) && method != NULL) {
        *method++ = '\0';
        err = interface_of(argv[1], &id);
    } else {
        method = NULL;
    }
    if (err_is_fail(err)) {
        return fail(argv[1], err);
    }
    if (!ifdesc_find(bundle, bundle_bytes, id, &d)) {
        fprintf(stderr, "ifcall: %s: interface %#x is not described in the boot image\n", argv[1],
                (unsigned)id);
        return STATUS_FAILED;
    }
    if (method == NULL) {
        printf("%s", ifdesc_text(&d));
        return 0;
    }
    if (!ifdesc_method(&d, method, strlen(method), &m)) {
        fprintf(stderr, "ifcall: %s has no method %s; `ifcall %s` lists them\n", argv[1], method,
                argv[1]);
        return STATUS_USAGE;
    }
    call.d = &d;
    call.m = &m;
    call.room = &room;
    call.on_item = show_item;
    return make_call(argv[1], argc - 2, argv + 2);
}
