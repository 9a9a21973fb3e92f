/* Every message that is on its way has a place: in the box of the core that has sent it, and, if
 * neither side has booted, in that of the core that has, as if it was slow to pass anything on. */
#include <string.h>
#include "mail.h"
#include "sim.h"

struct office {
    struct mail_caps places[MAIL_PLACES(CORES_MAX)];
    struct mail_list lists[CORES_MAX][CORES_MAX];
    struct mail_box box;
};

static struct office offices[CORES_MAX];

void post_begin(void)
{
    memset(offices, 0, sizeof offices);
    for (unsigned i = 0; i < CORES_MAX; i++) {
        struct office *o = &offices[i];
        o->box = (struct mail_box){.cores = CORES_MAX, .places = o->places};
        for (unsigned c = 0; c < CORES_MAX * CORES_MAX; c++)
            mail_list_init(&o->lists[c / CORES_MAX][c % CORES_MAX]);
    }
}

static void office_put(struct office *o, uint8_t core, uint8_t to, const struct caps_msg *msg)
{
    enum mail_put put = mail_put_caps(&o->box, &o->lists[core][to], 0, core, to, msg);
    HOLDS(put == MAIL_NEW, "core %u: a message of kind %u to core %u has no place", core,
          msg->kind, to);
}

static void office_take(struct office *o, uint8_t core, uint8_t to, const struct caps_msg *msg)
{
    const struct mail_caps *m = (const struct mail_caps *)(const void *)o->lists[core][to].head;
    HOLDS(m != NULL && m->msg.kind == msg->kind && m->msg.op == msg->op,
          "core %u: a message to core %u was lost", core, to);
    (void)mail_take(&o->lists[core][to]);
}

static void office_clear(struct office *o, uint8_t core, uint8_t to)
{
    while (o->lists[core][to].head != NULL)
        (void)mail_take(&o->lists[core][to]);
}

void post_put(uint8_t core, uint8_t to, const struct caps_msg *msg)
{
    office_put(&offices[core], core, to, msg);
    if (core != BOOT && to != BOOT)
        office_put(&offices[BOOT], core, to, msg);
}

void post_take(uint8_t core, uint8_t to, const struct caps_msg *msg)
{
    office_take(&offices[core], core, to, msg);
    if (core != BOOT && to != BOOT)
        office_take(&offices[BOOT], core, to, msg);
}

void post_clear(uint8_t core, uint8_t to)
{
    office_clear(&offices[core], core, to);
    if (core != BOOT && to != BOOT)
        office_clear(&offices[BOOT], core, to);
}
