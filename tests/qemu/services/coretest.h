/* Between the files of coretest. */
#pragma once

#include <if/shares.h>
#include <if/shares_server.h>

#define CORE_NAME_BYTES 24u

/* The name of the server on a core. */
const char *core_server_name(uint32_t core, char text[CORE_NAME_BYTES]);
/* The server of this core, until its end. */
int core_serve(void);
/* A domain that gives a frame to the server on `core` and waits to be ended. */
int core_give(uint32_t core);
