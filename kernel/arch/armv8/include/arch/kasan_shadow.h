// The shadow of the kernel half of the address space (kernel/check/kasan.c): the byte at
// KASAN_OFFSET + address / 8 tells about 8 bytes. Plain numbers, so that assembly can use them;
// kernel/meson.build repeats the offset for the compiler, kasan.c asserts the rest.
#pragma once

#define KASAN_OFFSET       0xdfff800000000000
#define KASAN_SHIFT        3
#define KASAN_REGION_VA    0xffff7ffff0000000 // of the kernel region
#define KASAN_REGION_BYTES 0x40000
