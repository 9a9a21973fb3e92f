/* The heap behind malloc, for programs that look after it. Any thread may call.
 *
 * In a build with `-Dheap_check=true` every block has zones around it that nobody may write to, and
 * remembers who allocated and who freed it; what is freed is filled and stays out of use for a
 * while. An overrun (found at free, or by heap_check), a write to freed memory, a second free, and
 * a pointer that is none of malloc's end the program with a report: what was found where in which
 * block, the callers that allocated and freed it, with their names, and the present ones. Without
 * it free still notices a second free and most wrong pointers. */
#pragma once

#include <aos/types.h>

struct heap_stats {
    uint64_t used_bytes;                 /* of small blocks, with headers */
    uint64_t total_bytes;                /* of the chunks they are in */
    uint64_t spare_bytes;                /* an empty chunk that is kept */
    uint64_t chunks, blocks;
    uint64_t large_bytes, large_blocks;  /* blocks that are mapped by themselves */
    uint64_t allocated, failed;          /* since the start: blocks; requests that got none */
    uint64_t held_blocks, held_bytes;    /* checked build: freed, not yet in use again */
};
void heap_stats(struct heap_stats *ret_stats);

/* Looks at every block, in use or freed a while ago; a finding is reported as if it had been found
 * by free. False: this is no checked build, nothing was looked at. */
bool heap_check(void);
