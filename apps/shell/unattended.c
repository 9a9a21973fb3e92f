/* The shell without a terminal (aos exec): runs the commands of the boot image, tells each status
 * on a stream of its own and powers the machine off. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <if/init.h>
#include <if/serial.h>

#include "lineedit.h"
#include "shell_priv.h"

#define TELL_TRIES 8u                    /* each a console that ended meanwhile */

/* Rather twice than never if the console ends meanwhile: the host counts the commands, too. */
static errval_t unattended_tell(struct shell *sh, serial_stream_t stream, int status,
                                unsigned number)
{
    char text[32];
    int bytes = stream == SERIAL_STREAM_STATUS
        ? snprintf(text, sizeof(text), "%d %u", status, number)
        : snprintf(text, sizeof(text), "%d", status);
    errval_t err = RPC_ERR_PEER_GONE;

    for (unsigned i = 0; i < TELL_TRIES && err_no(err) == RPC_ERR_PEER_GONE; i++) {
        err = serial_write(sh->serial, stream, text, (size_t)bytes);
    }
    return err;
}

void unattended_run(struct shell *sh, const char *commands, size_t bytes)
{
    char line[LINEEDIT_BYTES_MAX + 1];
    unsigned number = 0;

    (void)serial_write(sh->serial, SERIAL_STREAM_READY, "", 0);
    for (size_t at = 0; at < bytes;) {
        const char *end = memchr(commands + at, '\n', bytes - at);
        size_t length = end != NULL ? (size_t)(end - (commands + at)) : bytes - at;
        if (length < sizeof(line)) {
            memcpy(line, commands + at, length);
            line[length] = '\0';
            (void)shell_run_line(sh, line);
        } else {
            fprintf(stderr, "shell: a command has more than %u bytes\n", LINEEDIT_BYTES_MAX);
            sh->status = STATUS_USAGE;
        }
        if (err_is_fail(unattended_tell(sh, SERIAL_STREAM_STATUS, sh->status, ++number))) {
            break;                       /* nobody hears of the rest */
        }
        at += length + 1;
    }
    (void)unattended_tell(sh, SERIAL_STREAM_DONE, sh->status, number);
    if (err_no(serial_flush(sh->serial)) == RPC_ERR_PEER_GONE) {
        (void)unattended_tell(sh, SERIAL_STREAM_DONE, sh->status, number);
        (void)serial_flush(sh->serial);
    }
    (void)init_shutdown(sh->init, INIT_POWER_OFF);
    exit(STATUS_FAILED);
}
