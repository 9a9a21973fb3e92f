/* The directory of the nameserver: names, who registered them, and their properties. It holds no
 * channel; a name carries an opaque `service` for main.c. Runs on the host too.
 *
 * Invariant: `names` is in ascending byte order without duplicates, and every name and property
 * list is well-formed. Texts are passed as pointer and length; a list of strings is NUL-terminated
 * strings back to back. Errors are NAMESERVER_ERR_*. Nothing changes when a function fails. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aos/domain.h>
#include <if/nameserver.h>

#define DIRECTORY_PER_PID_MAX   8u       /* names of one domain */
#define DIRECTORY_NAMES_MAX     (DOMAINS_MAX * DIRECTORY_PER_PID_MAX)
#define DIRECTORY_NAME_BYTES    63u      /* as in nameserver.if */
#define DIRECTORY_PROPS_BYTES   511u
#define DIRECTORY_EXPECTED_MAX  16u

struct directory_name {
    char name[DIRECTORY_NAME_BYTES + 1];
    uint32_t pid;                        /* who registered it */
    uint16_t iface;
    uint16_t props_bytes;
    char props[DIRECTORY_PROPS_BYTES + 1];
    void *service;
};

/* The name of a service that has ended and is expected back: init starts its services again. */
struct directory_expected {
    uint64_t until_ns;
    char name[DIRECTORY_NAME_BYTES + 1];
};

struct directory {
    uint64_t settled_ns;                 /* until then any name is expected */
    struct directory_expected expected[DIRECTORY_EXPECTED_MAX];
    uint32_t count;
    struct directory_name *names[DIRECTORY_NAMES_MAX]; /* each by malloc */
};

struct text {
    const char *s;
    size_t bytes;
};

void directory_init(struct directory *d);
/* TAKEN, BAD_NAME, BAD_PROPS; LIMIT: the domain has DIRECTORY_PER_PID_MAX names, or there is no
 * memory. */
errval_t directory_register(struct directory *d, uint32_t pid, struct text name, uint16_t iface,
                            struct text props, void *service);
/* May `pid` withdraw `name`? NOT_FOUND, DENIED. */
errval_t directory_may_remove(const struct directory *d, uint32_t pid, struct text name);
const struct directory_name *directory_find(const struct directory *d, struct text name);
/* iface 0: any. NOT_FOUND, WRONG_INTERFACE. */
errval_t directory_lookup(const struct directory *d, struct text name, uint16_t iface,
                          const struct directory_name **ret_name);
/* Takes a name of the directory out of it. */
void directory_remove(struct directory *d, const struct directory_name *name);
/* The first name that was registered by `pid`, or with this service; NULL: none. */
const struct directory_name *directory_of_pid(const struct directory *d, uint32_t pid);
const struct directory_name *directory_of_service(const struct directory *d, const void *service);

/* `name` is about to be taken out, and is expected back until then; if too many are, the one that
 * is expected for the shortest time no more. */
void directory_expect(struct directory *d, struct text name, uint64_t until_ns);
/* Until when the name is expected; 0: it is not. */
uint64_t directory_expects(const struct directory *d, struct text name, uint64_t now_ns);

/* Names with `prefix` and all of `where` that come after `after`, as a list of strings in `buf`; as
 * many as fit. BAD_PROPS. */
errval_t directory_enumerate(const struct directory *d, struct text prefix, struct text where,
                             struct text after, char *buf, size_t room, size_t *ret_bytes);

bool directory_name_ok(struct text name);
/* Every string of the list is key=value with a key of name characters; in a query `=value` may be
 * missing. */
bool directory_props_ok(struct text props, bool query);
