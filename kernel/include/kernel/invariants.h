/* The invariants of the derivation database and of the object memory, numbered here and nowhere
 * else. cap_check_all proves all of them; with -Dkernel_check=invocation the kernel proves those of
 * what an entry touched when it returns, and all of them now and then. They hold whenever the
 * kernel returns to user mode. tests/host/cap/test_corrupt.c violates each on purpose. */
#pragma once

/* X(number, NAME, text). */
#define INVARIANTS(X)                                                                              \
    /* kernel/cap/check.c */                                                                       \
    X(1, ORDER, "keys (page, size falling, type, place) increase in the tree; it has all nodes")   \
    X(2, SHAPE, "levels are those of an AA tree; a child knows its parent, the root has none")     \
    X(3, REACH, "reach is the largest end page of the subtree, object_reach without Mappings")     \
    X(4, COPIES, "a list has the copies of one object, linked both ways; the first is the node")   \
    X(5, NESTING, "what starts in an object ends in it; no object starts in a Mapping")            \
    X(6, RIGHTS, "rights are among those of the type")                                             \
    /* kernel/mem/check.c */                                                                       \
    X(7, TABLE, "entries belong to Mappings and are counted; a table is attached if mapped")       \
    X(8, MAPPING, "entries name the pages of their Mapping in order, and allow no more than it")   \
    /* kernel/cap/check.c */                                                                       \
    X(9, GRAVE, "a dying capability lies in the memory of its own object")                         \
    X(10, SLOT, "a slot of an object is empty, or its capability is in the list of its object")    \
    X(11, PARTED, "no frame was made from a frame that is not marked")                             \
    X(12, LOANS, "loans come behind what they are of, at most one deeper; none carries d")         \
    X(13, LOAN_MAPPING, "a loan and the Mapping made with it know each other")                     \
    X(14, HOME, "a capability lies in a slot of an object in the tree, or in the kernel's data")   \
    X(15, DYING, "the dying capabilities are those in the list of work to be done")                \
    X(16, COUNTS, "objects and copies are as many as counted, by type")                            \
    X(17, CLEARED, "memory that is noted to be zero is zero, and within its RAM")                  \
    /* kernel/mem/check.c */                                                                       \
    X(18, ASID, "each level 0 table has an identifier of its own, and no other is in use")         \
    X(19, PLACE, "an attached table has the address and identifier of the entry that maps it")     \
    /* kernel/ipc/check.c */                                                                       \
    X(20, SPACES, "a living dispatcher has the spaces that it runs with; a dead one has none")     \
    X(21, CHANNEL, "an end exists while it has a capability, which knows where it is")             \
    X(22, BOUND, "a bound end is in the lists of its receiver that its state asks for")            \
    X(23, RING, "a ring has capabilities only in queued messages, or dying ones")                  \
    X(24, WATCH, "an end that watches a dispatcher is in its list")                                \
    X(25, IRQ, "an interrupt that is connected has a capability, and an end that knows of it")     \
    /* kernel/cap/check.c */                                                                       \
    X(26, ANCHOR, "an object has an anchor if its node says so, and no second one")                \
    X(27, FOREIGN, "what another core owns has an anchor")                                         \
    /* kernel/ipc/check.c */                                                                       \
    X(28, NOTIFY, "a Notify and the end that is connected to it know each other")

#define INVARIANT_NUMBER(number, name, text) INVARIANT_##name = (number),
enum invariant { INVARIANTS(INVARIANT_NUMBER) INVARIANT_COUNT };
#undef INVARIANT_NUMBER
