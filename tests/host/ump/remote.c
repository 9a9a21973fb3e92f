#include "remote.h"

#include <check.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../../libaos/chan/chan_priv.h"
#include "../if/fake.h"
#include "../if/sink.h"

uint8_t *remote_frames(void)
{
    void *at = mmap(NULL, REMOTE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(at != MAP_FAILED);
    return at;
}

/* A full pipe holds enough rings; a broken one is noticed by who reads. */
static void remote_ring(void *ctx)
{
    const struct remote *r = ctx;
    ssize_t done = write(r->bell_out, "!", 1);
    CHECK(done == 1 || errno == EAGAIN || errno == EPIPE);
}

static const struct ump_bell_ops bell_ops = {remote_ring};

struct ump_config remote_config(struct remote *r, uint32_t spin)
{
    uint8_t *second = r->frames + REMOTE_FRAME_BYTES;
    return (struct ump_config){.out = r->server ? second : r->frames,
                               .in = r->server ? r->frames : second,
                               .out_bytes = REMOTE_FRAME_BYTES,
                               .in_bytes = REMOTE_FRAME_BYTES,
                               .spin = spin,
                               .bell = &bell_ops,
                               .ctx = r};
}

bool remote_wait(struct remote *r)
{
    char bytes[64];
    ssize_t got;
    do {
        got = read(r->bell_in, bytes, sizeof(bytes));
    } while (got < 0 && errno == EINTR);
    disp_disable();
    if (got > 0) {
        ump_rung_disabled(r->chan);
    } else {
        ump_peer_died_disabled(r->chan);
    }
    disp_enable();
    return got > 0;
}

void remote_serve(struct remote *r, uint32_t spin)
{
    static struct sink sink;
    struct server_conn *conn;
    fake_start();
    sink_init(&sink);
    r->server = true;
    const struct ump_config config = remote_config(r, spin);
    CHECK_EQ(server_add_ump(&sink.server.base, &config, 1, 0, &conn), ERR_OK);
    r->chan = &conn->chan;
    for (;;) {
        while (waitset_poll(&sink.ws)) {
        }
        if (sink.peers_gone != 0) {
            break;
        }
        (void)remote_wait(r);
    }
    kitchen_sink_wait_reply(&sink.waiting, ERR_OK, "", 0); /* nobody hears it */
    sink_deinit(&sink);
    fake_check_clean();
}
