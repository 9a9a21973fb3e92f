/* The console of the serial service. */
#include "check.h"

#include "serial_priv.h"

enum { A = 10, B = 11, C = 12, STEPS = 60000, PIDS = 5, TEXT_MAX = 4096 };

static struct console con;

static void start(bool frames)
{
    console_init(&con, frames);
    for (uint32_t pid = A; pid < A + PIDS; pid++) {
        CHECK_EQ(console_client_opened(&con, pid), ERR_OK);
    }
}

/* Takes all output. */
static const char *drain(void)
{
    static char text[2 * CONSOLE_OUT_BYTES + 1];
    const uint8_t *bytes;
    size_t used = 0, n;

    while ((n = console_out_peek(&con, &bytes)) > 0) {
        memcpy(text + used, bytes, n);
        used += n;
        console_out_taken(&con, n);
    }
    text[used] = '\0';
    return text;
}

static void put(uint32_t pid, const char *text)
{
    CHECK(console_write(&con, pid, CONSOLE_OUT, text, strlen(text)));
}

static void type(const char *text)
{
    uint32_t pid;

    for (; *text != '\0'; text++) {
        CHECK(!console_input(&con, (uint8_t)*text, &pid));
    }
}

#define CHECK_TEXT(a, b)                                                                          \
    do {                                                                                          \
        const char *check_text = (a);                                                             \
        if (strcmp(check_text, (b)) != 0) {                                                       \
            fprintf(stderr, "%s:%d: got <%s>\n", __FILE__, __LINE__, check_text);                 \
            exit(1);                                                                              \
        }                                                                                         \
    } while (0)

static struct console_answer last;

static bool answered(uint32_t token, const char *text, bool ended)
{
    if (!console_answer(&con, &last)) {
        return false;
    }
    CHECK_EQ(last.token, token);
    CHECK_EQ(last.err, ERR_OK);
    CHECK_EQ(last.bytes, strlen(text));
    CHECK(memcmp(last.data, text, last.bytes) == 0);
    CHECK_EQ(last.ended, ended);
    return true;
}

static void SER0001_lines_of_domains_do_not_mix(void)
{
    start(false);
    CHECK_EQ(console_acquire(&con, A), ERR_OK);
    put(A, "prompt> ");
    CHECK_TEXT(drain(), "prompt> ");
    put(B, "one ");
    put(C, "two ");
    CHECK_TEXT(drain(), "");
    CHECK(console_holds_text(&con));
    put(B, "line\nrest");
    CHECK_TEXT(drain(), "one line\r\n");
    put(C, "\n");
    CHECK_TEXT(drain(), "two \r\n");
    console_flush(&con, B);
    CHECK_TEXT(drain(), "rest");
    CHECK(!console_holds_text(&con));
    put(B, "last words");
    console_client_closed(&con, B);
    CHECK_TEXT(drain(), "last words");
}

static void SER0002_streams_keep_their_order(void)
{
    start(false);
    put(B, "out");
    CHECK(console_write(&con, B, CONSOLE_ERR, "err\n", 4));
    CHECK_TEXT(drain(), "outerr\r\n");
    CHECK(console_write(&con, B, CONSOLE_STATUS, "0", 1));
    CHECK_TEXT(drain(), "");
}

static void SER1002_control_frames_are_of_one(void)
{
    start(true);
    CHECK(console_write(&con, B, CONSOLE_DONE, "0", 1));
    CHECK(console_write(&con, A, CONSOLE_READY, "", 0));
    CHECK(console_write(&con, B, CONSOLE_READY, "", 0));
    CHECK(console_write(&con, B, CONSOLE_DONE, "0", 1));
    CHECK_EQ(con.out_head, 5);
    CHECK(console_write(&con, A, CONSOLE_STATUS, "0", 1));
    CHECK_EQ(con.out_head, 5 + 6);
    console_client_closed(&con, A);
    CHECK(console_write(&con, B, CONSOLE_READY, "", 0));
    CHECK_EQ(con.out_head, 5 + 6 + 5);
}

static void SER0003_long_lines_pass(void)
{
    char text[CONSOLE_WRITE_BYTES + 1];

    start(false);
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    put(B, "abc");
    put(B, text);
    CHECK_EQ(strlen(drain()), 3 + CONSOLE_WRITE_BYTES);
    CHECK(!console_holds_text(&con));
}

static void SER0004_frames(void)
{
    static const char data[] = {'a', (char)0xc0, (char)0xdb, '\n'};

    start(true);
    CHECK(console_write(&con, A, CONSOLE_ERR, data, sizeof(data)));
    CHECK_EQ(con.out_head, 3 + 2 + 6);
    CHECK(memcmp(con.out, "\xc0" "e\4\0a\xdb\xdc\xdb\xdd\n\xc0", 11) == 0);
    (void)drain();
    CHECK(console_write(&con, A, CONSOLE_READY, "", 0));
    CHECK(memcmp(con.out + 11, "\xc0" "b\0\0\xc0", 5) == 0);
    CHECK_EQ(console_read(&con, A, CONSOLE_READ, 10, 1), SERIAL_ERR_EOF);
}

static void SER0005_a_full_ring_takes_nothing(void)
{
    char text[CONSOLE_WRITE_BYTES];
    uint32_t writes = 0;

    start(true);
    memset(text, 0xc0, sizeof(text));
    while (console_write(&con, A, CONSOLE_OUT, text, sizeof(text) - 1)) {
        text[0] = '\n';
        writes++;
    }
    CHECK(writes >= 1 && con.out_head - con.out_tail <= CONSOLE_OUT_BYTES);
    (void)drain();
    CHECK(console_write(&con, A, CONSOLE_OUT, text, sizeof(text)));
}

static void SER0006_canonical_editing(void)
{
    start(false);
    CHECK_EQ(console_read(&con, A, CONSOLE_READ_LINE, 100, 1), ERR_OK);
    type("hex\x7fllo\xc3\xa4\x08!");
    CHECK(!answered(1, "", false));
    type("\r");
    CHECK(answered(1, "hello!", true));
    CHECK_TEXT(drain(), "hex\b \bllo\xc3\xa4\b \b!\r\n");
    CHECK_EQ(console_read(&con, A, CONSOLE_READ, 100, 2), ERR_OK);
    type("gone\x15now\n");
    CHECK(answered(2, "now\n", true));
    type("ab\x04");
    CHECK_EQ(console_read(&con, A, CONSOLE_READ, 2, 3), ERR_OK);
    CHECK(answered(3, "ab", true));
    type("\x04");
    CHECK_EQ(console_read(&con, A, CONSOLE_READ, 2, 4), ERR_OK);
    CHECK(console_answer(&con, &last));
    CHECK_EQ(last.err, SERIAL_ERR_EOF);
    CHECK(!console_answer(&con, &last));
}

static void SER0007_long_lines_come_in_parts(void)
{
    start(false);
    type("abcdefg\nhi\n");
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(console_read(&con, A, CONSOLE_READ_LINE, 3, i), ERR_OK);
    }
    CHECK(answered(0, "abc", false));
    CHECK(answered(1, "def", false));
    CHECK(answered(2, "g", true));
    CHECK(answered(3, "hi", true));
    type("abc\n");
    CHECK_EQ(console_read(&con, A, CONSOLE_READ_LINE, 3, 5), ERR_OK);
    CHECK(answered(5, "abc", true));
}

static void SER0008_raw_mode(void)
{
    start(false);
    CHECK_EQ(console_acquire(&con, A), ERR_OK);
    CHECK_EQ(console_set_mode(&con, A, 0), CONSOLE_MODE_NEW);
    type("\x01\x03\x7f\r");
    CHECK_TEXT(drain(), "");
    CHECK_EQ(console_read(&con, A, CONSOLE_GET_CHAR, 1, 1), ERR_OK);
    CHECK(answered(1, "\x01", false));
    CHECK_EQ(console_read(&con, A, CONSOLE_READ, 10, 2), ERR_OK);
    CHECK(answered(2, "\x03\x7f\r", false));
    (void)console_set_mode(&con, A, CONSOLE_MODE_NEW);
    type("half");
    (void)console_set_mode(&con, A, 0);
    CHECK_EQ(console_read(&con, A, CONSOLE_READ, 10, 3), ERR_OK);
    CHECK(answered(3, "half", false));
}

static void SER0009_input_has_one_owner(void)
{
    uint32_t pid = 0;

    start(false);
    CHECK_EQ(console_acquire(&con, A), ERR_OK);
    CHECK_EQ(console_acquire(&con, A), ERR_OK);
    CHECK_EQ(console_acquire(&con, B), SERIAL_ERR_NOT_OWNER);
    CHECK_EQ(console_hand_over(&con, B, C), SERIAL_ERR_NOT_OWNER);
    CHECK_EQ(console_read(&con, B, CONSOLE_READ, 10, 1), ERR_OK);
    CHECK_EQ(console_read(&con, A, CONSOLE_READ, 10, 2), ERR_OK);
    type("to A\n");
    CHECK(answered(2, "to A\n", true));
    CHECK_EQ(console_hand_over(&con, A, B), ERR_OK);
    CHECK_EQ(console_hand_over(&con, B, A), SERIAL_ERR_BUSY);
    type("to B\n");
    CHECK(answered(1, "to B\n", true));
    type("lost");
    CHECK(console_input(&con, 3, &pid));
    CHECK_EQ(pid, A);
    CHECK_EQ(con.line_bytes, 0);
    CHECK_EQ(console_hand_over(&con, B, C), ERR_OK);
    console_client_closed(&con, B);
    CHECK_EQ(console_release(&con, C), ERR_OK);
    CHECK_EQ(console_hand_over(&con, A, C), ERR_OK);
    CHECK_EQ(console_take_back(&con, B), SERIAL_ERR_NOT_OWNER);
    CHECK_EQ(console_take_back(&con, A), ERR_OK);
    CHECK(console_input(&con, 3, &pid));
    CHECK_EQ(pid, A);
    pid = 0;
    CHECK_EQ(console_input(&con, 0x1a, &pid), CONSOLE_SUSPEND);
    CHECK_EQ(pid, A);
    CHECK_EQ(console_release(&con, A), ERR_OK);
    CHECK(!console_input(&con, 3, &pid));
}

static void SER0010_a_reader_that_ends_is_forgotten(void)
{
    start(false);
    CHECK_EQ(console_client_opened(&con, A), ERR_OK);
    CHECK_EQ(console_read(&con, A, CONSOLE_READ, 10, 1), ERR_OK);
    CHECK_EQ(console_read(&con, B, CONSOLE_READ, 10, 2), ERR_OK);
    console_client_closed(&con, A);
    CHECK_EQ(con.read_count, 2);
    console_client_closed(&con, A);
    type("x\n");
    CHECK(answered(2, "x\n", true));
}

static void SER1001_one_reader_leaves_room_for_others(void)
{
    start(false);
    for (uint32_t i = 0; i < CONSOLE_READS_MAX; i++) {
        uint32_t pid = B + i / CONSOLE_WAITS_MAX;

        CHECK_EQ(console_read(&con, pid, CONSOLE_READ, 1, i), ERR_OK);
        if (i == CONSOLE_WAITS_MAX - 1) {
            CHECK_EQ(console_read(&con, B, CONSOLE_READ, 1, 0), SERIAL_ERR_BUSY);
        }
    }
    CHECK_EQ(console_read(&con, A, CONSOLE_READ, 1, 0), SERIAL_ERR_BUSY);
}

static void SER1002_every_domain_has_a_place(void)
{
    start(false);
    for (uint32_t pid = 1000; pid < 1000 + CONSOLE_CLIENTS_MAX - PIDS; pid++) {
        CHECK_EQ(console_client_opened(&con, pid), ERR_OK);
        CHECK(console_client_find(&con, pid)->pid == pid);
    }
    CHECK_EQ(console_client_opened(&con, 999), SERIAL_ERR_BUSY);
    console_client_closed(&con, 1000);
    CHECK(console_client_find(&con, 1000) == NULL);
    CHECK_EQ(console_client_opened(&con, 999), ERR_OK);
    CHECK(console_write(&con, 1001, CONSOLE_OUT, "held", 4));
    CHECK(console_holds_text(&con));
    for (uint32_t pid = 999; pid < 1000 + CONSOLE_CLIENTS_MAX - PIDS; pid++) {
        console_client_closed(&con, pid);
    }
    CHECK(!console_holds_text(&con) && console_client_find(&con, 1001) == NULL);
    CHECK(console_client_find(&con, A) != NULL);
}

/* Every domain writes numbered lines in random pieces; each line must arrive whole and in order. */
static void SER0011_random_writers(void)
{
    static char lines[PIDS][32];
    static size_t at[PIDS];
    static unsigned next[PIDS], seen[PIDS];
    uint64_t seed = 31;

    start(false);
    for (int i = 0; i < STEPS; i++) {
        uint32_t k = (uint32_t)(check_random(&seed) % PIDS);
        size_t n = 1 + check_random(&seed) % 9;

        if (at[k] == strlen(lines[k])) {
            snprintf(lines[k], sizeof(lines[k]), "%c%u.\n", (char)('A' + k), next[k]++);
            at[k] = 0;
        }
        n = n > strlen(lines[k]) - at[k] ? strlen(lines[k]) - at[k] : n;
        CHECK(console_write(&con, A + k, CONSOLE_OUT, lines[k] + at[k], n));
        at[k] += n;
        if (i % 16 == 0) {
            char *save = NULL;
            char *text = strdup(drain());

            for (char *l = strtok_r(text, "\r\n", &save); l; l = strtok_r(NULL, "\r\n", &save)) {
                char expected[32];
                int who = l[0] - 'A';

                CHECK(who >= 0 && who < PIDS);
                snprintf(expected, sizeof(expected), "%c%u.", l[0], seen[who]++);
                CHECK_TEXT(l, expected);
            }
            free(text);
        }
    }
}

int main(void)
{
    RUN(SER0001_lines_of_domains_do_not_mix);
    RUN(SER0002_streams_keep_their_order);
    RUN(SER1002_control_frames_are_of_one);
    RUN(SER0003_long_lines_pass);
    RUN(SER0004_frames);
    RUN(SER0005_a_full_ring_takes_nothing);
    RUN(SER0006_canonical_editing);
    RUN(SER0007_long_lines_come_in_parts);
    RUN(SER0008_raw_mode);
    RUN(SER0009_input_has_one_owner);
    RUN(SER0010_a_reader_that_ends_is_forgotten);
    RUN(SER1001_one_reader_leaves_room_for_others);
    RUN(SER1002_every_domain_has_a_place);
    RUN(SER0011_random_writers);
    return 0;
}
