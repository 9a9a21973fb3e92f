/* See mail.h. */
#include "mail.h"

void mail_list_init(struct mail_list *list)
{
    list->head = NULL;
    list->tail = &list->head;
}

void mail_add(struct mail_list *list, struct mail *m)
{
    m->next = NULL;
    m->queued = true;
    *list->tail = m;
    list->tail = &m->next;
}

struct mail *mail_take(struct mail_list *list)
{
    struct mail *m = list->head;

    list->head = m->next;
    if (list->head == NULL) {
        list->tail = &list->head;
    }
    m->queued = false;
    return m;
}

void mail_remove(struct mail_list *list, struct mail *m)
{
    struct mail **at = &list->head;

    while (*at != m) {
        at = &(*at)->next;
    }
    *at = m->next;
    if (m->next == NULL) {
        list->tail = at;
    }
    m->queued = false;
}

/* The place of a message: of which operation, and between its core and which other one. */
static struct mail_caps *box_place(const struct mail_box *box, uint8_t sender, uint8_t to,
                                   const struct caps_msg *msg)
{
    bool answer = msg->kind == CAPS_ACK;
    bool passed_on = msg->kind == CAPS_VIA || msg->kind == CAPS_REHOME;
    uint32_t asker = answer ? to : passed_on ? msg->from : sender;
    uint32_t other = answer ? sender : to;

    return &box->places[(asker * CAPS_OPS_MAX + msg->op % CAPS_OPS_MAX) * box->cores + other];
}

enum mail_put mail_put_caps(struct mail_box *box, struct mail_list *list, uint8_t kind,
                            uint8_t sender, uint8_t to, const struct caps_msg *msg)
{
    struct mail_caps *m = box_place(box, sender, to, msg);
    enum mail_put put = m->mail.queued ? MAIL_INSTEAD : MAIL_NEW;

    if (m->mail.queued && (int32_t)(msg->op - m->msg.op) < 0) {
        return MAIL_LATE;
    }
    if (m->mail.queued) {
        mail_remove(m->list, &m->mail);
    }
    m->mail.kind = kind;
    m->mail.store = MAIL_KEPT;
    m->list = list;
    m->sender = sender;
    m->to = to;
    m->msg = *msg;
    mail_add(list, &m->mail);
    return put;
}
