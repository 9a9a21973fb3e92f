/* The machine: cores, domains, channels, and what becomes of operations that end later. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sim.h"

struct sim sim;
static const struct core_ops *loaded[CORES_MAX];
static _Alignas(2 << 20) uint8_t memory[ARENA_BYTES];

/* Each core is a copy of the file: the loader takes the same file for the same object. */
void world_load(const char *object)
{
    for (unsigned c = 0; c < CORES_MAX; c++) {
        char path[] = "/tmp/dcap-XXXXXX", command[600];
        int file = mkstemp(path);
        if (file < 0 || (size_t)snprintf(command, sizeof command, "cp '%s' %s", object, path) >=
                            sizeof command || system(command) != 0)
            fail("cannot copy %s", object);
        void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (handle == NULL)
            fail("%s", dlerror());
        const struct core_ops *(*entry)(void) =
            (const struct core_ops *(*)(void))(uintptr_t)dlsym(handle, "core_ops");
        loaded[c] = entry();
        close(file);
        unlink(path);
    }
}

uint8_t *world_memory(uint32_t page)
{
    return &memory[((uint64_t)page << CAP_PAGE_SHIFT) - ARENA_BASE];
}

static void channel_put(uint8_t core, uint8_t to, const struct caps_msg *msg)
{
    struct channel *ch = &sim.channels[core][to];
    HOLDS(ch->count < CHANNEL_MAX, "core %u: too many messages for core %u", core, to);
    unsigned at = (ch->first + ch->count++) % CHANNEL_MAX;
    ch->messages[at] = *msg;
    ch->starts[at] = sim.known[core][to];
    ch->posted[at] = msg->kind < WORLD_UP;
    if (ch->posted[at])
        post_put(core, to, msg);
}

/* Who hears that a core has started has said before that it had heard of its end: nothing for that
 * one waits there any more. */
static void channel_unpost(unsigned core, unsigned to)
{
    memset(sim.channels[core][to].posted, 0, sizeof sim.channels[core][to].posted);
    post_clear((uint8_t)core, (uint8_t)to);
}

static void world_send(uint8_t core, uint8_t to, const struct caps_msg *msg)
{
    bool believes = (sim.machines[core].core.caps.online >> to & 1) != 0;
    bool there = to < sim.cores && to != core && sim.machines[to].state != CORE_OFF;
    HOLDS(there || (sim.wide && believes), "core %u sends to core %u, which is not there", core,
          to);
    if (!there)
        return;
    channel_put(core, to, msg);
    TRACE("#   %u -> %u: kind %u flags %u err 0x%x, type %u page 0x%x+%u\n", core, to, msg->kind,
          msg->flags, (unsigned)msg->err, msg->key.type, msg->key.page, msg->key.pages);
}

static void world_arrived(uint8_t core, uint8_t from, uint64_t tag, caddr_t slot)
{
    struct machine *m = &sim.machines[core];
    struct op *op = NULL;
    for (unsigned i = 0; i < OPS_MAX; i++) {
        if (sim.ops[i].kind == OP_SEND && sim.ops[i].tag == tag)
            op = &sim.ops[i];
    }
    HOLDS(op != NULL && op->core == from && op->dest == core && !op->delivered,
          "core %u: a capability that was not sent, or twice", core);
    op->delivered = true;
    struct inbox *in = NULL;
    for (unsigned i = 0; i < INBOX_MAX; i++) {
        if (!m->inbox[i].used)
            in = &m->inbox[i];
    }
    HOLDS(in != NULL, "core %u: nobody takes what arrives", core);
    in->used = true;
    in->slot = slot;
    model_take(&in->m, &m->core.slots[slot]);
    const struct mcap *got = &in->m.cap, *sent = &op->m.cap;
    HOLDS(got->key.type == op->key.type && got->key.page == op->key.page &&
              got->key.pages == op->key.pages,
          "core %u: something else arrived", core);
    uint8_t most = sent->key.type == CAPTYPE_NULL ? CAP_RIGHTS_ALL : sent->rights & op->rights;
    HOLDS((got->rights & ~most) == 0, "core %u: rights 0x%x of 0x%x arrived", core, got->rights,
          most);
    HOLDS((got->rights & CAP_RIGHT_D) == 0 || op->move, "core %u: a copy has d", core);
}

static struct cte *world_find(uint8_t core, caddr_t root, caddr_t cap)
{
    struct machine *m = &sim.machines[core];
    for (unsigned d = 0; d < DOMAINS; d++) {
        struct domain *domain = &m->domains[d];
        if (domain->alive && domain_root(m, domain) == root && cap < DOMAIN_SLOTS)
            return domain->slots[cap].real;
    }
    return NULL;
}

static bool world_poor(uint8_t core)
{
    return sim.poor && sim.machines[core].state == CORE_RUNS && one_in(8);
}

static bool world_starve(uint8_t core)
{
    struct machine *m = &sim.machines[core];
    if (world_poor(core))
        return true;
    if (m->starving == 0)
        return false;
    m->starving--;
    return true;
}

static const struct sim_calls calls = {.send = world_send,
                                       .deliver = world_arrived,
                                       .find = world_find,
                                       .starve = world_starve,
                                       .poor = world_poor};

caddr_t domain_root(const struct machine *m, const struct domain *d)
{
    return ROOT_FIRST + d->generation * DOMAINS + (caddr_t)(d - m->domains);
}

void domain_start(struct machine *m, struct domain *d)
{
    errval_t err = m->core.ops->node((uint32_t)(d - m->domains), &d->node);
    if (err != ERR_OK)
        return; /* the last one is not gone yet */
    d->alive = true;
    d->blocked = false;
    d->generation++;
    memset(d->slots, 0, sizeof d->slots);
    struct cte *slots = (struct cte *)&memory[cte_base(&d->node) - ARENA_BASE];
    for (unsigned i = 0; i < DOMAIN_SLOTS; i++)
        d->slots[i].real = &slots[i];
}

void domain_crash(struct machine *m, struct domain *d)
{
    model_sync();
    (void)m->core.ops->remove(&d->node);
    d->alive = false;
    d->blocked = false;
}

static void pool_page(unsigned core, uint32_t *ret_page)
{
    *ret_page = (uint32_t)(ARENA_BASE >> CAP_PAGE_SHIFT) + CORES_MAX * INFRA_PAGES +
                core * POOL_PAGES;
}

static void world_tell(unsigned c, unsigned o, uint8_t kind)
{
    struct caps_msg msg = {.kind = kind, .version = sim.starts[c]};
    channel_put((uint8_t)c, (uint8_t)o, &msg);
}

/* A core begins; its pool is what the boot core has handed over. */
void core_start(unsigned c)
{
    struct machine *m = &sim.machines[c];
    uint32_t page;
    pool_page(c, &page);
    loaded[c]->start(&m->core, (uint8_t)c, memory, &calls);
    HOLDS(m->core.ops->pool(&m->core.slots[POOL_SLOT], page, POOL_PAGES) == ERR_OK, "no pool");
    m->state = CORE_RUNS;
    for (unsigned o = 0; o < sim.cores; o++) {
        if (o == c || sim.machines[o].state == CORE_OFF)
            continue;
        m->core.ops->up(&m->core.caps, (uint8_t)o);
        sim.known[c][o] = sim.starts[o];
        if (o == BOOT || sim.starts[c] == 0) {
            sim.known[o][c] = sim.starts[c];
            sim.machines[o].core.ops->up(&sim.machines[o].core.caps, (uint8_t)c);
        } else {
            world_tell(c, o, WORLD_UP);
        }
    }
    for (unsigned d = 0; d < DOMAINS; d++)
        domain_start(m, &m->domains[d]);
}

void world_begin(unsigned cores, bool wide, bool poor)
{
    uint64_t random = sim.random;
    memset(&sim, 0, sizeof sim);
    memset(memory, 0xa5, sizeof memory);
    sim.random = random;
    sim.cores = cores;
    sim.wide = wide;
    post_begin();
    core_start(BOOT);
    if (wide)
        sim.machines[BOOT].core.ops->devices();
    for (unsigned c = 1; c < cores; c++) {
        struct core *boot = &sim.machines[BOOT].core;
        uint32_t page;
        pool_page(c, &page);
        HOLDS(boot->ops->pool(&boot->slots[PLACE_SLOT + c], page, POOL_PAGES) == ERR_OK,
              "no pool");
        HOLDS(boot->ops->hand_over(&boot->slots[PLACE_SLOT + c], (uint8_t)c) == ERR_OK, "no pool");
        core_start(c);
    }
    sim.poor = poor;
}

/* What others have said to a core that goes off is lost, and maybe what it has said last to the one
 * that booted, which learns of it at once. The others will hear. */
static void core_tell_off(unsigned c)
{
    sim.starts[c]++;
    for (unsigned o = 0; o < sim.cores; o++) {
        sim.channels[o][c].count = 0;
        post_clear((uint8_t)o, (uint8_t)c);
        if (o == BOOT) {
            sim.channels[c][o].count = 0;
            post_clear((uint8_t)c, (uint8_t)o);
            sim.known[o][c] = sim.starts[c];
            sim.machines[o].core.ops->down(&sim.machines[o].core.caps, (uint8_t)c);
        } else if (o != c && sim.machines[o].state != CORE_OFF) {
            world_tell(c, o, WORLD_DOWN);
        }
    }
}

static bool core_is_silent(unsigned c)
{
    for (unsigned o = 0; o < sim.cores; o++) {
        if (sim.channels[c][o].count != 0 || sim.channels[o][c].count != 0)
            return false;
    }
    return true;
}

/* The core has nothing any more, and (but in wide schedules) nobody has anything to say to it: it
 * is switched off. */
static void core_try_off(unsigned c)
{
    struct machine *m = &sim.machines[c];
    if (!sim.wide && !core_is_silent(c))
        return;
    if (!m->core.ops->idle(&m->core.caps) || m->core.ops->work_pending())
        return;
    for (unsigned i = 0; i < OPS_MAX; i++) {
        if (sim.ops[i].kind != OP_NONE && sim.ops[i].core == c)
            return;
    }
    m->state = CORE_OFF;
    for (unsigned o = 0; o < sim.cores && !sim.wide; o++) {
        if (sim.machines[o].state != CORE_OFF)
            sim.machines[o].core.ops->down(&sim.machines[o].core.caps, (uint8_t)c);
    }
    if (sim.wide)
        core_tell_off(c);
    really_remove(m, &m->core.slots[POOL_SLOT]);
    HOLDS(m->core.ops->slots_used() == 0, "core %u: slots of the monitor are lost", c);
    uint64_t left = m->core.ops->end();
    HOLDS(left == 0, "core %u: %llu objects are left", c, (unsigned long long)left);
    struct core *boot = &sim.machines[BOOT].core;
    HOLDS(boot->ops->take_back(&boot->slots[PLACE_SLOT + c]) == ERR_OK, "core %u: no pool", c);
    TRACE("# core %u is off\n", c);
}

/* What arrived and nobody takes. */
static void inbox_empty(struct machine *m)
{
    for (unsigned i = 0; i < INBOX_MAX; i++) {
        struct inbox *in = &m->inbox[i];
        if (!in->used)
            continue;
        in->used = false;
        if (in->m.real->type != CAPTYPE_NULL)
            really_remove(m, in->m.real);
        m->core.ops->slot_free(in->slot);
    }
}

void core_empty(struct machine *m)
{
    inbox_empty(m);
    for (unsigned i = 0; i < OPS_MAX; i++) {
        if (sim.ops[i].kind != OP_NONE && sim.ops[i].core == number_of(m))
            return;
    }
    if (!m->core.caps.leaving && !m->core.ops->work_pending())
        m->core.ops->leave(&m->core.caps, BOOT);
    (void)m->core.ops->collect(&m->core.caps);
    core_try_off(number_of(m));
}

static void world_receive(struct core *core, unsigned from, unsigned to,
                          const struct caps_msg *msg, bool stale)
{
    if (msg->kind == WORLD_DOWN) {
        core->ops->down(&core->caps, (uint8_t)from);
    } else if (msg->kind == WORLD_UP) {
        sim.known[to][from] = msg->version;
        channel_unpost(to, from);
        core->ops->up(&core->caps, (uint8_t)from);
    } else if (!stale) {
        core->ops->receive(&core->caps, (uint8_t)from, msg);
    }
}

/* Whether core `to` is still to hear of a start of core `c` that core `from` has heard of: news of
 * cores come before all that is said by those who know them. */
static bool owes_news(unsigned c, unsigned from, unsigned to)
{
    const struct channel *ch = &sim.channels[c][to];
    for (unsigned i = 0; i < ch->count; i++) {
        const struct caps_msg *msg = &ch->messages[(ch->first + i) % CHANNEL_MAX];
        if (msg->kind == WORLD_UP && sim.known[from][c] >= msg->version)
            return true;
    }
    return false;
}

void world_deliver(void)
{
    unsigned from = rnd(sim.cores), to = rnd(sim.cores);
    for (unsigned i = 0; i < sim.cores * sim.cores; i++) {
        struct channel *ch = &sim.channels[from][to];
        for (unsigned c = 0; c < sim.cores && ch->count != 0; c++) {
            if (c != from && owes_news(c, from, to)) {
                from = c;
                ch = &sim.channels[from][to];
                break;
            }
        }
        if (ch->count != 0) {
            unsigned at = ch->first;
            struct caps_msg msg = ch->messages[at];
            bool stale = ch->starts[ch->first] != sim.starts[to];
            ch->first = (ch->first + 1) % CHANNEL_MAX;
            ch->count--;
            if (ch->posted[at])
                post_take((uint8_t)from, (uint8_t)to, &msg);
            struct core *core = &sim.machines[to].core;
            TRACE("# %u: %u gets kind %u of %u\n", sim.step, to, msg.kind, from);
            world_receive(core, from, to, &msg, stale);
            return;
        }
        to = (to + 1) % sim.cores;
        from = (from + (to == 0)) % sim.cores;
    }
}

static struct machine *running(void)
{
    struct machine *m;
    do {
        m = &sim.machines[rnd(sim.cores)];
    } while (m->state == CORE_OFF);
    return m;
}

void world_work(void)
{
    struct machine *m = running();
    if (one_in(2))
        (void)m->core.ops->work();
    else
        (void)m->core.ops->caps_work(&m->core.caps);
}

void world_collect(void)
{
    struct machine *m = running();
    (void)m->core.ops->ended();
    (void)m->core.ops->collect(&m->core.caps);
}

bool world_is_quiet(void)
{
    for (unsigned c = 0; c < sim.cores; c++) {
        for (unsigned o = 0; o < sim.cores; o++) {
            if (sim.channels[c][o].count != 0)
                return false;
        }
        const struct core *core = &sim.machines[c].core;
        if (sim.machines[c].state == CORE_OFF)
            continue;
        for (unsigned i = 0; i < CAPS_OPS_MAX; i++) {
            if (core->caps.ops[i].kind != CAPS_OP_NONE)
                return false;
        }
    }
    for (unsigned i = 0; i < OPS_MAX; i++) {
        if (sim.ops[i].kind != OP_NONE)
            return false;
    }
    return true;
}

void world_settle(void)
{
    unsigned calm = 0;
    for (unsigned round = 0; calm < 6; round++) {
        HOLDS(round < 3000, "it does not come to rest");
        for (unsigned i = 0; i < 4 * sim.cores; i++)
            world_deliver();
        bool again = false;
        for (unsigned c = 0; c < sim.cores; c++) {
            struct machine *m = &sim.machines[c];
            if (m->state == CORE_OFF)
                continue;
            m->starving = 0;
            sim.poor = false;
            again |= m->core.ops->caps_work(&m->core.caps);
            again |= m->core.ops->work();
            again |= m->core.ops->collect(&m->core.caps);
            if (m->state == CORE_STOPS)
                core_empty(m);
            again |= m->state == CORE_STOPS;
        }
        calm = again || !world_is_quiet() ? 0 : calm + 1;
    }
}

void world_end(void)
{
    for (unsigned c = 0; c < sim.cores; c++) {
        struct machine *m = &sim.machines[c];
        for (unsigned d = 0; m->state != CORE_OFF && d < DOMAINS; d++) {
            if (m->domains[d].alive)
                domain_crash(m, &m->domains[d]);
        }
        inbox_empty(m);
    }
    world_settle();
    check_settled();
    for (unsigned c = 0; c < sim.cores; c++) {
        struct machine *m = &sim.machines[c];
        if (m->state == CORE_OFF)
            continue;
        HOLDS(m->core.ops->idle(&m->core.caps), "core %u has records left", c);
        HOLDS(m->core.ops->slots_used() == 0, "core %u: slots of the monitor are lost", c);
        really_remove(m, &m->core.slots[POOL_SLOT]);
        for (unsigned o = 1; c == BOOT && o < sim.cores; o++)
            really_remove(m, &m->core.slots[PLACE_SLOT + o]);
        uint64_t left = m->core.ops->end();
        HOLDS(left == 0, "core %u: %llu objects are left", c, (unsigned long long)left);
    }
}
