/* The invariants of capabilities on several cores, numbered here and nowhere else. The host
 * simulator (tests/host/dcap) looks all of them up in the databases of all cores; monitor.check
 * those that a real machine shows (rules.h); the model
 * (tests/model/dcap.pml) has those that can be said of one object. They hold between any two steps
 * of any monitor, the last one when nothing is under way. */
#pragma once

/* X(number, NAME, text). */
#define CAPS_INVARIANTS(X)                                                                         \
    X(1, OWNER, "what several cores know has one owner, or that, or its end, is on its way")       \
    X(2, ANCHOR, "a record has an anchor, and agrees with the kernel about the owner")             \
    X(3, USERS, "the owner knows each core with an anchor: home, user, or it asked to leave")    \
    X(4, HOME, "the home of an object that another core owns has an anchor of it")                 \
    X(5, NESTING, "of two objects, on whatever cores, one contains the other, or they are apart")  \
    X(6, COVERED, "where an object is owned, something covers what others own of its range")       \
    X(7, PARTED, "no core maps a part of a frame that overlaps a frame made of it anywhere")       \
    X(8, REVOKED, "after a revoke nothing made of the object and no copy is left: idle anchors")   \
    X(9, EXACT, "what was sent arrives once, or the sender has it as before")                      \
    X(10, SPARE, "an anchor stands for a use: here, at a user, or of its home")

#define CAPS_INVARIANT_NUMBER(number, name, text) CAPS_INVARIANT_##name = (number),
enum caps_invariant { CAPS_INVARIANTS(CAPS_INVARIANT_NUMBER) CAPS_INVARIANT_COUNT };
#undef CAPS_INVARIANT_NUMBER
