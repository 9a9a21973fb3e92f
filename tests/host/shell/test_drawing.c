/* How capabilities are drawn: GRAPH0101.. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <abi/captypes.h>

#include "drawing.h"

#define RANDOM_ROUNDS  200u
#define RANDOM_OBJECTS 200u
#define DEEP           100000u

static const struct drawing_how folded = {.fold = true}, unfolded = {.fold = false};

static char *drawn;
static size_t drawn_bytes;

static void begin(struct drawing *d, const struct drawing_how *how, bool cores)
{
    drawing_begin(d, open_memstream(&drawn, &drawn_bytes), how, cores);
}

static void end(struct drawing *d)
{
    assert(drawing_end(d));
    fclose(d->out);
}

static struct monitor_object object(uint8_t type, uint32_t page, uint32_t pages)
{
    return (struct monitor_object){.type = type, .page = page, .pages = pages, .copies = 1};
}

static void add(struct drawing *d, uint8_t type, uint32_t page, uint32_t pages)
{
    const struct monitor_object o = object(type, page, pages);

    drawing_add(d, &o);
}

static void expect(const char *text)
{
    const char *head = "digraph capabilities {\n  rankdir=LR;\n  node [shape=box];\n";

    if (strncmp(drawn, head, strlen(head)) != 0 || strcmp(drawn + strlen(head), text) != 0) {
        fprintf(stderr, "drawn:\n%s\nexpected behind the head:\n%s", drawn, text);
        abort();
    }
    free(drawn);
}

static void test_parents(void)           /* GRAPH0101 */
{
    struct drawing d;
    struct monitor_object o;

    begin(&d, &unfolded, false);
    drawing_core(&d, 0);
    add(&d, CAPTYPE_RAM, 0x100, 0x100);
    add(&d, CAPTYPE_FRAME, 0x100, 0x100);
    add(&d, CAPTYPE_FRAME, 0x110, 1);
    o = object(CAPTYPE_MAPPING, 0x110, 1);
    o.place = 0x5001;
    drawing_add(&d, &o);
    o.place = 0x5002;                    /* a Mapping contains nothing */
    drawing_add(&d, &o);
    o = object(CAPTYPE_FRAME, 0x200, 0x400);
    o.copies = 3;                        /* behind the end of all before */
    drawing_add(&d, &o);
    drawing_core_end(&d);
    end(&d);
    expect("    c0_RAM_100_100 [label=\"RAM 0x100000 1 MiB\"];\n"
           "    c0_Frame_100_100 [label=\"Frame 0x100000 1 MiB\"];\n"
           "    c0_RAM_100_100 -> c0_Frame_100_100;\n"
           "    c0_Frame_110_1 [label=\"Frame 0x110000 4 KiB\"];\n"
           "    c0_Frame_100_100 -> c0_Frame_110_1;\n"
           "    c0_Mapping_110_1_5001 [label=\"Mapping 0x110000 4 KiB\"];\n"
           "    c0_Frame_110_1 -> c0_Mapping_110_1_5001;\n"
           "    c0_Mapping_110_1_5002 [label=\"Mapping 0x110000 4 KiB\"];\n"
           "    c0_Frame_110_1 -> c0_Mapping_110_1_5002;\n"
           "    c0_Frame_200_400 [label=\"Frame 0x200000 4 MiB\\n3 capabilities\"];\n"
           "}\n");
}

/* Three alike, one that differs in what was made of it, one that other cores know. */
static void test_folding(void)           /* GRAPH0102 */
{
    struct drawing d;
    struct monitor_object o;

    begin(&d, &folded, false);
    drawing_core(&d, 2);
    for (uint32_t i = 0; i < 5; i++) {
        o = object(CAPTYPE_FRAME, 0x100 + 0x10 * i, 8);
        o.owner = 2;
        o.state = i == 2 ? MONITOR_TRAIT_KNOWN : 0;
        drawing_add(&d, &o);
        for (uint32_t j = 0; j < 2 + (i == 1); j++) {
            o = object(CAPTYPE_FRAME, 0x100 + 0x10 * i + j, 1);
            o.owner = 2;
            drawing_add(&d, &o);
        }
    }
    drawing_core_end(&d);
    end(&d);
    expect("    c2_Frame_100_8 [label=\"3 x Frame 32 KiB\"];\n"
           "    c2_Frame_100_1 [label=\"6 x Frame 4 KiB\"];\n"
           "    c2_Frame_100_8 -> c2_Frame_100_1;\n"
           "    c2_Frame_110_8 [label=\"Frame 0x110000 32 KiB\"];\n"
           "    c2_Frame_110_1 [label=\"3 x Frame 4 KiB\"];\n"
           "    c2_Frame_110_8 -> c2_Frame_110_1;\n"
           "    c2_Frame_120_8 [label=\"Frame 0x120000 32 KiB\"];\n"
           "    c2_Frame_120_1 [label=\"2 x Frame 4 KiB\"];\n"
           "    c2_Frame_120_8 -> c2_Frame_120_1;\n"
           "}\n");
}

/* A frame of core 0 that core 1 knows, and the memory that core 1 started with. */
static void test_cores(void)             /* GRAPH0103 */
{
    struct drawing d;
    struct monitor_object frame = object(CAPTYPE_FRAME, 0x10, 1);
    struct monitor_object pool = object(CAPTYPE_RAM, 0x100, 0x100);

    frame.state = pool.state = MONITOR_TRAIT_KNOWN;
    pool.owner = 1;
    begin(&d, &folded, true);
    drawing_core(&d, 0);
    drawing_add(&d, &frame);
    drawing_add(&d, &pool);
    drawing_core_end(&d);
    drawing_core(&d, 1);
    drawing_add(&d, &frame);
    pool = object(CAPTYPE_RAM, 0x100, 0x40);
    pool.owner = 1;
    drawing_add(&d, &pool);
    drawing_core_end(&d);
    end(&d);
    expect("  subgraph cluster_0 {\n    label=\"core 0\";\n"
           "    c0_Frame_10_1 [label=\"Frame 0x10000 4 KiB\"];\n"
           "    c0_RAM_100_100 [label=\"RAM 0x100000 1 MiB\\nowner: core 1\", style=dashed];\n"
           "  }\n  subgraph cluster_1 {\n    label=\"core 1\";\n"
           "    c1_Frame_10_1 [label=\"Frame 0x10000 4 KiB\\nowner: core 0\", style=dashed];\n"
           "    c1_RAM_100_40 [label=\"RAM 0x100000 256 KiB\"];\n"
           "  }\n"
           "  c1_RAM_100_40 -> c0_RAM_100_100 [style=dashed, constraint=false];\n"
           "  c0_Frame_10_1 -> c1_Frame_10_1 [style=dashed, constraint=false];\n"
           "}\n");
}

/* Of programs that nest as deep as they can nothing here runs out of stack. */
static void test_deep(void)              /* GRAPH0104 */
{
    struct drawing d;

    for (unsigned twice = 0; twice < 2; twice++) {
        begin(&d, twice == 0 ? &folded : &unfolded, false);
        drawing_core(&d, 0);
        for (uint32_t side = 0; side < 2; side++) {
            for (uint32_t i = 0; i < DEEP; i++) {
                add(&d, CAPTYPE_FRAME, side * DEEP, DEEP - i);
            }
        }
        drawing_core_end(&d);
        end(&d);
        assert((strstr(drawn, "2 x Frame") != NULL) == (twice == 0));
        free(drawn);
    }
}

/* --- beside a naive drawing ----------------------------------------------------------------- */

static uint32_t random_below(uint32_t *state, uint32_t bound)
{
    *state = *state * 1664525u + 1013904223u; /* Knuth's line, from Numerical Recipes */
    return (uint32_t)((uint64_t)*state * bound >> 32);
}

/* Frames that nest or are apart, in order; returns how many. */
static uint32_t random_objects(uint32_t *state, struct monitor_object *all)
{
    uint32_t count = 0;

    all[count++] = object(CAPTYPE_RAM, 0, 1024);
    while (count < RANDOM_OBJECTS && random_below(state, 400) != 0) {
        const struct monitor_object *in = &all[random_below(state, count)];
        struct monitor_object o;
        uint32_t pages = 1u << random_below(state, 9);
        bool fits = pages < in->pages;

        o = object(CAPTYPE_FRAME, in->page + pages * random_below(state, in->pages / pages + 1),
                   pages);
        o.copies = 1 + random_below(state, 3);
        fits &= o.page + pages <= in->page + in->pages;
        for (uint32_t i = 0; i < count; i++) {
            const struct monitor_object *other = &all[i];
            bool apart = other->page + other->pages <= o.page || o.page + pages <= other->page;

            fits &= apart || (other->page <= o.page && o.page + pages <= other->page + other->pages
                              && pages < other->pages);
        }
        if (fits) {
            all[count++] = o;
        }
    }
    qsort(all, count, sizeof(*all), drawing_order);
    return count;
}

static void check_edges(const struct monitor_object *all, uint32_t count)
{
    char line[128];

    for (uint32_t i = 1; i < count; i++) {
        const struct monitor_object *o = &all[i], *parent = NULL;

        for (uint32_t j = 0; j < count; j++) {
            const struct monitor_object *a = &all[j];

            if (j != i && a->page <= o->page && o->page + o->pages <= a->page + a->pages
                && (parent == NULL || a->pages < parent->pages)) {
                parent = a;
            }
        }
        snprintf(line, sizeof(line), " c0_%s_%x_%x -> c0_Frame_%x_%x;\n",
                 parent->type == CAPTYPE_RAM ? "RAM" : "Frame", (unsigned)parent->page,
                 (unsigned)parent->pages, (unsigned)o->page, (unsigned)o->pages);
        assert(strstr(drawn, line) != NULL);
    }
}

/* The sum of the numbers before `word` in all labels, or 1 where there is none. */
static uint64_t check_sum(const char *word)
{
    uint64_t sum = 0;

    for (char *at = strstr(drawn, "label=\""); at != NULL; at = strstr(at + 1, "label=\"")) {
        char *stop = strchr(at, '\n'), *x = strstr(at, word), *from = x;

        if (x == NULL || x > stop) {
            x = strstr(at, " x ");       /* as many as objects */
            from = at + strlen("label=\"");
            sum += x == NULL || x > stop ? 1 : strtoull(from, NULL, 10);
            continue;
        }
        while (from[-1] >= '0' && from[-1] <= '9') {
            from--;
        }
        sum += strtoull(from, NULL, 10);
    }
    return sum;
}

static void test_random(void)            /* GRAPH0105 */
{
    static struct monitor_object all[RANDOM_OBJECTS];
    uint32_t state = 1, fewer = 0;

    for (uint32_t round = 0; round < RANDOM_ROUNDS; round++) {
        uint32_t count = random_objects(&state, all);
        uint64_t copies = 0;

        for (unsigned twice = 0; twice < 2; twice++) {
            struct drawing d;

            begin(&d, twice == 0 ? &unfolded : &folded, false);
            drawing_core(&d, 0);
            copies = 0;
            for (uint32_t i = 0; i < count; i++) {
                drawing_add(&d, &all[i]);
                copies += all[i].copies;
            }
            drawing_core_end(&d);
            end(&d);
            if (twice == 0) {
                check_edges(all, count);
            }
            assert(check_sum(" x ") == count && check_sum(" capabilities") == copies);
            fewer += strstr(drawn, " x ") != NULL;
            free(drawn);
        }
    }
    assert(fewer > RANDOM_ROUNDS / 2);
}

int main(void)
{
    test_parents();
    test_folding();
    test_cores();
    test_deep();
    test_random();
    return 0;
}
