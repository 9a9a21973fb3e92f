#include "lineedit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_CTRL_A = 1, KEY_CTRL_B = 2, KEY_CTRL_C = 3, KEY_CTRL_D = 4, KEY_CTRL_E = 5,
       KEY_CTRL_F = 6,
       KEY_CTRL_H = 8, KEY_NEWLINE = 10, KEY_CTRL_K = 11, KEY_CTRL_L = 12, KEY_ENTER = 13,
       KEY_CTRL_N = 14, KEY_CTRL_P = 16, KEY_CTRL_U = 21, KEY_CTRL_W = 23, KEY_ESCAPE = 27,
       KEY_BACKSPACE = 127 };

static bool lineedit_is_continuation(char c)
{
    return ((uint8_t)c & 0xc0u) == 0x80u;
}

static size_t lineedit_next(const struct lineedit *le, size_t at)
{
    if (at < le->len) {
        at++;
    }
    while (at < le->len && lineedit_is_continuation(le->line[at])) {
        at++;
    }
    return at;
}

static size_t lineedit_previous(const struct lineedit *le, size_t at)
{
    if (at > 0) {
        at--;
    }
    while (at > 0 && lineedit_is_continuation(le->line[at])) {
        at--;
    }
    return at;
}

static size_t lineedit_columns_between(const struct lineedit *le, size_t from, size_t to)
{
    size_t columns = 0;

    for (size_t i = from; i < to; i++) {
        columns += lineedit_is_continuation(le->line[i]) ? 0 : 1;
    }
    return columns;
}

static void lineedit_put(struct lineedit *le, const char *text, size_t bytes)
{
    if (bytes > 0) {
        le->write(le->ctx, text, bytes);
    }
}

static void lineedit_puts(struct lineedit *le, const char *text)
{
    lineedit_put(le, text, strlen(text));
}

/* Columns left for the line; the last one stays free so that the terminal never wraps. */
static size_t lineedit_room(const struct lineedit *le)
{
    return le->columns > le->prompt_columns + 2 ? le->columns - le->prompt_columns - 1 : 1;
}

static void lineedit_refresh(struct lineedit *le)
{
    char move[24];
    size_t room = lineedit_room(le);
    size_t end;

    if (le->cursor < le->left) {
        le->left = le->cursor;
    }
    while (lineedit_columns_between(le, le->left, le->cursor) > room) {
        le->left = lineedit_next(le, le->left);
    }
    end = le->left;
    for (size_t shown = 0; shown < room && end < le->len; shown++) {
        end = lineedit_next(le, end);
    }
    lineedit_puts(le, "\r");
    lineedit_puts(le, le->prompt);
    lineedit_put(le, le->line + le->left, end - le->left);
    lineedit_puts(le, "\x1b[K\r");
    size_t column = le->prompt_columns + lineedit_columns_between(le, le->left, le->cursor);
    if (column > 0) {
        (void)snprintf(move, sizeof(move), "\x1b[%uC", (unsigned)column);
        lineedit_puts(le, move);
    }
}

static void lineedit_insert(struct lineedit *le, const uint8_t *text, size_t bytes)
{
    bool at_end = le->cursor == le->len;

    if (le->len + bytes > LINEEDIT_BYTES_MAX) {
        lineedit_puts(le, "\a");
        return;
    }
    memmove(le->line + le->cursor + bytes, le->line + le->cursor, le->len - le->cursor);
    memcpy(le->line + le->cursor, text, bytes);
    le->len += bytes;
    le->cursor += bytes;
    le->line[le->len] = '\0';
    /* The usual case, typing at the end, costs one character on the wire. */
    if (at_end && lineedit_columns_between(le, le->left, le->len) <= lineedit_room(le)) {
        lineedit_put(le, (const char *)text, bytes);
        return;
    }
    lineedit_refresh(le);
}

/* Deletes bytes [from, to) and leaves the cursor at `from`. */
static void lineedit_cut(struct lineedit *le, size_t from, size_t to)
{
    if (from == to) {
        return;
    }
    memmove(le->line + from, le->line + to, le->len - to);
    le->len -= to - from;
    le->cursor = from;
    le->line[le->len] = '\0';
    lineedit_refresh(le);
}

static void lineedit_move(struct lineedit *le, size_t to)
{
    if (to != le->cursor) {
        le->cursor = to;
        lineedit_refresh(le);
    }
}

static size_t lineedit_word_start(const struct lineedit *le)
{
    size_t at = le->cursor;

    while (at > 0 && le->line[at - 1] == ' ') {
        at--;
    }
    while (at > 0 && le->line[at - 1] != ' ') {
        at--;
    }
    return at;
}

static void lineedit_show(struct lineedit *le, size_t at)
{
    const char *text = at == le->history_count ? le->draft : le->history[at];

    if (le->history_at == le->history_count) {
        memcpy(le->draft, le->line, le->len + 1);
    }
    le->history_at = at;
    le->len = strlen(text);
    memmove(le->line, text, le->len + 1);
    le->cursor = le->len;
    le->left = 0;
    lineedit_refresh(le);
}

static void lineedit_history(struct lineedit *le, bool older)
{
    if (older && le->history_at > 0) {
        lineedit_show(le, le->history_at - 1);
    } else if (!older && le->history_at < le->history_count) {
        lineedit_show(le, le->history_at + 1);
    }
}

/* A whole escape sequence without its ESC: CSI ("[..") or SS3 ("O.") of ECMA-48 and xterm. */
static void lineedit_escape(struct lineedit *le)
{
    uint8_t last = le->escape[le->escape_len - 1];

    if (last == '~') {
        switch (le->escape[1]) {
        case '1':
        case '7':
            lineedit_move(le, 0);
            break;
        case '4':
        case '8':
            lineedit_move(le, le->len);
            break;
        case '3':
            lineedit_cut(le, le->cursor, lineedit_next(le, le->cursor));
            break;
        }
        return;
    }
    switch (last) {
    case 'A':
    case 'B':
        lineedit_history(le, last == 'A');
        break;
    case 'C':
        lineedit_move(le, lineedit_next(le, le->cursor));
        break;
    case 'D':
        lineedit_move(le, lineedit_previous(le, le->cursor));
        break;
    case 'H':
        lineedit_move(le, 0);
        break;
    case 'F':
        lineedit_move(le, le->len);
        break;
    }
}

static void lineedit_escape_feed(struct lineedit *le, uint8_t byte)
{
    /* escape[0] stands for the ESC until the next byte replaces it */
    size_t at = le->escape_len - 1;

    if (at == 0 && byte != '[' && byte != 'O') {
        le->escape_len = 0;              /* Alt-key and the like: ignored */
        return;
    }
    if (at < sizeof(le->escape)) {
        le->escape[at] = byte;
        le->escape_len++;
    }
    if (at > 0 && byte >= 0x40 && byte <= 0x7e) {
        bool whole = at < sizeof(le->escape);
        le->escape_len = whole ? at + 1 : 0;
        if (whole) {
            lineedit_escape(le);
        }
        le->escape_len = 0;
    }
}

/* Collects a UTF-8 character (RFC 3629); a byte that does not belong there is dropped. */
static void lineedit_utf8(struct lineedit *le, uint8_t byte)
{
    if ((byte & 0xc0u) == 0x80u) {
        if (le->pending_len > 0) {
            le->pending[le->pending_len++] = byte;
        }
    } else {
        le->pending[0] = byte;
        le->pending_len = 1;
        le->pending_need = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
        if (byte < 0xc2 || byte > 0xf4) {
            le->pending_len = 0;
        }
    }
    if (le->pending_len > 0 && le->pending_len == le->pending_need) {
        le->pending_len = 0;
        lineedit_insert(le, le->pending, le->pending_need);
    }
}

static void lineedit_edit_key(struct lineedit *le, uint8_t byte)
{
    switch (byte) {
    case KEY_CTRL_A:
        lineedit_move(le, 0);
        break;
    case KEY_CTRL_E:
        lineedit_move(le, le->len);
        break;
    case KEY_CTRL_B:
        lineedit_move(le, lineedit_previous(le, le->cursor));
        break;
    case KEY_CTRL_F:
        lineedit_move(le, lineedit_next(le, le->cursor));
        break;
    case KEY_CTRL_D:
        lineedit_cut(le, le->cursor, lineedit_next(le, le->cursor));
        break;
    case KEY_CTRL_H:
    case KEY_BACKSPACE:
        lineedit_cut(le, lineedit_previous(le, le->cursor), le->cursor);
        break;
    case KEY_CTRL_K:
        lineedit_cut(le, le->cursor, le->len);
        break;
    case KEY_CTRL_U:
        lineedit_cut(le, 0, le->cursor);
        break;
    case KEY_CTRL_W:
        lineedit_cut(le, lineedit_word_start(le), le->cursor);
        break;
    case KEY_CTRL_P:
    case KEY_CTRL_N:
        lineedit_history(le, byte == KEY_CTRL_P);
        break;
    case KEY_CTRL_L:
        lineedit_puts(le, "\x1b[H\x1b[2J");
        lineedit_refresh(le);
        break;
    default:
        if (byte >= 0x80) {
            lineedit_utf8(le, byte);
        } else if (byte >= 0x20) {
            lineedit_insert(le, &byte, 1);
        }
        break;
    }
}

enum lineedit_result lineedit_feed(struct lineedit *le, uint8_t byte)
{
    if (le->escape_len > 0) {
        lineedit_escape_feed(le, byte);
        return LINEEDIT_MORE;
    }
    if (byte < 0x80) {
        le->pending_len = 0;
    }
    switch (byte) {
    case KEY_ESCAPE:
        le->escape_len = 1;
        return LINEEDIT_MORE;
    case KEY_ENTER:
    case KEY_NEWLINE:
        lineedit_puts(le, "\r\n");
        return LINEEDIT_LINE;
    case KEY_CTRL_C:
        lineedit_puts(le, "^C\r\n");
        return LINEEDIT_INTERRUPT;
    case KEY_CTRL_D:
        if (le->len == 0) {
            lineedit_puts(le, "\r\n");
            return LINEEDIT_EOF;
        }
        break;
    }
    lineedit_edit_key(le, byte);
    return LINEEDIT_MORE;
}

void lineedit_init(struct lineedit *le, lineedit_write_fn write, void *ctx)
{
    memset(le, 0, sizeof(*le));
    le->columns = LINEEDIT_COLUMNS;
    le->prompt = "";
    le->write = write;
    le->ctx = ctx;
}

void lineedit_deinit(struct lineedit *le)
{
    for (size_t i = 0; i < le->history_count; i++) {
        free(le->history[i]);
    }
    le->history_count = 0;
}

void lineedit_set_columns(struct lineedit *le, size_t columns)
{
    le->columns = columns > 0 ? columns : LINEEDIT_COLUMNS;
}

void lineedit_start(struct lineedit *le, const char *prompt)
{
    le->prompt = prompt;
    le->prompt_columns = 0;
    for (const char *p = prompt; *p != '\0'; p++) {
        le->prompt_columns += lineedit_is_continuation(*p) ? 0 : 1;
    }
    le->len = le->cursor = le->left = 0;
    le->line[0] = '\0';
    le->draft[0] = '\0';
    le->escape_len = le->pending_len = 0;
    le->history_at = le->history_count;
    lineedit_puts(le, prompt);
}

void lineedit_remember(struct lineedit *le, const char *line)
{
    char *copy;

    if (line[0] == '\0' ||
        (le->history_count > 0 && strcmp(le->history[le->history_count - 1], line) == 0)) {
        return;
    }
    copy = strdup(line);
    if (copy == NULL) {
        return;
    }
    if (le->history_count == LINEEDIT_HISTORY_MAX) {
        free(le->history[0]);
        memmove(le->history, le->history + 1, (LINEEDIT_HISTORY_MAX - 1) * sizeof(le->history[0]));
        le->history_count--;
    }
    le->history[le->history_count++] = copy;
}
