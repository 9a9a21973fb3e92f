// In place of the target's: a model changes when it is looked at, so there is nothing to wait for.
#pragma once

static inline void mmio_relax(void)
{
}
