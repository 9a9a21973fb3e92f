/* Messages between domains of one core: registers and constants.
 *
 * svc #SYSCALL_CALL (send, then wait), #SYSCALL_SEND, #SYSCALL_POLL:
 *   in   x0 own end (capability address; 0 = nothing to send), x1 header word, x2-x9 payload words,
 *        x10 capability to send (KPI_XFER_*; 0 = none)
 *   out  CALL and POLL: x0 cookie of the end the message arrived on, x1-x9 as sent,
 *        x10 address of the slot that received a capability (0 = none), x11 its type | rights << 8.
 *        x0 = 0: no message; x1 = KPI_EVENT_* bits; with KPI_EVENT_ERROR x2 is why nothing was
 *        sent. SEND: x0 error.
 *   x0-x18 are clobbered by CALL and POLL, x0 and x11-x18 by SEND; x19-x30, SP, TPIDR_EL0 are
 *   kept. NZCV is clobbered.
 * CALL may be made while enabled (kpi/dispatcher.h). If something is to be told when it returns,
 * the upcall comes first, and what CALL returned is in the saved registers.
 * A CALL that cannot send does not wait: it returns KPI_EVENT_ERROR at once. A CALL made while
 * anything is pending sends and returns the pending thing at once (but see KPI_EVENT_SLOT).
 *
 * Events are not queued in the ring, so they are never lost and never overflow: the kernel keeps
 * one bit per end and cause, and makes up the message when it is received: header kind
 * KPI_KIND_CONTROL, no words, and the ordinal of a cause (idl/abi/kpi.if). Raised again while
 * unread = still one.
 *   KPI_CONTROL_PEER_GONE  the last message of an end, once
 *   KPI_CONTROL_EVENT      interrupt, doorbell, death of a watched dispatcher, growth of the log
 *   KPI_CONTROL_ROOM       a send on this end has failed with SYS_ERR_LMP_FULL, and since then the
 *                          peer has taken messages until half of its ring was free, or has ended.
 *                          Once, however many sends failed; it stays with the end if that moves
 *                          meanwhile. There may be less room by then, or none: then the next send
 *                          asks again.
 */
#pragma once

#include <stdint.h>
#include <abi/syscalls.h>

#define KPI_LMP_WORDS 8u                 /* payload words of one message */

/* x10 on send. */
#define KPI_XFER_ADDR(x)      ((uint32_t)(x))
#define KPI_XFER_RIGHTS_SHIFT 32         /* rights mask, 8 bits: the receiver gets at most these */
/* give away; else the receiver gets a copy without `d` */
#define KPI_XFER_MOVE         (1ull << 40)

/* Bits of x1 when x0 is 0. */
#define KPI_EVENT_ERROR 0x1u             /* x2: errval_t, nothing was sent */
#define KPI_EVENT_TIMER 0x2u             /* the deadline of this dispatcher passed */
/* A message with a capability waits for a receive slot: every poll says so. Neither an upcall nor a
 * CALL does a second time until there is one: who waits without one waits for something else. */
#define KPI_EVENT_SLOT  0x4u
#define KPI_EVENT_ASKED 0x8u             /* dispatcher.ask */

/* The header word: only what the kernel itself makes up (the rest belongs to the stubs). */
#define KPI_HDR_ORDINAL_BITS  12
#define KPI_HDR_KIND_SHIFT    12
#define KPI_KIND_CONTROL      6u
#define KPI_CONTROL_HEADER(ordinal) \
    ((uint64_t)(ordinal) | (uint64_t)KPI_KIND_CONTROL << KPI_HDR_KIND_SHIFT)

/* Channel object: page-aligned, a power of two from 4 KiB to 64 KiB; each end owns one half and
 * queues KPI_LMP_RING(bytes) messages, each with at most one capability. */
#define KPI_CHANNEL_BYTES_MIN 4096u
#define KPI_CHANNEL_BYTES_MAX 65536u
#define KPI_LMP_RING(bytes)   ((uint32_t)((bytes) / 512u))
