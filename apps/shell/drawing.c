/* See drawing.h. A node is added to its parent when all that is in it has come: only then it can be
 * compared with those that are there. Nothing recurs: programs decide how deep things nest. */
#include "drawing.h"

#include <stdlib.h>

#include <aos/cap.h>
#include <aos/domain.h>

#define DRAWING_SHARED_FIRST 64u         /* room at first */
#define DRAWING_HASH_PRIME   0x9e3779b97f4a7c15ull /* 2^64 / golden ratio: spreads bits */

struct drawing_node {
    struct monitor_object o;             /* the first of `count` */
    uint64_t count;
    uint64_t copies;                     /* of all */
    uint64_t hash;                       /* of the shape, when count was 1 */
    struct drawing_node *parent, *first, *last, *next;
};

struct drawing_shared {
    struct monitor_object o;
    uint32_t core;                       /* that has this node */
};

_Static_assert(CAPTYPE_COUNT <= 32, "a mask of types");

void drawing_begin(struct drawing *d, FILE *out, const struct drawing_how *how, bool cores)
{
    *d = (struct drawing){.out = out, .fold = how->fold, .types = how->types, .cores = cores};
    fprintf(out, "digraph capabilities {\n  rankdir=LR;\n  node [shape=box];\n");
}

/* --- the tree ------------------------------------------------------------------------------- */

/* The node after `n` in the tree below `top`: parents first. */
static struct drawing_node *drawing_next(struct drawing_node *n, const struct drawing_node *top)
{
    if (n->first != NULL) {
        return n->first;
    }
    while (n != top && n->next == NULL) {
        n = n->parent;
    }
    return n == top ? NULL : n->next;
}

static void drawing_free(struct drawing_node *top)
{
    struct drawing_node *n = top;

    while (n != NULL) {
        struct drawing_node *child = n->first, *parent = n == top ? NULL : n->parent;

        if (child != NULL) {
            n->first = child->next;
            n = child;
        } else {
            free(n);
            n = parent;
        }
    }
}

static bool drawing_same_range(const struct monitor_object *a, const struct monitor_object *b)
{
    return a->type == b->type && a->page == b->page && a->pages == b->pages;
}

/* The range of `a` contains that of `b`. */
static bool drawing_contains(const struct monitor_object *a, const struct monitor_object *b)
{
    return a->page <= b->page && b->pages <= a->pages && b->page - a->page <= a->pages - b->pages;
}

static bool drawing_is_made_of(const struct monitor_object *b, const struct monitor_object *a)
{
    return a->type != CAPTYPE_MAPPING && drawing_contains(a, b) && !drawing_same_range(a, b);
}

/* Several cores know it: it is told apart. So is what they had from the beginning: memory that was
 * made of nothing here, and by which the monitors ring: a bit for each core. */
static bool drawing_is_shared(const struct drawing *d, const struct drawing_node *n)
{
    return (n->o.state & MONITOR_TRAIT_KNOWN) != 0 || n->o.owner != d->core
        || (n->parent == d->top && n->o.type == CAPTYPE_RAM)
        || (n->o.type == CAPTYPE_NOTIFY && (uint32_t)n->o.place < DOMAIN_CORES_MAX);
}

static uint64_t drawing_mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * DRAWING_HASH_PRIME;
    return hash ^ hash >> 32;
}

static uint64_t drawing_hash(const struct drawing_node *n)
{
    uint64_t hash = drawing_mix(n->o.type, n->o.pages);

    for (const struct drawing_node *c = n->first; c != NULL; c = c->next) {
        hash = drawing_mix(drawing_mix(hash, c->hash), c->count);
    }
    return hash;
}

/* Whether `b`, which is one, and all below it are like each of the `a->count` of `a`. */
static bool drawing_alike(const struct drawing *d, struct drawing_node *a, struct drawing_node *b)
{
    struct drawing_node *x = a, *y = b;

    while (x != NULL && y != NULL) {
        if (x->o.type != y->o.type || x->o.pages != y->o.pages || x->count != a->count * y->count
            || (x->first != NULL) != (y->first != NULL)
            || (x != a && (x->next != NULL) != (y->next != NULL))
            || drawing_is_shared(d, x) || drawing_is_shared(d, y)) {
            return false;
        }
        x = drawing_next(x, a);
        y = drawing_next(y, b);
    }
    return true;
}

/* `b`, alike, becomes one of those of `a`. */
static void drawing_join(struct drawing_node *a, struct drawing_node *b)
{
    struct drawing_node *x = a, *y = b;

    while (x != NULL) {
        x->count += y->count;
        x->copies += y->copies;
        x = drawing_next(x, a);
        y = drawing_next(y, b);
    }
    drawing_free(b);
}

/* All that is in d->open has come. */
static void drawing_close(struct drawing *d)
{
    struct drawing_node *n = d->open, *parent = n->parent, *like = NULL;

    d->open = parent;
    n->hash = drawing_hash(n);
    if (d->fold) {
        for (like = parent->first; like != NULL; like = like->next) {
            if (like->hash == n->hash && drawing_alike(d, like, n)) {
                drawing_join(like, n);
                return;
            }
        }
    }
    if (parent->last == NULL) {
        parent->first = n;
    } else {
        parent->last->next = n;
    }
    parent->last = n;
}

/* Remembers what may be one end of an edge between cores. */
static void drawing_share(struct drawing *d, const struct monitor_object *o)
{
    if (d->shared_count == d->shared_room) {
        uint32_t room = d->shared_room == 0 ? DRAWING_SHARED_FIRST : 2 * d->shared_room;
        struct drawing_shared *more = realloc(d->shared, room * sizeof(*more));

        if (more == NULL) {
            d->full = true;
            return;
        }
        d->shared = more;
        d->shared_room = room;
    }
    d->shared[d->shared_count++] = (struct drawing_shared){*o, d->core};
}

void drawing_core(struct drawing *d, uint32_t core)
{
    d->core = core;
    d->top = d->open = calloc(1, sizeof(*d->top));
    d->full |= d->top == NULL;
}

void drawing_add(struct drawing *d, const struct monitor_object *o)
{
    struct drawing_node *n;

    if (d->types != 0 && (d->types & 1u << o->type) == 0) {
        return;
    }
    n = d->full ? NULL : malloc(sizeof(*n));
    if (n == NULL) {
        d->full = true;
        return;
    }
    while (d->open != d->top && !drawing_is_made_of(o, &d->open->o)) {
        drawing_close(d);
    }
    *n = (struct drawing_node){.o = *o, .count = 1, .copies = o->copies, .parent = d->open};
    d->open = n;
    if (d->cores && drawing_is_shared(d, n)) {
        drawing_share(d, o);
    }
}

/* --- printing ------------------------------------------------------------------------------- */

static void drawing_name(FILE *out, uint32_t core, const struct monitor_object *o)
{
    fprintf(out, "c%u_%s_%x_%x", (unsigned)core, captype_name((enum captype)o->type),
            (unsigned)o->page, (unsigned)o->pages);
    if (o->type == CAPTYPE_MAPPING || o->type == CAPTYPE_ENDPOINT) {
        fprintf(out, "_%llx", (unsigned long long)o->place);
    }
}

static void drawing_size(FILE *out, uint32_t pages)
{
    static const char units[] = "KMG";
    uint64_t size = (uint64_t)pages * (AOS_PAGE_BYTES / 1024);
    uint32_t unit = 0;

    while (unit + 2 < sizeof(units) && size % 1024 == 0) {
        size /= 1024;
        unit++;
    }
    fprintf(out, " %llu %ciB", (unsigned long long)size, units[unit]);
}

/* What tells it from others of its type: not that of several. */
static void drawing_identity(FILE *out, const struct monitor_object *o)
{
    switch ((enum captype)o->type) {
    case CAPTYPE_IRQDEST:
        fprintf(out, " %u", (unsigned)o->place);
        break;
    case CAPTYPE_NOTIFY:
        fprintf(out, " %u of core %u", (unsigned)o->place,
                (unsigned)(o->place >> 32));
        break;
    default:
        if ((o->state & MONITOR_TRAIT_NAME) == 0) {
            fprintf(out, " %#llx", (unsigned long long)o->page * AOS_PAGE_BYTES);
        }
        break;
    }
}

static void drawing_node_print(const struct drawing *d, const struct drawing_node *n)
{
    const struct monitor_object *o = &n->o;
    bool foreign = o->owner != d->core;

    fprintf(d->out, "    ");
    drawing_name(d->out, d->core, o);
    fprintf(d->out, " [label=\"");
    if (n->count != 1) {
        fprintf(d->out, "%llu x ", (unsigned long long)n->count);
    }
    fprintf(d->out, "%s", captype_name((enum captype)o->type));
    if (n->count == 1) {
        drawing_identity(d->out, o);
    }
    if ((o->state & MONITOR_TRAIT_NAME) == 0) {
        drawing_size(d->out, o->pages);
    }
    if (n->copies != n->count) {
        fprintf(d->out, "\\n%llu%s capabilities", (unsigned long long)n->copies,
                (o->state & MONITOR_TRAIT_MORE) != 0 ? " or more" : "");
    }
    if (foreign) {
        fprintf(d->out, "\\nowner: core %u", (unsigned)o->owner);
    }
    fprintf(d->out, "\"%s];\n", foreign ? ", style=dashed" : "");
    if (n->parent != d->top) {
        fprintf(d->out, "    ");
        drawing_name(d->out, d->core, &n->parent->o);
        fprintf(d->out, " -> ");
        drawing_name(d->out, d->core, o);
        fprintf(d->out, ";\n");
    }
}

void drawing_core_end(struct drawing *d)
{
    struct drawing_node *n;

    while (!d->full && d->open != d->top) {
        drawing_close(d);
    }
    for (n = d->open; n != NULL && n != d->top; n = d->open) { /* no memory */
        d->open = n->parent;
        drawing_free(n);
    }
    if (!d->full) {
        if (d->cores) {
            fprintf(d->out, "  subgraph cluster_%u {\n    label=\"core %u\";\n",
                    (unsigned)d->core, (unsigned)d->core);
        }
        n = d->top;
        while ((n = drawing_next(n, d->top)) != NULL) {
            drawing_node_print(d, n);
        }
        fprintf(d->out, "%s", d->cores ? "  }\n" : "");
    }
    drawing_free(d->top);
    d->top = d->open = NULL;
}

/* From what the owner has of `f`, which core `f->core` does not own. Of the memory that a core
 * started with the owner has no node as large as that: it has what is left. */
static void drawing_link(const struct drawing *d, const struct drawing_shared *f)
{
    bool same = false;

    for (uint32_t i = 0; i < d->shared_count; i++) {
        const struct drawing_shared *s = &d->shared[i];

        same |= s->core == f->o.owner && drawing_same_range(&s->o, &f->o);
    }
    for (uint32_t i = 0; i < d->shared_count; i++) {
        const struct drawing_shared *s = &d->shared[i];

        if (s->core == f->o.owner && s->o.owner == s->core
            && (same ? drawing_same_range(&s->o, &f->o)
                     : s->o.type == CAPTYPE_RAM && (s->o.state & MONITOR_TRAIT_KNOWN) == 0
                       && drawing_contains(&f->o, &s->o))) {
            fprintf(d->out, "  ");
            drawing_name(d->out, s->core, &s->o);
            fprintf(d->out, " -> ");
            drawing_name(d->out, f->core, &f->o);
            fprintf(d->out, " [style=dashed, constraint=false];\n");
        }
    }
}

bool drawing_end(struct drawing *d)
{
    for (uint32_t i = 0; !d->full && i < d->shared_count; i++) {
        if (d->shared[i].core != d->shared[i].o.owner) {
            drawing_link(d, &d->shared[i]);
        }
    }
    free(d->shared);
    d->shared = NULL;
    if (!d->full) {
        fprintf(d->out, "}\n");
    }
    return !d->full;
}

int drawing_order(const void *left, const void *right)
{
    const struct monitor_object *a = left, *b = right;

    if (a->page != b->page) {
        return a->page < b->page ? -1 : 1;
    }
    if (a->pages != b->pages) {
        return a->pages > b->pages ? -1 : 1;
    }
    if (a->type != b->type) {
        return a->type < b->type ? -1 : 1;
    }
    return a->place < b->place ? -1 : a->place > b->place;
}
