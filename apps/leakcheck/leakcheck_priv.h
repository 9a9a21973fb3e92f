/* What the parts of leakcheck share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <aos/types.h>

#define LEAKCHECK_NAME_BYTES 32u

/* The name that process `pid` registers when it is busy. */
void leakcheck_name(uint32_t pid, char ret_name[LEAKCHECK_NAME_BYTES]);

/* Is one of the children: `role` is "exit", "fault" or "stay", what it does once it is busy; the
 * same with "family " before it: then its child is busy, too; or "sleep". Returns what main
 * returns. */
int child_run(const char *role);

/* Keeps something that `what` names until the end of the program. False: there is no such thing, or
 * it could not be had. */
bool plant(const char *what);
