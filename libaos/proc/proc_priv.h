/* A domain under construction. */
#pragma once

#include <abi/captypes.h>
#include <aos/proc.h>
#include <kernel/elf.h>
#include <kpi/startup.h>

/* segments, dispatcher page, startup block, stack in two parts */
#define PROC_RANGES_MAX (ELF_SEGMENTS_MAX + 4u)

/* The ring of traced messages is at the start of the RAM of a domain, if it is ever made. */
#define PROC_RING_OFF 0u

/* A program file in memory; see proc_share. */
struct proc_image {
    const void *file;
    caddr_t frame;
    errval_t err;                        /* why it is no program; the rest is then not set */
    struct elf_program program;
};

/* Where things lie in the RAM of the domain: byte offsets. CNodes first, so that they are aligned
 * to their size. */
struct proc_layout {
    uint64_t l1, nodes;                  /* L1 CNode; task CNode and VNodes CNode */
    uint64_t dispatcher;
    /* startup block, segments not shared, one by one, then the first pages of the stack */
    uint64_t content, content_bytes;
    uint64_t fill_bytes;                 /* of the content, from its start: what is not zero */
    uint64_t startup_bytes;
    uint64_t segment[ELF_SEGMENTS_MAX];  /* offset in the content; of those that are not shared */
    uint64_t tables;
    uint64_t early;
    uint64_t bytes;                      /* of all */
};

/* What the pages of a range are made of. */
enum proc_from { PROC_FROM_NOTHING, PROC_FROM_FILE, PROC_FROM_CONTENT, PROC_FROM_DISPATCHER };

struct proc_build {
    const struct proc_spec *spec;
    const struct elf_program *program;
    struct proc_layout at;
    /* Capabilities in the spawner's space while it builds; 0: not there. */
    caddr_t ram, l1, dispatcher;
    uint32_t table_count, range_count;
    uint32_t table_slots_used;           /* of the VNodes CNode */
    uint64_t from_off[PROC_RANGES_MAX];  /* in the frame of the file, or in the content */
    enum proc_from from[PROC_RANGES_MAX];
    /* In ascending order; of the tables that of level 1 and 2 first. */
    struct kpi_range ranges[PROC_RANGES_MAX];
    struct kpi_table tables[KPI_TABLES_MAX];
};

/* Checks the spec and lays everything out. */
errval_t proc_lay_out(struct proc_build *b);
/* Writes the startup block to `block`, which is zeroed and has at.startup_bytes. */
void proc_startup_write(const struct proc_build *b, struct kpi_startup *block);

/* build.c: makes everything in b->ram; what `spec` gives away is moved. On failure nothing is
 * left but capabilities that were not moved yet: those in `spec` are then 0. */
errval_t proc_build_all(struct proc_build *b, struct proc_spec *io_given,
                        struct proc_grant *io_grants);
/* Objects of the domain, in slots from `dest` on. */
errval_t proc_retype(const struct proc_build *b, caddr_t dest, uint64_t off, enum captype type,
                     uint64_t bytes, uint32_t count);
/* Deletes what is in a slot of the spawner, if anything, and frees it. */
void proc_drop(caddr_t *io_cap);
