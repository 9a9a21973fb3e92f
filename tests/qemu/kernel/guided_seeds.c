/* Where the guided fuzzer starts: a few plausible programs, and those that have found something
 * (each with what that was). */
#include "guided.h"

const struct guided_program guided_seeds[] = {
    /* memory becomes objects, and goes */
    { 4, { { GRAMMAR_CNODE_RETYPE, 0, 1, 40, { 2, 64, CAPTYPE_FRAME, 65, 1, 20 } },
           { GRAMMAR_CNODE_COPY, 1, 1, 40, { 20, 21 } },
           { GRAMMAR_CNODE_DELETE, 0, 1, 40, { 20 } },
           { GRAMMAR_CNODE_REVOKE, 1, 1, 40, { 2 } } } },
    /* page tables and a mapping */
    { 5, { { GRAMMAR_VNODE_MAP, 0, 4, 40, { 0, 5, 0, 1, 0, 20 } },
           { GRAMMAR_VNODE_MAP, 0, 5, 40, { 0, 6, 0, 1, 0, 21 } },
           { GRAMMAR_VNODE_MAP, 1, 6, 40, { 0, 7, 0, 1, 0, 22 } },
           { GRAMMAR_VNODE_MAP, 1, 7, 40, { 3, 3, 0, 1, 3, 23 } },
           { GRAMMAR_MAPPING_UNMAP, 0, 23, 40, { 0 } } } },
    /* a message with a capability from one domain to the other */
    { 5, { { GRAMMAR_ENDPOINT_BIND, 0, 8, 40, { 1 } },
           { GRAMMAR_ENDPOINT_BIND, 1, 9, 40, { 2 } },
           { GUIDED_SEND, 0, 8, 40, { 100, 3, 255, 0 } },
           { GUIDED_CALL, 1, 9, 41, { 100, 3, 255, 1 } },
           { GRAMMAR_CNODE_DELETE, 0, 1, 40, { 8 } } } },
    /* loans, and the end of the lender */
    { 4, { { GRAMMAR_CNODE_LEND, 0, 1, 40, { 3, 15, 20 } },
           { GRAMMAR_CNODE_LEND, 1, 1, 40, { 20, 15, 21 } },
           { GRAMMAR_CNODE_SPLIT, 0, 1, 40, { 3, 65, 22 } },
           { GRAMMAR_CNODE_DELETE, 0, 1, 40, { 3 } } } },
    /* a third dispatcher; nodes in each other; an interrupt */
    { 6, { { GRAMMAR_CNODE_RETYPE, 0, 1, 40, { 2, 64, CAPTYPE_DISPATCHER, 66, 1, 20 } },
           { GRAMMAR_DISPATCHER_SETUP, 1, 20, 40, { 11, 4, 80 } },
           { GRAMMAR_DISPATCHER_START, 0, 20, 40, { 80, 81, 82 } },
           { GRAMMAR_DISPATCHER_WATCH, 1, 13, 40, { 8 } },
           { GRAMMAR_IRQ_TABLE_GET, 0, 10, 40, { 60, 21 } },
           { GRAMMAR_IRQ_DEST_CONNECT, 1, 21, 40, { 8 } } } },
};

const uint32_t guided_seed_count = sizeof(guided_seeds) / sizeof(guided_seeds[0]);
