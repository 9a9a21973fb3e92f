/* How a test tells a service that is linked with failing.c which of its allocations fail: a
 * request for a message area whose slots have a size that no area has. It needs a frame that can be
 * read, of any size, and a connection that is not bound. */
#pragma once

#define FAILING_MARK     0x4000u         /* the slot's bytes / 8: this, burst and number */
#define FAILING_BURST    0x0800u         /* not only this one, but FAILING_MANY from it on */
#define FAILING_NUMBERS  0x0800u         /* numbers are below this */
#define FAILING_MANY     24u

/* A number from 1 on: the allocation of that number from now on fails; answered with success. 0:
 * none does any more; answered with an error if one has failed meanwhile. */
#define FAILING_SLOT_BYTES(burst, number) (8u * (FAILING_MARK | (burst) | (number)))
