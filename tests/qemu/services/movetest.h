/* Between the client and the server of movetest. */
#pragma once

/* Serves moves.if under `name` until it is asked to fall, or killed. */
int move_serve(const char *name);
