/* Cores: numbers and sizes that kernel and init share (idl/abi/objects.if, kcb). A core's number is
 * its place in the device tree's list of cores. */
#pragma once

#include <stdint.h>

/* More cores than that are left alone: an interrupt between cores tells its sender by its number,
 * and GICv2 has eight CPU interfaces. */
#define KPI_CORES_MAX 8u

/* What a core needs at least to start: its init, and the services that this makes from it. */
#define KPI_CORE_POOL_MIN      0xa00000ull
/* Frame that a core's init shares with who started the core. What is in it is theirs. */
#define KPI_CORE_CHANNEL_BYTES 0x10000ull

/* Bits of a core that other cores can ring: one page per pair of cores. The first are the
 * monitors', one for each core that rings; all others are for them to give out. */
#define KPI_NOTIFY_BITS     32768u
#define KPI_NOTIFY_MONITORS KPI_CORES_MAX

/* kernel.mapping: what the kernel may do there; and whether it is device memory. */
#define KPI_MAPPING_WRITE   1u
#define KPI_MAPPING_EXECUTE 2u
#define KPI_MAPPING_DEVICE  4u
/* All RAM is mapped from here on, to be written, but for what CPU drivers keep to themselves. */
#define KPI_LINEAR_BASE     0xffff000000000000ull
#define KPI_LINEAR_BYTES    0x0000400000000000ull

/* kcb.state: what the firmware knows. */
#define KPI_CORE_ON       0u
#define KPI_CORE_OFF      1u
#define KPI_CORE_STARTING 2u
#define KPI_CORE_UNKNOWN  3u             /* it has no such core */
