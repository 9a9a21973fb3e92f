/* The UMP ring (libaos/chan/ump_ring.h) between two sides that sleep: a client that asks, a server
 * that answers every second question and acknowledges the others, the end of the channel.
 *
 * Memory. Each location is written by one side and read by the other. A store takes its place in
 * the order of its location at once; the reader has a copy of each location that may lag behind,
 * and a load may take any store from that copy on: so it never goes back, and that is all that a
 * relaxed load knows. Each store has a number, in program order of its side. A load with acquire
 * from a store with release brings all copies at least to the numbers up to that store's. A
 * sequentially consistent load of a location sees at least the last sequentially consistent store
 * to it. That is release-acquire consistency with such accesses on top; Arm's STLR, LDR and LDAR
 * keep more, LDAPR no more than acquire.
 *
 * What is checked: every message arrives, once, in order, with its payload; nobody sleeps for ever
 * (no invalid end state), although nothing wakes but the doorbell; the server hears of the end
 * after the last message.
 *
 * check.py reads the lines that follow: it checks the model for so many lines of a frame and
 * messages (`deep`: with --deep only), and that each mutation, a name that spoils one thing, makes
 * a check fail.
 * check: LINES=3 MESSAGES=3 EXACT
 * check: LINES=2 MESSAGES=3 EXACT
 * deep: LINES=2 MESSAGES=4 EXACT
 * deep: LINES=3 MESSAGES=4 EXACT
 * deep: LINES=2 MESSAGES=5 EXACT
 * mutation: HEADER_RELAXED    LINES=3 MESSAGES=3  the header is stored without release
 * mutation: HEAD_LOAD_RELAXED LINES=3 MESSAGES=3  it is loaded without acquire
 * mutation: ACK_BEFORE_LOAD   LINES=3 MESSAGES=4  two lines are given back before they are read
 * mutation: ALL_LINES         LINES=2 MESSAGES=4  all lines are outstanding, and not all but one
 * mutation: EPOCH_FIXED       LINES=2 MESSAGES=4  the epoch of the second lap is that of the first
 * mutation: ARMED_RELAXED     LINES=3 MESSAGES=3  `armed` is stored without regard to the next look
 * mutation: RECHECK_ACQUIRE   LINES=3 MESSAGES=3  that look is an acquire and no more (LDAPR)
 * mutation: NO_RECHECK        LINES=3 MESSAGES=3  there is no look
 * mutation: LINE_RELEASE      LINES=3 MESSAGES=3  the line is stored with release and no more
 * mutation: BELL_ACQUIRE      LINES=3 MESSAGES=3  the look at `armed` is an acquire and no more
 * mutation: NO_BELL           LINES=2 MESSAGES=4  an acknowledgement does not ring
 * mutation: CLOSED_RELAXED    LINES=3 MESSAGES=3  `closed` is stored without release
 * mutation: CLOSED_SILENT     LINES=3 MESSAGES=3  after it the bell is not rung
 * mutation: ENDED_BLIND       LINES=3 MESSAGES=3  who sees it does not look for lines before it
 *
 * One line that is given back before it is read does no harm: one line is always spare. */

#define OWES 1        /* lines that the peer must be told of at once (a quarter of the frame) */
#define DEPTH 6       /* a copy lags behind by fewer stores; EXACT: check that it never would */
#define CLIENT 0      /* a side; also the frame that it writes */
#define SERVER 1

/* Locations of a frame: headers, payloads, `armed`, `closed`. */
#define HEAD(i) (i)
#define PAY(i)  (LINES + (i))
#define ARMED   (2 * LINES)
#define CLOSED  (2 * LINES + 1)
#define PLACES  (2 * LINES + 2)

/* Values of a header: 0 at first; else ACK or not, epoch, lines consumed (modulo 8). */
#define MAKE_HEADER(epoch, ack, count) (128 | (ack) << 6 | (epoch) << 5 | ((count) & 7))
#define IS_LINE(h)  ((h) & 128)
#define IS_ACK(h)   ((h) >> 6 & 1)
#define EPOCH(h)    ((h) >> 5 & 1)
#define COUNT(h)    ((h) & 7)

#define RELAXED 0
#define RELEASE 1
#define ACQUIRE 1
#define SEQ_CST 2

/* A location as its reader may find it: its copy at [0], the stores after that behind it. */
typedef place {
    byte have;              /* stores behind the copy */
    byte value[DEPTH];
    byte number[DEPTH];
    byte order[DEPTH];
};
typedef frame {
    place at[PLACES];
    byte stores;            /* so far: number of the next one */
};
frame memory[2];
bool bell[2];               /* of each side: was rung */

/* Drops what stands before entry `n` of a location. */
inline forget(w, l, n)
{
    j = 0;
    do
    :: j + n <= memory[w].at[l].have ->
        memory[w].at[l].value[j] = memory[w].at[l].value[j + n];
        memory[w].at[l].number[j] = memory[w].at[l].number[j + n];
        memory[w].at[l].order[j] = memory[w].at[l].order[j + n];
        j++
    :: else -> break
    od;
    memory[w].at[l].have = memory[w].at[l].have - n;
    do
    :: j < DEPTH ->
        memory[w].at[l].value[j] = 0;
        memory[w].at[l].number[j] = 0;
        memory[w].at[l].order[j] = 0;
        j++
    :: else -> break
    od;
    j = 0
}

inline store(w, l, v, o)
{
    if
    :: memory[w].at[l].have == DEPTH - 1 ->
#ifdef EXACT
        assert(false);
#endif
        forget(w, l, 1)
    :: else
    fi;
    memory[w].stores++;
    memory[w].at[l].have++;
    memory[w].at[l].value[memory[w].at[l].have] = v;
    memory[w].at[l].number[memory[w].at[l].have] = memory[w].stores;
    memory[w].at[l].order[memory[w].at[l].have] = o
}

/* Brings every copy of frame `w` at least to the stores up to number `f`. */
inline catch_up(w, f)
{
    k = 0;
    do
    :: k < PLACES ->
        n = 0;
        do
        :: n < memory[w].at[k].have && memory[w].at[k].number[n + 1] <= f -> n++
        :: else -> break
        od;
        if
        :: n > 0 -> forget(w, k, n)
        :: else
        fi;
        k++
    :: else -> break
    od;
    k = 0;
    n = 0
}

/* Numbers matter only as long as a copy lags behind: gives the least ones that keep their order, so
 * that there are fewer states. */
inline renumber(w)
{
    k = 0;
    f = 255;
    do
    :: k < PLACES ->
        if
        :: memory[w].at[k].have > 0 && memory[w].at[k].number[1] < f ->
            f = memory[w].at[k].number[1]
        :: else
        fi;
        k++
    :: else -> break
    od;
    f = (f == 255 -> memory[w].stores : f - 1);
    k = 0;
    do
    :: k < PLACES ->
        n = 0;
        do
        :: n <= memory[w].at[k].have ->
            memory[w].at[k].number[n] =
                (memory[w].at[k].number[n] > f -> memory[w].at[k].number[n] - f : 0);
            n++
        :: else -> break
        od;
        k++
    :: else -> break
    od;
    memory[w].stores = memory[w].stores - f;
    k = 0;
    n = 0;
    f = 0
}

/* Loads location `l` of frame `w` into `v`. Not in a d_step: it chooses. */
inline load(w, l, v, o)
{
    n = 0;
    if
    :: o == SEQ_CST ->
        k = 0;
        do
        :: k < memory[w].at[l].have ->
            k++;
            if
            :: memory[w].at[l].order[k] == SEQ_CST -> n = k
            :: else
            fi
        :: else -> break
        od;
        k = 0
    :: else
    fi;
    do
    :: n < memory[w].at[l].have -> n++
    :: break
    od;
    skip; /* a jump may not end at a d_step */
    d_step {
        if
        :: n > 0 -> forget(w, l, n)
        :: else
        fi;
        n = 0;
        v = memory[w].at[l].value[0];
        if
        :: o != RELAXED && memory[w].at[l].order[0] != RELAXED ->
            f = memory[w].at[l].number[0];
            catch_up(w, f)
        :: else
        fi;
        renumber(w)
    }
}

#ifdef HEADER_RELAXED
#define HEADER_STORE RELAXED
#elif defined(LINE_RELEASE)
#define HEADER_STORE RELEASE
#else
#define HEADER_STORE SEQ_CST
#endif
#ifdef HEAD_LOAD_RELAXED
#define HEAD_LOAD RELAXED
#else
#define HEAD_LOAD ACQUIRE
#endif
#ifdef ARMED_RELAXED
#define ARMED_STORE RELAXED
#else
#define ARMED_STORE SEQ_CST
#endif
#ifdef RECHECK_ACQUIRE
#define RECHECK_LOAD ACQUIRE
#else
#define RECHECK_LOAD SEQ_CST
#endif
#ifdef BELL_ACQUIRE
#define BELL_LOAD ACQUIRE
#else
#define BELL_LOAD SEQ_CST
#endif
#ifdef CLOSED_RELAXED
#define CLOSED_STORE RELAXED
#else
#define CLOSED_STORE SEQ_CST
#endif
#ifdef ALL_LINES
#define ROOM (sent - acked < LINES)
#else
#define ROOM (sent - acked < LINES - 1)
#endif

/* Is `h` news (ump_ring_new)? */
#define IS_NEW(h) (IS_LINE(h) && EPOCH(h) == in_epoch && (h) != in_seen)

/* Looks whether to ring, and rings (ump_ring_bell). */
inline look_and_ring()
{
    atomic {
        load(1 - me, ARMED, v, BELL_LOAD);
        if
        :: v != rung -> rung = v; bell[1 - me] = true
        :: else
        fi;
        v = 0
    }
}

inline put_header(ack)
{
    atomic {
        store(me, HEAD(out_at), MAKE_HEADER(out_epoch, ack, consumed), HEADER_STORE);
        told = consumed;
    }
}

inline next_out()
{
    d_step {
        sent++;
        out_at++;
        if
        :: out_at == LINES -> out_at = 0;
#ifndef EPOCH_FIXED
            out_epoch = 1 - out_epoch
#endif
        :: else
        fi
    }
}

inline send(word)
{
    atomic { store(me, PAY(out_at), word, RELAXED) }
    put_header(0);
    atomic { next_out() }
    look_and_ring()
}

inline acknowledge()
{
    if
    :: consumed - told >= OWES ->
        put_header(1);
#ifndef NO_BELL
        look_and_ring()
#endif
    :: else
    fi
}

inline gave_back(h)
{
    assert(((COUNT(h) - acked) & 7) <= sent - acked);
    acked = acked + ((COUNT(h) - acked) & 7)
}

inline next_in()
{
    consumed++;
    in_at++;
    if
    :: in_at == LINES -> in_at = 0;
#ifndef EPOCH_FIXED
        in_epoch = 1 - in_epoch
#endif
    :: else
    fi
}

/* Takes a line if there is one (ump_ring_recv): `got` says whether it was a message, `word` what
 * it held. */
inline take_head()
{
    load(1 - me, HEAD(in_at), head, HEAD_LOAD);
    if
    :: IS_NEW(head) && IS_ACK(head) -> gave_back(head); in_seen = head; head = 0
    :: IS_NEW(head) && !IS_ACK(head) -> gave_back(head); got = true
    :: else -> head = 0
    fi
}

#ifdef ACK_BEFORE_LOAD
/* `late`: 1 + a line that was given back and is still to be read. */
inline receive()
{
    got = false;
    if
    :: late != 0 ->
        atomic { load(1 - me, PAY(late - 1), word, RELAXED); late = 0; got = true }
    :: else ->
        atomic { take_head() }
        if
        :: got ->
            now = in_at;
            next_in();
            got = false;
            atomic { take_head() }
            if
            :: got -> late = 1 + in_at; next_in()
            :: else
            fi;
            acknowledge();
            atomic { load(1 - me, PAY(now), word, RELAXED); got = true }
        :: else
        fi
    fi
}
#else
inline receive()
{
    got = false;
    atomic { take_head() }
    if
    :: got -> atomic { load(1 - me, PAY(in_at), word, RELAXED); head = 0; next_in() }
    :: else
    fi
}
#endif

/* Nothing is to be done until something comes: arms, looks again, sleeps (ump_ring_arm,
 * ump_ring_ended). */
inline rest()
{
    atomic { armed = (armed + 1) % 16; store(me, ARMED, armed, ARMED_STORE) }
    atomic {
        load(1 - me, HEAD(in_at), head, RECHECK_LOAD);
#ifdef NO_RECHECK
        v = 0;
#else
        v = (IS_NEW(head) -> 1 : 0);
#endif
        head = 0
    }
    if
    :: v == 0 ->
        atomic { load(1 - me, CLOSED, v, SEQ_CST) }
        if
        :: v != 0 ->
            v = 0;
#ifdef ENDED_BLIND
            ended = true
#else
            atomic {
                load(1 - me, HEAD(in_at), head, SEQ_CST);
                ended = !(IS_NEW(head));
                head = 0
            }
#endif
        :: else ->
            atomic { bell[me] -> bell[me] = false }
        fi
    :: else -> v = 0
    fi
}

#define SIDE                                                                                       \
    byte out_at, in_at, out_epoch, in_epoch, sent, acked, consumed, told, in_seen, armed, rung;    \
    byte word, head, v, k, n, j, f, late, now;                                                            \
    bool got, ended

proctype client(byte me)
{
    SIDE;
    byte asked, answers;
    do
    :: asked < MESSAGES && ROOM -> asked++; send(asked)
    :: asked == MESSAGES && answers == MESSAGES / 2 -> break
    :: !(asked < MESSAGES && ROOM) && !(asked == MESSAGES && answers == MESSAGES / 2) ->
        receive();
        if
        :: got -> answers++; assert(word == 2 * answers); word = 0
        :: !got && !ROOM || !got && asked == MESSAGES -> rest(); assert(!ended)
        :: else
        fi;
        acknowledge()
    od;
    atomic { store(me, CLOSED, 1, CLOSED_STORE) }
#ifndef CLOSED_SILENT
    look_and_ring()
#endif
}

proctype server(byte me)
{
    SIDE;
    byte questions, due;
    do
    :: due > 0 && ROOM -> due--; send(questions / 2 * 2 - 2 * due)
    :: ended -> break
    :: !ended && !(due > 0 && ROOM) ->
        receive();
        if
        :: got ->
            questions++;
            assert(word == questions);
            due = due + (questions % 2 == 0 -> 1 : 0);
            word = 0
        :: !got && !(due > 0 && ROOM) -> rest()
        :: else
        fi;
        acknowledge()
    od;
    assert(questions == MESSAGES && due == 0)
}

init { atomic { run client(CLIENT); run server(SERVER) } }
