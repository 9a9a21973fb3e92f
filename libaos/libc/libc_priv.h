/* Shared by the C library glue. */
#pragma once

#include <aos/thread.h>

/* The C library's lock type. */
struct __lock {
    struct mutex mutex;
};

/* stdio.c: gives the streams their locks. Before the first output. */
void stdio_init(void);
