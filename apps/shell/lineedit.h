/* A line editor for a terminal that understands CR, ESC [ K and ESC [ n C (every terminal since the
 * VT100, ECMA-48). It does no I/O of its own: bytes go in through lineedit_feed, what the terminal
 * shall show comes out through a callback. Text is UTF-8; the cursor moves by code points, each
 * taken to be one column wide. A line that is wider than the terminal scrolls sideways.
 *
 *   Left Right Ctrl-B Ctrl-F   move              Backspace Ctrl-H, Delete   delete a character
 *   Home End Ctrl-A Ctrl-E   start, end      Ctrl-K Ctrl-U Ctrl-W  delete to end, to start, a word
 *   Up Down Ctrl-P Ctrl-N    history         Ctrl-C                give up the line
 *                                            Ctrl-D                end of input (empty line)
 *   Ctrl-L                     clear the screen
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINEEDIT_BYTES_MAX   1023u       /* of one line, without the terminating NUL */
#define LINEEDIT_HISTORY_MAX 64u         /* lines remembered */
#define LINEEDIT_COLUMNS     80u         /* until lineedit_set_columns says otherwise */

enum lineedit_result {
    LINEEDIT_MORE,                       /* the line is not finished */
    LINEEDIT_LINE,                       /* Enter: `line` holds it, NUL-terminated */
    LINEEDIT_INTERRUPT,                  /* Ctrl-C: the line was thrown away */
    LINEEDIT_EOF,                        /* Ctrl-D on an empty line */
};

typedef void (*lineedit_write_fn)(void *ctx, const char *text, size_t bytes);

/* The caller's memory; every field belongs to lineedit.c but `line` and `len` after
 * LINEEDIT_LINE. */
struct lineedit {
    char line[LINEEDIT_BYTES_MAX + 1];
    size_t len;
    size_t cursor;                       /* byte offset, at a code point boundary */
    size_t left;                         /* byte offset of the first character shown */
    const char *prompt;
    size_t prompt_columns;
    size_t columns;
    uint8_t escape[8];                   /* an escape sequence being received */
    size_t escape_len;
    uint8_t pending[4];                  /* a UTF-8 character being received */
    size_t pending_len, pending_need;
    char *history[LINEEDIT_HISTORY_MAX]; /* oldest first, malloc'd */
    size_t history_count;
    size_t history_at;                   /* == history_count: the line being typed */
    char draft[LINEEDIT_BYTES_MAX + 1];  /* the line being typed, while an older one is shown */
    lineedit_write_fn write;
    void *ctx;
};

void lineedit_init(struct lineedit *le, lineedit_write_fn write, void *ctx);

/* Frees the history. */
void lineedit_deinit(struct lineedit *le);

void lineedit_set_columns(struct lineedit *le, size_t columns);

/* Shows `prompt` (kept by reference until the line ends) and starts an empty line. */
void lineedit_start(struct lineedit *le, const char *prompt);

/* Takes one byte from the terminal. After anything but LINEEDIT_MORE call lineedit_start again. */
enum lineedit_result lineedit_feed(struct lineedit *le, uint8_t byte);

/* Remembers a line, unless it is empty or equal to the newest one. Out of memory: it is not
 * remembered. */
void lineedit_remember(struct lineedit *le, const char *line);
