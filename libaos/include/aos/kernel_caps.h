/* What a monitor asks of its kernel about objects that several cores know, through the Kernel
 * capability: init only. Thin: abi/objects.if, methods cap_* of kernel, says what each does.
 * `root` is the address of an L1CNode, 0 for one's own; other addresses are within it. */
#pragma once

#include <abi/captypes.h>
#include <aos/kernel.h>
#include <kpi/remote.h>

errval_t kernel_caps_describe(caddr_t root, caddr_t cap, struct kernel_cap *ret);
errval_t kernel_caps_anchor(caddr_t root, caddr_t cap, caddr_t dest);
errval_t kernel_caps_foreign(uint8_t type, uint32_t page, uint32_t pages, uint8_t owner,
                            caddr_t dest);
errval_t kernel_caps_set_owner(caddr_t anchor, uint8_t owner);
/* SYS_ERR_AGAIN: the kernel has done its bounded part. */
errval_t kernel_caps_sweep(uint8_t type, uint32_t page, uint32_t pages, bool keep_anchor,
                          caddr_t root, caddr_t keep);
errval_t kernel_caps_part(caddr_t anchor, uint64_t off, uint64_t bytes, bool set);
/* SYS_ERR_AGAIN: the same. */
errval_t kernel_caps_retype(caddr_t root, caddr_t src, uint64_t off, uint8_t type, uint64_t bytes,
                           uint32_t count, caddr_t node, uint32_t index);
/* Whether something ended since the last call that an anchor may have waited for. */
bool kernel_caps_ended(void);
