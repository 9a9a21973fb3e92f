/* What the kernel gives to init besides the startup block: a Frame (KPI_CAP_BOOTINFO), mapped
 * read-only at KPI_BOOTINFO_VA in init, that lists the capabilities made at boot. Each core has an
 * init of its own. Devices, modules and the Image are with the one of the core that booted; that of
 * a further core finds the rest of its core's pool as RAM, and the channel. */
#pragma once

#include <stdint.h>

#define KPI_BOOTINFO_VA    0x30400000ull
#define KPI_BOOTINFO_MAGIC 0x4f464e49544f4f42ull /* "BOOTINFO" */
#define KPI_BOOTINFO_NAME_BYTES 64u

enum kpi_boot_kind {
    KPI_BOOT_RAM = 1,                    /* RAM, free */
    /* DevFrame: everything that is not memory, without interrupt controller */
    KPI_BOOT_DEVICE,
    /* Frame, read-only: one file of the initrd, `name`, `bytes` exact */
    KPI_BOOT_MODULE,
    KPI_BOOT_IMAGE,                      /* Frame, read-only: the pristine kernel Image */
    KPI_BOOT_COVERAGE,                   /* Frame: kpi/coverage.h; only of a kernel that has it */
    KPI_BOOT_KCB,                        /* KCB of a further core, `name` is "core N" */
    /* Frame: what a further core's init shares with who started the core (kpi/core.h) */
    KPI_BOOT_CHANNEL,
};

struct kpi_boot_cap {
    uint32_t kind;                       /* enum kpi_boot_kind */
    uint32_t cap;                        /* capability address in init */
    uint64_t base;                       /* physical */
    /* modules: file length, the frame is rounded up to pages */
    uint64_t bytes;
    char name[KPI_BOOTINFO_NAME_BYTES];  /* modules: path in the archive; NUL-terminated */
};

struct kpi_bootinfo {
    uint64_t magic;
    /* cores in the device tree, at most KPI_CORES_MAX; this one's number; the one that booted */
    uint32_t core_count;
    uint32_t core;
    uint32_t boot_core;
    uint32_t reserved;
    uint32_t cap_count;
    uint64_t device_tree_bytes;
    uint64_t memory_bytes;               /* all RAM of the machine */
    uint64_t kernel_bytes;               /* of it kept by the kernel */
    char bootargs[1024];                 /* /chosen/bootargs, NUL-terminated */
    char build_id[64];
    struct kpi_boot_cap caps[];
};
