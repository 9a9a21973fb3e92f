/* What the directed tests share. */
#pragma once

#include <kernel/cspace.h>
#include <kernel/vnode.h>
#include "env.h"

#define HOME_SLOTS 1024u
/* Slots outside of any object; the first holds all RAM. */
extern struct cte home[HOME_SLOTS];
#define ROOT (&home[0])

/* All RAM in ROOT, nothing else. */
void fresh(void);
/* An object of the least size at a byte offset of ROOT. */
struct cte *make(enum captype type, uint64_t off, struct cte *dest);
void check_database(void);

void test_delete(void);
void test_map(void);
void test_lend(void);
void test_look(void);
void test_remote(void);
