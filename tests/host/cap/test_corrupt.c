/* The checker finds what is wrong: each invariant of kernel/invariants.h is violated in a database
 * that has something of everything, and named. An invariant without a row here fails. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"
#include "env.h"

#include <kernel/check.h>
#include <kernel/cspace.h>
#include <kernel/doorbell.h>
#include <kernel/ends.h>
#include <kernel/irq.h>
#include <kernel/irq_cap.h>
#include <kernel/notify.h>
#include <kernel/lmp.h>
#include <kernel/sched.h>
#include <kernel/log.h>
#include <kernel/vnode.h>

enum {
    KB = 1024,
    MB = 1024 * KB,
    IRQ = 40,
    HOME_SLOTS = 80,
    /* slots of home */
    ROOT = 0,
    TABLE = 1, /* levels 0 to 3 */
    ATTACHED = 5,
    FRAME = 10,
    COPY,
    LOAN,
    PART, /* RAM, partly cleared, with a frame at its end */
    INSIDE,
    NODE,
    WHOLE, /* a frame of which SMALL is a part */
    SMALL,
    SPARE,
    DYING,
    MAPPING = 20,
    LENT,
    DISPATCHER = 30,
    SPACE,
    WAITS = 40, /* ends of a channel with an event, */
    QUIET = 42, /* and of one without */
    TABLE_CAP = 50,
    IRQ_CAP,
    NOTIFY_CAP,
};

static struct cte home[HOME_SLOTS];
static struct dispatcher *d;

/* The kernel around channels. */
void dispatcher_notify(struct dispatcher *to)
{
}

void sched_ready(struct dispatcher *to)
{
}

void irq_route_here(uint32_t irq)
{
}
void irq_enable(uint32_t irq)
{
}

void irq_disable(uint32_t irq)
{
}

bool irq_valid(uint32_t irq)
{
    return irq < IRQ_CAP_MAX;
}

void doorbell_ring(unsigned core, uint32_t bit)
{
}

void doorbell_clear(uint32_t bit)
{
}

uint64_t log_end(void)
{
    return 0;
}

errval_t cspace_find(struct dispatcher *self, uint32_t caddr, struct cte **ret)
{
    return SYS_ERR_CAP_NOT_FOUND;
}

errval_t cspace_find_empty(struct dispatcher *self, uint32_t caddr, struct cte **ret)
{
    return SYS_ERR_CAP_NOT_FOUND;
}

static struct endpoint *end_of(unsigned slot)
{
    return endpoint_of(&home[slot]);
}

static void make(unsigned slot, enum captype type, uint64_t off, uint64_t bytes)
{
    CHECK_EQ(env_retype(&home[ROOT], off, type, bytes, 1, &home[slot]), ERR_OK);
}

static void make_space(void)
{
    for (unsigned i = 0; i < 4; i++)
        make(TABLE + i, CAPTYPE_VNODEL0 + i, 15 * MB + i * 4 * KB, 4 * KB);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(vnode_map(&home[TABLE + i], 1, &home[TABLE + i + 1], 0, 1, 0, &home[ATTACHED + i]),
                 ERR_OK);
    make(FRAME, CAPTYPE_FRAME, 0, 64 * KB);
    CHECK_EQ(cap_copy(&home[FRAME], CAP_RIGHTS_ALL, &home[COPY]), ERR_OK);
    CHECK_EQ(cap_lend(&home[FRAME], CAP_RIGHTS_ALL, &home[LOAN]), ERR_OK);
    CHECK_EQ(vnode_map(&home[TABLE + 3], 5, &home[FRAME], 0, 4, KPI_VM_READ, &home[MAPPING]),
             ERR_OK);
    CHECK_EQ(vnode_map(&home[TABLE + 3], 20, &home[LOAN], 0, 2, KPI_VM_READ, &home[LENT]), ERR_OK);
    make(WHOLE, CAPTYPE_FRAME, 64 * KB, 64 * KB);
    CHECK_EQ(env_retype(&home[WHOLE], 0, CAPTYPE_FRAME, 4 * KB, 1, &home[SMALL]), ERR_OK);
}

static void make_domain(void)
{
    make(DISPATCHER, CAPTYPE_DISPATCHER, 4 * MB, KPI_DISPATCHER_BYTES);
    make(SPACE, CAPTYPE_L1CNODE, 4 * MB + 16 * KB, KPI_L1_BYTES_MIN);
    d = dispatcher_of(&home[DISPATCHER]);
    cap_embed(&home[SPACE], &d->cspace);
    cap_embed(&home[TABLE], &d->vspace);
    d->l1 = cnode_slots(&d->cspace);
    d->l1_slots = cnode_slot_count(&d->cspace);
    d->ttbr0 = vnode_ttbr0(&d->vspace);
    make(WAITS, CAPTYPE_ENDPOINT, 5 * MB, KPI_CHANNEL_BYTES_MIN);
    make(QUIET, CAPTYPE_ENDPOINT, 5 * MB + 4 * KB, KPI_CHANNEL_BYTES_MIN);
    CHECK_EQ(lmp_bind(end_of(WAITS), d, 1), ERR_OK);
    CHECK_EQ(lmp_bind(end_of(QUIET), d, 2), ERR_OK);
    lmp_raise(end_of(WAITS + 1));
    ends_watch(end_of(QUIET + 1), d);
    CHECK_EQ(cap_create(&home[TABLE_CAP], CAPTYPE_IRQTABLE, CAP_IRQ_BASE(0), CAP_IRQ_BYTES, 15),
             ERR_OK);
    CHECK_EQ(cap_create(&home[IRQ_CAP], CAPTYPE_IRQDEST, CAP_IRQ_BASE(IRQ), 4 * KB, 15), ERR_OK);
    CHECK_EQ(irq_cap_connect(IRQ, end_of(QUIET + 1)), ERR_OK);
    CHECK_EQ(notify_make(0, 7, &home[NOTIFY_CAP]), ERR_OK);
    CHECK_EQ(notify_connect(&home[NOTIFY_CAP], end_of(QUIET + 1)), ERR_OK);
}

/* A node that is about to end, and memory that is about to be cleared. */
static void make_halves(void)
{
    make(SPARE, CAPTYPE_L1CNODE, 6 * MB, KPI_L1_BYTES_MIN);
    make(NODE, CAPTYPE_L2CNODE, 7 * MB, KPI_L2_BYTES);
    make(DYING, CAPTYPE_L2CNODE, 7 * MB + 16 * KB, KPI_L2_BYTES);
    for (unsigned i = 0; i < KPI_L2_SLOTS; i++)
        CHECK_EQ(cap_copy(&home[FRAME], CAP_RIGHT_R, &cnode_slots(&home[DYING])[i]), ERR_OK);
    make(PART, CAPTYPE_RAM, 8 * MB, 4 * MB);
    CHECK_EQ(env_retype(&home[PART], 3 * MB, CAPTYPE_FRAME, 4 * KB, 1, &home[INSIDE]), ERR_OK);
    while (cap_delete(&home[DYING]) == SYS_ERR_AGAIN)
        CHECK(home[DYING].type != CAPTYPE_NULL);
    CHECK(cap_dying() != NULL);
    CHECK_EQ(cap_retype(&home[PART], 0, CAPTYPE_FRAME, MB, 1, &home[HOME_SLOTS - 1]),
             SYS_ERR_AGAIN);
    CHECK(home[PART].aux != 0);
}

static void reach_again(struct cte *node)
{
    if (node == NULL)
        return;
    reach_again(node->left);
    reach_again(node->right);
    node->reach = node->page + node->pages;
    node->object_reach = node->type == CAPTYPE_MAPPING ? 0 : node->reach;
    const struct cte *children[] = {node->left, node->right};
    for (unsigned i = 0; i < 2; i++) {
        if (children[i] != NULL && children[i]->reach > node->reach)
            node->reach = children[i]->reach;
        if (children[i] != NULL && children[i]->object_reach > node->object_reach)
            node->object_reach = children[i]->object_reach;
    }
}

static void forge_copy(struct cte *slot)
{
    *slot = (struct cte){.type = CAPTYPE_FRAME, .page = home[FRAME].page};
    slot->pages = home[FRAME].pages;
    slot->prev = &home[FRAME];
}

static uint64_t *entry(unsigned index)
{
    return (uint64_t *)phys_to_virt(cte_base(&home[TABLE + 3])) + index;
}

static void corrupt_channel(enum invariant number)
{
    switch (number) {
    case INVARIANT_SPACES:
        d->l1_slots++;
        break;
    case INVARIANT_CHANNEL:
        end_of(QUIET)->exists = false;
        break;
    case INVARIANT_BOUND:
        end_of(QUIET)->fast = NULL;
        break;
    case INVARIANT_RING:
        CHECK_EQ(cap_copy(&home[FRAME], 1, channel_slot(cte_base(&home[QUIET]), 0, 3)), ERR_OK);
        break;
    case INVARIANT_WATCH:
        d->watchers = NULL;
        break;
    case INVARIANT_IRQ:
        end_of(QUIET + 1)->irq = 0;
        break;
    case INVARIANT_NOTIFY:
        end_of(QUIET + 1)->notify = 0;
        break;
    default:
        break;
    }
}

static void corrupt_known(enum invariant number)
{
    if (number == INVARIANT_ANCHOR)
        home[ROOT].flags |= CTE_KNOWN;
    else if (number == INVARIANT_FOREIGN)
        home[WHOLE].owner ^= 1;
}

static void corrupt(enum invariant number)
{
    switch (number) {
    case INVARIANT_ORDER:
        home[INSIDE].page = 1;
        break;
    case INVARIANT_SHAPE:
        tree_root()->level++;
        break;
    case INVARIANT_REACH:
        tree_root()->reach++;
        break;
    case INVARIANT_COPIES:
        home[COPY].pages += 1;
        break;
    case INVARIANT_NESTING:
        home[INSIDE].pages += MB / (4 * KB);
        reach_again(tree_root());
        break;
    case INVARIANT_RIGHTS:
        home[SPACE].rights |= CAP_RIGHT_X;
        break;
    case INVARIANT_TABLE:
        home[TABLE + 3].count++;
        break;
    case INVARIANT_MAPPING:
        *entry(6) ^= 4 * KB;
        break;
    case INVARIANT_GRAVE:
        home[SPARE].flags |= CTE_DYING;
        break;
    case INVARIANT_SLOT:
        forge_copy(&cnode_slots(&home[NODE])[100]);
        break;
    case INVARIANT_PARTED:
        home[WHOLE].flags &= (uint8_t)~CTE_PARTED;
        break;
    case INVARIANT_LOANS:
        home[LOAN].rights |= CAP_RIGHT_D;
        break;
    case INVARIANT_LOAN_MAPPING:
        home[LOAN].left = NULL;
        break;
    case INVARIANT_HOME:
        slot_move(&home[INSIDE], phys_to_virt(ARENA_BASE + 14 * MB));
        break;
    case INVARIANT_DYING:
        ((struct cte *)(uintptr_t)cap_dying())->flags &= (uint8_t)~CTE_DYING;
        break;
    case INVARIANT_COUNTS:
        home[SPARE].type = CAPTYPE_L2CNODE;
        break;
    case INVARIANT_CLEARED:
        *(uint64_t *)phys_to_virt(cte_base(&home[PART]) + 8 * KB) = 1;
        break;
    case INVARIANT_ASID:
        home[TABLE].aux ^= 2ull << CTE_ASID_SHIFT;
        break;
    case INVARIANT_PLACE:
        home[TABLE + 3].aux += KPI_LARGE_BYTES;
        break;
    default:
        corrupt_channel(number);
        corrupt_known(number);
        break;
    }
}

/* What only all of the database shows. */
static const uint64_t only_all = 1ull << INVARIANT_ORDER | 1ull << INVARIANT_SLOT |
                                 1ull << INVARIANT_DYING | 1ull << INVARIANT_COUNTS |
                                 1ull << INVARIANT_RING | 1ull << INVARIANT_IRQ |
                                 1ull << INVARIANT_ANCHOR;

/* As the kernel would that has touched the slots of home; a violation is a panic. */
static bool noticed_when_touched(void)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        for (unsigned i = 0; i < HOME_SLOTS; i++)
            check_touch(&home[i]);
        check_touch(tree_root());
        check_touched();
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static const char *const names[INVARIANT_COUNT] = {
#define INVARIANT_NAME(number, name, text) [number] = #name,
    INVARIANTS(INVARIANT_NAME)
#undef INVARIANT_NAME
};

int main(void)
{
    static uint8_t arena_before[ARENA_BYTES];
    static struct cte home_before[HOME_SLOTS];
    struct check check;

    env_reset();
    CHECK_EQ(cap_create(&home[ROOT], CAPTYPE_RAM, ARENA_BASE, ARENA_BYTES, CAP_RIGHTS_ALL), ERR_OK);
    make_space();
    make_domain();
    make_halves();
    check_everything(&check);
    CHECK_EQ(check.found, 0);
    memcpy(arena_before, arena, sizeof arena);
    memcpy(home_before, home, sizeof home);
    for (unsigned number = 1; number < INVARIANT_COUNT; number++) {
        corrupt((enum invariant)number);
        check_everything(&check);
        if ((check.which >> number & 1) == 0)
            fprintf(stderr, "invariant %u, %s: not noticed\n", number, names[number]);
        CHECK((check.which >> number & 1) != 0);
        if ((1ull << number & only_all) == 0)
            CHECK(noticed_when_touched());
        if (number == INVARIANT_RING)
            slot_drop(channel_slot(cte_base(&home[QUIET]), 0, 3));
        memcpy(arena, arena_before, sizeof arena);
        memcpy(home, home_before, sizeof home);
        check_everything(&check);
        CHECK_EQ(check.found, 0);
        printf("ok CAP0110_%u_%s\n", number, names[number]);
    }
    return 0;
}
