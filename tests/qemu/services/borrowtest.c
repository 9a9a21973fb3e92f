/* A program of core 1 that has more memory than that core began with, while the memory service of
 * one of the two cores ends: nobody takes what it has. Runs, told apart by the argument:
 *   many   takes many pieces on its core, waits for `check`, and gives them back
 *   hold   takes memory on core 1, waits for `check`, and looks at it (test_stress.py waits for it)
 *   ready  waits until it has taken it
 *   check  lets it look, and waits for its end */
#include <stdio.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/paging.h>
#include <aos/process.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <if/memory.h>

#include "told.h"

#define PIECE_BYTES 0x400000ull
#define PIECES_MAX  256u
#define MORE_BYTES  0x2000000ull         /* than the core has itself */
#define MANY_PIECES 8000u
#define MANY_BYTES  AOS_PAGE_BYTES
#define LOOK_NS     10000000ull

static uint64_t *pieces[PIECES_MAX];

static uint64_t piece_word(uint32_t piece, uint64_t off)
{
    return (uint64_t)piece << 32 | off;
}

static errval_t piece_take(uint32_t piece)
{
    caddr_t frame;
    void *at;
    errval_t err = frame_alloc(PIECE_BYTES, &frame, NULL);

    if (err_is_ok(err)) {
        err = paging_map_frame(paging_self(), frame, 0, PIECE_BYTES, AOS_VM_RW, &at);
    }
    if (err_is_fail(err)) {
        return err;
    }
    pieces[piece] = at;
    for (uint64_t off = 0; off < PIECE_BYTES; off += AOS_PAGE_BYTES) {
        pieces[piece][off / sizeof(uint64_t)] = piece_word(piece, off);
    }
    return ERR_OK;
}

static bool piece_is_whole(uint32_t piece)
{
    for (uint64_t off = 0; off < PIECE_BYTES; off += AOS_PAGE_BYTES) {
        if (pieces[piece][off / sizeof(uint64_t)] != piece_word(piece, off)) {
            return false;
        }
    }
    return true;
}

/* On core 1. */
static int take(void)
{
    uint64_t total = 0, free_bytes, largest, dying;
    struct memory_binding *memory;
    uint32_t count = 0, some;
    char text[128];
    errval_t err = aos_memory(&memory);

    err = err_is_ok(err) ? memory_stats(memory, &total, &free_bytes, &largest, &some, &dying)
                         : err;
    while (err_is_ok(err) && count < PIECES_MAX && count * PIECE_BYTES < total + MORE_BYTES) {
        err = piece_take(count);
        count++;
    }
    err = err_is_ok(err) ? told_say("borrowtest/ready") : err;
    err = err_is_ok(err) ? told_await("borrowtest/check") : err;
    for (uint32_t i = 0; err_is_ok(err) && i < count; i++) {
        err = piece_is_whole(i) ? ERR_OK : LIB_ERR_BAD_STATE;
    }
    (void)err_format(err, text, sizeof(text));
    printf("borrowtest: %u pieces of 4 MiB, of %u there: %s\n", (unsigned)count,
           (unsigned)(total / PIECE_BYTES), text);
    return err_is_ok(err) ? 0 : 1;
}

/* Many small pieces, more than their service knows when it starts. */
static int many(void)
{
    static caddr_t rams[MANY_PIECES];
    struct memory_binding *memory;
    uint64_t actual;
    errval_t err = aos_memory(&memory);

    for (uint32_t i = 0; err_is_ok(err) && i < MANY_PIECES; i++) {
        err = memory_alloc(memory, MANY_BYTES, AOS_PAGE_BYTES, &rams[i], &actual);
    }
    err = err_is_ok(err) ? told_say("borrowtest/ready") : err;
    err = err_is_ok(err) ? told_await("borrowtest/check") : err;
    for (uint32_t i = 0; err_is_ok(err) && i < MANY_PIECES; i++) {
        err = memory_free(memory, rams[i]);
        if (err_no(err) == RPC_ERR_PEER_GONE) {
            err = memory_free(memory, rams[i]); /* of the one that has ended it was the last call */
        }
    }
    return err_is_ok(err) ? 0 : 1;
}

static int hold(void)
{
    static const char *const argv[] = {"borrowtest", "take"};
    const struct aos_launch how = {.on_core = 2};
    struct aos_exit end;
    uint32_t pid, who;

    if (err_is_fail(aos_launch(2, argv, &how, &pid)) || err_is_fail(aos_wait(pid, &who, &end))) {
        return 1;
    }
    return end.exited ? end.status : 1;
}

static int check(void)
{
    caddr_t end;
    errval_t err = told_say("borrowtest/check");

    while (err_is_ok(err) && err_is_ok(aos_lookup("borrowtest/ready", &end))) {
        (void)cap_destroy(end);
        thread_sleep_ns(LOOK_NS);
    }
    return err_is_ok(err) ? 0 : 1;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    return strcmp(what, "hold") == 0  ? hold()
        : strcmp(what, "take") == 0   ? take()
        : strcmp(what, "many") == 0   ? many()
        : strcmp(what, "ready") == 0  ? (err_is_ok(told_await("borrowtest/ready")) ? 0 : 1)
        : strcmp(what, "check") == 0  ? check() : 2;
}
