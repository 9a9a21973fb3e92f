/* One object that several cores know: docs/design/0022, services/monitor.
 *
 * Core 0 is its home: it has the memory that the object is made of, revokes that, and makes the
 * object again when nothing of it is in its way (MAKES times). Every core may drop its capability,
 * give a copy, move the object (MOVES times in all) or ask the owner to give, release what it does
 * not use; with PARTS, map the frame and make a frame of what is mapped. Any GIVE may be refused.
 * Each core begins one operation at a time; a step of a core is atomic; channels keep the order.
 *
 * What is checked (the numbers of services/monitor/invariants.h): there is one owner at most (1);
 * where the home sees nothing in the way, nobody has anything (4, 6); nobody maps what is a frame
 * of its own (7); after a revoke nothing is left (8); and when nothing more can happen, all
 * uses having been given up, no operation is under way, and no anchor is left (10).
 *
 * check: CORES=2 MOVES=3 MAKES=3 PARTS REFUSE
 * check: CORES=3 MOVES=1 MAKES=1
 * check: CORES=3 MOVES=0 MAKES=1 PARTS
 * check: CORES=3 MOVES=3 MAKES=1 REVOKES=0
 * deep: CORES=3 MOVES=1 MAKES=2
 * deep: CORES=3 MOVES=2 MAKES=1
 * deep: CORES=3 MOVES=1 MAKES=1 PARTS
 * deep: CORES=3 MOVES=1 MAKES=2 REFUSE
 * deep: CORES=3 MOVES=2 MAKES=2
 * mutation: MARK_AT_ONCE   CORES=3 MOVES=1 MAKES=1  a mark is acknowledged with own gifts open
 * mutation: SWEEP_MARKED   CORES=3 MOVES=1 MAKES=1  cores sweep when marked, and not when all are
 * mutation: SWEEP_FIRST    CORES=3 MOVES=0 MAKES=2  who revokes sweeps first, not last
 * mutation: GIVE_MARKED    CORES=3 MOVES=1 MAKES=1  what is marked is given all the same
 * mutation: RELEASE_BUSY   CORES=2 MOVES=1 MAKES=2  the owner grants it in the middle of a gift
 * mutation: RELEASE_LATE   CORES=3 MOVES=2 MAKES=2  a late grant counts, whatever came after it
 * mutation: OWNER_LATER    CORES=2 MOVES=1 MAKES=1  who gives the object away is owner until told
 * mutation: NO_VERSION     CORES=3 MOVES=3 MAKES=1 REVOKES=0  news of the owner count in any order
 * mutation: NEWS_ALWAYS    CORES=3 MOVES=3 MAKES=1 REVOKES=0  who has it again tells of giving it
 * mutation: HOME_FORGETS   CORES=2 MOVES=1 MAKES=2  the home keeps no anchor of what it gave away
 * mutation: UNLOCK_CHECKED CORES=2 MOVES=0 MAKES=1 PARTS  who has no mapping may map after that
 * mutation: PARTED_GOES    CORES=2 MOVES=0 MAKES=1 PARTS  a frame with parts gets new users */

#ifndef REVOKES
#define REVOKES 1
#endif
#define HOME 0
#define BIT(c) (1 << (c))

/* Messages, and what they carry. */
#define GIVE    1 /* a: move or not, b: users, v */
#define VIA     2 /* a: to whom, b: who asks */
#define MOVED   3 /* a: owner, v */
#define RELEASE 4
#define DROP    5
#define PART    6 /* a: 1, or 0: it came to nothing */
#define MARK    7
#define COMMIT  8
#define OK      9
#define NO     10
#define MARKED 11
#define SWEPT  12

/* What a core is about. */
#define IDLE      0
#define GIVING    1
#define MOVING    2
#define TELLING   3
#define ASKING    4
#define SERVING   5
#define RELEASING 6
#define VOID      7 /* released, but used again: the answer is of no interest */
#define DROPPING  8
#define PARTING   9
#define UNPARTING 10

chan to[9] = [4] of { byte, byte, byte, byte };
#define CHANNEL(x, y) to[(x) * 3 + (y)]

bool anchor[3], cap[3], sending[3], mapped[3], parted[3], taken[3];
byte owner[3], users[3], version[3];
byte op[3], asked[3], other[3], agreed[3];
bool fresh[3];                 /* the one who is given to was no user */
byte wants[9];                 /* of who asks a core: 1 + to whom */
byte mark[3];                  /* 1: set, 2: acknowledged */
byte revoking, revoke_asked;   /* core 0: 1 marks, 2 commits */
bool sub;                      /* there is a frame made of the object, at its owner */
byte flying, moves, makes, revokes;

inline check_owner()
{
    d_step {
        assert(!(anchor[0] && owner[0] == 0 && anchor[1] && owner[1] == 1));
#if CORES == 3
        assert(!(anchor[0] && owner[0] == 0 && anchor[2] && owner[2] == 2));
        assert(!(anchor[1] && owner[1] == 1 && anchor[2] && owner[2] == 2))
#else
        skip
#endif
    }
}

#define FREE(c) (!cap[c] && !mapped[c] && !sending[c])
#if CORES == 3
#define NOBODY (FREE(1) && FREE(2) && flying == 0)
#define UNMAPPED (!mapped[0] && !mapped[1] && !mapped[2])
#define AWAITED(c) (wants[(c) * 3] != 0 || wants[(c) * 3 + 1] != 0 || wants[(c) * 3 + 2] != 0)
#else
#define NOBODY (FREE(1) && flying == 0)
#define UNMAPPED (!mapped[0] && !mapped[1])
#define AWAITED(c) (wants[(c) * 3] != 0 || wants[(c) * 3 + 1] != 0)
#endif

/* Sends to all cores in a mask; counts them. */
inline tell(c, mask, kind, a, v)
{
    i = 0;
    do
    :: i < CORES ->
        if
        :: ((mask) & BIT(i)) -> CHANNEL(c, i) ! kind, a, 0, v; asked[c]++
        :: else
        fi;
        i++
    :: else -> break
    od;
    i = 0
}

/* The owner gives to `y`; the operation is GIVING, SERVING or MOVING. */
inline give(c, y, kind)
{
    op[c] = kind;
    other[c] = y;
    flying++;
    fresh[c] = !(users[c] & BIT(y));
    if
    :: kind == MOVING ->
        agreed[c] = version[c];
#ifndef OWNER_LATER
        owner[c] = y;
#endif
        CHANNEL(c, y) ! GIVE, 1, (c == HOME -> users[c] : users[c] | BIT(c)), version[c] + 1
    :: else ->
        users[c] = users[c] | BIT(y);
        CHANNEL(c, y) ! GIVE, 0, 0, version[c]
    fi
}

inline sweep(c)
{
    if
    :: anchor[c] && owner[c] == c -> sub = false
    :: else
    fi;
    anchor[c] = false;
    cap[c] = false;
    mapped[c] = false;
    parted[c] = false;
    taken[c] = false;
    users[c] = 0;
    version[c] = 0;
    owner[c] = 0
}

#ifdef MARK_AT_ONCE
#define MAY_ACKNOWLEDGE(c) true
#else
#define MAY_ACKNOWLEDGE(c) (op[c] == IDLE)
#endif
#ifdef GIVE_MARKED
#define FREE_OF_MARKS(c) true
#else
#define FREE_OF_MARKS(c) (mark[c] == 0)
#endif

inline on_give(c, x)
{
    flying--;
    if
#ifdef REFUSE
    :: CHANNEL(c, x) ! NO, 0, 0, 0
#endif
    :: true ->
        if
        :: op[c] == RELEASING ->
#ifndef RELEASE_LATE
            op[c] = VOID
#else
            skip
#endif
        :: else
        fi;
        anchor[c] = true;
        cap[c] = true;
        if
        :: a -> owner[c] = c; users[c] = b & ~BIT(c); taken[c] = false
        :: else -> owner[c] = x; taken[c] = true
        fi;
        version[c] = v;
        check_owner();
        CHANNEL(c, x) ! OK, 0, 0, 0
    fi
}

/* Core `r` asks that `y` be given a capability. */
inline serve(c, r, y)
{
    if
    :: !anchor[c] || !FREE_OF_MARKS(c) -> CHANNEL(c, r) ! NO, 0, 0, 0
    :: else ->
        if
        :: owner[c] != c && owner[c] == r -> CHANNEL(c, r) ! VIA, y, r, 0
        :: owner[c] != c && owner[c] != r -> CHANNEL(c, owner[c]) ! VIA, y, r, 0
        :: owner[c] == c && y == c -> cap[c] = true; CHANNEL(c, r) ! OK, 0, 0, 0
        :: owner[c] == c && y != c ->
            if
#ifndef PARTED_GOES
            :: sub && !(users[c] & BIT(y)) -> CHANNEL(c, r) ! NO, 0, 0, 0
            :: else ->
#else
            :: true ->
#endif
                agreed[c] = r;
                give(c, y, SERVING)
            fi
        fi
    fi
}

/* An answer to an operation. */
inline on_answer(c, x, good)
{
    if
    :: op[c] == GIVING || op[c] == SERVING ->
        if
        :: !good && fresh[c] -> users[c] = users[c] & ~BIT(other[c])
        :: else
        fi;
        if
        :: op[c] == GIVING -> sending[c] = false; cap[c] = cap[c] || !good
        :: op[c] == SERVING && agreed[c] == c -> sending[c] = false; cap[c] = cap[c] || !good
        :: else ->
            if
            :: good -> CHANNEL(c, agreed[c]) ! OK, 0, 0, 0
            :: else -> CHANNEL(c, agreed[c]) ! NO, 0, 0, 0
            fi
        fi;
        op[c] = IDLE
    :: op[c] == MOVING ->
        assert(sending[c]);
        sending[c] = false;
        if
#ifndef NEWS_ALWAYS
        :: good && version[c] != agreed[c] -> /* it has moved on: its later owners tell all */
            op[c] = IDLE
        :: good && version[c] == agreed[c] ->
#else
        :: good ->
#endif
            owner[c] = other[c];
            version[c]++;
            taken[c] = c != HOME;
            tell(c, (users[c] | BIT(HOME)) & ~(BIT(c) | BIT(other[c])), MOVED, other[c],
                 version[c]);
            users[c] = 0;
            op[c] = (asked[c] == 0 -> IDLE : TELLING);
#ifdef HOME_FORGETS
            anchor[c] = c != HOME
#endif
        :: else -> cap[c] = true; owner[c] = c; op[c] = IDLE
        fi;
        check_owner()
    :: op[c] == TELLING ->
        asked[c]--;
        op[c] = (asked[c] == 0 -> IDLE : TELLING)
    :: op[c] == ASKING -> sending[c] = false; cap[c] = cap[c] || !good; op[c] = IDLE
    :: op[c] == RELEASING ->
        op[c] = IDLE;
        if
        :: good ->
            assert(FREE(c));
            taken[c] = false;
            if
            :: c != HOME -> sweep(c)
            :: else
            fi
        :: else
        fi
    :: op[c] == VOID -> op[c] = IDLE
    :: op[c] == DROPPING ->
        if
        :: good -> op[c] = IDLE
        :: else -> CHANNEL(c, HOME) ! DROP, 0, 0, 0
        fi
    :: op[c] == PARTING ->
        asked[c]--;
        if
        :: good -> agreed[c] = agreed[c] | BIT(x)
        :: else -> other[c] = 1
        fi;
        if
        :: asked[c] == 0 -> part_end(c)
        :: else
        fi
    :: op[c] == UNPARTING ->
        asked[c]--;
        op[c] = (asked[c] == 0 -> IDLE : UNPARTING)
    fi
}

/* All have answered: the frame is made, or those who agreed may map again. */
inline part_end(c)
{
    if
    :: other[c] == 0 && !mapped[c] ->
        assert(UNMAPPED);
        sub = true;
        op[c] = IDLE
    :: else ->
        tell(c, agreed[c], PART, 0, 0);
        op[c] = (asked[c] == 0 -> IDLE : UNPARTING)
    fi;
    agreed[c] = 0
}

inline on_message(c, x)
{
    if
    :: kind == GIVE -> on_give(c, x)
    :: kind == VIA -> wants[c * 3 + b] = 1 + a
    :: kind == MOVED ->
        if
#ifdef NO_VERSION
        :: anchor[c] && owner[c] != c -> owner[c] = a; version[c] = v
#else
        :: anchor[c] && owner[c] != c && v > version[c] -> owner[c] = a; version[c] = v
#endif
        :: else
        fi;
        CHANNEL(c, x) ! OK, 0, 0, 0
    :: kind == RELEASE ->
        if
#ifdef RELEASE_BUSY
        :: anchor[c] && owner[c] == c && mark[c] == 0 ->
#else
        :: anchor[c] && owner[c] == c && mark[c] == 0 && op[c] == IDLE ->
#endif
            users[c] = users[c] & ~BIT(x);
            CHANNEL(c, x) ! OK, 0, 0, 0
        :: else -> CHANNEL(c, x) ! NO, 0, 0, 0
        fi
    :: kind == DROP ->
        if
        :: anchor[c] && owner[c] == x && op[c] == TELLING -> CHANNEL(c, x) ! NO, 0, 0, 0
        :: else ->
            if
            :: anchor[c] && owner[c] == x -> assert(FREE(c)); sweep(c)
            :: else
            fi;
            CHANNEL(c, x) ! OK, 0, 0, 0
        fi
    :: kind == PART ->
        if
        :: a && mapped[c] -> CHANNEL(c, x) ! NO, 0, 0, 0
        :: else ->
#ifndef UNLOCK_CHECKED
            parted[c] = a && anchor[c];
#endif
            CHANNEL(c, x) ! OK, 0, 0, 0
        fi
    :: kind == MARK ->
        mark[c] = 1;
#ifdef SWEEP_MARKED
        sweep(c)
#endif
    :: kind == COMMIT ->
#ifndef SWEEP_MARKED
        sweep(c);
#endif
        mark[c] = 0;
        CHANNEL(c, x) ! SWEPT, 0, 0, 0
    :: kind == MARKED -> revoke_asked--
    :: kind == SWEPT -> revoke_asked--
    :: kind == OK -> on_answer(c, x, true)
    :: kind == NO -> on_answer(c, x, false)
    fi
}

#ifdef PARTS
#define MAY_GO(c, y) (!sub || (users[c] & BIT(y)))
#else
#define MAY_GO(c, y) true
#endif
#ifdef PARTED_GOES
#undef MAY_GO
#define MAY_GO(c, y) true
#endif

inline begin(c, y)
{
    if
    :: owner[c] == c && MAY_GO(c, y) -> cap[c] = false; sending[c] = true; give(c, y, GIVING)
    :: owner[c] == c && moves < MOVES && !mapped[c] && !sub ->
        moves++; cap[c] = false; sending[c] = true; give(c, y, MOVING)
    :: owner[c] != c ->
        cap[c] = false; sending[c] = true; op[c] = ASKING;
        CHANNEL(c, owner[c]) ! VIA, y, c, 0
    :: else
    fi
}

#define MAY_BEGIN(c) (op[c] == IDLE && FREE_OF_MARKS(c) && anchor[c])

proctype core(byte c)
{
    byte kind, a, b, v, i;
end:
    do
    /* messages */
    :: atomic { CHANNEL(0, c) ? kind, a, b, v -> on_message(c, 0); kind = 0; a = 0; b = 0; v = 0 }
    :: atomic { CHANNEL(1, c) ? kind, a, b, v -> on_message(c, 1); kind = 0; a = 0; b = 0; v = 0 }
#if CORES == 3
    :: atomic { CHANNEL(2, c) ? kind, a, b, v -> on_message(c, 2); kind = 0; a = 0; b = 0; v = 0 }
#endif
    /* what others ask for, in turn; it does not wait for the end of a mark */
    :: atomic { AWAITED(c) && (op[c] == IDLE || op[c] == ASKING || mark[c] != 0) ->
        do
        :: i < CORES && wants[c * 3 + i] == 0 -> i++
        :: else -> break
        od;
        a = wants[c * 3 + i] - 1;
        wants[c * 3 + i] = 0;
        b = i;
        i = 0;
        if
        :: op[c] == ASKING && anchor[c] && owner[c] == c && mark[c] == 0 && b != c ->
            wants[c * 3 + b] = a + 1 /* one operation at a time */
        :: op[c] == ASKING && b == c && anchor[c] && owner[c] == c && mark[c] == 0 ->
            /* it has become the owner itself */
            op[c] = IDLE;
            if
            :: a == c || !MAY_GO(c, a) -> sending[c] = false; cap[c] = true
            :: else -> give(c, a, GIVING)
            fi
        :: else -> serve(c, b, a)
        fi;
        a = 0; b = 0 }
    /* domains */
    :: atomic { cap[c] -> cap[c] = false }
    :: atomic { MAY_BEGIN(c) && cap[c] -> begin(c, (c + 1) % CORES) }
#if CORES == 3
    :: atomic { MAY_BEGIN(c) && cap[c] -> begin(c, (c + 2) % CORES) }
#endif
#ifdef PARTS
    :: atomic { cap[c] && !mapped[c] && (owner[c] == c -> !sub : !parted[c]) ->
        assert(!sub); mapped[c] = true }
    :: atomic { mapped[c] -> mapped[c] = false }
    :: atomic { MAY_BEGIN(c) && cap[c] && owner[c] == c && !sub && !mapped[c] ->
        op[c] = PARTING;
        other[c] = 0;
        agreed[c] = 0;
        tell(c, (users[c] | BIT(HOME)) & ~BIT(c), PART, 1, 0);
        if
        :: asked[c] == 0 -> part_end(c)
        :: else
        fi }
    :: atomic { sub && anchor[c] && owner[c] == c && op[c] == IDLE && users[c] == 0 ->
        sub = false }
#endif
    /* giving up */
    :: atomic { MAY_BEGIN(c) && owner[c] != c && FREE(c) && (c != HOME || taken[c]) &&
                !AWAITED(c) && mark[c] == 0 ->
        op[c] = RELEASING;
        CHANNEL(c, owner[c]) ! RELEASE, 0, 0, 0 }
    :: atomic { MAY_BEGIN(c) && owner[c] == c && users[c] == 0 && FREE(c) && !sub &&
                !AWAITED(c) && mark[c] == 0 ->
        sweep(c);
        if
        :: c != HOME -> op[c] = DROPPING; CHANNEL(c, HOME) ! DROP, 0, 0, 0
        :: else
        fi }
    /* marks */
    :: atomic { c != 0 && mark[c] == 1 && MAY_ACKNOWLEDGE(c) && !AWAITED(c) ->
        mark[c] = 2; CHANNEL(c, 0) ! MARKED, 0, 0, 0 }
    od
}

/* The memory that the object is made of. */
proctype memory()
{
    byte i;
end:
    do
    :: atomic { makes < MAKES && !anchor[0] && mark[0] == 0 && op[0] == IDLE ->
        assert(NOBODY);
        makes++;
        anchor[0] = true; cap[0] = true; owner[0] = 0; users[0] = 0; version[0] = 0 }
#ifdef SWEEP_FIRST
    :: atomic { makes < MAKES && !anchor[0] && revoking == 2 ->
        assert(NOBODY); makes++ }
#endif
    :: atomic { revokes < REVOKES && revoking == 0 && anchor[0] && mark[0] == 0 ->
        revokes++;
        revoking = 1; mark[0] = 1; revoke_asked = CORES - 1;
        i = 1;
        do
        :: i < CORES -> CHANNEL(0, i) ! MARK, 0, 0, 0; i++
        :: else -> break
        od;
        i = 0 }
    :: atomic { revoking == 1 && revoke_asked == 0 && MAY_ACKNOWLEDGE(0) && !AWAITED(0) ->
        revoking = 2; revoke_asked = CORES - 1;
        i = 1;
        do
        :: i < CORES -> CHANNEL(0, i) ! COMMIT, 0, 0, 0; i++
        :: else -> break
        od;
        i = 0;
#ifdef SWEEP_FIRST
        sweep(0)
#endif
        }
    :: atomic { revoking == 2 && revoke_asked == 0 ->
        revoking = 0; mark[0] = 0; sweep(0);
        assert(NOBODY && !sub && !anchor[1] && !anchor[2]) }
    od
}

#define AT_REST(c) (op[c] == IDLE && mark[c] == 0 && !sending[c] && !AWAITED(c))

init {
    atomic {
        run core(0);
        run core(1);
#if CORES == 3
        run core(2);
#endif
        run memory()
    }
    timeout;
    assert(AT_REST(0) && AT_REST(1) && AT_REST(2) && revoking == 0);
    assert(!anchor[0] && !anchor[1] && !anchor[2]) /* as every use was given up */
}
