/* Bad tables and unions, and those of newer peers. */
#include <check.h>

#include "hostile.h"

#define NEW_FIELD (1ull << 47) /* the present bit of a field that is not known */

void tables_and_unions(void)
{
    hostile_start();
    const struct kitchen_sink_shape side = {.tag = KITCHEN_SINK_SHAPE_SIDE, .side = 4};
    const struct kitchen_sink_scene scene = {.shape = side};
    const struct kitchen_sink_note note = {.tag = KITCHEN_SINK_NOTE_TEXT, .text_len = 8,
                                           .text = "eight of"};
    struct kitchen_sink_shape out;
    struct kitchen_sink_note note_out;
    struct kitchen_sink_scene scene_out;
    CHECK_EQ(kitchen_sink_unions(&b, &side, &note, &side, 1, &scene, &out, &note_out, &scene_out),
             RPC_ERR_TIMEOUT);
    /* fixed part | side: first word, value | note: first word, length, text | sides | scene */
    const uint32_t shape = 1, text = 3, all = 10;
    CHECK_EQ(msg_words(sent.header), all);
    CHECK_EQ(with_area(0, sent_area[0], all), ERR_OK);
    CHECK_EQ(sink.note, KITCHEN_SINK_NOTE_TEXT);
    CHECK_EQ(sink.calls, 1);
    const uint64_t is_side = 1ull << (KITCHEN_SINK_SHAPE_SIDE - 1);
    const uint64_t is_text = 1ull << (KITCHEN_SINK_NOTE_TEXT - 1);
    const struct {
        uint32_t index;
        uint64_t words, present;
    } cases[] = {
        {shape, 1, 0},                                               /* no field */
        {shape, 1, is_side | 1ull << (KITCHEN_SINK_SHAPE_SIZE - 1)}, /* two */
        {shape, 1, 1u << 3},                                         /* between two known */
        {shape, 1, NEW_FIELD},                                       /* unknown in a strict one */
        {shape, 0, is_side},                                         /* too short */
        {shape, 2, is_side},                                         /* too long */
        {shape, 8, is_side},                                         /* ends with the message */
        {shape, 9, is_side},                                         /* and beyond */
        {shape, 0xffff, is_side},
        {text, 2, 0},
        {text, 2, NEW_FIELD | is_text},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t first = cases[i].words << MSG_MEMBERS_SHIFT | cases[i].present;
        CHECK_EQ(with_area(cases[i].index, first, all), RPC_ERR_MALFORMED);
    }
    CHECK_EQ(with_area(shape + 1, 1ull << 32, all), RPC_ERR_MALFORMED); /* padding */
    CHECK_EQ(sink.calls, 1);
    /* A field that only a newer client knows is skipped, whatever is in it. */
    CHECK_EQ(with_area(text, 2ull << MSG_MEMBERS_SHIFT | NEW_FIELD, all), ERR_OK);
    CHECK_EQ(sink.note, KITCHEN_SINK_NOTE_UNKNOWN);
    CHECK_EQ(sink.calls, 2);
    hostile_end();
}

void fields_of_newer_tables(void)
{
    hostile_start();
    const struct kitchen_sink_stat small = {.has_size = true, .size = 7};
    struct kitchen_sink_stat stat_out, list_out[2];
    struct kitchen_sink_exact exact_out;
    bool has_exact;
    size_t n;
    CHECK_EQ(kitchen_sink_tables(&b, &small, false, NULL, NULL, 0, &stat_out, list_out, &n,
                                 &has_exact, &exact_out),
             RPC_ERR_TIMEOUT);
    CHECK_EQ(with_word(0, 0, 0), ERR_OK);
    CHECK_EQ(with_word(1, 0, NEW_FIELD), ERR_OK);         /* one without words */
    CHECK_EQ(with_word(1, 0, 1u << 2), RPC_ERR_MALFORMED); /* an old one that is not known */
    CHECK_EQ(with_word(2, 0, 1000001), RPC_ERR_MALFORMED);
    CHECK_EQ(with_word(0, 0, 1), RPC_ERR_MALFORMED); /* an optional table that is not there */
    /* Rows in a table: a presence bit, then 8 bytes that are zero when it is not set. */
    const struct kitchen_sink_stat none = {0};
    const struct kitchen_sink_exact exact = {.has_rows = true, .rows_count = 1};
    CHECK_EQ(kitchen_sink_tables(&b, &none, true, &exact, NULL, 0, &stat_out, list_out, &n,
                                 &has_exact, &exact_out),
             RPC_ERR_TIMEOUT);
    CHECK_EQ(msg_words(sent.header), 6);
    CHECK_EQ(with_word(5, 0, 0), ERR_OK);
    CHECK_EQ(with_word(4, 0, 1ull << 63), RPC_ERR_MALFORMED);
    CHECK_EQ(with_word(5, 0, 1), RPC_ERR_MALFORMED);
    CHECK_EQ(with_word(5, 0, 1ull << 63), RPC_ERR_MALFORMED);
    CHECK_EQ(with_word(3, 0, 2), RPC_ERR_MALFORMED);
    CHECK_EQ(kitchen_sink_tables(&b, &small, false, NULL, NULL, 0, &stat_out, list_out, &n,
                                 &has_exact, &exact_out),
             RPC_ERR_TIMEOUT);
    /* As long as there is room for, and one word more. */
    const uint32_t known = 1 + 3 + 2 + 1, spare = 8;
    memset(sent_area, 0xff, sizeof(sent_area));
    memcpy(sent_area, sent.words, 3 * sizeof(uint64_t));
    const uint64_t present = (sent.words[1] & ((1ull << MSG_MEMBERS_SHIFT) - 1)) | NEW_FIELD;
    for (uint32_t more = 7; more <= known + spare; more++) {
        uint64_t first = (uint64_t)(more + 1) << MSG_MEMBERS_SHIFT | present;
        CHECK_EQ(with_area(1, first, 3 + more),
                 more < known + spare ? ERR_OK : RPC_ERR_MALFORMED);
    }
    hostile_end();
}
