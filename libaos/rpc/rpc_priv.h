/* What start.c puts in place. */
#pragma once

#include <aos/io.h>

extern const struct io_ops rpc_io_ops;
