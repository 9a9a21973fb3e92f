/* The line editor against a small terminal: SHL0001.. After every key the terminal must show the
 * prompt and the line, with the cursor where the editor thinks it is. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lineedit.h"

/* One row of a terminal: printable bytes, CR, ESC [ K, ESC [ n C; LF starts an empty row. */
struct screen {
    char row[512];
    size_t columns, cursor;
};

static void screen_write(void *ctx, const char *text, size_t bytes)
{
    struct screen *s = ctx;

    for (size_t i = 0; i < bytes; i++) {
        char c = text[i];
        if (c == '\r') {
            s->cursor = 0;
        } else if (c == '\n') {
            memset(s->row, 0, sizeof(s->row));
        } else if (c == '\a' || ((uint8_t)c & 0xc0u) == 0x80u) {
            continue;                    /* no column of its own */
        } else if (c == 27) {
            unsigned n = 0;
            assert(text[++i] == '[');
            while (text[i + 1] >= '0' && text[i + 1] <= '9') {
                n = n * 10 + (unsigned)(text[++i] - '0');
            }
            c = text[++i];
            if (c == 'K') {
                memset(s->row + s->cursor, 0, sizeof(s->row) - s->cursor);
            } else if (c == 'C') {
                s->cursor += n;
            } else {
                assert(c == 'H' || c == 'J');
                memset(s->row, 0, sizeof(s->row));
                s->cursor = 0;
            }
        } else {
            if (s->cursor == s->columns) {   /* the terminal wraps: only "^C" may come to this */
                assert(c == '^' || c == 'C');
                memset(s->row, 0, sizeof(s->row));
                s->cursor = 0;
            }
            s->row[s->cursor++] = c;
        }
    }
}

static struct screen screen;
static struct lineedit le;

static void start(size_t columns)
{
    memset(&screen, 0, sizeof(screen));
    screen.columns = columns;
    lineedit_init(&le, screen_write, &screen);
    lineedit_set_columns(&le, columns);
    lineedit_start(&le, "> ");
}

static enum lineedit_result type(const char *keys)
{
    enum lineedit_result result = LINEEDIT_MORE;

    for (; *keys != '\0'; keys++) {
        assert(result == LINEEDIT_MORE);
        result = lineedit_feed(&le, (uint8_t)*keys);
    }
    return result;
}

static void expect(const char *line, size_t cursor)
{
    char shown[600];

    if (strcmp(le.line, line) != 0 || le.cursor != cursor) {
        printf("line <%s> cursor %zu, expected <%s> %zu\n", le.line, le.cursor, line, cursor);
        abort();
    }
    (void)snprintf(shown, sizeof(shown), "> %s", line);
    assert(strcmp(screen.row, shown) == 0);
    assert(screen.cursor == cursor + 2);
}

static void test_editing(void)           /* SHL0001 */
{
    start(80);
    type("hello");
    expect("hello", 5);
    type("\x01X");
    expect("Xhello", 1);
    type("\x05Y");
    expect("XhelloY", 7);
    type("\x7f\x08");
    expect("Xhell", 5);
    type("\x1b[D\x1b[D_");
    expect("Xhe_ll", 4);
    type("\x1b[C\x0b");
    expect("Xhe_l", 5);
    type("\x1b[H\x1b[3~\x1b[F!");
    expect("he_l!", 5);
    type("\x1bOH\x04\x1bOF?");
    expect("e_l!?", 5);
    type(" two  three\x17");
    expect("e_l!? two  ", 11);
    type("\x17\x02\x02\x15");
    expect("? ", 0);
    assert(type("\r") == LINEEDIT_LINE);
    assert(strcmp(le.line, "? ") == 0);
    lineedit_deinit(&le);
}

static void test_control(void)           /* SHL0002 */
{
    start(80);
    assert(type("abc\x03") == LINEEDIT_INTERRUPT);
    lineedit_start(&le, "> ");
    assert(type("\x04") == LINEEDIT_EOF);
    lineedit_start(&le, "> ");
    type("ab\x1b[5~\x1b[1;5Dq");         /* page up is ignored; Ctrl-Left moves like Left */
    expect("aqb", 2);
    type("\x1bx\x1b[99999999999z.");
    expect("aq.b", 3);
    lineedit_deinit(&le);
}

static void test_history(void)           /* SHL0003 */
{
    char text[16];

    start(80);
    for (unsigned i = 0; i < LINEEDIT_HISTORY_MAX + 5; i++) {
        (void)snprintf(text, sizeof(text), "line %u", i);
        lineedit_remember(&le, text);
        lineedit_remember(&le, text);    /* twice the same: once */
    }
    lineedit_start(&le, "> ");
    type("draft\x1b[A");
    expect("line 68", 7);
    type("\x10");
    expect("line 67", 7);
    type("\x1b[B\x0e");
    expect("draft", 5);
    type("\x1b[B");
    expect("draft", 5);
    for (unsigned i = 0; i < LINEEDIT_HISTORY_MAX + 9; i++) {
        type("\x1b[A");
    }
    expect("line 5", 6);
    lineedit_deinit(&le);
}

static void test_utf8(void)              /* SHL0004 */
{
    start(80);
    type("a\xc3\xa9z\x1b[D\x1b[D");
    assert(le.cursor == 1);
    type("\x1b[3~");
    assert(strcmp(le.line, "az") == 0);
    type("\xff\x80\xe2\x82-\xe2\x82\xac");  /* damaged characters vanish, a whole one stays */
    assert(strcmp(le.line, "a-\xe2\x82\xacz") == 0);
    lineedit_deinit(&le);
}

static void test_scroll(void)            /* SHL0005: a line wider than the terminal */
{
    start(20);
    for (size_t i = 0; i < 3 * LINEEDIT_BYTES_MAX / 2; i++) {
        lineedit_feed(&le, (uint8_t)('a' + i % 26));
        assert(screen.cursor < 20);
    }
    assert(le.len == LINEEDIT_BYTES_MAX);
    type("\x01");
    assert(strcmp(screen.row, "> abcdefghijklmnopq") == 0 && screen.cursor == 2);
    lineedit_deinit(&le);
}

static void test_random(void)            /* SHL0006 */
{
    srand(7);
    for (int round = 0; round < 400; round++) {
        start(10 + (size_t)(rand() % 70));
        for (int i = 0; i < 300; i++) {
            int byte = rand() % 4 == 0 ? rand() % 256 : 27 + rand() % 100;
            enum lineedit_result r = lineedit_feed(&le, (uint8_t)byte);
            assert(le.len <= LINEEDIT_BYTES_MAX && le.cursor <= le.len && le.left <= le.cursor);
            assert(strlen(le.line) == le.len);
            if (r != LINEEDIT_MORE) {
                lineedit_remember(&le, le.line);
                lineedit_start(&le, "> ");
            }
        }
        lineedit_deinit(&le);
    }
}

int main(void)
{
    test_editing();
    test_control();
    test_history();
    test_utf8();
    test_scroll();
    test_random();
    return 0;
}
