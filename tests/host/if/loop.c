#include "carrier.h"

errval_t carrier_open(struct binding *b, struct server *server,
                      const struct client_interface *iface)
{
    return binding_open_loop(b, server, iface);
}
