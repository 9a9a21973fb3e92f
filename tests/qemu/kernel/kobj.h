/* Objects for tests of the capability system: memory out of the largest piece of RAM, and
 * deletions that go on to the end. A test takes memory with ko_arena, and gives all of it back with
 * ko_arena_end. */
#pragma once

#include "ktest.h"

/* The largest RAM capability of the boot; its size in *ret_bytes, its address in *ret_base. */
caddr_t ko_boot_ram(uint64_t *ret_base, uint64_t *ret_bytes);

/* RAM at a multiple of 2 MiB, in a slot of the task node; there is one at a time. */
caddr_t ko_arena(uint64_t bytes);
/* Revokes and deletes it. */
void ko_arena_end(void);

/* Repeats while the kernel says `again`. A slot is named by its node and index. */
errval_t ko_delete(caddr_t node, uint32_t index);
errval_t ko_revoke(caddr_t node, uint32_t index);
errval_t ko_revoke_part(caddr_t node, uint32_t index, uint64_t off, uint64_t bytes);
errval_t ko_retype(caddr_t node, caddr_t src, uint64_t off, enum captype type, uint64_t bytes,
                   uint32_t count, uint32_t index);
/* The same, of the next memory of the arena; ends the run on failure. */
void ko_make_in(caddr_t node, uint32_t index, enum captype type, uint64_t bytes, uint32_t count);
void ko_make(caddr_t dest, enum captype type, uint64_t bytes);

/* Bytes of the smallest object of the type. */
uint64_t ko_bytes(enum captype type);

/* Objects in the kernel's tree. */
uint64_t ko_count(void);
/* Lets the kernel idle until it has `count` objects (the rest of a deletion goes on then); false:
 * it never came to that. */
bool ko_settle(uint64_t count);
/* Sleeps for some time. */
void ko_idle(uint64_t ns);
/* The type in a slot. */
enum captype ko_type(caddr_t node, uint32_t index);

/* The capability of another core; ends the run if there is none. */
caddr_t ko_kcb(uint32_t core);
/* Starts it, with `pool` and `channel`. */
errval_t ko_core_start(caddr_t kcb, caddr_t pool, caddr_t channel);
