/* Prints every message that goes through a ring, for ../if/check_images.py. Linked around
 * ump_ring_send, and around the short ways, which would go past it. */
#include <stdio.h>

#include "../../../libaos/chan/ump_priv.h"

errval_t __wrap_ump_call(struct binding *b, struct lmp_regs *r);
bool __wrap_ump_serve_disabled(struct server_conn *conn);

errval_t __wrap_ump_call(struct binding *b, struct lmp_regs *r)
{
    return binding_call_long(b, r);
}

bool __wrap_ump_serve_disabled(struct server_conn *conn)
{
    return ump_step_disabled(&conn->chan);
}

bool __real_ump_ring_send(struct ump_ring *r, uint64_t header, const uint64_t *words,
                          uint32_t count);
bool __wrap_ump_ring_send(struct ump_ring *r, uint64_t header, const uint64_t *words,
                          uint32_t count);

bool __wrap_ump_ring_send(struct ump_ring *r, uint64_t header, const uint64_t *words,
                          uint32_t count)
{
    static const struct ump_ring *client; /* the one that calls */
    bool sent = __real_ump_ring_send(r, header, words, count);
    if (msg_kind(header) == MSG_CALL) {
        client = r;
    }
    if (sent) {
        printf("# image %s %llx", r == client ? "server" : "client", (unsigned long long)header);
        for (uint32_t i = 0; i < count; i++) {
            printf(" %llx", (unsigned long long)words[i]);
        }
        printf("\n");
    }
    return sent;
}
