/* The invariants of invariants.h as far as real databases show them, looked up in the records of
 * all monitors and the objects of all kernels. All return how many violations there were. For
 * init's main thread.
 *
 * OWNER, ANCHOR, USERS, HOME, NESTING and SPARE: all of it. COVERED: of what several cores know.
 * PARTED: a core that knows a part has Mappings of which the database does not tell whether they
 * are of the part; of others it does. EXACT: a capability that came and for which nobody asks keeps
 * its monitor busy (share_is_quiet). REVOKED is about what was: nothing shows it later. */
#pragma once

#include "caps.h"

/* What `core` knows of an object that several cores know; or (`part`) that it has made a frame of
 * such a frame. */
struct audit_record {
    uint8_t core, owner, home, users;
    bool part;
    struct caps_key key;
};

/* Any number of them. All zero at first; `all` is of malloc. */
struct audit_records {
    struct audit_record *all;
    uint32_t count, room;
};

/* Whether violations go into the log from now on: what is looked at one core after the other, while
 * programs go on, shows some that there never were. */
void rules_say(bool say);
/* A record of this core against its kernel's object. `quiet`: nothing is under way here. */
uint64_t rules_own(const struct caps *c, const struct caps_record *r, bool quiet);
/* Tells of the frames that this core has made of frames that other cores know. */
uint64_t rules_parts(const struct caps *c,
                     void (*tell)(void *arg, const struct audit_record *part), void *arg);
/* All records of all cores against each other. */
uint64_t rules_agree(const struct audit_records *records);
/* What other cores have told, against the database of this core. */
uint64_t rules_look(const struct caps *c, const struct audit_records *told);
