/*
 * Model of the agreement on one node: comm/agree.c, and the part of
 * comm/agree_report.c for one node.
 *
 * PES processes make CALLS agreements. Each agreement is one of all PEs or is
 * rooted; the model tries every sequence. At most one PE, the odd one, differs
 * from the others once: see ODD. The comments name the functions of the code.
 *
 * What holds, for every sequence and every order of the steps:
 *   - agreement: no two PEs take different outcomes of an agreement of all PEs;
 *   - intact lines: until its next agreement, a PE can read the lines that it
 *     agreed on; no PE rewrites them before;
 *   - naming: a PE that finds a difference finds the first one;
 *   - report: if PEs differ, exactly one PE logs it;
 *   - progress: every PE ends. The exception is a PE that waits for one that
 *     makes no further call.
 *
 * A step is atomic in the model if only its last access to shared memory can
 * matter to others, or its first:
 *   - what a PE stores to its line before the stamp is one step;
 *   - stamps only grow, so a wait for each PE in turn is one wait for all;
 *   - what a PE reads of lines that it waited for is read in the step in which
 *     the wait ends. Intact lines make that the same as reading them later.
 *
 * What the model assumes: stores to a line become visible in program order, the
 * stamp last, and a PE that has read the stamp reads what was stored before it
 * (release and acquire). Digests do not collide. A report waits longer than any
 * PE needs that is going to come.
 *
 * MISTAKE_... build mistakes into the model. tests/model.sh finds each.
 */
#ifndef PES
#define PES 3
#endif
#ifndef HALF /* MEMHEAP_AGREE_PENDING_MAX */
#define HALF 2
#endif
#ifndef CALLS
#define CALLS 5
#endif
#ifndef ROOTS /* PEs that may be roots: 0 to ROOTS - 1 */
#define ROOTS PES
#endif
#ifndef ODD /* how a PE may differ: a sum of the values below */
#define ODD 31
#endif
#define ODD_CALL 1    /* it makes another call, and goes on */
#define ODD_LEAVES 2  /* it makes another call, and none after that */
#define ODD_ENDS 4    /* it makes no further call */
#define ODD_FAILS 8   /* its status is an error */
#define ODD_RESULT 16 /* its result differs */

#define EPOCHS (2 * HALF)
#define LINE(e, i) ((e) * PES + (i))

/* Whether P(i) holds for all PEs; and whether a PE that looks at one after the
 * other, while S(i), comes to the end or to one for which D(i) holds. */
#if PES == 2
#define EVERY(P) (P(0) && P(1))
#define FIRST(S, D) (D(0) || (S(0) && (D(1) || S(1))))
#elif PES == 3
#define EVERY(P) (P(0) && P(1) && P(2))
#define FIRST(S, D) (D(0) || (S(0) && (D(1) || (S(1) && (D(2) || S(2))))))
#else
#define EVERY(P) (P(0) && P(1) && P(2) && P(3))
#define FIRST(S, D)                                                            \
    (D(0) ||                                                                   \
     (S(0) &&                                                                  \
      (D(1) || (S(1) && (D(2) || (S(2) && (D(3) || S(3))))))))
#endif

/* Calls: one of all PEs, or rooted by PE `call - 1`; plus DIFFERENT, with other
 * arguments. */
#define ALL 0
#define DIFFERENT (PES + 1)
#define CALL_VALUES (2 * (PES + 1))
#define IS_ROOTED(call) ((call) % (PES + 1) != ALL)
#define ROOT_OF(call) ((call) % (PES + 1) - 1)

/* digest_after() */
#define AFTER(before, call) ((before) * CALL_VALUES + (call) + 1)

/* A payload is the PE's rank and the number of the agreement. */
#define PAYLOAD(i, n) ((i) + PES * (n))

/* Outcomes. */
#define OK 1
#define FAILED 2

/* What a PE may read: all lines of its last agreement, that of its root (its
 * rank), or none. */
#define ALL_LINES PES
#define NO_LINES (PES + 1)

/* The lines. A status is part of the stamp in the code. */
byte stamp[EPOCHS * PES];
bit failed[EPOCHS * PES];
int digest[EPOCHS * PES];
byte result[EPOCHS * PES];

/* What the PEs do, decided as they come to it. */
byte program[CALLS + 1]; /* 1 + the call */
byte odd = PES;          /* the PE that differs; PES: none */
byte odd_call;           /* the number of the agreement in which it does */
byte odd_how;

/* What the properties are about; no PE reads it. */
bit writing[EPOCHS * PES];
byte outcome[CALLS + 1];
byte halves[PES]; /* that each PE has begun; see forget() */
bit found;        /* a PE has found a difference */
byte logged;
bit lost; /* a PE makes no further call */

/* Before its next agreement: the code may have read lines of the last one until
 * now. They are still those of that agreement, and complete. */
inline check_intact() {
    i = 0;
    do
    :: i < PES && (readable == ALL_LINES || readable == i) ->
        line = LINE(epoch, i);
        assert(stamp[line] == number && !writing[line]);
        assert(readable == ALL_LINES || result[line] == PAYLOAD(i, number));
        i++
    :: i < PES && readable != ALL_LINES && readable != i -> i++
    :: else -> break
    od;
    readable = NO_LINES
}

/* Choose the next call, the same for all PEs; or become the odd PE. */
inline choose_call() {
    n = number + 1;
    if
    :: program[n] == 0 && n == CALLS -> program[n] = 1 + ALL
    :: program[n] == 0 && n < CALLS ->
        select(call : 0 .. ROOTS);
        program[n] = 1 + call
    :: else
    fi;
    call = program[n] - 1;
    how = 0;
    if
    :: true
    :: odd == PES && (ODD & ODD_ENDS) -> how = ODD_ENDS
    :: odd == PES && (ODD & ODD_CALL) -> how = ODD_CALL
    :: odd == PES && (ODD & ODD_LEAVES) -> how = ODD_LEAVES
    :: odd == PES && (ODD & ODD_FAILS) && !IS_ROOTED(call) -> how = ODD_FAILS
    :: odd == PES && (ODD & ODD_RESULT) && !IS_ROOTED(call) -> how = ODD_RESULT
    fi;
    if
    :: how != 0 ->
        odd = me;
        odd_call = n;
        odd_how = how
    :: else
    fi;
    if
    :: how == ODD_CALL || how == ODD_LEAVES ->
        if
        :: call = (call + DIFFERENT) % CALL_VALUES
        :: IS_ROOTED(call) -> call = ALL
        :: !IS_ROOTED(call) -> select(call : 1 .. ROOTS)
        :: ROOTS > 1 && IS_ROOTED(call) -> call = 1 + call % ROOTS
        fi
    :: else
    fi
}

/* next_epoch(), stamp_of(), write_line(): the stores before the stamp. */
inline begin_line(d, r) {
    number++;
    if
    :: pending > 0 -> epoch++
#ifdef MISTAKE_ONE_HALF
    :: else -> epoch = 0
#else
    :: else -> epoch = (epoch < HALF -> HALF : 0)
#endif
    fi;
#ifdef MISTAKE_LONG_HALF
    epoch = epoch % EPOCHS;
#endif
    line = LINE(epoch, me);
    writing[line] = true;
#ifdef MISTAKE_STAMP_FIRST
    stamp[line] = number;
#endif
    digest[line] = d;
    result[line] = r
}

/* The same: the store of the stamp. */
inline end_line(f) {
    line = LINE(epoch, me);
    stamp[line] = number;
    failed[line] = f;
    writing[line] = false
}

/* The last PE that comes into a half clears what the other half holds, but for
 * the stamps, and the calls before this one. No PE reads them again. So the
 * model has fewer states. */
inline forget() {
    halves[me]++;
    i = 0;
    do
    :: i < PES && halves[i] >= halves[me] -> i++
    :: else -> break
    od;
    if
    :: i == PES ->
        i = 0;
        do
        :: i < HALF * PES ->
            line = i + (epoch < HALF -> HALF * PES : 0);
            if
            :: stamp[line] < number && !writing[line] ->
                digest[line] = 0;
                result[line] = 0;
                failed[line] = 0
            :: else
            fi;
            i++
        :: else -> break
        od;
        i = 1;
        do
        :: i < number -> program[i] = 0; outcome[i] = 0; i++
        :: else -> break
        od
    :: else
    fi
}

/* await(): a wait that never ends must be due to a PE that makes no further
 * call; and not to one whose last call differed, if this is the next. */
inline give_up() {
    assert(lost && !(odd_how == ODD_LEAVES && number == odd_call + 1));
    goto done
}

/* Whether PE i has written the line of the current agreement, and of the one
 * before; and whether it differs there, has_diverged(). */
#define HERE(i) (stamp[LINE(epoch, i)] >= number)
#define WAS_HERE(i) (stamp[LINE(epoch - 1, i)] >= number - 1)
#define HAS_DIVERGED(i) (WAS_HERE(i) && digest[LINE(epoch - 1, i)] != before)

/* barrier(): the waits of an agreement of all PEs, and reduce_lines(). */
inline agree() {
    same = true;
#ifndef MISTAKE_NO_LOOK_BACK
    if
    :: pending > 0 ->
        atomic {
            if
            :: FIRST(WAS_HERE, HAS_DIVERGED)
            :: timeout -> give_up()
            fi;
            same = !(HAS_DIVERGED(0) || HAS_DIVERGED(1)
#if PES > 2
                     || HAS_DIVERGED(2)
#endif
#if PES > 3
                     || HAS_DIVERGED(3)
#endif
            )
        }
    :: else
    fi;
#endif
    atomic {
        if
        :: !same
#ifdef MISTAKE_NO_WAIT_FOR_LAST
        :: same && stamp[LINE(epoch, 0)] >= number
#else
        :: same && EVERY(HERE)
#endif
        :: timeout -> give_up()
        fi;
        worst = OK;
        same_result = true;
        i = 0;
        do
        :: i < PES && same ->
            line = LINE(epoch, i);
            same = digest[line] == mine;
            same_result = same_result && result[line] == result[LINE(epoch, me)];
            worst = (failed[line] -> FAILED : worst);
            i++
        :: else -> break
        od;
        /* memheap_agree() */
        if
        :: !same || (worst == OK && !same_result) -> goto diverge
        :: else
        fi;
        assert(outcome[number] == 0 || outcome[number] == worst);
        outcome[number] = worst;
        pending = 0; /* start_next_half() */
        before = 0;
        readable = ALL_LINES
    }
}

/* memheap_agree_rooted() */
inline agree_rooted(root) {
    same = true;
    atomic {
        if
        :: me == root || HERE(root)
#ifndef MISTAKE_NO_LOOK_BACK
        :: pending > 0 && me != root && !HERE(root) && HAS_DIVERGED(root) ->
            same = false
#endif
        :: timeout -> give_up()
        fi;
        same = same && digest[LINE(epoch, root)] == mine;
        if
        :: !same -> goto diverge
        :: else
        fi;
        pending++;
#ifdef MISTAKE_NO_CHAIN
        before = 0;
#else
        before = mine;
#endif
        readable = root
    }
}

/* poison() */
inline poison() {
    i = 1;
    do
    :: i < HALF - pending ->
        atomic {
            line = LINE(epoch + i, me);
            digest[line] = -1;
            stamp[line] = number + i;
            i++
        }
    :: else -> break
    od
}

/* first_difference() */
inline first_difference() {
    ago = pending;
    i = 0;
    do
    :: ago > 0 ->
        atomic {
            line = LINE(epoch - ago, i);
            if
            :: stamp[line] >= number - ago
            :: timeout -> give_up()
            fi;
            if
            :: digest[line] != digest[LINE(epoch - ago, 0)] -> break
            :: else
            fi;
            i++;
            if
            :: i == PES -> i = 0; ago--
            :: else
            fi
        }
    :: else -> break
    od
}

/* await_present(): wait for the lines of all PEs. A PE that does not come is
 * given up when no other PE can make a step. */
#define PRESENT(i) (stamp[LINE(epoch, i)] >= number)
inline await_present() {
    if
    :: EVERY(PRESENT)
    :: timeout
    fi;
    same = EVERY(PRESENT);
    first = 0;
    do
    :: first < PES && !PRESENT(first) -> first++
    :: else -> break
    od
}

/* barrier_with_timeout() */
inline barrier_with_timeout() {
    atomic { begin_line(0, 0); pending = 0 };
    atomic { end_line(0) };
    atomic { await_present() }
}

/* memheap_agree_may_run_ahead() */
#ifdef MISTAKE_LONG_HALF
#define RUNS_AHEAD (IS_ROOTED(call) && pending < HALF)
#else
#define RUNS_AHEAD (IS_ROOTED(call) && pending < HALF - 1)
#endif

proctype pe(byte me) {
    byte epoch, pending, call, how, i, n, line, ago, first, worst, value;
    byte readable = NO_LINES;
    byte number;
    int before; /* pending_digest */
    int mine;
    bool same, same_result;

    do
    :: number == CALLS -> goto done
    :: else ->
        atomic {
            check_intact();
            choose_call();
            if
            :: how == ODD_ENDS -> lost = true; goto done
            :: else
            fi;
            mine = AFTER(before, call);
            value = PAYLOAD(me, number + 1);
            if
            :: !RUNS_AHEAD -> value = (how == ODD_RESULT)
            :: else
            fi;
            begin_line(mine, value)
        };
        atomic {
            same = (how == ODD_FAILS);
            end_line(same);
            if
            :: pending == 0 -> forget()
            :: else
            fi;
            /* So that states merge. */
            value = 0;
            n = 0;
            line = 0;
            i = 0
        };
        if
        :: RUNS_AHEAD -> agree_rooted(ROOT_OF(call))
        :: else -> agree()
        fi;
        atomic {
            if
            :: how == ODD_LEAVES -> lost = true; goto done
            :: else
            fi;
            call = 0;
            how = 0;
            mine = 0;
            worst = 0;
            line = 0;
            i = 0;
            same = false;
            same_result = false
        }
    od;

diverge: /* diverge_on_node() */
    atomic { call = 0; how = 0; mine = 0; worst = 0; line = 0; found = true };
#ifndef MISTAKE_NO_POISON
    poison();
#endif
    first_difference();
    atomic {
        assert(odd < PES && number - ago == odd_call);
#ifndef MISTAKE_NO_WAIT_FOR_HALF
        epoch = epoch - pending;
        number = number - pending;
        await_present();
        epoch = epoch + pending;
        number = number + pending;
#endif
#ifndef MISTAKE_NO_RAISE
        number = number + HALF - pending;
#endif
        pending = 0;
        i = 0;
        ago = 0
    };
    barrier_with_timeout();
    atomic {
        if
        :: me == first -> logged++
        :: else
        fi
    };
    if
    :: same ->
#ifndef MISTAKE_NO_SECOND_BARRIER
        barrier_with_timeout();
#endif
        /* The caller may end the job now. */
        assert(logged == 1)
    :: else
    fi;
done:
    skip
}

init {
    byte i;
    atomic {
        i = 0;
        do
        :: i < PES -> run pe(i); i++
        :: else -> break
        od
    };
    _nr_pr == 1;
    assert(logged == found)
}
