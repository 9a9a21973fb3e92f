/* cap_revoke, cap_revoke_part and cap_retype in init itself, where the monitor is no peer to be
 * asked: the main thread does it, and the thread that called waits for that.
 *
 * The main thread cannot wait for itself. There the kernel's SYS_ERR_REMOTE stays; it begins such
 * operations (caps.h, revokes.h) and goes on when they are done. So a thread that calls one of
 * these holds no lock that the main thread takes. */
#pragma once

#include <aos/waitset.h>

/* In the main thread, which runs `ws`. */
void own_init(struct waitset *ws);
