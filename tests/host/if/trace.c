/* Prints every message that test_round sends, for check_images.py: direction, header and words as
 * hexadecimal numbers. Linked around the places where loopback delivers. */
#include <stdio.h>

#include <aos/chan.h>

bool __real_chan_area_write(const struct chan_area *a, uint32_t slot, const uint64_t *words,
                            uint32_t count);
void __real_binding_deliver_disabled(struct chan *c, const struct lmp_msg *msg);
void __real_conn_deliver_disabled(struct chan *c, const struct lmp_msg *msg);
bool __wrap_chan_area_write(const struct chan_area *a, uint32_t slot, const uint64_t *words,
                            uint32_t count);
void __wrap_binding_deliver_disabled(struct chan *c, const struct lmp_msg *msg);
void __wrap_conn_deliver_disabled(struct chan *c, const struct lmp_msg *msg);

static uint64_t area[MSG_WORDS_MAX];      /* the words that were put into a message area last */

static void trace(const char *direction, const struct lmp_msg *msg)
{
    const uint64_t *words = msg_in_area(msg->header) ? area : msg->words;
    printf("# image %s %llx", direction, (unsigned long long)msg->header);
    for (uint32_t i = 0; i < msg_words(msg->header); i++) {
        printf(" %llx", (unsigned long long)words[i]);
    }
    printf("\n");
}

bool __wrap_chan_area_write(const struct chan_area *a, uint32_t slot, const uint64_t *words,
                            uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        area[i] = words[i];
    }
    return __real_chan_area_write(a, slot, words, count);
}

void __wrap_binding_deliver_disabled(struct chan *c, const struct lmp_msg *msg)
{
    trace("client", msg);
    __real_binding_deliver_disabled(c, msg);
}

void __wrap_conn_deliver_disabled(struct chan *c, const struct lmp_msg *msg)
{
    trace("server", msg);
    __real_conn_deliver_disabled(c, msg);
}
