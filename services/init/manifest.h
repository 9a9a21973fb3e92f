/* The image manifest (apps/images/default.image): what init starts. A pure parser; `module` lines
 * are for the packer and only checked. Strings are cut out of the text, which it keeps a copy
 * of. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MANIFEST_BYTES_MAX    4096u
/* init waits for all names on one connection: CHAN_CALLS_MAX */
#define MANIFEST_SERVICES_MAX 8u
#define MANIFEST_GRANTS_MAX   8u         /* of one service */
#define MANIFEST_ARGS_MAX     8u
#define MANIFEST_VAULT_NODES_MAX 8u
#define MANIFEST_NAME_BYTES   31u

enum manifest_grant_kind { MANIFEST_GRANT_RAM, MANIFEST_GRANT_DEVICE, MANIFEST_GRANT_IRQ };

struct manifest_grant {
    enum manifest_grant_kind kind;
    const char *what;
};

struct manifest_service {
    const char *name;
    uint64_t quota;                      /* bytes; 0: none */
    uint32_t vault_nodes;                /* capability nodes of its vault (aos/vault.h) */
    uint64_t vault_bytes;                /* 0: it has none */
    uint32_t grant_count;
    struct manifest_grant grants[MANIFEST_GRANTS_MAX];
    uint32_t arg_count;
    const char *args[MANIFEST_ARGS_MAX];
    const char *clients;                 /* comma-separated, "" if none */
};

struct manifest {
    uint32_t service_count;
    struct manifest_service services[MANIFEST_SERVICES_MAX];
    const char *shell;                   /* NULL: none */
    char text[MANIFEST_BYTES_MAX + 1];
};

/* False: `ret_line` and `ret_why` say what is wrong; the manifest is then of no use. */
bool manifest_parse(struct manifest *m, const char *text, size_t bytes, uint32_t *ret_line,
                    const char **ret_why);
