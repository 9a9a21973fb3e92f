/* The carrier that a test program is linked with: loopback (loop.c), or UMP (../ump/pair.c). */
#pragma once

#include <aos/binding.h>
#include <aos/server.h>

/* A binding to a server of this process. */
errval_t carrier_open(struct binding *b, struct server *server,
                      const struct client_interface *iface);
