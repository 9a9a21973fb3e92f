/* Shared by the C library glue. */
#pragma once

#include <aos/thread.h>

/* The C library's lock type. */
struct __lock {
    struct mutex mutex;
};

/* locks.c: of stdin, stdout and stderr. */
extern struct __lock stdio_locks[3];

/* stdio.c: gives the streams their locks. Before the first output. */
void stdio_init(void);
