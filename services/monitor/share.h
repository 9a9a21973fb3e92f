/* Capabilities that go to other cores: init as the host of the protocol of caps.h. For init's main
 * thread. */
#pragma once

#include <aos/waitset.h>

#include "caps.h"

/* `send` takes a message for the monitor of `core`, in order and without loss. */
void share_init(void (*send)(uint8_t core, const struct caps_msg *msg), struct waitset *ws);
void share_core_up(uint8_t core);
/* The core has stopped, after share_leave there. */
void share_core_down(uint8_t core);
/* The frame that cores share from when one of them starts: on the side that starts it, and on the
 * other. */
errval_t share_lend_channel(caddr_t frame, uint8_t core);
errval_t share_adopt_channel(caddr_t frame);
/* This core stops, and no domain is left on it: what others still know goes to the monitor of
 * `successor`; `done` is called when nothing is left. */
void share_leave(uint8_t successor, void (*done)(void *arg), void *arg);
void share_receive(uint8_t core, const struct caps_msg *msg);
/* Sends the capability in `slot` to `core`. `done(arg, err)` is called once, maybe at once: then
 * the other monitor has it under `ret_tag`, and the slot is empty; or it is as it was. */
void share_send(caddr_t slot, uint32_t core, uint64_t *ret_tag, caps_done_fn done, void *arg);
/* The capability that came under `tag`, 0: none did. */
caddr_t share_take(uint64_t tag);
/* Something may have ended: looks soon whether others need to know. */
void share_look_soon(void);
/* Whether nothing is under way here, nothing that has ended is still to be given up, and no
 * capability waits for its message. */
bool share_is_quiet(void);
/* The protocol, for the operations of domains. */
struct caps *share_caps(void);
/* After an operation was begun there. */
void share_go_on(void);
/* `unmarked` is called whenever a revoke has ended, of this core or of others. */
void share_on_unmarked(void (*unmarked)(void));
