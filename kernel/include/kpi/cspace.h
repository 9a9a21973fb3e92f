/* Capability addresses and the fixed part of every domain's capability space.
 *
 * An address is 32 bits: L1 index << 8 | L2 index names a slot of the L2 CNode in that L1 slot;
 * with KPI_CADDR_L1 set the low bits name the L1 slot itself. Address 0 is never valid: slot 0 of
 * the task CNode stays empty. */
#pragma once

#include <stdint.h>

typedef uint32_t caddr_t;

#define KPI_SLOT_BYTES   64u             /* one capability slot in object memory */
#define KPI_L2_SLOTS     256u
#define KPI_L2_BYTES     (KPI_L2_SLOTS * KPI_SLOT_BYTES)   /* 16 KiB, fixed */
#define KPI_L1_BYTES_MIN KPI_L2_BYTES    /* an L1 CNode is a power of two from here on */
#define KPI_L1_BYTES_MAX (4096u * KPI_SLOT_BYTES)
#define KPI_RETYPE_MAX   16u             /* objects made by one retype (the range in objects.if) */
#define KPI_CADDR_L1     0x80000000u
#define KPI_CADDR(l1, l2) ((caddr_t)((uint32_t)(l1) << 8 | (uint32_t)(l2)))

/* L1 slots. */
#define KPI_L1_TASK   0u                 /* task CNode: the slots below */
/* page tables of the initial address space, in the order of startup.tables, then their mappings */
#define KPI_L1_VNODES 1u
/* the ring of traced messages (aos/trace.h), when the spawner has made one; not in init */
#define KPI_L1_TRACE  2u
/* in init: 2.. hold RAM, device memory, modules (bootinfo) */
#define KPI_L1_FIRST_FREE 2u

/* Slots of the task CNode, as addresses. */
#define KPI_CAP_SELF_L1      1u          /* own L1CNode */
#define KPI_CAP_SELF_DISP    2u          /* own Dispatcher */
#define KPI_CAP_SELF_VROOT   3u          /* own VNodeL0 */
/* Frame that begins with the startup block (kpi/startup.h), of which it is all in init; elsewhere
 * the segments that the program writes to, and the start of its stack, follow */
#define KPI_CAP_STARTUP      4u
/* RAM of this domain's own, to live on until it has a memory service */
#define KPI_CAP_EARLY_RAM    5u
/* EndPoint: nameserver client end, of what init starts; everybody else asks init for one */
#define KPI_CAP_NAMESERVER   6u
/* EndPoint: given by the spawner for its own purpose; may be empty */
#define KPI_CAP_PARENT       7u
#define KPI_CAP_KERNEL       8u          /* init only */
#define KPI_CAP_IRQTABLE     9u          /* init only */
#define KPI_CAP_DEVICE_TREE  10u         /* init only: Frame with the flattened device tree */
#define KPI_CAP_BOOTINFO     11u         /* init only: Frame with struct bootinfo */
/* 12..31: Mapping capabilities of dispatcher page, startup block, stack, segments */
#define KPI_CAP_TASK_MAPPING0 12u
/* 32..63: capabilities inherited from the spawner, startup.grants */
#define KPI_CAP_GRANT0       32u
#define KPI_CAP_GRANTS       32u
#define KPI_CAP_FIRST_FREE   64u         /* from here on the task CNode is libaos's to allocate */
