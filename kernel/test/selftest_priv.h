// The parts of the self-test.
#pragma once
#include <kernel/platform.h>

// Panics in the way the boot argument selftest=NAME asks for; returns if there is none.
void selftest_panic(const struct platform *platform);
