/* Handlers that claim to have filled more of a lent buffer than there is: the server says so, and
 * does not leave it to the client to find out. */
#include <check.h>

#include "../../../libaos/chan/chan_priv.h"
#include "carrier.h"
#include "fake.h"
#include "sink.h"

#define SMALL 100u  /* in the message */
#define LARGE 5000u /* in the region */

static struct sink sink;
static struct kitchen_sink_binding b;
static uint8_t room[65536], data[65536];

static void start(void)
{
    fake_start();
    sink_init(&sink);
    CHECK_EQ(carrier_open(&b.base, &sink.server.base, &kitchen_sink_client_interface), ERR_OK);
    memset(room, 0xee, sizeof(room));
}

static void end(void)
{
    CHECK_EQ(room[0], 0xee);
    kitchen_sink_close(&b);
    sink_deinit(&sink);
    chan_tidy();
    fake_check_clean();
}

/* The last answer of the server, which the client keeps in the first slot. */
static void the_server_refused(void)
{
    CHECK_EQ(msg_kind(b.base.pending[0].msg.header), MSG_ERROR);
    CHECK_EQ(b.base.pending[0].msg.words[0], RPC_ERR_BAD_REPLY);
}

static void at_once(void)
{
    static const uint32_t sizes[] = {SMALL, LARGE};
    for (size_t i = 0; i < 2; i++) {
        start();
        uint32_t n = 3;
        char note[KITCHEN_SINK_LOAD_NOTE_MAX + 1];
        size_t note_len;
        CHECK_EQ(kitchen_sink_load(&b, 10, room, sizes[i], &n, note, &note_len),
                 RPC_ERR_BAD_REPLY);
        CHECK_EQ(n, 3);
        the_server_refused();
        end();
    }
}

static uint32_t claim;

static void answer(void *arg)
{
    (void)arg;
    kitchen_sink_later_reply(&sink.later, ERR_OK, claim, data);
}

static struct work answer_work;

static void answer_soon(void)
{
    answer_work = (struct work){.fn = answer};
    waitset_post(&sink.ws, &answer_work);
}

static void later(void)
{
    static const uint32_t sizes[] = {SMALL, SMALL, LARGE, LARGE};
    static const uint32_t claims[] = {SMALL + 1, 65536, LARGE + 1, 65536};
    for (size_t i = 0; i < 4; i++) {
        start();
        uint32_t n = 3;
        sink.when_deferred = answer_soon;
        claim = claims[i];
        CHECK_EQ(kitchen_sink_later(&b, room, sizes[i], &n), RPC_ERR_BAD_REPLY);
        CHECK_EQ(n, 3);
        the_server_refused();
        end();
    }
}

int main(void)
{
    static const struct check_test tests[] = {
        {"BULK0015 a handler claims too much", at_once},
        {"BULK0016 an answer that comes later does", later},
    };
    return CHECK_MAIN(tests);
}
