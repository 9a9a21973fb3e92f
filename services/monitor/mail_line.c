/* See mail_line.h. Invariant: of the reserve there is as much unused as all lines that there are
 * may still draw. What a line has drawn may be unsent when that line is no more, and comes back
 * when it is sent. */
#include "mail_line.h"

#include <stdlib.h>

/* A line says once that it has ended, and has at most a window of messages of which it has not told
 * yet that they were taken. */
#define MAIL_PER_LINE (1u + LINE_WINDOW / LINE_TELL)

static struct mail_list reserve;
static uint32_t reserve_count;

static void reserve_add(struct mail *m)
{
    if (reserve.tail == NULL) {
        mail_list_init(&reserve);
    }
    mail_add(&reserve, m);
    reserve_count++;
}

errval_t mail_reserve(uint32_t lines)
{
    while (reserve_count < lines * MAIL_PER_LINE) {
        struct mail_line *m = calloc(1, sizeof(*m));

        if (m == NULL) {
            return LIB_ERR_NO_MEMORY;
        }
        m->mail.store = MAIL_RESERVE;
        reserve_add(&m->mail);
    }
    return ERR_OK;
}

struct mail_line *mail_line(const struct line_wire *w)
{
    bool reserved = (w->ended || w->taken != 0) && reserve_count != 0;
    struct mail_line *m = reserved ? mail_as_line(mail_take(&reserve)) : malloc(sizeof(*m));

    if (m != NULL) {
        reserve_count -= reserved;
        *m = (struct mail_line){
            .mail.store = reserved ? MAIL_RESERVE : MAIL_HEAP, .wire = *w,
        };
    }
    return m;
}

void mail_free(struct mail *m)
{
    switch ((enum mail_store)m->store) {
    case MAIL_HEAP:
        free(m);
        break;
    case MAIL_RESERVE:
        reserve_add(m);
        break;
    case MAIL_KEPT:
        m->queued = false;
        break;
    }
}
