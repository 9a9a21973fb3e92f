/* See nameserver_priv.h. */
#include "nameserver_priv.h"

#include <stdlib.h>
#include <string.h>

static struct text directory_text(const char *s)
{
    return (struct text){s, strlen(s)};
}

/* Byte order, a prefix before what it is a prefix of. */
static int directory_compare(struct text a, struct text b)
{
    size_t common = a.bytes < b.bytes ? a.bytes : b.bytes;
    int order = common == 0 ? 0 : memcmp(a.s, b.s, common);

    return order != 0 ? order : (a.bytes > b.bytes) - (a.bytes < b.bytes);
}

static bool directory_char_ok(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.'
        || c == '_' || c == '-' || c == '/';
}

bool directory_name_ok(struct text name)
{
    for (size_t i = 0; i < name.bytes; i++) {
        if (!directory_char_ok(name.s[i])) {
            return false;
        }
    }
    return name.bytes >= 1 && name.bytes <= DIRECTORY_NAME_BYTES;
}

/* The next string of a list; false at its end. A list whose last string is not terminated yields it
 * all the same. */
static bool directory_next_string(struct text *list, struct text *ret_string)
{
    const char *end;

    if (list->bytes == 0) {
        return false;
    }
    end = memchr(list->s, '\0', list->bytes);
    ret_string->s = list->s;
    ret_string->bytes = end == NULL ? list->bytes : (size_t)(end - list->s);
    list->s += ret_string->bytes + (end != NULL);
    list->bytes -= ret_string->bytes + (end != NULL);
    return true;
}

bool directory_props_ok(struct text props, bool query)
{
    struct text string;

    if (props.bytes > DIRECTORY_PROPS_BYTES
        || (props.bytes != 0 && props.s[props.bytes - 1] != '\0')) {
        return false;
    }
    while (directory_next_string(&props, &string)) {
        const char *equals = string.bytes == 0 ? NULL : memchr(string.s, '=', string.bytes);
        size_t key_bytes = equals == NULL ? string.bytes : (size_t)(equals - string.s);

        if ((equals == NULL && !query) || !directory_name_ok((struct text){string.s, key_bytes})) {
            return false;
        }
    }
    return true;
}

/* Does `props` hold the property that `wanted` (key or key=value) asks for? */
static bool directory_has_prop(struct text props, struct text wanted)
{
    bool whole = memchr(wanted.s, '=', wanted.bytes) != NULL;
    struct text prop;

    while (directory_next_string(&props, &prop)) {
        bool starts = prop.bytes >= wanted.bytes && memcmp(prop.s, wanted.s, wanted.bytes) == 0;

        if (starts && (whole ? prop.bytes == wanted.bytes : prop.s[wanted.bytes] == '=')) {
            return true;
        }
    }
    return false;
}

static bool directory_matches(const struct directory_name *n, struct text prefix,
                              struct text where)
{
    struct text props = {n->props, n->props_bytes};
    struct text wanted;

    if (strncmp(n->name, prefix.s, prefix.bytes) != 0) {
        return false;
    }
    while (directory_next_string(&where, &wanted)) {
        if (!directory_has_prop(props, wanted)) {
            return false;
        }
    }
    return true;
}

/* Where `name` is or would be inserted. */
static uint32_t directory_place(const struct directory *d, struct text name)
{
    uint32_t low = 0, high = d->count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (directory_compare(directory_text(d->names[middle]->name), name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void directory_init(struct directory *d)
{
    memset(d, 0, sizeof(*d));
}

const struct directory_name *directory_find(const struct directory *d, struct text name)
{
    uint32_t place = directory_place(d, name);

    if (place == d->count
        || directory_compare(directory_text(d->names[place]->name), name) != 0) {
        return NULL;
    }
    return d->names[place];
}

static uint32_t directory_count_of(const struct directory *d, uint32_t pid)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < d->count; i++) {
        count += d->names[i]->pid == pid;
    }
    return count;
}

errval_t directory_register(struct directory *d, uint32_t pid, struct text name, uint16_t iface,
                            struct text props, void *service)
{
    struct directory_name *n;
    uint32_t place;

    if (!directory_name_ok(name)) {
        return NAMESERVER_ERR_BAD_NAME;
    }
    if (!directory_props_ok(props, /* query= */ false)) {
        return NAMESERVER_ERR_BAD_PROPS;
    }
    if (directory_find(d, name) != NULL) {
        return NAMESERVER_ERR_TAKEN;
    }
    if (d->count == DIRECTORY_NAMES_MAX || directory_count_of(d, pid) >= DIRECTORY_PER_PID_MAX) {
        return NAMESERVER_ERR_LIMIT;
    }
    place = directory_place(d, name);
    n = calloc(1, sizeof(*n));
    if (n == NULL) {
        return NAMESERVER_ERR_LIMIT;
    }
    memcpy(n->name, name.s, name.bytes);
    if (props.bytes != 0) {
        memcpy(n->props, props.s, props.bytes);
    }
    n->props_bytes = (uint16_t)props.bytes;
    n->pid = pid;
    n->iface = iface;
    n->service = service;
    memmove(&d->names[place + 1], &d->names[place], (d->count - place) * sizeof(d->names[0]));
    d->names[place] = n;
    d->count++;
    return ERR_OK;
}

errval_t directory_may_remove(const struct directory *d, uint32_t pid, struct text name)
{
    const struct directory_name *n = directory_find(d, name);

    if (n == NULL) {
        return NAMESERVER_ERR_NOT_FOUND;
    }
    return n->pid == pid ? ERR_OK : NAMESERVER_ERR_DENIED;
}

errval_t directory_lookup(const struct directory *d, struct text name, uint16_t iface,
                          const struct directory_name **ret_name)
{
    const struct directory_name *n = directory_find(d, name);

    if (n == NULL) {
        return NAMESERVER_ERR_NOT_FOUND;
    }
    if (iface != 0 && n->iface != iface) {
        return NAMESERVER_ERR_WRONG_INTERFACE;
    }
    *ret_name = n;
    return ERR_OK;
}

void directory_remove(struct directory *d, const struct directory_name *name)
{
    uint32_t place = directory_place(d, directory_text(name->name));
    struct directory_name *record = d->names[place];

    d->count--;
    memmove(&d->names[place], &d->names[place + 1], (d->count - place) * sizeof(d->names[0]));
    free(record);
}

const struct directory_name *directory_of_pid(const struct directory *d, uint32_t pid)
{
    for (uint32_t i = 0; i < d->count; i++) {
        if (d->names[i]->pid == pid) {
            return d->names[i];
        }
    }
    return NULL;
}

const struct directory_name *directory_of_service(const struct directory *d, const void *service)
{
    for (uint32_t i = 0; i < d->count; i++) {
        if (d->names[i]->service == service) {
            return d->names[i];
        }
    }
    return NULL;
}

void directory_expect(struct directory *d, struct text name, uint64_t until_ns)
{
    struct directory_expected *e = &d->expected[0];

    for (uint32_t i = 0; i < DIRECTORY_EXPECTED_MAX; i++) {
        struct directory_expected *other = &d->expected[i];

        if (directory_compare(directory_text(other->name), name) == 0) {
            e = other;
            break;
        }
        e = other->until_ns < e->until_ns ? other : e;
    }
    memcpy(e->name, name.s, name.bytes);
    e->name[name.bytes] = '\0';
    e->until_ns = until_ns;
}

uint64_t directory_expects(const struct directory *d, struct text name, uint64_t now_ns)
{
    uint64_t until_ns = d->settled_ns;

    for (uint32_t i = 0; i < DIRECTORY_EXPECTED_MAX; i++) {
        const struct directory_expected *e = &d->expected[i];

        if (e->until_ns > until_ns && directory_compare(directory_text(e->name), name) == 0) {
            until_ns = e->until_ns;
        }
    }
    return until_ns > now_ns ? until_ns : 0;
}

errval_t directory_enumerate(const struct directory *d, struct text prefix, struct text where,
                             struct text after, char *buf, size_t room, size_t *ret_bytes)
{
    size_t used = 0;

    if (!directory_props_ok(where, /* query= */ true)) {
        return NAMESERVER_ERR_BAD_PROPS;
    }
    for (uint32_t i = directory_place(d, after); i < d->count; i++) {
        const struct directory_name *n = d->names[i];
        size_t bytes = strlen(n->name) + 1;

        if (directory_compare(directory_text(n->name), after) == 0
            || !directory_matches(n, prefix, where)) {
            continue;
        }
        if (bytes > room - used) {
            break;
        }
        memcpy(buf + used, n->name, bytes);
        used += bytes;
    }
    *ret_bytes = used;
    return ERR_OK;
}
