/* Values with parts, there and back: arrays, structs, tables, unions. */
#include <check.h>

#include "fake.h"
#include "round.h"

void arrays(void)
{
    round_start();
    const uint32_t fixed[4] = {1, 2, 3, UINT32_MAX};
    const kitchen_sink_op_t some[9] = {1, 2, 3, 1, 2, 3, 1, 2, 3};
    const bool bools[5] = {true, false, true, true, false};
    struct kitchen_sink_size sizes[7], sizes_out[7];
    const struct kitchen_sink_size pair[2] = {{.rows = 9, .cols = 8}, {.rows = 7, .cols = 6}};
    const struct kitchen_sink_string7 names[2] = {{.text_len = 7, .text = "seventy"},
                                                  {.text_len = 2, .text = "ok"}};
    struct kitchen_sink_string7 names_out[3];
    size_t names_n = 0;
    uint32_t count = 0, fixed_out[4];
    size_t n = 0;
    for (uint16_t i = 0; i < 7; i++) {
        sizes[i] = (struct kitchen_sink_size){.rows = i, .cols = (uint16_t)(i + 1)};
    }
    CHECK_EQ(kitchen_sink_arrays(&b, fixed, some, 9, bools, 5, sizes, 7, pair, names, &count,
                                 fixed_out, sizes_out, &n, names_out, &names_n),
             ERR_OK);
    CHECK(count == 18 + 3 && fixed_out[0] == UINT32_MAX && fixed_out[3] == 1 && n == 7);
    CHECK(sizes_out[0].rows == 6 && sizes_out[6].cols == 1 && names_n == 3);
    CHECK_STR(names_out[0].text, "ok");
    CHECK_STR(names_out[1].text, "seventy");
    CHECK_EQ(kitchen_sink_arrays(&b, fixed, some, 0, bools, 0, sizes, 0, pair, names, &count,
                                 fixed_out, sizes_out, &n, names_out, &names_n),
             ERR_OK);
    CHECK(count == 0 && n == 2 && sizes_out[1].rows == 7 && sizes_out[0].cols == 8);
    const kitchen_sink_op_t wrong[1] = {4};
    CHECK_EQ(kitchen_sink_arrays(&b, fixed, wrong, 1, bools, 0, sizes, 0, pair, names, &count,
                                 fixed_out, sizes_out, &n, names_out, &names_n),
             RPC_ERR_MALFORMED);
    sizes[3].cols = 401;
    CHECK_EQ(kitchen_sink_arrays(&b, fixed, some, 0, bools, 0, sizes, 4, pair, names, &count,
                                 fixed_out, sizes_out, &n, names_out, &names_n),
             RPC_ERR_MALFORMED);
    CHECK_EQ(kitchen_sink_arrays(&b, fixed, some, 10, bools, 0, sizes, 0, pair, names, &count,
                                 fixed_out, sizes_out, &n, names_out, &names_n),
             RPC_ERR_TOO_LARGE);
    round_end();
}

void structs(void)
{
    round_start();
    struct kitchen_sink_box box = {.size = {.rows = 1, .cols = 2},
                                   .hash = {1, 2, 3, 4},
                                   .has_note = true,
                                   .note_len = 4,
                                   .note = "note",
                                   .has_weight = true,
                                   .weight = 1ull << 63,
                                   .ops_count = 2,
                                   .ops = {3, 1}};
    struct kitchen_sink_box out;
    struct kitchen_sink_prop props[4], props_out[4];
    memset(props, 0, sizeof(props));
    for (size_t i = 0; i < 4; i++) {
        props[i].key_len = 31 - i;
        memset(props[i].key, 'k', 31 - i);
        props[i].value_len = 63;
        memset(props[i].value, 'v', 63);
        props[i].rank = -(int32_t)i;
    }
    size_t n = 0;
    CHECK_EQ(kitchen_sink_structs(&b, &box, props, 4, &out, props_out, &n), ERR_OK);
    CHECK(n == 4 && memcmp(props, props_out, sizeof(props)) == 0);
    CHECK(out.size.cols == 2 && memcmp(out.hash, box.hash, 4) == 0 && out.has_note);
    CHECK_STR(out.note, "note");
    CHECK(out.has_weight && out.weight == 1ull << 63 && out.ops_count == 2 && out.ops[0] == 3);
    box.has_note = false;
    box.has_weight = false;
    CHECK_EQ(kitchen_sink_structs(&b, &box, props, 0, &out, props_out, &n), ERR_OK);
    CHECK(n == 0 && !out.has_note && !out.has_weight && out.weight == 0);
    props[2].key[0] = (char)0xc0;
    CHECK_EQ(kitchen_sink_structs(&b, &box, props, 3, &out, props_out, &n), RPC_ERR_MALFORMED);
    round_end();
}

static const struct kitchen_sink_stat full = {
    .has_size = true,
    .size = 5,
    .has_name = true,
    .name_len = 15,
    .name = "fifteen letters",
    .has_parts = true,
    .parts_count = 2,
    .parts = {{.rows = 1, .cols = 2}, {.rows = 3, .cols = 400}},
    .has_op = true,
    .op = KITCHEN_SINK_OP_PUT,
};

void tables(void)
{
    round_start();
    const struct kitchen_sink_stat none = {0};
    struct kitchen_sink_stat list[2] = {full, none}, stat, list_out[2];
    struct kitchen_sink_exact exact = {
        .has_box = true,
        .box = {.size = {.rows = 7, .cols = 8}, .ops_count = 0},
        .has_rows = true,
        .rows_count = 2,
        .rows = {{.n = 5}, {.has_marks = true, .marks = {{.cols = 3}, {.cols = 4}}}},
    };
    struct kitchen_sink_exact exact_out;
    bool has_exact = false;
    size_t n = 0;
    CHECK_EQ(kitchen_sink_tables(&b, &full, true, &exact, list, 2, &stat, list_out, &n, &has_exact,
                                 &exact_out),
             ERR_OK);
    CHECK(stat.has_size && stat.size == 6 && stat.has_op && stat.op == KITCHEN_SINK_OP_PUT);
    CHECK(stat.has_name && stat.name_len == 15 && stat.has_parts && stat.parts_count == 2);
    CHECK_STR(stat.name, "fifteen letters");
    CHECK(stat.parts[1].rows == 3 && stat.parts[1].cols == 400);
    CHECK(n == 2 && !list_out[0].has_size && !list_out[0].has_name && !list_out[0].has_parts);
    CHECK(list_out[1].has_op && list_out[1].size == 5);
    CHECK(has_exact && !exact_out.has_a && exact_out.has_box && exact_out.box.size.cols == 8);
    CHECK(exact_out.rows_count == 2 && exact_out.rows[0].n == 5 && !exact_out.rows[0].has_marks);
    CHECK(exact_out.rows[1].has_marks && exact_out.rows[1].marks[1].cols == 4);
    CHECK_EQ(kitchen_sink_tables(&b, &none, false, NULL, list, 0, &stat, list_out, &n, &has_exact,
                                 &exact_out),
             ERR_OK);
    CHECK(!stat.has_size && !stat.has_name && !stat.has_parts && !stat.has_op && n == 0);
    CHECK(!has_exact);
    /* Fields have the checks of any other value. */
    struct kitchen_sink_stat bad = full;
    bad.size = 1000001;
    CHECK_EQ(kitchen_sink_tables(&b, &bad, false, NULL, list, 0, &stat, list_out, &n, &has_exact,
                                 &exact_out),
             RPC_ERR_MALFORMED);
    bad.has_size = false;
    bad.op = 4;
    CHECK_EQ(kitchen_sink_tables(&b, &bad, false, NULL, list, 0, &stat, list_out, &n, &has_exact,
                                 &exact_out),
             RPC_ERR_MALFORMED);
    bad = full;
    bad.name_len = 16;
    CHECK_EQ(kitchen_sink_tables(&b, &bad, false, NULL, list, 0, &stat, list_out, &n, &has_exact,
                                 &exact_out),
             RPC_ERR_TOO_LARGE);
    bad.has_name = false;
    list[1] = bad;
    CHECK_EQ(kitchen_sink_tables(&b, &bad, false, NULL, list, 2, &stat, list_out, &n, &has_exact,
                                 &exact_out),
             ERR_OK);
    list[1].parts_count = 3;
    CHECK_EQ(kitchen_sink_tables(&b, &bad, false, NULL, list, 2, &stat, list_out, &n, &has_exact,
                                 &exact_out),
             RPC_ERR_TOO_LARGE);
    round_end();
}

void unions(void)
{
    round_start();
    const struct kitchen_sink_shape shapes[4] = {
        {.tag = KITCHEN_SINK_SHAPE_SIDE, .side = 8},
        {.tag = KITCHEN_SINK_SHAPE_SIZE, .size = {.rows = 9, .cols = 10}},
        {.tag = KITCHEN_SINK_SHAPE_TEXT, .text_len = 9, .text = "ninebytes"},
        {.tag = KITCHEN_SINK_SHAPE_STAT, .stat = full},
    };
    struct kitchen_sink_scene scene = {.shape = shapes[2], .n = 4}, scene_out;
    struct kitchen_sink_note note = {.tag = KITCHEN_SINK_NOTE_TEXT, .text_len = 3, .text = "abc"};
    struct kitchen_sink_shape out;
    struct kitchen_sink_note note_out;
    for (size_t i = 0; i < 4; i++) {
        scene.has_stat = i % 2 == 0;
        scene.stat = full;
        CHECK_EQ(kitchen_sink_unions(&b, &shapes[i], &note, shapes, i, &scene, &out, &note_out,
                                     &scene_out),
                 ERR_OK);
        CHECK_EQ(out.tag, shapes[i == 0 ? 0 : i - 1].tag);
        CHECK(note_out.tag == KITCHEN_SINK_NOTE_NUMBER && note_out.number == i);
        CHECK(scene_out.shape.tag == shapes[i].tag && scene_out.n == 5);
        CHECK_EQ(scene_out.has_stat, i % 2 == 0);
    }
    CHECK_EQ(memcmp(&scene_out.shape.stat, &full, sizeof(full)), 0);
    CHECK_EQ(memcmp(out.text, "ninebytes", 9), 0);
    /* Neither a tag that is none of its fields, nor what a flexible one had that was not known. */
    const struct kitchen_sink_shape wrong = {.tag = (enum kitchen_sink_shape_tag)48};
    CHECK_EQ(
        kitchen_sink_unions(&b, &wrong, &note, shapes, 0, &scene, &out, &note_out, &scene_out),
        RPC_ERR_MALFORMED);
    note.tag = KITCHEN_SINK_NOTE_UNKNOWN;
    CHECK_EQ(
        kitchen_sink_unions(&b, shapes, &note, shapes, 0, &scene, &out, &note_out, &scene_out),
        RPC_ERR_MALFORMED);
    round_end();
}

void gifts(void)
{
    round_start();
    caddr_t copied = fake_cap(CAPTYPE_FRAME, CAP_RIGHTS_ALL);
    const struct kitchen_sink_gift gift = {
        .has_name = true,
        .name_len = 1,
        .name = "n",
        .cap = fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL),
        .has_more = true,
        .more_count = 2,
        .more = {copied, copied},
        .has_grant = true,
        .grant = {.cap = fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL), .extra = copied},
    };
    const struct kitchen_sink_gift empty = {.has_more = true, .more_count = 0};
    struct kitchen_sink_way ways[3] = {
        {.tag = KITCHEN_SINK_WAY_GIFTS, .gifts_count = 1, .gifts = {empty}},
        {.tag = KITCHEN_SINK_WAY_RAM, .ram = fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL)},
        {.tag = KITCHEN_SINK_WAY_NUMBER, .number = 3},
    };
    struct kitchen_sink_way back;
    uint32_t total = 0;
    CHECK_EQ(kitchen_sink_gifts(&b, &gift, ways, 2, &back, &total), ERR_OK);
    CHECK_EQ(total, 5 + 1);
    CHECK(back.tag == KITCHEN_SINK_WAY_RAM && back.ram != 0);
    struct cap_info info;
    CHECK_EQ(cap_identify(back.ram, &info), ERR_OK);
    CHECK_EQ(info.type, CAPTYPE_RAM);
    CHECK_EQ(cap_destroy(back.ram), ERR_OK);
    CHECK_EQ(kitchen_sink_gifts(&b, &empty, ways + 2, 1, &back, &total), ERR_OK);
    CHECK(total == 0 && back.tag == KITCHEN_SINK_WAY_NUMBER && back.number == 3);
    /* What was moved is gone, whatever the call returns. */
    uint32_t before = fake_caps_in_use();
    ways[1].ram = fake_cap(CAPTYPE_FRAME, CAP_RIGHTS_ALL);
    CHECK_EQ(kitchen_sink_gifts(&b, &empty, ways, 2, &back, &total), RPC_ERR_CAPABILITY);
    CHECK_EQ(fake_caps_in_use(), before);
    CHECK_EQ(cap_destroy(copied), ERR_OK);
    round_end();
}

void below_zero(void)
{
    round_start();
    const kitchen_sink_trend_t trends[3] = {KITCHEN_SINK_TREND_FALLING, KITCHEN_SINK_TREND_FALLING,
                                            KITCHEN_SINK_TREND_RISING};
    const int64_t far = -0x200000000;
    const int16_t coldest = KITCHEN_SINK_COLDEST;
    kitchen_sink_depth_t depth = 0;
    kitchen_sink_trend_t trend = 0;
    int16_t degrees = 0;
    int64_t total = 0;
    CHECK_EQ(kitchen_sink_below(&b, KITCHEN_SINK_TREND_FALLING, KITCHEN_SINK_DEPTH_ABYSS, coldest,
                                far, trends, 3, &depth, &degrees, &total, &trend),
             ERR_OK);
    CHECK(depth == INT64_MIN && degrees == -273 && total == far - 2 && trend == 1);
    const struct {
        kitchen_sink_trend_t trend, in_array;
        kitchen_sink_depth_t depth;
        int16_t degrees;
        int64_t far;
    } wrong[] = {
        {-2, 0, 0, coldest, -1},
        {2, 0, 0, coldest, -1},
        {0, -2, 0, coldest, -1},
        {0, 0, -1, coldest, -1},
        {0, 0, INT64_MAX, coldest, -1},
        {0, 0, 0, coldest - 1, -1},
        {0, 0, 0, 101, -1},
        {0, 0, 0, coldest, 0},
        {0, 0, 0, coldest, far - 1},
        {0, 0, 0, coldest, INT64_MIN},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CHECK_EQ(kitchen_sink_below(&b, wrong[i].trend, wrong[i].depth, wrong[i].degrees,
                                    wrong[i].far, &wrong[i].in_array, 1, &depth, &degrees, &total,
                                    &trend),
                 RPC_ERR_MALFORMED);
    }
    CHECK_EQ(kitchen_sink_below(&b, 1, KITCHEN_SINK_DEPTH_PEAK, coldest + 1, -1, trends, 0, &depth,
                                &degrees, &total, &trend),
             RPC_ERR_BAD_REPLY);
    CHECK(depth == INT64_MIN && total == far - 2);
    round_end();
}
