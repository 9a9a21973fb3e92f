/* Output of the console; see serial_priv.h. */
#include "serial_priv.h"

#include <string.h>

enum {
    SLIP_END = 0xc0,                     /* RFC 1055 */
    SLIP_ESC = 0xdb,
    SLIP_ESC_END = 0xdc,
    SLIP_ESC_ESC = 0xdd,
    FRAME_HEAD_BYTES = 3,
    FRAME_WORST = 2 * (CONSOLE_WRITE_BYTES + FRAME_HEAD_BYTES) + 2,
};

/* What one write may put into the ring: held text and its own, each as a frame. */
#define CONSOLE_WRITE_WORST (2u * FRAME_WORST)

_Static_assert(CONSOLE_WRITE_WORST <= CONSOLE_OUT_BYTES, "an empty ring takes every write");

static const char console_letters[CONSOLE_STREAMS] = {
    [CONSOLE_OUT] = 'o', [CONSOLE_ERR] = 'e', [CONSOLE_LOG] = 'l',
    [CONSOLE_READY] = 'b', [CONSOLE_STATUS] = 's', [CONSOLE_DONE] = 'x',
};

static uint32_t console_out_room(const struct console *c)
{
    return CONSOLE_OUT_BYTES - (c->out_head - c->out_tail);
}

static void console_out_byte(struct console *c, uint8_t byte)
{
    c->out[c->out_head++ % CONSOLE_OUT_BYTES] = byte;
}

static void console_out_escaped(struct console *c, uint8_t byte)
{
    if (byte == SLIP_END || byte == SLIP_ESC) {
        console_out_byte(c, SLIP_ESC);
        byte = byte == SLIP_END ? SLIP_ESC_END : SLIP_ESC_ESC;
    }
    console_out_byte(c, byte);
}

static void console_out_frame(struct console *c, char letter, const char *data, size_t bytes)
{
    console_out_byte(c, SLIP_END);
    console_out_escaped(c, (uint8_t)letter);
    console_out_escaped(c, (uint8_t)bytes);
    console_out_escaped(c, (uint8_t)(bytes >> 8));
    for (size_t i = 0; i < bytes; i++) {
        console_out_escaped(c, (uint8_t)data[i]);
    }
    console_out_byte(c, SLIP_END);
}

static void console_out_plain(struct console *c, const char *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (data[i] == '\n') {
            console_out_byte(c, '\r');
        }
        console_out_byte(c, (uint8_t)data[i]);
    }
}

/* Onto the line; there is room. Frames that carry no text are signs for the launcher, without
 * meaning on a terminal. */
static void console_emit(struct console *c, enum console_stream stream, const char *data,
                         size_t bytes)
{
    if (c->frames) {
        console_out_frame(c, console_letters[stream], data, bytes);
    } else if (stream <= CONSOLE_LOG) {
        console_out_plain(c, data, bytes);
    }
}

/* False: no room. */
static bool console_flush_client(struct console *c, struct console_client *client)
{
    if (client->held_bytes == 0) {
        return true;
    }
    if (console_out_room(c) < FRAME_WORST) {
        return false;
    }
    console_emit(c, client->held_stream, client->held, client->held_bytes);
    client->held_bytes = 0;
    return true;
}

/* Holds the last, incomplete line of `data` back. Returns how many bytes come before it. */
static size_t console_hold(struct console *c, struct console_client *client,
                           enum console_stream stream, const char *data, size_t bytes)
{
    size_t whole = bytes;

    while (whole > 0 && data[whole - 1] != '\n') {
        whole--;
    }
    if (bytes - whole > CONSOLE_HELD_BYTES - (whole == 0 ? client->held_bytes : 0)) {
        return bytes;
    }
    if (whole > 0) {
        (void)console_flush_client(c, client);
        console_emit(c, stream, data, whole);
    }
    memcpy(client->held + client->held_bytes, data + whole, bytes - whole);
    client->held_bytes += (uint32_t)(bytes - whole);
    client->held_stream = stream;
    return 0;
}

/* What tells the host of commands and their ends is the shell's: of the domain that was the first
 * to say that it is ready. */
static bool console_may_control(struct console *c, uint32_t pid, enum console_stream stream)
{
    if (c->controller == 0 && stream == CONSOLE_READY) {
        c->controller = pid;
    }
    return c->controller == pid;
}

bool console_write(struct console *c, uint32_t pid, enum console_stream stream, const char *data,
                   size_t bytes)
{
    struct console_client *client = console_client_find(c, pid);

    if (console_out_room(c) < CONSOLE_WRITE_WORST) {
        return false;
    }
    if (bytes == 0 && stream <= CONSOLE_LOG) {
        return true;
    }
    if (stream > CONSOLE_LOG && !console_may_control(c, pid, stream)) {
        return true;                     /* to its writer it looks as if there were no frames */
    }
    if (client != NULL && client->held_bytes != 0 && client->held_stream != stream) {
        (void)console_flush_client(c, client);
    }
    if (client != NULL && stream <= CONSOLE_LOG && !console_owns(c, pid)) {
        bytes = console_hold(c, client, stream, data, bytes);
        if (bytes == 0) {
            return true;
        }
    }
    if (client != NULL) {
        (void)console_flush_client(c, client);
    }
    console_emit(c, stream, data, bytes);
    return true;
}

void console_flush(struct console *c, uint32_t pid)
{
    struct console_client *client = console_client_find(c, pid);

    if (client != NULL) {
        (void)console_flush_client(c, client);
    }
}

void console_flush_all(struct console *c)
{
    struct console_client *client = console_client_next(c, NULL);

    for (; client != NULL; client = console_client_next(c, client)) {
        (void)console_flush_client(c, client);
    }
}

bool console_holds_text(const struct console *c)
{
    const struct console_client *client = console_client_next(c, NULL);

    while (client != NULL && client->held_bytes == 0) {
        client = console_client_next(c, client);
    }
    return client != NULL;
}

void console_echo(struct console *c, const char *text, size_t bytes)
{
    if (!c->frames && console_out_room(c) >= 2 * bytes) {
        console_out_plain(c, text, bytes);
    }
}

size_t console_out_peek(const struct console *c, const uint8_t **ret_bytes)
{
    uint32_t at = c->out_tail % CONSOLE_OUT_BYTES;
    uint32_t queued = c->out_head - c->out_tail;

    *ret_bytes = &c->out[at];
    return queued < CONSOLE_OUT_BYTES - at ? queued : CONSOLE_OUT_BYTES - at;
}

void console_out_taken(struct console *c, size_t bytes)
{
    c->out_tail += (uint32_t)bytes;
}
