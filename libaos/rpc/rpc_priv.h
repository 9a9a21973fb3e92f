/* What start.c puts in place. */
#pragma once

#include <aos/io.h>
#include <aos/ram.h>

extern const struct ram_source rpc_ram_source;
extern const struct io_ops rpc_io_ops;
