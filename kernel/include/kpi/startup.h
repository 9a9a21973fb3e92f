/* The startup block: what a new domain finds at KPI_STARTUP_VA, written by the kernel for init and
 * by the spawner for everyone else, read-only for the domain. All offsets are bytes from the start
 * of the block. */
#pragma once

#include <stdint.h>

/* Address layout every domain starts with. The first 2 MiB are never mapped (NULL). Programs are
 * linked at KPI_PROGRAM_VA, static, ET_EXEC. */
#define KPI_PROGRAM_VA     0x00400000ull
/* Dispatcher page, startup block and stack share one page table. */
#define KPI_DISPATCHER_VA  0x3fc00000ull /* the dispatcher page */
#define KPI_STARTUP_VA     0x3fc10000ull /* up to KPI_STARTUP_BYTES_MAX */
#define KPI_STARTUP_BYTES_MAX 0x100000u
#define KPI_TRACE_BYTES    0x4000u       /* of the ring of traced messages (aos/trace.h) */
/* first thread's stack, grows down: the last KPI_STACK_START_BYTES of KPI_STACK_BYTES are mapped at
 * the start, the domain fills the rest on demand; nothing is below */
#define KPI_STACK_TOP      0x3fe00000ull
#define KPI_STACK_BYTES    0x40000u
#define KPI_STACK_START_BYTES 0x3000u
#define KPI_DYNAMIC_VA     0x100000000ull /* libaos places everything else from here on */
#define KPI_DYNAMIC_END    0x800000000000ull

#define KPI_STARTUP_MAGIC  0x5452415453534f41ull /* "AOSSTART" */
#define KPI_TABLES_MAX     200u
#define KPI_GRANT_NAME_BYTES 32u

/* One page table of the initial address space: its capability is slot `index` of the VNodes CNode
 * (KPI_L1_VNODES); the Mapping that attached it is slot `mapping` there (0xffff for the root). */
struct kpi_table {
    uint64_t va;                         /* first address it translates */
    uint8_t level;                       /* 0..3 */
    uint8_t reserved;
    uint16_t index;
    uint16_t mapping;
    uint16_t reserved2;
};

/* A range that is in use from the start, so that libaos does not give it away. */
#define KPI_RANGE_MAPPED   0u            /* all of it */
#define KPI_RANGE_LAZY     1u            /* nothing: the domain fills it when it is touched */
struct kpi_range {
    uint64_t va;
    uint64_t bytes;
    uint32_t flags;                      /* KPI_VM_* */
    uint32_t kind;                       /* KPI_RANGE_* */
};

struct kpi_grant {
    char name[KPI_GRANT_NAME_BYTES];     /* NUL-terminated; capability i is at KPI_CAP_GRANT0 + i */
};

/* What libaos of this domain keeps to; 0: no limit. Breaking them costs nobody but the domain. */
struct kpi_limits {
    uint32_t threads;
    uint32_t slots;                      /* of its capability space, besides those it starts with */
    /* channel ends it uses: connections of its clients and servers, event sources */
    uint32_t endpoints;
    /* begun and not ended, as client, besides one of each thread that it waits for: LIB_ERR_*_LIMIT
     * tells which of these was reached */
    uint32_t calls;
};

struct kpi_startup {
    uint64_t magic;
    uint32_t bytes;                      /* of the whole block */
    uint32_t pid;                        /* 0 in init */
    uint64_t early_ram_bytes;
    uint64_t quota_bytes;                /* memory this domain may have; 0 = no limit known */
    /* PT_TLS image in the program: address, file bytes, memory bytes, align */
    uint64_t tls_va;
    uint64_t tls_file_bytes;
    uint64_t tls_bytes;
    uint64_t tls_align;
    uint64_t symbols_va;                 /* symbol segment (apps/images/addsyms.py), 0 = none */
    uint64_t symbols_bytes;
    uint64_t random[4];                  /* seed of this domain */
    uint32_t argc, args_off;             /* argc NUL-terminated strings, back to back */
    uint32_t envc, env_off;
    uint32_t table_count, tables_off;    /* struct kpi_table[] */
    uint32_t range_count, ranges_off;    /* struct kpi_range[] */
    uint32_t grant_count, grants_off;    /* struct kpi_grant[], at most KPI_CAP_GRANTS */
    uint32_t table_slots_used;           /* first free slot of the VNodes CNode */
    uint8_t core, boot_core, core_count; /* it runs on; that booted; all (kpi/core.h) */
    uint8_t reserved;
    /* id of the interface of which KPI_CAP_PARENT is a client end; 0: of none, or there is none */
    uint32_t parent_iface;
    struct kpi_limits limits;
};
