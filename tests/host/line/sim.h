/* The simulated machine: cores with a monitor's lines each, channels, programs at their ends, and
 * the messages between monitors. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <aos/raw.h>

#include "line_priv.h"

enum {
    CORES_MAX = 3,
    SLOTS = 1024,
    CHANNELS = 256,
    RING = 16,           /* messages of one direction of a channel */
    TALKS_MAX = 6,       /* client and server */
    SAID_MAX = 256,      /* messages of one direction of a talk */
};

/* What a slot holds. */
struct object {
    bool is_end;
    uint32_t channel, side; /* of an end */
    uint32_t frame, refs;   /* else */
};

struct side {
    bool exists, gone_told;
    bool wanted;         /* who sends to this side has found it full */
    struct raw_chan *raw; /* a monitor listens here */
    uint32_t count;
    struct lmp_msg queue[RING];
    struct object *caps[RING];
};

struct channel {
    bool used;
    struct side side[2];
};

/* A message between monitors. */
struct parcel {
    struct parcel *next;
    struct line_wire wire;
    caddr_t slot;       /* of the sender while its capability crosses; 0 then */
    struct object *cap;
    bool crossing;
    int talk;           /* not a line's message: the end of this talk, for its client; -1 */
};

extern struct object *slots[SLOTS];
extern struct channel channels[CHANNELS];
extern uint32_t cores, self, allocated; /* `self`: whose monitor runs; objects that there are */
extern bool trace, scarce, settling; /* `scarce`: of memory; `settling`: nothing is said */

uint32_t rnd(uint32_t below);
bool one_in(uint32_t n);
void fail(const char *what, ...) __attribute__((format(printf, 1, 2), noreturn));
void say(const char *what, ...) __attribute__((format(printf, 1, 2)));

/* world.c */
void world_start(uint32_t count);
void world_enter(uint32_t core);
/* One step of a monitor, or one parcel; false: there is nothing to do. */
bool world_work(void);
bool world_parcel(void);
void world_stop(uint32_t core);
/* Everything is closed: nothing may be left. */
void world_end(void);
/* The end `slot` of this core goes to the client of `talk` on core `to`. */
void world_send_end(uint32_t to, caddr_t slot, int talk);
caddr_t slot_put(struct object *o);
struct object *slot_take(caddr_t slot);
struct object *frame_new(void);
struct object *object_of(caddr_t slot);
void object_drop(struct object *o);
bool side_put(struct side *to, const struct lmp_msg *msg, struct object *cap);
/* Takes the first message of the side that is `end`; *ret_cap is what goes with it, or NULL. */
struct lmp_msg side_take(const struct object *end, struct object **ret_cap);
void side_close(struct object *end);
struct side *side_of(const struct object *end);
struct side *peer_of(const struct object *end);

/* talk.c */
void talks_start(void);
void talk_act(void);
bool talks_read(void); /* all that is there to be read; false: nothing was */
void talk_got_end(int talk, uint32_t core, caddr_t slot);
void talk_lost_end(int talk);
/* The capability of a message that a monitor tried to send cannot cross. */
void talk_refused(const struct line_wire *w);
void talks_core_stops(uint32_t core);
void talks_close_all(void);
void talks_check(void);
