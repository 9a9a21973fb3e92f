/* The shell's capabilities as a graph for Graphviz: an edge from each object to what was made of
 * it, as far as the shell has capabilities to both. What an object was made of encloses it. */
#include "shell_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include <aos/cap.h>
#include <aos/slot.h>

#define GRAPH_NONE     UINT32_MAX
#define GRAPH_L1_SLOTS (KPI_L1_BYTES_MAX / KPI_SLOT_BYTES)

struct graph_object {
    uint64_t base, bytes;                /* bytes 0: a name, no memory */
    uint64_t side;                       /* of an EndPoint */
    uint32_t copies;                     /* of the shell */
    uint8_t type;
};

struct graph {
    struct graph_object *objects;
    uint32_t count, room;
    bool full;                           /* no memory for more */
};

/* The memory behind a capability; table, dispatchers and channels are told by their first page. */
static uint64_t graph_bytes(const struct cap_info *info)
{
    switch ((enum captype)info->type) {
    case CAPTYPE_RAM:
    case CAPTYPE_FRAME:
    case CAPTYPE_DEVFRAME:
    case CAPTYPE_L1CNODE:
    case CAPTYPE_L2CNODE:
        return info->b;
    case CAPTYPE_VNODEL0:
    case CAPTYPE_VNODEL1:
    case CAPTYPE_VNODEL2:
    case CAPTYPE_VNODEL3:
    case CAPTYPE_DISPATCHER:
    case CAPTYPE_ENDPOINT:
        return AOS_PAGE_BYTES;
    default:
        return 0;
    }
}

static void graph_add(struct graph *g, caddr_t c)
{
    struct cap_info info;

    if (err_is_fail(cap_identify(c, &info)) || info.type == CAPTYPE_NULL
        || info.type == CAPTYPE_MAPPING || info.type >= CAPTYPE_COUNT) {
        return;
    }
    if (g->count == g->room) {
        uint32_t room = g->room == 0 ? 256 : 2 * g->room;
        struct graph_object *more = realloc(g->objects, room * sizeof(*more));

        if (more == NULL) {
            g->full = true;
            return;
        }
        g->objects = more;
        g->room = room;
    }
    g->objects[g->count++] = (struct graph_object){
        .base = info.a, .bytes = graph_bytes(&info), .copies = 1, .type = info.type,
        .side = info.type == CAPTYPE_ENDPOINT || graph_bytes(&info) == 0 ? info.b : 0,
    };
}

/* What encloses something comes before it. */
static int graph_order(const void *left, const void *right)
{
    const struct graph_object *a = left, *b = right;

    if ((a->bytes == 0) != (b->bytes == 0)) {
        return a->bytes == 0 ? 1 : -1;
    }
    if (a->base != b->base) {
        return a->base < b->base ? -1 : 1;
    }
    if (a->bytes != b->bytes) {
        return a->bytes > b->bytes ? -1 : 1;
    }
    if (a->type != b->type) {
        return a->type < b->type ? -1 : 1;
    }
    return a->side < b->side ? -1 : a->side > b->side;
}

/* Copies become one object. */
static void graph_join(struct graph *g)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < g->count; i++) {
        if (kept != 0 && graph_order(&g->objects[kept - 1], &g->objects[i]) == 0) {
            g->objects[kept - 1].copies++;
        } else {
            g->objects[kept++] = g->objects[i];
        }
    }
    g->count = kept;
}

static bool graph_encloses(const struct graph_object *a, const struct graph_object *b)
{
    return a->base <= b->base && b->base - a->base < a->bytes
        && b->bytes <= a->bytes - (b->base - a->base)
        && (a->type == CAPTYPE_RAM || a->type == CAPTYPE_FRAME || a->type == CAPTYPE_DEVFRAME);
}

/* The object that number `at` was made of: the closest before it that encloses it. */
static uint32_t graph_parent(const struct graph *g, uint32_t at)
{
    for (uint32_t i = at; i-- > 0 && g->objects[at].bytes != 0; ) {
        if (graph_encloses(&g->objects[i], &g->objects[at])) {
            return i;
        }
    }
    return GRAPH_NONE;
}

static void graph_print(const struct graph *g)
{
    printf("digraph capabilities {\n  node [shape=box];\n");
    for (uint32_t i = 0; i < g->count; i++) {
        const struct graph_object *o = &g->objects[i];
        uint32_t parent = graph_parent(g, i);

        printf("  n%u [label=\"%s %#llx", (unsigned)i, captype_name((enum captype)o->type),
               (unsigned long long)o->base);
        if (o->bytes != 0) {
            printf(" +%#llx", (unsigned long long)o->bytes);
        }
        if (o->copies > 1) {
            printf(", %u copies", (unsigned)o->copies);
        }
        printf("\"];\n");
        if (parent != GRAPH_NONE) {
            printf("  n%u -> n%u;\n", (unsigned)parent, (unsigned)i);
        }
    }
    printf("}\n");
}

int shell_graph(void)
{
    struct graph g = {0};
    bool full;

    for (uint32_t l1 = 0; l1 < GRAPH_L1_SLOTS; l1++) {
        struct cap_info info;

        if (err_is_fail(cap_identify(KPI_CADDR_L1 | l1, &info)) || info.type != CAPTYPE_L2CNODE) {
            continue;
        }
        for (uint32_t l2 = 0; l2 < KPI_L2_SLOTS; l2++) {
            graph_add(&g, KPI_CADDR(l1, l2));
        }
        graph_add(&g, KPI_CADDR_L1 | l1);
    }
    full = g.full;
    if (!full && g.count != 0) {
        qsort(g.objects, g.count, sizeof(g.objects[0]), graph_order);
        graph_join(&g);
        graph_print(&g);
    }
    free(g.objects);
    return full ? shell_error("caps", LIB_ERR_NO_MEMORY) : 0;
}
