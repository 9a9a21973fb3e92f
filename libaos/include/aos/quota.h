/* Divisible limits: a tree of accounts of one kind of thing (bytes, processes). Arithmetic only: no
 * lock, no allocation; the account is the caller's memory, and only these functions change it.
 *
 * An account has a limit of its own, which is reserved: it counts against the parent as a whole
 * from the start, so it is there when it is needed. Or it has none: then what it uses counts
 * against the parent as it is used, and it gets at most as much as it leaves (QUOTA_SHARE): one
 * such child can have half of what its parent has, two a third each, and the next one always finds
 * something. What nothing above limits is not limited here.
 *
 * Invariants:
 *  1. `used` is `own` and the `used` of the children.
 *  2. `charge` is `own` and what each child counts for: its `charge`, or its limit if that is more.
 *  3. `charge` of an account with a limit is at most that, unless the limit was lowered. */
#pragma once

#include <aos/types.h>

/* What an account without a limit of its own has is at most (what its parent has left) /
 * QUOTA_SHARE. */
#define QUOTA_SHARE     1u
#define QUOTA_DEPTH_MAX 32u              /* accounts above each other */
#define QUOTA_NO_LIMIT  UINT64_MAX

/* What is left to the services when programs have taken all they can get: of the `total` memory of
 * a core one part in so many, but no more than so many bytes. It must last for the connections,
 * names and entries of as many domains as the rest has room for (docs/design/0020). */
#define QUOTA_SERVICES_DIVISOR   4u
#define QUOTA_SERVICES_BYTES_MAX 0x7000000ull
static inline uint64_t quota_of_services(uint64_t total)
{
    uint64_t part = total / QUOTA_SERVICES_DIVISOR;

    return part < QUOTA_SERVICES_BYTES_MAX ? part : QUOTA_SERVICES_BYTES_MAX;
}

struct quota {
    struct quota *parent;                /* NULL: none */
    uint64_t limit;                      /* 0: none of its own */
    uint64_t own;                        /* taken from this account itself */
    uint64_t used;
    uint64_t charge;
    uint32_t children;
    uint32_t depth;                      /* accounts above it */
};

/* An account under `parent` (NULL: under none). LIB_ERR_QUOTA: the parent has less than `limit` to
 * give, or is QUOTA_DEPTH_MAX deep. */
errval_t quota_open(struct quota *q, struct quota *parent, uint64_t limit);
/* The owner takes no more: what was reserved and is not used goes back to the parent. What is used
 * stays charged until it is given. */
void quota_end(struct quota *q);
/* Takes the account out of the tree: nothing of it is used, and it has no children. */
void quota_close(struct quota *q);

/* Puts the account, with all it uses, under another parent, whatever that has left. It is above
 * `q` already, so nothing changes for what is above both. */
void quota_move(struct quota *q, struct quota *parent);

/* How much can be taken now: QUOTA_NO_LIMIT if nothing limits it. */
uint64_t quota_available(const struct quota *q);
/* LIB_ERR_QUOTA. */
errval_t quota_take(struct quota *q, uint64_t amount);
/* At most what was taken. */
void quota_give(struct quota *q, uint64_t amount);
/* 0: no limit of its own any more. Below what is used: no more can be taken. LIB_ERR_QUOTA: the
 * parent has not that much more. */
errval_t quota_set_limit(struct quota *q, uint64_t limit);
