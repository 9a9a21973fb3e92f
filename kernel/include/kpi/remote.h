/* Capabilities to objects that several cores know: what the kernel tells the monitor of its core
 * (object kernel in idl/abi/objects.if, methods cap_*; kernel/cap_remote.h has the terms). */
#pragma once

/* Bits of `state`, the result of kernel.cap_describe, cap_next and cap_space. */
#define KPI_CAP_ANCHOR 0x01u /* this capability is the anchor of its object */
#define KPI_CAP_KNOWN  0x02u /* the object has an anchor */
#define KPI_CAP_SHARED 0x04u /* there are capabilities to it beside this one and the anchor */
#define KPI_CAP_USED   0x08u /* something was made of it, or it is mapped */
#define KPI_CAP_PARTED 0x10u /* there are, or were, frames made from this frame */
#define KPI_CAP_LOAN   0x20u /* this capability is a loan */
#define KPI_CAP_MORE   0x40u /* kernel.cap_next: there are more capabilities than counted */

/* Pages from KPI_CAP_NAMES on are the names of what is no memory: from there on the numbers of
 * interrupts, and from KPI_CAP_NOTIFIES on core * KPI_NOTIFY_BITS + bit. */
#define KPI_CAP_NAMES    0x80000000u
#define KPI_CAP_NOTIFIES 0x80200000u
