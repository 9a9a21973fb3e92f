/* Constants of other headers, for fastpath.S; kernel/arch/armv8/fastpath_check.c proves them.
 * Capability type numbers are not here: they come from idl/abi and reach the assembler as absolute
 * symbols. */
#pragma once

#define CTE_SHIFT            6           /* log2 of the bytes of a slot */
#define CTE_HEAD             0           /* type, rights, owner, flags: one word */
#define CTE_HEAD_TYPE_FLAGS  0xff0000ff
#define CTE_HEAD_W_BIT       9           /* right to send */
#define CTE_PAGE             8           /* offsets in struct cte */
#define CTE_AUX              16
#define CTE_PAGE_SHIFT       12
#define FASTPATH_LINEAR_BASE 0xffff000000000000
