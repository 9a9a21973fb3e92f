/* Mail about lines (line.h), to other monitors and to this one itself. What a line has to say must
 * find memory, or the line ends; that it has ended, and what was taken, is said from a reserve that
 * is made before the line begins. */
#pragma once

#include "line.h"
#include "mail.h"

struct mail_line {
    struct mail mail;
    struct line_wire wire;
    uint64_t tag;                        /* of the capability */
    caddr_t cap;
    uint32_t peer;
    bool crossing;                       /* its capability is on its way, which is awaited */
    bool dropped;                        /* meanwhile the core went off: in no list any more */
};

/* There are to be so many lines: what they cannot do without is there. LIB_ERR_NO_MEMORY. */
errval_t mail_reserve(uint32_t lines);
/* Not NULL for `ended` and `taken` of a line that a mail_reserve was for. */
struct mail_line *mail_line(const struct line_wire *w);
/* It was sent, or is not to be: whatever store it is of. */
void mail_free(struct mail *m);

static inline struct mail_line *mail_as_line(struct mail *m)
{
    return (struct mail_line *)(void *)m;
}
