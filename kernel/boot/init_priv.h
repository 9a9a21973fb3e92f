/* Building init, the first user program: its objects, capability space and address space. Boot
 * code: whatever goes wrong is a panic that says what. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <kernel/cap.h>
#include <kernel/elf.h>
#include <kernel/platform.h>
#include <kpi/bootinfo.h>
#include <kpi/startup.h>

#define INIT_EARLY_RAM_BYTES (2u << 20)
#define INIT_STARTUP_BYTES   16384u
/* Objects of init besides its segments: capability nodes, page tables, stack, blocks. */
#define INIT_OBJECTS_BYTES   (1u << 20)
#define INIT_SEGMENT_FRAMES  ELF_SEGMENTS_MAX

struct init_build {
    const struct platform *platform;
    struct region_list free_ram;         /* shrinks as objects are made */
    struct elf_program program;
    const uint8_t *file;                 /* the module init */
    size_t file_bytes;
    struct cte ram;                      /* memory of init's objects; stays the kernel's */
    uint64_t ram_used;                   /* bytes */
    struct cte frames[INIT_SEGMENT_FRAMES];
    struct cte stack;
    struct cte *l1;                      /* slots of init's L1 CNode */
    struct cte *task;                    /* of the task CNode */
    struct cte *vnodes;                  /* of the page table CNode */
    unsigned vnodes_used;
    unsigned mappings_used;              /* of KPI_CAP_TASK_MAPPING0.. */
    unsigned table_count;
    struct kpi_table tables[KPI_TABLES_MAX];
    unsigned range_count;
    struct kpi_range ranges[ELF_SEGMENTS_MAX + 5];
    struct kpi_bootinfo *bootinfo;
    uint64_t bootinfo_bytes;             /* whole pages */
};

/* Panics with "init: WHAT: error name" if `err` is a failure. */
void init_check(errval_t err, const char *what);

/* Makes `count` objects in dest[0..count) from b->ram. */
void init_object(struct init_build *b, enum captype type, uint64_t bytes, uint32_t count,
                 struct cte *dest);

/* init_space.c: makes the root table in the task CNode; maps whole pages of a capability, making
 * the tables they need; the range is one that startup tells about. */
void init_space_root(struct init_build *b);
void init_space_map(struct init_build *b, uint64_t va, struct cte *src, uint64_t bytes,
                    uint32_t flags);

/* init_caps.c: RAM, devices, modules and the image, listed in b->bootinfo. */
unsigned init_caps_count(const struct init_build *b);
void init_caps_make(struct init_build *b);
