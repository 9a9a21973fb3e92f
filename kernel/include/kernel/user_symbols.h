// Names of a domain's functions for the kernel's log, from the symbol table that its startup block
// (kpi/startup.h) points to. Both are the domain's: what they say is only ever read, with checks,
// and printed.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define USER_SYMBOL_MAX 64 // bytes of a name with its NUL; longer ones are cut

// The function that `pc` is in, of the address space in use. False, results untouched, if there is
// no table, if it cannot be read, or if it has nothing at that address.
bool user_symbol_find(uint64_t pc, char ret_name[USER_SYMBOL_MAX], uint64_t *ret_offset);
