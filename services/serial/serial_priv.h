/* The console of the serial service: output of many domains onto one line, input from it to one
 * domain at a time. No message, no register: main.c connects it to both. Runs on the host too.
 *
 * Output. Bytes for the line wait in a ring. What the owner of the input writes goes there at once;
 * of another domain's text, only whole lines: the rest is held until its newline, its flush or
 * read, its end, or console_flush_all. In frame mode every piece is a frame (SLIP, RFC 1055): END,
 * escaped {stream letter, u16 length, bytes}, END.
 *
 * Input. Bytes are edited (canonical mode) and become ready, in the mode of the domain that would
 * get them. Reads wait in order; only those of the owner are served, or anybody's if there is no
 * owner. Owners form a stack: who hands the input over gets it back.
 *
 * Invariants: (1) no held text is longer than CONSOLE_HELD_BYTES or contains a newline; (2) owners
 * are distinct pids; (3) the edited line holds no control characters that it was not given in raw
 * mode. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aos/domain.h>
#include <if/serial.h>

#define CONSOLE_CLIENTS_MAX  (DOMAINS_MAX + 1u) /* and init */
#define CONSOLE_BUCKETS      64u         /* of clients, a power of two */
#define CONSOLE_OWNERS_MAX   16u
#define CONSOLE_WAITS_MAX    4u          /* reads of one domain that wait */
#define CONSOLE_READS_MAX    (CONSOLE_CLIENTS_MAX * CONSOLE_WAITS_MAX)
#define CONSOLE_WRITE_BYTES  1024u       /* of one write, as in serial.if; also of a frame */
#define CONSOLE_HELD_BYTES   1024u
#define CONSOLE_OUT_BYTES    16384u      /* ring, a power of two */
#define CONSOLE_IN_COUNT     4096u       /* ready input, a power of two */
#define CONSOLE_LINE_BYTES   1024u       /* edited line */

/* Streams as they are called in frames (docs: exec mode). Index: serial.if Stream. */
enum console_stream {
    CONSOLE_OUT = 1,
    CONSOLE_ERR,
    CONSOLE_LOG,
    CONSOLE_READY,
    CONSOLE_STATUS,
    CONSOLE_DONE,
    CONSOLE_STREAMS,
};

#define CONSOLE_ECHO      0x1u           /* serial.if Mode */
#define CONSOLE_CANONICAL 0x2u
#define CONSOLE_SIGNALS   0x4u
#define CONSOLE_MODE_NEW  (CONSOLE_ECHO | CONSOLE_CANONICAL | CONSOLE_SIGNALS)

struct console_client {
    struct console_client *next;         /* of its bucket, or unused ones */
    uint32_t pid;
    uint32_t connections;
    uint32_t mode;
    uint32_t held_stream;
    uint32_t held_bytes;
    char held[CONSOLE_HELD_BYTES];
};

enum console_read_kind { CONSOLE_READ, CONSOLE_READ_LINE, CONSOLE_GET_CHAR };

struct console_read {
    enum console_read_kind kind;
    uint32_t pid;
    uint32_t max;
    uint32_t token;                      /* main.c's */
};

struct console {
    bool frames;
    uint32_t out_head, out_tail;         /* free-running */
    uint8_t out[CONSOLE_OUT_BYTES];
    uint32_t in_head, in_tail;
    uint16_t in[CONSOLE_IN_COUNT];       /* bytes, or CONSOLE_MARK: end of file typed here */
    uint64_t in_lost;                    /* bytes that found no room */
    uint32_t line_bytes;
    uint8_t line[CONSOLE_LINE_BYTES];
    uint32_t owner_count;
    uint32_t owners[CONSOLE_OWNERS_MAX]; /* the last one owns */
    uint32_t read_count;
    uint32_t controller;                 /* writes what is for the host; 0: nobody yet */
    struct console_read reads[CONSOLE_READS_MAX];
    struct console_client *by_pid[CONSOLE_BUCKETS];
    struct console_client *unused;
    struct console_client clients[CONSOLE_CLIENTS_MAX];
};

void console_init(struct console *c, bool frames);
/* Connections of domains. SERIAL_ERR_BUSY: too many domains. */
errval_t console_client_opened(struct console *c, uint32_t pid);
/* With the last connection of a domain go its held text (to the line), its reads and its
 * ownership. */
void console_client_closed(struct console *c, uint32_t pid);

/* At most CONSOLE_WRITE_BYTES. False: no room now, nothing was taken. */
bool console_write(struct console *c, uint32_t pid, enum console_stream stream, const char *data,
                   size_t bytes);
/* Sends on what is held of one domain, or of all. */
void console_flush(struct console *c, uint32_t pid);
void console_flush_all(struct console *c);
bool console_holds_text(const struct console *c);
/* Bytes for the line: how many are in one piece, and where; then how many were taken. */
size_t console_out_peek(const struct console *c, const uint8_t **ret_bytes);
void console_out_taken(struct console *c, size_t bytes);

/* A byte from the line. A signal: `ret_pid` is to be told of it. */
enum console_signal { CONSOLE_NO_SIGNAL, CONSOLE_INTERRUPT, CONSOLE_SUSPEND };
enum console_signal console_input(struct console *c, uint8_t byte, uint32_t *ret_pid);
/* A read waits until console_answer yields it. SERIAL_ERR_EOF in frame mode, SERIAL_ERR_BUSY. */
errval_t console_read(struct console *c, uint32_t pid, enum console_read_kind kind, uint32_t max,
                      uint32_t token);
struct console_answer {
    uint32_t token;
    errval_t err;                        /* ERR_OK or SERIAL_ERR_EOF */
    bool ended;                          /* read_line: the line is complete */
    uint32_t bytes;
    char data[CONSOLE_WRITE_BYTES];
};
/* Takes out the next read that can be answered. False: none. */
bool console_answer(struct console *c, struct console_answer *ret_answer);

uint32_t console_set_mode(struct console *c, uint32_t pid, uint32_t mode);
errval_t console_acquire(struct console *c, uint32_t pid);
errval_t console_release(struct console *c, uint32_t pid);
errval_t console_hand_over(struct console *c, uint32_t pid, uint32_t to);
errval_t console_take_back(struct console *c, uint32_t pid);

/* Between output.c and serial.c. */
struct console_client *console_client_find(struct console *c, uint32_t pid);
/* Walks all clients: the one after `client`, NULL for the first. */
struct console_client *console_client_next(const struct console *c,
                                           const struct console_client *client);
bool console_owns(const struct console *c, uint32_t pid);
/* Unframed text of the driver itself (echo); dropped if there is no room, and in frame mode. */
void console_echo(struct console *c, const char *text, size_t bytes);
