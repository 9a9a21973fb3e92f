/* The generated decoder, compiled behind the headers that define what it calls as inline
 * functions. */
#include <kernel/cspace.h>
#include <abi/kernel_invoke.c>
