/* A domain under construction. */
#pragma once

#include <aos/paging.h>
#include <aos/proc.h>
#include <kernel/elf.h>
#include <kpi/startup.h>

/* segments, stack in two parts, dispatcher page, startup block, ring of traced messages */
#define PROC_RANGES_MAX (ELF_SEGMENTS_MAX + 6u)

/* Where things lie in the RAM of the domain: byte offsets. CNodes first, so that they are aligned
 * to their size. */
struct proc_layout {
    uint64_t l1, task, vnodes, dispatcher;
    uint64_t content, content_bytes;     /* segments not shared, one by one, then the stack */
    /* offset in the content, or in the frame of the file */
    uint64_t segment[ELF_SEGMENTS_MAX];
    bool shared[ELF_SEGMENTS_MAX];       /* it is the latter */
    uint64_t stack;                      /* offset in the content */
    uint64_t startup, startup_bytes;
    uint64_t trace;
    uint64_t tables, tables_bytes;
    uint64_t early;
    uint64_t bytes;                      /* of all */
};

/* Capabilities in the spawner's space while it builds; 0: not there. */
struct proc_build {
    const struct proc_spec *spec;
    caddr_t ram;
    struct elf_program program;
    struct proc_layout at;
    caddr_t l1, task, vnodes, dispatcher, root, content, startup, trace;
    struct paging_state space;
    bool space_live;
    struct paging_export export;
    /* The rest is not set before it is exported. */
    struct kpi_table tables[KPI_TABLES_MAX];
    struct kpi_range ranges[PROC_RANGES_MAX];
};

/* Checks the spec and lays it out. */
errval_t proc_plan(struct proc_build *b);
/* Bytes of the startup block, and writing it to `block`, which is zeroed. */
uint64_t proc_startup_bytes(const struct proc_build *b);
void proc_startup_write(const struct proc_build *b, struct kpi_startup *block);
