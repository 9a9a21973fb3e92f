/* See manifest.h. */
#include "manifest.h"

#include <string.h>

/* The words of one line, taken one after the other. */
struct words {
    char *at;
};

static char *words_next(struct words *w)
{
    char *word;

    while (*w->at == ' ' || *w->at == '\t' || *w->at == '\r') {
        w->at++;
    }
    if (*w->at == '\0') {
        return NULL;
    }
    word = w->at;
    while (*w->at != '\0' && *w->at != ' ' && *w->at != '\t' && *w->at != '\r') {
        w->at++;
    }
    if (*w->at != '\0') {
        *w->at++ = '\0';
    }
    return word;
}

/* Decimal with an optional unit. */
static bool manifest_size(const char *word, uint64_t *ret_bytes)
{
    static const struct { const char *name; uint64_t bytes; } units[] = {
        {"", 1}, {"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30},
    };
    uint64_t value = 0;
    const char *start = word;

    for (; *word >= '0' && *word <= '9'; word++) {
        if (__builtin_mul_overflow(value, 10, &value)
            || __builtin_add_overflow(value, (uint64_t)(*word - '0'), &value)) {
            return false;
        }
    }
    for (size_t i = 0; word != start && i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(word, units[i].name) == 0) {
            return !__builtin_mul_overflow(value, units[i].bytes, ret_bytes);
        }
    }
    return false;
}

static const char *manifest_grant(struct manifest_service *s, struct words *line)
{
    static const char *const kinds[] = {
        [MANIFEST_GRANT_RAM] = "ram", [MANIFEST_GRANT_DEVICE] = "device",
        [MANIFEST_GRANT_IRQ] = "irq",
    };
    const char *kind = words_next(line);
    const char *what = words_next(line);

    if (what == NULL) {
        return "grant needs a kind and an argument";
    }
    if (s->grant_count == MANIFEST_GRANTS_MAX) {
        return "too many grants";
    }
    for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kind, kinds[i]) == 0) {
            s->grants[s->grant_count].kind = (enum manifest_grant_kind)i;
            s->grants[s->grant_count++].what = what;
            return NULL;
        }
    }
    return "unknown kind of grant";
}

static const char *manifest_vault(struct manifest_service *s, struct words *line)
{
    const char *nodes = words_next(line), *bytes = words_next(line);
    uint64_t count;

    if (nodes == NULL || bytes == NULL || !manifest_size(nodes, &count)
        || count > MANIFEST_VAULT_NODES_MAX || !manifest_size(bytes, &s->vault_bytes)) {
        return "vault needs at most 8 nodes and a size";
    }
    s->vault_nodes = (uint32_t)count;
    return NULL;
}

/* One `keyword value` of a service line. */
static const char *manifest_option(struct manifest_service *s, const char *key,
                                   struct words *line)
{
    const char *value;

    if (strcmp(key, "grant") == 0) {
        return manifest_grant(s, line);
    }
    if (strcmp(key, "vault") == 0) {
        return manifest_vault(s, line);
    }
    value = words_next(line);
    if (value == NULL) {
        return "a value is missing at the end of the line";
    }
    if (strcmp(key, "quota") == 0) {
        return manifest_size(value, &s->quota) ? NULL : "quota needs a size";
    }
    if (strcmp(key, "clients") == 0) {
        s->clients = value;
        return NULL;
    }
    if (strcmp(key, "arg") == 0) {
        if (s->arg_count == MANIFEST_ARGS_MAX) {
            return "too many arguments";
        }
        s->args[s->arg_count++] = value;
        return NULL;
    }
    return "unknown word in a service line";
}

static const char *manifest_service(struct manifest *m, struct words *line)
{
    struct manifest_service *s = &m->services[m->service_count];
    const char *name = words_next(line);
    const char *key;
    const char *wrong = NULL;

    if (name == NULL || strlen(name) > MANIFEST_NAME_BYTES) {
        return "service needs a name of at most 31 bytes";
    }
    if (m->service_count == MANIFEST_SERVICES_MAX) {
        return "too many services";
    }
    for (uint32_t i = 0; i < m->service_count; i++) {
        if (strcmp(m->services[i].name, name) == 0) {
            return "a service is named twice";
        }
    }
    *s = (struct manifest_service){.name = name, .clients = ""};
    while (wrong == NULL && (key = words_next(line)) != NULL) {
        wrong = manifest_option(s, key, line);
    }
    m->service_count += wrong == NULL;
    return wrong;
}

static const char *manifest_line(struct manifest *m, char *text)
{
    struct words line = {text};
    char *comment = strchr(text, '#');
    const char *word, *name;

    if (comment != NULL) {
        *comment = '\0';
    }
    word = words_next(&line);
    if (word == NULL) {
        return NULL;
    }
    if (strcmp(word, "service") == 0) {
        return manifest_service(m, &line);
    }
    name = words_next(&line);
    if (name == NULL || words_next(&line) != NULL) {
        return "one name belongs here";
    }
    if (strcmp(word, "shell") == 0) {
        if (m->shell != NULL) {
            return "there is a shell already";
        }
        m->shell = name;
        return NULL;
    }
    return strcmp(word, "module") == 0 ? NULL : "unknown word at the start of the line";
}

bool manifest_parse(struct manifest *m, const char *text, size_t bytes, uint32_t *ret_line,
                    const char **ret_why)
{
    char *at = m->text;
    uint32_t line = 0;
    const char *wrong = NULL;

    m->service_count = 0;
    m->shell = NULL;
    if (bytes > MANIFEST_BYTES_MAX || memchr(text, '\0', bytes) != NULL) {
        wrong = "the manifest is too long or holds a NUL";
    } else {
        memcpy(m->text, text, bytes);
        m->text[bytes] = '\0';
    }
    while (wrong == NULL && *at != '\0') {
        char *end = strchr(at, '\n');
        char *next = end == NULL ? at + strlen(at) : end + 1;

        if (end != NULL) {
            *end = '\0';
        }
        line++;
        wrong = manifest_line(m, at);
        at = next;
    }
    if (wrong != NULL) {
        *ret_line = line;
        *ret_why = wrong;
    }
    return wrong == NULL;
}
