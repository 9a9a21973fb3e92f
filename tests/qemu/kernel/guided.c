/* A fuzzer of system calls that is led by coverage: programs that reach something new in the kernel
 * are kept, and changed further. What can be called with what comes from the grammar that stubgen
 * makes of idl/abi. Needs the kernel coverage.image, which checks its accesses as well: a bad one
 * is a panic. After every program the invariants of the capability database must hold, and revoking
 * the memory must leave nothing.
 *
 * Boot arguments: programs=N (how many), seed=N, from=N (print each program from this one on, in
 * the form of guided_seeds.c, to see the one that ends it all). */
#include "guided.h"

#define PROGRAMS_DEFAULT 400u
#define CORPUS_PAGES     96u
#define CORPUS_MAX       (CORPUS_PAGES * KPI_PAGE_BYTES / sizeof(struct guided_program))
#define REPORT_EVERY     10000u
#define WORDS            (KPI_COVERAGE_EDGES / sizeof(uint64_t))

static uint64_t random_state;
static struct kpi_coverage *coverage;
static uint8_t *seen;                    /* of each edge: classes of counts that occurred */
static struct guided_program *corpus;
static uint32_t corpus_count;
static uint64_t edges, calls;

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % limit;
}

/* The number after `name` in the boot arguments. */
static uint64_t argument(const char *name, uint64_t otherwise)
{
    const char *at = ((const struct kpi_bootinfo *)KPI_BOOTINFO_VA)->bootargs;
    uint64_t value = 0;

    for (; *at != '\0'; at++) {
        unsigned n = 0;
        while (name[n] != '\0' && at[n] == name[n]) {
            n++;
        }
        if (name[n] != '\0') {
            continue;
        }
        for (at += n; *at >= '0' && *at <= '9'; at++) {
            value = value * 10 + (uint64_t)(*at - '0');
        }
        return value;
    }
    return otherwise;
}

static void coverage_map(void)
{
    const struct kpi_bootinfo *info = (const struct kpi_bootinfo *)KPI_BOOTINFO_VA;
    errval_t err;

    for (uint32_t i = 0; i < info->cap_count; i++) {
        if (info->caps[i].kind == KPI_BOOT_COVERAGE) {
            coverage = kt_map(info->caps[i].cap, 0, sizeof(*coverage) / KPI_PAGE_BYTES,
                              KPI_VM_READ | KPI_VM_WRITE, NULL, &err);
            kt_need(err, "coverage");
        }
    }
    kt_need(coverage != NULL ? ERR_OK : SYS_ERR_CAP_NOT_FOUND, "the kernel has no coverage");
}

static void coverage_clear(void)
{
    volatile uint64_t *words = (volatile uint64_t *)(void *)coverage->edges;

    for (uint32_t w = 0; w < WORDS; w++) {
        words[w] = 0;
    }
}

/* Bit of the class of a count: 1, 2, 3, 4-7, 8-15, 16-31, 32-127, more. */
static uint8_t count_class(uint8_t count)
{
    unsigned bits = 32u - (unsigned)__builtin_clz(count);

    if (count <= 3) {
        return (uint8_t)(1u << (count - 1));
    }
    return (uint8_t)(1u << (bits <= 6 ? bits : bits == 7 ? 6 : 7));
}

/* Has the last run done anything that none before has? */
static bool coverage_is_new(void)
{
    const uint64_t *words = (const uint64_t *)(const void *)coverage->edges;
    bool found = false;

    for (uint32_t w = 0; w < WORDS; w++) {
        if (words[w] == 0) {
            continue;
        }
        for (uint32_t i = w * 8; i < w * 8 + 8; i++) {
            uint8_t class = coverage->edges[i] != 0 ? count_class(coverage->edges[i]) : 0;
            if ((class & ~seen[i]) != 0) {
                edges += seen[i] == 0;
                seen[i] |= class;
                found = true;
            }
        }
    }
    return found;
}

static uint64_t coverage_blocks(void)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < KPI_COVERAGE_BLOCKS; i++) {
        count += coverage->blocks[i];
    }
    return count;
}

/* Domains never hold the Kernel capability. */
static uint8_t random_call(void)
{
    uint32_t call;

    do {
        call = (uint32_t)random_below(GUIDED_CALLS);
    } while (call < GRAMMAR_COUNT && grammar_calls[call].captypes == 1u << CAPTYPE_KERNEL);
    return (uint8_t)call;
}

static void random_op(struct guided_op *op)
{
    op->call = random_call();
    op->domain = (uint8_t)random_below(GUIDED_DOMAINS);
    op->object = (uint8_t)random_below(256);
    op->recv_slot = (uint8_t)random_below(64);
    for (unsigned i = 0; i < GUIDED_ARGS; i++) {
        op->args[i] = (uint8_t)random_below(256);
    }
}

static void op_insert(struct guided_program *p, uint32_t at, const struct guided_op *op)
{
    if (p->count == GUIDED_OPS_MAX) {
        return;
    }
    for (uint32_t i = p->count; i > at; i--) {
        p->ops[i] = p->ops[i - 1];
    }
    p->ops[at] = *op;
    p->count++;
}

static void op_remove(struct guided_program *p, uint32_t at)
{
    if (p->count <= 1) {
        return;
    }
    for (uint32_t i = at; i + 1 < p->count; i++) {
        p->ops[i] = p->ops[i + 1];
    }
    p->count--;
}

static void mutate(struct guided_program *p)
{
    uint32_t at = (uint32_t)random_below(p->count);
    const struct guided_program *other = &corpus[random_below(corpus_count)];
    struct guided_op op;

    switch (random_below(8)) {
    case 0:
    case 1:
        random_op(&op);
        op_insert(p, at + (uint32_t)random_below(2), &op);
        break;
    case 2:
        op_remove(p, at);
        break;
    case 3:                              /* a piece of another program */
        for (uint32_t n = (uint32_t)random_below(4) + 1, from = 0; n > 0; n--) {
            from = (uint32_t)random_below(other->count);
            op_insert(p, at, &other->ops[from]);
        }
        break;
    case 4:
        op = p->ops[at];
        op_insert(p, (uint32_t)random_below(p->count + 1), &op);
        break;
    case 5:
        p->ops[at].object = (uint8_t)random_below(256);
        break;
    case 6:
        p->ops[at].domain ^= 1;
        p->ops[at].recv_slot = (uint8_t)random_below(64);
        break;
    default:
        p->ops[at].args[random_below(GUIDED_ARGS)] = (uint8_t)random_below(256);
        break;
    }
}

static void keep(const struct guided_program *p)
{
    uint32_t at = corpus_count < CORPUS_MAX ? corpus_count++
                                            : (uint32_t)random_below(CORPUS_MAX);
    corpus[at] = *p;
}

/* One operation a line: call, domain, object, slot, arguments. */
static void print_program(const struct guided_program *p, uint64_t number)
{
    kt_note("program", number);
    for (uint32_t i = 0; i < p->count; i++) {
        const struct guided_op *op = &p->ops[i];
        uint64_t args = 0;
        for (unsigned k = 0; k < GUIDED_ARGS; k++) {
            args = args << 8 | op->args[k];
        }
        kt_note(op->call < GRAMMAR_COUNT ? grammar_calls[op->call].name : "message",
                (uint64_t)op->call << 24 | (uint64_t)op->domain << 16 | op->object << 8
                    | op->recv_slot);
        kt_note("  args", args);
    }
}

static void run_one(const struct guided_program *p, uint64_t number, uint64_t print_from)
{
    uint64_t problems = guided_run_problems();

    if (number >= print_from) {
        print_program(p, number);
    }
    coverage_clear();
    calls += guided_run(p);
    if (coverage_is_new()) {
        keep(p);
    }
    if (guided_run_problems() != problems) {
        print_program(p, number);
    }
    if (number % REPORT_EVERY == REPORT_EVERY - 1) {
        kt_note("programs", number + 1);
        kt_note("  edges", edges);
    }
}

void test_main(void)
{
    uint64_t programs = argument("programs=", PROGRAMS_DEFAULT);
    uint64_t print_from = argument("from=", UINT64_MAX), seeded;

    random_state = 0x9e3779b97f4a7c15ull * (argument("seed=", 0) + 1);
    kt_plan(3);
    coverage_map();
    seen = kt_pages(KPI_COVERAGE_EDGES / KPI_PAGE_BYTES, NULL);
    corpus = kt_pages(CORPUS_PAGES, NULL);
    guided_run_init();
    for (uint32_t i = 0; i < guided_seed_count; i++) {
        run_one(&guided_seeds[i], i, print_from);
    }
    kt_eq(guided_run_problems(), 0, "GUIDED0001 programs that once found something find nothing");
    seeded = edges;
    for (uint64_t i = guided_seed_count; i < programs; i++) {
        struct guided_program p = corpus[random_below(corpus_count)];
        for (uint64_t n = random_below(5) + 1; n > 0; n--) {
            mutate(&p);
        }
        run_one(&p, i, print_from);
    }
    kt_eq(guided_run_problems(), 0, "GUIDED0002 the invariants hold, and nothing is left behind");
    kt_note("edges of the seeds", seeded);
    kt_ok(edges > seeded + seeded / 8, "GUIDED0003 coverage grows");
    kt_note("programs", programs);
    kt_note("calls", calls);
    kt_note("corpus", corpus_count);
    kt_note("edges", edges);
    kt_note("blocks of the kernel", coverage_blocks());
    kt_end();
}
