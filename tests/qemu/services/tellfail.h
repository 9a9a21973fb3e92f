/* Telling a service that is linked with failing.c what is to fail (failing.h). */
#pragma once

#include <stdbool.h>

#include <aos/binding.h>

#include "failing.h"

struct tellfail {
    struct binding control;
    caddr_t frame;                       /* goes with every word; the teller's */
};

/* Takes `end`, of that service. `frame`: any that can be read. */
errval_t tellfail_open(struct tellfail *t, caddr_t end, caddr_t frame);
/* The allocation of that number fails, from 1 on; `burst`: FAILING_BURST or 0. */
errval_t tellfail_set(struct tellfail *t, uint32_t burst, uint32_t number);
/* None fails any more. `ret_failed`: some have. */
errval_t tellfail_stop(struct tellfail *t, bool *ret_failed);
