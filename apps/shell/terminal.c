/* The shell at a terminal: reads lines with the editor and runs them. */
#include <stdio.h>
#include <string.h>

#include <aos/thread.h>
#include <aos/waitset.h>
#include <if/process.h>
#include <if/serial.h>

#include "lineedit.h"
#include "shell_priv.h"

#define PROMPT_BYTES 32u
#define SHOWN_BYTES  512u

/* What the editor wrote and nobody has seen yet. */
static struct {
    char text[SHOWN_BYTES];
    size_t bytes;
} shown;

/* Ctrl-C while a command runs. What is put into the foreground after it ends at once
 * (jobs_foreground). */
static void terminal_signal(void *arg, bool lost, serial_signal_kind_t which)
{
    struct shell *sh = arg;
    uint32_t group, count;

    if (which != SERIAL_SIGNAL_KIND_INTERRUPT) {
        return;
    }
    mutex_lock(&sh->lock);
    sh->interrupted = true;
    group = sh->foreground;
    cond_broadcast(&sh->changed);
    mutex_unlock(&sh->lock);
    if (group != 0) {
        (void)process_kill_group(sh->process, group, &count);
    }
}

/* Ctrl-Z, in the same way. */
static void terminal_suspend(void *arg, bool lost)
{
    struct shell *sh = arg;
    uint32_t group, count;

    mutex_lock(&sh->lock);
    sh->suspended = true;
    group = sh->foreground;
    mutex_unlock(&sh->lock);
    if (group != 0) {
        (void)process_stop_group(sh->process, group, &count);
    }
    mutex_lock(&sh->lock);
    sh->news++;
    cond_broadcast(&sh->changed);
    mutex_unlock(&sh->lock);
}

static void terminal_child_ended(void *arg, bool lost, uint32_t pid,
                                 const struct process_exit *how)
{
    struct shell *sh = arg;

    mutex_lock(&sh->lock);
    sh->news++;
    cond_broadcast(&sh->changed);
    mutex_unlock(&sh->lock);
}

/* Signals have a thread of their own: the main thread waits for the program. */
static int terminal_events(void *arg)
{
    waitset_run(arg);
}

static void terminal_listen(struct shell *sh)
{
    static const struct serial_event_ops ops = {
        .on_signal = terminal_signal, .on_suspend = terminal_suspend,
    };
    static const struct process_event_ops children = {.on_child_ended = terminal_child_ended};
    static struct waitset ws;
    const struct thread_attr attr = {.name = "signals", .detached = true};
    struct thread *thread;

    waitset_init(&ws);
    serial_set_events(sh->serial, &ws, &ops, sh);
    process_set_events(sh->process, &ws, &children, sh);
    errval_t err = thread_create(terminal_events, &ws, &attr, &thread);
    if (err_is_ok(err)) {
        err = serial_subscribe_signal(sh->serial, true);
    }
    if (err_is_ok(err)) {
        err = serial_subscribe_suspend(sh->serial, true);
    }
    if (err_is_ok(err)) {
        err = process_subscribe_child_ended(sh->process, true);
    }
    if (err_is_fail(err)) {
        (void)shell_error("Ctrl-C will not end programs", err);
    }
}

static void terminal_show(void)
{
    (void)fwrite(shown.text, 1, shown.bytes, stdout);
    (void)fflush(stdout);
    shown.bytes = 0;
}

static void terminal_write(void *ctx, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (shown.bytes == SHOWN_BYTES) {
            terminal_show();
        }
        shown.text[shown.bytes++] = text[i];
    }
}

/* Reads one line into le->line. */
static enum lineedit_result terminal_line(struct shell *sh, struct lineedit *le, const char *prompt)
{
    static uint8_t keys[SERIAL_READ_DATA_MAX];
    static size_t at, have;              /* typed ahead, kept for the next line */
    serial_mode_t old;
    enum lineedit_result result = LINEEDIT_MORE;

    if (err_is_fail(serial_set_mode(sh->serial, 0, &old))) {
        return LINEEDIT_EOF;
    }
    mutex_lock(&sh->lock);
    sh->interrupted = sh->suspended = false;
    mutex_unlock(&sh->lock);
    lineedit_start(le, prompt);
    while (result == LINEEDIT_MORE) {
        terminal_show();
        if (at == have) {
            at = have = 0;
            errval_t err = serial_read(sh->serial, sizeof(keys), keys, &have);
            if (err_is_fail(err)) {
                have = 0;
                result = LINEEDIT_EOF;
                break;
            }
        }
        result = lineedit_feed(le, keys[at++]);
    }
    /* Whoever sees the end of the line may count on Ctrl-C. */
    (void)serial_set_mode(sh->serial, old, &old);
    terminal_show();
    return result;
}

void terminal_run(struct shell *sh)
{
    static struct lineedit le;
    char prompt[PROMPT_BYTES];

    terminal_listen(sh);
    lineedit_init(&le, terminal_write, NULL);
    (void)serial_acquire(sh->serial);
    for (;;) {
        shell_reap(sh);
        (void)snprintf(prompt, sizeof(prompt), sh->status == 0 ? "aos> " : "aos [%d]> ",
                       sh->status);
        enum lineedit_result result = terminal_line(sh, &le, prompt);
        if (result == LINEEDIT_EOF) {
            break;
        }
        if (result == LINEEDIT_LINE) {
            lineedit_remember(&le, le.line);
            (void)shell_run_line(sh, le.line);
        }
    }
    lineedit_deinit(&le);
}
