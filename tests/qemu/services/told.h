/* Programs that tell each other that something has happened, by a name: it is looked up, and nobody
 * calls it. */
#pragma once

#include <aos/types.h>

#define TOLD_WAIT_NS 60000000000ull      /* bounds a failure */

/* It has happened. For one name of a program, which lives on. */
errval_t told_say(const char *name);
/* Waits until it has. */
errval_t told_await(const char *name);
