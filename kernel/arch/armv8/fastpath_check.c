/* What fastpath.S takes for granted about C, and the symbols that carry generated numbers to it. */
#include <stddef.h>
#include <abi/captypes.h>
#include <kernel/cap.h>
#include <kernel/fastpath.h>
#include <kernel/lmp.h>
#include <kernel/memory.h>

_Static_assert(sizeof(struct cte) == 1u << CTE_SHIFT, "CTE_SHIFT");
_Static_assert(offsetof(struct cte, type) == CTE_HEAD, "CTE_HEAD");
_Static_assert(offsetof(struct cte, rights) == CTE_HEAD + 1, "CTE_HEAD_W_BIT");
_Static_assert(CAP_RIGHT_W << 8 == 1u << CTE_HEAD_W_BIT, "CTE_HEAD_W_BIT");
_Static_assert(offsetof(struct cte, flags) == CTE_HEAD + 3, "CTE_HEAD_TYPE_FLAGS");
_Static_assert(offsetof(struct cte, page) == CTE_PAGE, "CTE_PAGE");
_Static_assert(offsetof(struct cte, aux) == CTE_AUX, "CTE_AUX");
_Static_assert(CAP_PAGE_SHIFT == CTE_PAGE_SHIFT, "CTE_PAGE_SHIFT");
_Static_assert(LINEAR_BASE == FASTPATH_LINEAR_BASE, "FASTPATH_LINEAR_BASE");

void fastpath_symbols(void);

/* Never called: defines absolute symbols. */
void fastpath_symbols(void)
{
    __asm__(".globl fastpath_l2cnode\n .set fastpath_l2cnode, %c0\n"
            ".globl fastpath_endpoint\n .set fastpath_endpoint, %c1\n"
            ::"i"(CAPTYPE_L2CNODE), "i"(CAPTYPE_ENDPOINT));
}
