/* See share.h. */
#include "share.h"

#include <stdlib.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/kernel_caps.h>
#include <aos/slot.h>
#include <aos/time.h>

/* Between looks whether something has ended: at first, and doubled up to, when nothing has. */
#define SHARE_LOOK_NS     20000000ull
#define SHARE_LOOK_MAX_NS 2000000000ull
#define SHARE_TAG_BITS 56                /* of the number; the core that sends is above */

/* A capability that came and whose message is still to come. */
struct share_came {
    struct share_came *next;
    uint64_t tag;
    caddr_t slot;
};

static struct {
    struct caps caps;
    void (*send)(uint8_t core, const struct caps_msg *msg);
    struct waitset *ws;
    struct work go_on;
    struct waitset_timer look;
    bool looking;
    uint64_t look_ns;                    /* from this look to the next one */
    uint64_t tags;
    struct share_came *came, *unused;    /* the latter for the next one that comes */
    void (*unmarked)(void);
    void (*left)(void *arg);             /* called when nothing is left; NULL: this core stays */
    void *left_arg;
} share;

/* --- what the protocol asks of its host ----------------------------------------------------- */

static errval_t host_describe(void *arg, caddr_t root, caddr_t cap, struct caps_description *ret)
{
    struct kernel_cap k;
    errval_t err = kernel_caps_describe(root, cap, &k);

    (void)arg;
    if (err_is_ok(err)) {
        *ret = (struct caps_description){
            .key = {k.type, k.page, k.pages}, .rights = k.rights, .owner = k.owner,
            .state = k.state,
        };
    }
    return err;
}

static errval_t host_anchor(void *arg, caddr_t root, caddr_t cap, caddr_t dest)
{
    (void)arg;
    return kernel_caps_anchor(root, cap, dest);
}

static errval_t host_foreign(void *arg, const struct caps_key *key, uint8_t owner, caddr_t dest)
{
    (void)arg;
    return kernel_caps_foreign(key->type, key->page, key->pages, owner, dest);
}

static errval_t host_set_owner(void *arg, caddr_t anchor, uint8_t owner)
{
    (void)arg;
    return kernel_caps_set_owner(anchor, owner);
}

static errval_t host_copy(void *arg, caddr_t src, uint8_t rights, caddr_t dest)
{
    (void)arg;
    return cap_mint(dest, src, rights);
}

static void host_remove(void *arg, caddr_t slot)
{
    (void)arg;
    (void)cap_delete(slot);
}

static errval_t host_sweep(void *arg, const struct caps_key *key, bool keep_anchor, caddr_t root,
                           caddr_t keep)
{
    (void)arg;
    return kernel_caps_sweep(key->type, key->page, key->pages, keep_anchor, root, keep);
}

static errval_t host_retype(void *arg, const struct caps_retype *w)
{
    (void)arg;
    return kernel_caps_retype(w->root, w->src, w->off, w->type, w->bytes, w->count, w->node,
                              w->index);
}

static errval_t host_part(void *arg, caddr_t anchor, uint64_t off, uint64_t bytes, bool set)
{
    (void)arg;
    return kernel_caps_part(anchor, off, bytes, set);
}

static errval_t host_slot_alloc(void *arg, caddr_t *ret_slot)
{
    (void)arg;
    return slot_alloc(ret_slot);
}

static void host_slot_free(void *arg, caddr_t slot)
{
    (void)arg;
    slot_free(slot);
}

static void host_send(void *arg, uint8_t core, const struct caps_msg *msg)
{
    (void)arg;
    share.send(core, msg);
}

static errval_t host_room(void *arg)
{
    (void)arg;
    if (share.unused == NULL) {
        share.unused = malloc(sizeof(*share.unused));
    }
    return share.unused == NULL ? LIB_ERR_NO_MEMORY : ERR_OK;
}

static void host_deliver(void *arg, uint8_t from, uint64_t tag, caddr_t slot)
{
    struct share_came *c = share.unused;

    (void)arg;
    (void)from;
    share.unused = NULL;
    *c = (struct share_came){share.came, tag, slot};
    share.came = c;
}

/* --- going on ------------------------------------------------------------------------------- */

static void share_work(void *arg)
{
    (void)arg;
    if (caps_work(&share.caps)) {
        waitset_post(share.ws, &share.go_on);
    }
    if (share.caps.unmarked) {
        share.caps.unmarked = false;
        share.unmarked();
    }
}

void share_go_on(void)
{
    waitset_post(share.ws, &share.go_on);
}

static void share_look(void *arg);

static void share_look_later(void)
{
    share.looking = (share.caps.record_count != 0 || share.left != NULL)
        && err_is_ok(waitset_timer_set(share.ws, &share.look, time_deadline_ns(share.look_ns),
                                       share_look, NULL));
}

static void share_look(void *arg)
{
    (void)arg;
    share.look_ns = 2 * share.look_ns < SHARE_LOOK_MAX_NS ? 2 * share.look_ns : SHARE_LOOK_MAX_NS;
    if (kernel_caps_ended() || share.caps.retry || share.left != NULL) {
        share.look_ns = SHARE_LOOK_NS;
        (void)caps_collect(&share.caps);
        share_go_on();
    }
    if (share.left != NULL && caps_is_idle(&share.caps)) {
        share.left(share.left_arg);
        return;
    }
    share_look_later();                  /* programs delete what they have without a word */
}

void share_look_soon(void)
{
    if (!share.looking || share.look_ns != SHARE_LOOK_NS) {
        share.look_ns = SHARE_LOOK_NS;
        share_look_later();
    }
}

bool share_is_quiet(void)
{
    bool quiet;

    (void)kernel_caps_ended();
    quiet = !caps_collect(&share.caps) && caps_is_quiet(&share.caps) && share.came == NULL;
    if (!quiet) {
        share_go_on();
        share_look_soon();
    }
    return quiet;
}

/* -------------------------------------------------------------------------------------------- */

void share_init(void (*send)(uint8_t core, const struct caps_msg *msg), struct waitset *ws)
{
    static const struct caps_host host = {
        .describe = host_describe, .anchor = host_anchor, .foreign = host_foreign,
        .set_owner = host_set_owner, .copy = host_copy, .remove = host_remove,
        .sweep = host_sweep, .retype = host_retype, .part = host_part,
        .slot_alloc = host_slot_alloc, .slot_free = host_slot_free, .send = host_send,
        .room = host_room, .deliver = host_deliver,
    };

    share.send = send;
    share.ws = ws;
    share.go_on.fn = share_work;
    caps_init(&share.caps, &host, (uint8_t)domain_core());
}

struct caps *share_caps(void)
{
    return &share.caps;
}

void share_on_unmarked(void (*unmarked)(void))
{
    share.unmarked = unmarked;
}

void share_core_up(uint8_t core)
{
    caps_core_up(&share.caps, core);
}

void share_core_down(uint8_t core)
{
    caps_core_down(&share.caps, core);
    share_go_on();
    share_look_soon();
}

void share_receive(uint8_t core, const struct caps_msg *msg)
{
    caps_receive(&share.caps, core, msg);
    share_go_on();
    share_look_soon();
}

errval_t share_lend_channel(caddr_t frame, uint8_t core)
{
    return caps_lend(&share.caps, frame, core);
}

errval_t share_adopt_channel(caddr_t frame)
{
    return caps_adopt(&share.caps, frame);
}

void share_leave(uint8_t successor, void (*done)(void *arg), void *arg)
{
    share.left = done;
    share.left_arg = arg;
    caps_stop(&share.caps);
    caps_leave(&share.caps, successor);
    share_go_on();
    share_look_soon();
}

void share_send(caddr_t slot, uint32_t core, uint64_t *ret_tag, caps_done_fn done, void *arg)
{
    *ret_tag = (uint64_t)domain_core() << SHARE_TAG_BITS | ++share.tags;
    /* What is the only one moves, with all that goes with it; of what others have, too, the core
     * gets a copy. */
    caps_send(&share.caps, slot, CAP_RIGHTS_ALL, /* move= */ true, (uint8_t)core, *ret_tag, done,
              arg);
    share_go_on();
}

caddr_t share_take(uint64_t tag)
{
    for (struct share_came **at = &share.came; *at != NULL; at = &(*at)->next) {
        if ((*at)->tag == tag) {
            struct share_came *c = *at;
            caddr_t slot = c->slot;

            *at = c->next;
            free(c);
            return slot;
        }
    }
    return 0;
}
