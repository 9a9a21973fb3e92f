/* Between the files of coretest. */
#pragma once

#include <aos/counters.h>
#include <if/monitor.h>
#include <if/shares.h>
#include <if/shares_server.h>

#include "taptest.h"

#define CORE_NAME_BYTES 24u
#define CORES_MAX  8u
#define PAGE_BYTES 4096u
#define WAIT_NS    20000000000ull        /* bounds a failure */
#define LOOK_NS    10000000ull
#define SETTLE_NS  1000000000ull         /* for what is on its way back */

/* The server on a further core. */
struct far {
    struct shares_binding b;
    uint32_t pid;
};
extern struct far fars[CORES_MAX];
extern struct monitor_binding monitor;

bool far_start(uint32_t core);
bool far_end(uint32_t core);
/* `monitor` is that of this core. */
bool monitor_find(void);
/* The monitors find nothing wrong. `ret_records`: what they know. */
bool monitors_agree(uint64_t *ret_records);

/* What there was at an earlier moment: counters, and objects that several cores know. */
extern struct counters before;
extern uint64_t records_before;
/* Whether all is as it was before; says what is not. */
bool as_before(struct counters *ret_after, uint64_t *ret_records);

/* The name of the server on a core; on the one that booted it is a service of init's. */
const char *core_server_name(uint32_t core, char text[CORE_NAME_BYTES]);
/* The server of this core, until its end. */
int core_serve(void);
/* A domain that gives something to the server on `core` and waits to be ended: a frame of its own,
 * a Notify, or what the service of init's has (`kind`: frame, notify, held). */
int core_give(uint32_t core, const char *kind);
/* Such a domain of this core gives it to core 1, and is ended when that one has it. */
bool giver_ends(const char *kind, uint8_t type);
/* What it has to give, so that `look` tells. */
void core_serve_has(caddr_t cap);
/* A domain that takes all it can get, and serves meanwhile: `look` finds something as long as there
 * was more; and what crosses while it does so. */
int core_hog(void);
int core_hungry(void);
/* The tests of all types, with a server on each core. */
int core_types(void);
/* Those of monitors of which any allocation fails, in an image of such (failing.c). */
int core_poor(void);
