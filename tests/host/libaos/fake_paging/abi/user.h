/* Invocations of page tables, as fake_space.c does them. */
#pragma once

#include <abi/captypes.h>
#include <abi/errors.h>
#include <kpi/cspace.h>

errval_t inv_vnode_map(caddr_t object, uint16_t index, caddr_t src, uint64_t off, uint16_t pages,
                       uint32_t flags, caddr_t mapping);
errval_t inv_mapping_unmap(caddr_t object);
errval_t inv_mapping_modify(caddr_t object, uint16_t first, uint16_t pages, uint32_t flags);
errval_t inv_cnode_move(caddr_t object, caddr_t src, uint32_t index);
