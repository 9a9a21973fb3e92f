/* Looking at the database and at capability spaces, piece by piece: for who draws what was made of
 * what. Changes nothing. A walk is no snapshot: things change before and after it comes to them. */
#pragma once

#include <kernel/cap_remote.h>

struct cap_key;

/* An object, or a capability to it. */
struct cap_sight {
    struct cap_description what;
    uint32_t copies; /* capabilities to the object, at most CAP_STEP_MAX: then KPI_CAP_MORE */
    uint64_t place;  /* Mapping: table | index of the first entry; EndPoint: side */
};

/* The first object after `after`, in the order of the derivation tree, so ancestors come first.
 * False: there is none. */
bool cap_look(const struct cap_key *after, struct cap_sight *ret);

/* The first capability from `from` on in the space whose L1CNode is `root`; `copies` is 1. It stops
 * after CAP_STEP_MAX units of work: type Null, and *ret_at is where to go on; 0: that was all. */
void cap_look_space(const struct cte *root, caddr_t from, caddr_t *ret_at, struct cap_sight *ret);
