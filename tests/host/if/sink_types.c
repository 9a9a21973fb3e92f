/* Handlers of the methods with tables and unions. */
#include "sink.h"

errval_t sink_on_tables(struct server_ctx *ctx, const struct kitchen_sink_stat *stat,
                        bool has_exact, const struct kitchen_sink_exact *exact,
                        const struct kitchen_sink_stat *list, size_t list_count,
                        struct kitchen_sink_stat *ret_stat_out,
                        struct kitchen_sink_stat *ret_list_out, size_t *ret_list_out_count,
                        bool *ret_exact_out_present, struct kitchen_sink_exact *ret_exact_out)
{
    (void)sink_of(ctx);
    *ret_stat_out = *stat;
    ret_stat_out->size += stat->has_size;
    for (size_t i = 0; i < list_count; i++) {
        ret_list_out[i] = list[list_count - 1 - i];
    }
    *ret_list_out_count = list_count;
    *ret_exact_out_present = has_exact;
    *ret_exact_out = *exact;
    return ERR_OK;
}

errval_t sink_on_unions(struct server_ctx *ctx, const struct kitchen_sink_shape *shape,
                        const struct kitchen_sink_note *note,
                        const struct kitchen_sink_shape *shapes, size_t shapes_count,
                        const struct kitchen_sink_scene *scene,
                        struct kitchen_sink_shape *ret_shape_out,
                        struct kitchen_sink_note *ret_note_out,
                        struct kitchen_sink_scene *ret_scene_out)
{
    sink_of(ctx)->note = note->tag;
    *ret_shape_out = shapes_count == 0 ? *shape : shapes[shapes_count - 1];
    ret_note_out->tag = KITCHEN_SINK_NOTE_NUMBER;
    ret_note_out->number = shapes_count;
    *ret_scene_out = *scene;
    ret_scene_out->shape = *shape;
    ret_scene_out->n++;
    return ERR_OK;
}

static uint32_t sink_count_gift(const struct kitchen_sink_gift *gift)
{
    uint32_t found = gift->cap != 0;
    for (size_t i = 0; gift->has_more && i < gift->more_count; i++) {
        found += gift->more[i] != 0;
    }
    return found + (gift->has_grant && gift->grant.cap != 0) +
           (gift->has_grant && gift->grant.extra != 0);
}

/* Gives the last way back and counts all capabilities. */
errval_t sink_on_gifts(struct server_ctx *ctx, const struct kitchen_sink_gift *gift,
                       const struct kitchen_sink_way *ways, size_t ways_count,
                       struct kitchen_sink_way *ret_back, uint32_t *ret_total)
{
    (void)sink_of(ctx);
    *ret_total = sink_count_gift(gift);
    for (size_t i = 0; i < ways_count; i++) {
        *ret_total += ways[i].tag == KITCHEN_SINK_WAY_RAM && ways[i].ram != 0;
        *ret_total += ways[i].tag == KITCHEN_SINK_WAY_END && ways[i].end != 0;
        for (size_t k = 0; ways[i].tag == KITCHEN_SINK_WAY_GIFTS && k < ways[i].gifts_count; k++) {
            *ret_total += sink_count_gift(&ways[i].gifts[k]);
        }
        *ret_back = ways[i];
    }
    if (ret_back->tag == KITCHEN_SINK_WAY_RAM) {
        server_take_cap(ctx, ret_back->ram);
    }
    return ERR_OK;
}

/* All that is below zero, and `degrees` back even if no reply may have them. */
errval_t sink_on_below(struct server_ctx *ctx, kitchen_sink_trend_t trend,
                       kitchen_sink_depth_t depth, int16_t degrees, int64_t far,
                       const kitchen_sink_trend_t *trends, size_t trends_count,
                       kitchen_sink_depth_t *ret_depth_out, int16_t *ret_degrees_out,
                       int64_t *ret_far_out, kitchen_sink_trend_t *ret_trend_out)
{
    (void)sink_of(ctx);
    *ret_depth_out = depth;
    *ret_degrees_out = degrees;
    *ret_far_out = far + trend;
    for (size_t i = 0; i < trends_count; i++) {
        *ret_far_out += trends[i];
    }
    *ret_trend_out = (kitchen_sink_trend_t)-trend;
    return ERR_OK;
}
