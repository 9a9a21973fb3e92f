/* What only init may ask of the kernel, through the Kernel and IRQTable capabilities in its fixed
 * slots, and what the boot left for it. Elsewhere these fail with SYS_ERR_CAP_NOT_FOUND. */
#pragma once

#include <aos/types.h>
#include <kpi/bootinfo.h>
#include <kpi/core.h>

/* Read-only, at a fixed address in init; in other domains nothing is there. */
const struct kpi_bootinfo *kernel_bootinfo(void);
/* The boot module `name`; NULL: there is none. */
const struct kpi_boot_cap *kernel_module(const char *name);

/* Appends to the kernel log. */
errval_t kernel_print(const char *text, size_t bytes);
/* Copies log text from absolute position `from` on, at most `room` bytes (and 4 KiB). `ret_next` is
 * where to go on, `ret_start` the oldest position still kept. */
errval_t kernel_log_read(uint64_t from, char *buf, size_t room, size_t *ret_bytes,
                         uint64_t *ret_next, uint64_t *ret_start);
/* `end` is the trigger of an event source (aos/waitset.h). */
errval_t kernel_log_watch(caddr_t end);
/* The kernel no longer writes its log to the console. */
errval_t kernel_console_release(void);
/* It does so again; the UART is set up anew. */
errval_t kernel_console_seize(void);
/* Returns only if it failed. */
errval_t kernel_shutdown(bool reset);
/* Fresh words of the kernel's generator; no two calls give the same. */
errval_t kernel_random(uint64_t ret_words[4]);

/* Of this core since the kernel started; `caps` is the number of capabilities there are. */
struct kernel_stats {
    uint64_t uptime_ns, idle_ns, switches, interrupts, caps;
};
errval_t kernel_get_stats(struct kernel_stats *ret_stats);
/* Objects of the capability type (enum captype), and capabilities to them. SYS_ERR_BAD_ARGUMENT. */
errval_t kernel_count(uint32_t type, uint64_t *ret_objects, uint64_t *ret_caps);
/* Checks the capability database: the number of violations found. */
errval_t kernel_check(uint64_t *ret_found, uint64_t *ret_nodes);

/* The Notify of a bit of this core, or of one by which the monitors of other cores are rung. */
errval_t kernel_notify(uint32_t core, uint32_t bit, caddr_t dest);

/* A further core, by its KCB capability: starts it, with `pool` and `channel` as in kcb.start of
 * idl/abi/objects.if; its number and state (kpi/core.h). */
errval_t kernel_core_start(caddr_t kcb, caddr_t pool, caddr_t channel);
errval_t kernel_core_state(caddr_t kcb, uint32_t *ret_core, uint32_t *ret_state);
/* The core is off: the memory that it started with is this core's again. */
errval_t kernel_core_reclaim(caddr_t kcb, caddr_t pool);
/* Switches this core off; returns only if it failed. Whatever of it others know must have been
 * handed over before. */
errval_t kernel_core_off(void);

/* The capability for interrupt `irq` (GIC INTID), which exists once, in the empty slot `dest`. */
errval_t kernel_irq(uint32_t irq, caddr_t dest);

/* A device of the device tree. */
struct kernel_device {
    uint64_t base, bytes;                /* first register range; bytes 0: none */
    uint32_t irq;                        /* GIC INTID of the first interrupt; 0: none */
};
/* The first enabled device compatible with `compatible`. LIB_ERR_NOT_FOUND; others if the tree
 * cannot be mapped. */
errval_t kernel_find_device(const char *compatible, struct kernel_device *ret_device);
/* The registers [base, base + bytes) rounded to pages as DevFrame in the empty slot `dest`.
 * LIB_ERR_NOT_FOUND. */
errval_t kernel_device_frame(uint64_t base, uint64_t bytes, caddr_t dest);
