/* Clients, ownership and input of the console; see serial_priv.h. */
#include "serial_priv.h"

#include <string.h>

enum {
    CONSOLE_MARK = 0x100,                /* end of file was typed */
    KEY_INTERRUPT = 0x03,                /* Ctrl-C */
    KEY_EOF = 0x04,                      /* Ctrl-D */
    KEY_BACKSPACE = 0x08,
    KEY_KILL = 0x15,                     /* Ctrl-U */
    KEY_SUSPEND = 0x1a,                  /* Ctrl-Z */
    KEY_DELETE = 0x7f,
    UTF8_CONTINUATION_MASK = 0xc0,
    UTF8_CONTINUATION = 0x80,
};

void console_init(struct console *c, bool frames)
{
    memset(c, 0, sizeof(*c));
    c->frames = frames;
    for (size_t i = CONSOLE_CLIENTS_MAX; i-- > 0;) {
        c->clients[i].next = c->unused;
        c->unused = &c->clients[i];
    }
}

static struct console_client **console_bucket(struct console *c, uint32_t pid)
{
    return &c->by_pid[pid % CONSOLE_BUCKETS];
}

struct console_client *console_client_find(struct console *c, uint32_t pid)
{
    struct console_client *client = *console_bucket(c, pid);

    while (client != NULL && client->pid != pid) {
        client = client->next;
    }
    return client;
}

struct console_client *console_client_next(const struct console *c,
                                           const struct console_client *client)
{
    size_t bucket = client == NULL ? 0 : client->pid % CONSOLE_BUCKETS + 1;

    if (client != NULL && client->next != NULL) {
        return client->next;
    }
    while (bucket < CONSOLE_BUCKETS && c->by_pid[bucket] == NULL) {
        bucket++;
    }
    return bucket < CONSOLE_BUCKETS ? c->by_pid[bucket] : NULL;
}

errval_t console_client_opened(struct console *c, uint32_t pid)
{
    struct console_client *client = console_client_find(c, pid);

    if (client == NULL && c->unused != NULL) {
        client = c->unused;
        c->unused = client->next;
        client->next = *console_bucket(c, pid);
        *console_bucket(c, pid) = client;
        client->pid = pid;
        client->connections = 0;
        client->mode = CONSOLE_MODE_NEW;
        client->held_bytes = 0;
    }
    if (client == NULL) {
        return SERIAL_ERR_BUSY;
    }
    client->connections++;
    return ERR_OK;
}

/* Place of `pid` in the stack of owners, or owner_count. */
static uint32_t console_owner_place(const struct console *c, uint32_t pid)
{
    uint32_t place = 0;

    while (place < c->owner_count && c->owners[place] != pid) {
        place++;
    }
    return place;
}

static void console_drop_owner(struct console *c, uint32_t pid)
{
    uint32_t place = console_owner_place(c, pid);

    if (place < c->owner_count) {
        c->owner_count--;
        memmove(&c->owners[place], &c->owners[place + 1],
                (c->owner_count - place) * sizeof(c->owners[0]));
    }
}

static void console_drop_read(struct console *c, uint32_t place)
{
    c->read_count--;
    memmove(&c->reads[place], &c->reads[place + 1],
            (c->read_count - place) * sizeof(c->reads[0]));
}

void console_client_closed(struct console *c, uint32_t pid)
{
    struct console_client *client = console_client_find(c, pid), **link;

    if (client == NULL || --client->connections > 0) {
        return;
    }
    console_flush(c, pid);
    for (link = console_bucket(c, pid); *link != client;) {
        link = &(*link)->next;
    }
    *link = client->next;
    client->next = c->unused;
    c->unused = client;
    console_drop_owner(c, pid);
    c->controller = c->controller == pid ? 0 : c->controller;
    for (uint32_t i = c->read_count; i-- > 0;) {
        if (c->reads[i].pid == pid) {
            console_drop_read(c, i);
        }
    }
}

bool console_owns(const struct console *c, uint32_t pid)
{
    return c->owner_count > 0 && c->owners[c->owner_count - 1] == pid;
}

errval_t console_acquire(struct console *c, uint32_t pid)
{
    if (c->owner_count > 0 && !console_owns(c, pid)) {
        return SERIAL_ERR_NOT_OWNER;
    }
    console_flush(c, pid);
    c->owners[0] = c->owner_count == 0 ? pid : c->owners[0];
    c->owner_count += c->owner_count == 0;
    return ERR_OK;
}

errval_t console_release(struct console *c, uint32_t pid)
{
    if (!console_owns(c, pid)) {
        return SERIAL_ERR_NOT_OWNER;
    }
    c->owner_count--;
    return ERR_OK;
}

errval_t console_hand_over(struct console *c, uint32_t pid, uint32_t to)
{
    if (!console_owns(c, pid)) {
        return SERIAL_ERR_NOT_OWNER;
    }
    if (c->owner_count == CONSOLE_OWNERS_MAX || console_owner_place(c, to) < c->owner_count) {
        return SERIAL_ERR_BUSY;
    }
    console_flush(c, to);
    c->owners[c->owner_count++] = to;
    return ERR_OK;
}

errval_t console_take_back(struct console *c, uint32_t pid)
{
    uint32_t place = console_owner_place(c, pid);

    if (place == c->owner_count) {
        return SERIAL_ERR_NOT_OWNER;
    }
    c->owner_count = place + 1;
    console_flush_all(c);                /* last words of those who had it */
    return ERR_OK;
}

static uint32_t console_ready(const struct console *c)
{
    return c->in_head - c->in_tail;
}

static void console_push(struct console *c, uint16_t entry)
{
    if (console_ready(c) == CONSOLE_IN_COUNT) {
        c->in_lost++;
        return;
    }
    c->in[c->in_head++ % CONSOLE_IN_COUNT] = entry;
}

/* The edited line becomes ready. */
static void console_push_line(struct console *c)
{
    for (uint32_t i = 0; i < c->line_bytes; i++) {
        console_push(c, c->line[i]);
    }
    c->line_bytes = 0;
}

/* The first read that input would go to, or read_count. */
static uint32_t console_next_read(const struct console *c)
{
    uint32_t place = 0;

    while (place < c->read_count && c->owner_count > 0
           && !console_owns(c, c->reads[place].pid)) {
        place++;
    }
    return place;
}

static uint32_t console_mode_of(struct console *c, uint32_t pid)
{
    const struct console_client *client = console_client_find(c, pid);

    return client != NULL ? client->mode : CONSOLE_MODE_NEW;
}

/* The mode in which a byte that arrives now is taken. */
static uint32_t console_mode_now(struct console *c)
{
    if (c->owner_count > 0) {
        return console_mode_of(c, c->owners[c->owner_count - 1]);
    }
    return c->read_count > 0 ? console_mode_of(c, c->reads[0].pid) : CONSOLE_MODE_NEW;
}

uint32_t console_set_mode(struct console *c, uint32_t pid, uint32_t mode)
{
    struct console_client *client = console_client_find(c, pid);
    uint32_t old;

    if (client == NULL) {
        return CONSOLE_MODE_NEW;
    }
    old = client->mode;
    client->mode = mode;
    if (console_owns(c, pid) && (mode & CONSOLE_CANONICAL) == 0) {
        console_push_line(c);
    }
    return old;
}

static void console_echo_byte(struct console *c, uint32_t mode, uint8_t byte)
{
    char text[2] = {'^', (char)(byte + '@')};

    if ((mode & CONSOLE_ECHO) == 0) {
        return;
    }
    if (byte < ' ' && byte != '\n' && byte != '\t') {
        console_echo(c, text, 2);
    } else {
        text[0] = (char)byte;
        console_echo(c, text, 1);
    }
}

/* Takes the last character off the edited line: all bytes of it, one column on the terminal. */
static void console_erase(struct console *c, uint32_t mode)
{
    if (c->line_bytes == 0) {
        return;
    }
    do {
        c->line_bytes--;
    } while (c->line_bytes > 0
             && (c->line[c->line_bytes] & UTF8_CONTINUATION_MASK) == UTF8_CONTINUATION);
    if ((mode & CONSOLE_ECHO) != 0) {
        console_echo(c, "\b \b", 3);
    }
}

static void console_edit(struct console *c, uint32_t mode, uint8_t byte)
{
    switch (byte) {
    case KEY_BACKSPACE:
    case KEY_DELETE:
        console_erase(c, mode);
        return;
    case KEY_KILL:
        while (c->line_bytes > 0) {
            console_erase(c, mode);
        }
        return;
    case KEY_EOF:
        console_push_line(c);
        console_push(c, CONSOLE_MARK);
        return;
    case '\r':
    case '\n':
        console_push_line(c);
        console_push(c, '\n');
        console_echo_byte(c, mode, '\n');
        return;
    default:
        if (c->line_bytes == CONSOLE_LINE_BYTES) {
            c->in_lost++;
            return;
        }
        c->line[c->line_bytes++] = byte;
        console_echo_byte(c, mode, byte);
        return;
    }
}

/* What is typed ahead of a signal is not meant any more. */
static enum console_signal console_signal(struct console *c, uint32_t mode, uint8_t byte,
                                          uint32_t *ret_pid)
{
    c->line_bytes = 0;
    console_echo_byte(c, mode, byte);
    console_echo_byte(c, mode, '\n');
    if (c->owner_count == 0) {
        return CONSOLE_NO_SIGNAL;
    }
    *ret_pid = c->owners[c->owner_count > 1 ? c->owner_count - 2 : 0];
    return byte == KEY_INTERRUPT ? CONSOLE_INTERRUPT : CONSOLE_SUSPEND;
}

enum console_signal console_input(struct console *c, uint8_t byte, uint32_t *ret_pid)
{
    uint32_t mode = console_mode_now(c);

    if (c->frames) {
        return CONSOLE_NO_SIGNAL;
    }
    if ((byte == KEY_INTERRUPT || byte == KEY_SUSPEND) && (mode & CONSOLE_SIGNALS) != 0) {
        return console_signal(c, mode, byte, ret_pid);
    }
    if ((mode & CONSOLE_CANONICAL) != 0) {
        console_edit(c, mode, byte);
    } else {
        console_push(c, byte);
        console_echo_byte(c, mode, byte);
    }
    return CONSOLE_NO_SIGNAL;
}

errval_t console_read(struct console *c, uint32_t pid, enum console_read_kind kind, uint32_t max,
                      uint32_t token)
{
    uint32_t waiting = 0;

    console_flush(c, pid);
    if (c->frames) {
        return SERIAL_ERR_EOF;
    }
    for (uint32_t i = 0; i < c->read_count; i++) {
        waiting += c->reads[i].pid == pid;
    }
    if (c->read_count == CONSOLE_READS_MAX || waiting >= CONSOLE_WAITS_MAX) {
        return SERIAL_ERR_BUSY;
    }
    c->reads[c->read_count++] = (struct console_read){
        .kind = kind, .pid = pid, .max = max, .token = token,
    };
    return ERR_OK;
}

static bool console_is_line_end(uint16_t entry)
{
    return entry == '\n' || entry == '\r' || entry == CONSOLE_MARK;
}

/* Is there enough for this read? Anything, but a line is waited for unless `max` bytes are
 * there. */
static bool console_can_answer(const struct console *c, const struct console_read *r)
{
    uint32_t ready = console_ready(c);

    if (r->kind != CONSOLE_READ_LINE || ready >= r->max) {
        return ready > 0;
    }
    for (uint32_t i = 0; i < ready; i++) {
        if (console_is_line_end(c->in[(c->in_tail + i) % CONSOLE_IN_COUNT])) {
            return true;
        }
    }
    return false;
}

/* Moves ready input to the answer. A mark ends it and is consumed with it; a mark alone is the end
 * of input. */
static void console_fill_answer(struct console *c, const struct console_read *r, uint32_t mode,
                                struct console_answer *answer)
{
    bool line = r->kind == CONSOLE_READ_LINE;
    bool by_line = line || (mode & CONSOLE_CANONICAL) != 0;

    while (console_ready(c) > 0 && !answer->ended) {
        uint16_t entry = c->in[c->in_tail % CONSOLE_IN_COUNT];
        bool end = entry == CONSOLE_MARK || (by_line && console_is_line_end(entry));

        if (answer->bytes == r->max && !(end && (line || entry == CONSOLE_MARK))) {
            return;
        }
        c->in_tail++;
        answer->ended = end;
        if (entry != CONSOLE_MARK && !(end && line)) {
            answer->data[answer->bytes++] = (char)entry;
        } else if (entry == CONSOLE_MARK && answer->bytes == 0) {
            answer->err = SERIAL_ERR_EOF;
        }
    }
}

bool console_answer(struct console *c, struct console_answer *ret_answer)
{
    uint32_t place = console_next_read(c);
    struct console_read r;

    if (place == c->read_count || !console_can_answer(c, &c->reads[place])) {
        return false;
    }
    r = c->reads[place];
    console_drop_read(c, place);
    ret_answer->token = r.token;
    ret_answer->err = ERR_OK;
    ret_answer->ended = false;
    ret_answer->bytes = 0;
    console_fill_answer(c, &r, console_mode_of(c, r.pid), ret_answer);
    return true;
}
