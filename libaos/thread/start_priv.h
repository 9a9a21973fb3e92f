/* The seam between the start and the C library glue. */
#pragma once

#include <stdint.h>

/* libc/run.c: arguments, environment, aos_rpc_init, main, exit. */
void start_program(void) __attribute__((noreturn));
void libaos_start(void) __attribute__((noreturn));
extern uint64_t __stack_chk_guard;
void __stack_chk_fail(void) __attribute__((noreturn));
