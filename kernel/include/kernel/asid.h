/* Address space identifiers of this core: one per VNodeL0, from its retype to its end. 0 is the
 * kernel's empty space. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ASID_MAX 65536u /* DDI 0487, ID_AA64MMFR0_EL1.ASIDBits: 8 or 16 */

/* Number that can still be allocated. */
uint32_t asid_available(void);
/* The caller knows that one is available. Never 0. */
uint16_t asid_alloc(void);
bool asid_is_used(uint16_t asid);
/* No TLB entry of `asid` is left. */
void asid_free(uint16_t asid);
