/* What every part of the shell says and reads in the same way. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "shell_priv.h"

int shell_error(const char *what, errval_t err)
{
    char text[128];

    (void)err_format(err, text, sizeof(text));
    (void)fflush(stdout);
    fprintf(stderr, "%s: %s (%s)\n", what, err_message(err), text);
    return STATUS_FAILED;
}

bool shell_number(const char *text, uint64_t max, uint64_t *ret_value)
{
    char *end;

    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*end != '\0' || errno != 0 || value > max) {
        return false;
    }
    *ret_value = value;
    return true;
}
