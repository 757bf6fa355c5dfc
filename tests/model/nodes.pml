/*
 * Model of the agreement between nodes: comm/agree_exchange.c, and the part of
 * comm/agree_report.c for several nodes.
 *
 * NODES nodes of NODE_PES PEs make CALLS agreements, as in node.pml: each is one
 * of all PEs or is rooted, and at most one PE, the odd one, differs once. Each
 * node has a receiver: it takes the messages for the node at any time, like a
 * progress thread. Messages from one node to another keep their order; with
 * ANY_ORDER, they do not.
 *
 * What holds, for every sequence and every order of the steps:
 *   - agreement: no two PEs take different outcomes of an agreement of all PEs;
 *     none takes one in which, or before which, the PEs differ;
 *   - intact lines: until its next agreement, a PE can read the lines that it
 *     agreed on, and the payload of a root; no message overwrites one that was
 *     not read;
 *   - naming: from what the PEs report, the first difference follows;
 *   - report: rank 0 or rank 1 finds a difference, and so does every other PE;
 *     so one of the ranks that get the reports logs it;
 *   - progress: every PE ends. The exception is a PE that waits for one that
 *     makes no further call.
 *
 * What a step is, and what the model assumes: see node.pml. A wait is long only
 * if no process can make another step; then a node's first member asks, once in
 * each call.
 *
 * MISTAKE_... build mistakes into the model. tests/model.sh finds each.
 */
#ifndef NODES
#define NODES 2
#endif
#ifndef NODE_PES
#define NODE_PES 2
#endif
#ifndef HALF /* MEMHEAP_AGREE_PENDING_MAX */
#define HALF 2
#endif
#ifndef CALLS
#define CALLS 4
#endif
#define PES (NODES * NODE_PES)
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

#if NODES == 2
#define ROUNDS 1
#else
#define ROUNDS 2
#endif
#define EPOCHS (2 * HALF)
#define LINE(e, i) ((e) * PES + (i))
#define OUTCOME(e, node) ((e) * NODES + (node))
#define HALF_OF(e) ((e) / HALF)
#define MAILBOX(node, e, round) (((node) * 2 + HALF_OF(e)) * ROUNDS + (round))
#define ALARM(node, e) ((node) * 2 + HALF_OF(e))
#define LINK(from, to) ((from) * NODES + (to))
#define PARTNER(node, round) (((node) + (1 << (round))) % NODES)
#define FIRST_OF_HALF(n, e) ((n) - (e) % HALF)

/* Calls: one of all PEs, or rooted by PE `call - 1`; plus DIFFERENT, with other
 * arguments. */
#define ALL 0
#define DIFFERENT (PES + 1)
#define CALL_VALUES (2 * (PES + 1))
#define IS_ROOTED(call) ((call) % (PES + 1) != ALL)
#define ROOT_OF(call) ((call) % (PES + 1) - 1)
#define AFTER(before, call) ((before) * CALL_VALUES + (call) + 1)
#define PAYLOAD(i, n) ((i) + PES * (n))

/* An outcome's aux: same_call, same_result, failed. */
#define SAME_CALL 1
#define SAME_RESULT 2
#define FAILED 4

#define ALL_LINES PES
#define NO_LINES (PES + 1)

/* Flag lines. */
byte stamp[EPOCHS * PES];
bit failed[EPOCHS * PES];
int digest[EPOCHS * PES];
byte result[EPOCHS * PES];

/* Outcome lines. sender: 1 + the root of the payload; 0: the line has an
 * outcome. */
byte o_stamp[EPOCHS * NODES];
int o_digest[EPOCHS * NODES];
byte o_payload[EPOCHS * NODES];
byte o_aux[EPOCHS * NODES];
byte o_sender[EPOCHS * NODES];

/* Mailboxes, alarms. */
byte m_stamp[NODES * 2 * ROUNDS];
int m_digest[NODES * 2 * ROUNDS];
byte m_result[NODES * 2 * ROUNDS];
byte m_aux[NODES * 2 * ROUNDS];
byte alarm[NODES * 2];

/* Messages: round or one of the kinds below, number, epoch, digests of the half,
 * result or payload, aux, sender. */
#define EARLY 10
#define ASK 11
#define LEFT 12
typedef digests_t {
    int d[HALF]
};
#if HALF == 2
#define DIGESTS(x) x.d[0], x.d[1]
chan link[NODES * NODES] = [6] of { byte, byte, byte, int, int, byte, byte, byte };
#else
#define DIGESTS(x) x.d[0], x.d[1], x.d[2]
chan link[NODES * NODES] = [6] of { byte, byte, byte, int, int, int, byte, byte, byte };
#endif

/* What the PEs do, decided as they come to it. */
byte program[CALLS + 1]; /* 1 + the call */
byte odd = PES;
byte odd_call;
byte odd_how;

/* What the properties are about; no PE reads it. */
bit unread[NODES * 2 * ROUNDS];
byte outcome[CALLS + 1];
byte ended;      /* PEs that made all their calls */
byte found;      /* PEs that have found a difference */
byte first_left; /* the lowest rank that did */
byte first_difference; /* the lowest number in which reports differ */
bit lost;        /* a PE makes no further call */
bit may_ask[NODES];

/* What the PEs report: digests of the half, from the number r_first. */
byte r_first[PES];
byte r_count[PES];
digests_t reported[PES];
digests_t heard[PES]; /* digests of roots on other nodes; 0: none */

inline send(to, kind, e, x, r, a, s) {
    assert(nfull(link[LINK(node, to)]));
    link[LINK(node, to)]!kind, number, e, DIGESTS(x), r, a, s
}

/* send_digests() */
inline send_digests(kind) {
    i = 0;
    do
    :: i < HALF ->
        if
        :: i <= epoch % HALF ->
            x.d[i] = digest[LINE(epoch - epoch % HALF + i, me)]
        :: else -> x.d[i] = 0
        fi;
        i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < ROUNDS -> send(PARTNER(node, i), kind, epoch, x, 0, 0, 0); i++
    :: else -> break
    od;
    forget_message()
}

inline forget_message() {
    i = 0;
    do
    :: i < HALF -> x.d[i] = 0; i++
    :: else -> break
    od;
    i = 0
}

/* raise_alarm() */
inline raise_alarm(node, e, first, n) {
    if
    :: alarm[ALARM(node, e)] < first || alarm[ALARM(node, e)] > n ->
        alarm[ALARM(node, e)] = n
    :: else
    fi
}

#define IS_FIRST (me % NODE_PES == 0)
#define O_HERE (o_stamp[OUTCOME(epoch, node)] >= number)
#define HERE(i) (stamp[LINE(epoch, i)] >= number)

#define ALARMED                                                                \
    (alarm[ALARM(node, epoch)] >= FIRST_OF_HALF(number, epoch) &&              \
     alarm[ALARM(node, epoch)] <= number)

#if NODES == 2
#define NO_ONE_MAY_ASK (!may_ask[0] && !may_ask[1])
#else
#define NO_ONE_MAY_ASK (!may_ask[0] && !may_ask[1] && !may_ask[2])
#endif

/* await_unless_alarm() */
inline await_unless_alarm(condition) {
    do
    :: atomic { (condition) -> same = true; break }
    :: atomic { !(condition) && (ALARMED) -> same = false; break }
    :: atomic { timeout && IS_FIRST && may_ask[node] ->
                may_ask[node] = false;
#ifndef MISTAKE_NO_ASK
                send_digests(ASK)
#endif
       }
    :: timeout && NO_ONE_MAY_ASK -> give_up()
    od
}

/* A wait that never ends must be due to a PE that makes no further call; and not
 * to one whose last call differs from this one. */
inline give_up() {
    assert(lost && !(odd_how == ODD_LEAVES && number == odd_call));
    goto done
}

/* Before its next agreement: the code may have read lines of the last one until
 * now. */
inline check_intact() {
    i = node * NODE_PES;
    do
    :: i < (node + 1) * NODE_PES ->
        line = LINE(epoch, i);
        if
        :: readable == ALL_LINES || readable == i ->
            assert(stamp[line] == number);
            assert(readable == ALL_LINES || result[line] == PAYLOAD(i, number))
        :: else
        fi;
        i++
    :: else -> break
    od;
    line = OUTCOME(epoch, node);
    if
    :: readable < PES && readable / NODE_PES != node ->
        assert(o_stamp[line] == number);
        assert(o_payload[line] == PAYLOAD(readable, number))
    :: else
    fi;
    readable = NO_LINES
}

/* As in node.pml. */
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

/* write_line(), in one step; node.pml has the steps. */
inline write_line(d, r, f) {
    number++;
    if
    :: pending > 0 -> epoch++
    :: else -> epoch = (epoch < HALF -> HALF : 0)
    fi;
    line = LINE(epoch, me);
    digest[line] = d;
    result[line] = r;
    failed[line] = f;
    stamp[line] = number
}

/* send_early() */
inline send_early(of_call, payload, root) {
    distance = (node + NODES - (root) / NODE_PES) % NODES;
    x.d[0] = of_call;
    i = 0;
    do
    :: i < ROUNDS ->
        if
        :: (1 << i) > distance && distance + (1 << i) < NODES ->
            send(PARTNER(node, i), EARLY, epoch, x, payload, 0, (root) + 1)
        :: else
        fi;
        i++
    :: else -> break
    od;
    x.d[0] = 0;
    i = 0;
    distance = 0
}

/* await_member(): wait for the line of a PE of this node. */
#ifdef MISTAKE_LOOK_BACK_ONCE
#define LOOK_BACK (pending > 0)
#else
#define LOOK_BACK pending
#endif
inline await_member(i) {
    ago = LOOK_BACK;
    same = true;
#ifndef MISTAKE_NO_LOOK_BACK
    do
    :: ago > 0 && same && !HERE(i) ->
        await_unless_alarm(stamp[LINE(epoch - ago, i)] >= number - ago);
        atomic {
            if
            :: same &&
                digest[LINE(epoch - ago, i)] != digest[LINE(epoch - ago, me)] ->
                same = false;
#ifdef MISTAKE_ALARM_TOO_LATE
                raise_alarm(node, epoch, FIRST_OF_HALF(number, epoch), number)
#else
                raise_alarm(node, epoch, FIRST_OF_HALF(number, epoch),
                            number - ago)
#endif
            :: else
            fi;
            ago--
        }
    :: else -> break
    od;
#endif
    ago = 0;
    if
    :: same -> await_unless_alarm(HERE(i))
    :: else
    fi
}

/* memheap_agree_rooted_between_nodes(), memheap_agree_rooted() */
inline agree_rooted(root) {
    if
    :: node == (root) / NODE_PES ->
        if
        :: me == (root) ->
            atomic { send_early(mine, PAYLOAD(me, number), root); same = true }
        :: else -> await_member(root)
        fi;
        atomic {
            same = same && digest[LINE(epoch, root)] == mine
        }
    :: else ->
        await_unless_alarm(O_HERE);
        atomic {
            line = OUTCOME(epoch, node);
            if
            :: same && IS_FIRST && o_sender[line] != 0 ->
                send_early(o_digest[line], o_payload[line], o_sender[line] - 1)
            :: else
            fi;
            same = same && o_sender[line] != 0 && o_digest[line] == mine
        }
    fi;
    atomic {
        if
        :: !same -> goto diverge
        :: else
        fi;
        pending++;
        before = mine;
        readable = root
    }
}

/* reduce_lines() of the node */
inline reduce_lines() {
    aux = SAME_CALL | SAME_RESULT;
    i = node * NODE_PES;
    do
    :: i < (node + 1) * NODE_PES ->
        line = LINE(epoch, i);
        aux = (digest[line] == mine -> aux : aux & ~SAME_CALL);
        aux = (result[line] == value -> aux : aux & ~SAME_RESULT);
        aux = (failed[line] -> aux | FAILED : aux);
        i++
    :: else -> break
    od;
    i = 0
}

/* merge_outcomes() */
inline merge(d, r, a) {
    aux = ((d) == mine && ((a) & SAME_CALL) -> aux : aux & ~SAME_CALL);
    aux = ((r) == value && ((a) & SAME_RESULT) -> aux : aux & ~SAME_RESULT);
    aux = (((a) & FAILED) -> aux | FAILED : aux)
}

/* run_rounds() */
#ifdef MISTAKE_ROUND_MISSING
#define LAST_ROUND (ROUNDS - 1)
#else
#define LAST_ROUND ROUNDS
#endif
inline run_rounds() {
    round = 0;
    do
    :: round < LAST_ROUND ->
        atomic {
            x.d[0] = mine;
            send(PARTNER(node, round), round, epoch, x, value, aux, 0);
            x.d[0] = 0
        };
        await_unless_alarm(m_stamp[MAILBOX(node, epoch, round)] >= number);
        atomic {
            if
            :: same ->
                line = MAILBOX(node, epoch, round);
                assert(m_stamp[line] == number || odd != PES);
                merge(m_digest[line], m_result[line], m_aux[line]);
                unread[line] = false
            :: else -> aux = aux & ~SAME_CALL; break
            fi;
            round++
        }
    :: else -> break
    od;
    round = 0
}

/* memheap_agree_between_nodes(), memheap_agree() */
inline agree() {
    aux = 0;
    if
    :: !IS_FIRST ->
        await_unless_alarm(O_HERE);
        atomic {
            if
            :: same && o_sender[OUTCOME(epoch, node)] == 0 ->
                aux = o_aux[OUTCOME(epoch, node)]
            :: else
            fi
        }
    :: else ->
#ifdef MISTAKE_NO_PAYLOAD_CHECK
        same = true;
#else
        same = !O_HERE;
#endif
        if
        :: same && NODE_PES > 1 -> await_member(me + NODE_PES - 1)
        :: else
        fi;
        if
        :: same ->
            atomic { reduce_lines() };
#ifndef MISTAKE_OUTCOME_EARLY
            run_rounds();
#endif
            atomic {
                if
                :: aux & SAME_CALL ->
                    line = OUTCOME(epoch, node);
                    o_stamp[line] = number;
                    o_digest[line] = 0;
                    o_aux[line] = aux;
                    o_sender[line] = 0
                :: else
                fi
            };
#ifdef MISTAKE_OUTCOME_EARLY
            run_rounds();
#endif
        :: else
        fi
    fi;
    atomic {
        if
        :: !(aux & SAME_CALL) || (!(aux & FAILED) && !(aux & SAME_RESULT)) ->
            goto diverge
        :: else
        fi;
        aux = 1 + (aux & FAILED);
        assert(outcome[number] == 0 || outcome[number] == aux);
        assert(odd == PES || odd_call > number || odd_how == ODD_FAILS);
        outcome[number] = aux;
        pending = 0;
        before = 0;
        readable = ALL_LINES
    }
}

/* report_own(): the calls of the half, and those of roots on other nodes that
 * differ. */
inline report_own() {
    r_first[me] = FIRST_OF_HALF(number, epoch);
    r_count[me] = pending + 1;
    i = 0;
    do
    :: i <= pending ->
        line = LINE(epoch - pending + i, me);
        reported[me].d[i] = digest[line];
        line = OUTCOME(epoch - pending + i, node);
        if
        :: o_stamp[line] >= r_first[me] + i && o_sender[line] != 0 &&
            o_digest[line] != reported[me].d[i] ->
            heard[me].d[i] = o_digest[line]
        :: else
        fi;
        i++
    :: else -> break
    od
}

/* memheap_agree_may_run_ahead() */
#define RUNS_AHEAD (IS_ROOTED(call) && pending < HALF - 1)

proctype pe(byte me) {
    byte node = me / NODE_PES;
    byte epoch, pending, call, how, i, n, line, value, aux, round, distance, ago;
    byte readable = NO_LINES;
    byte number;
    int before, mine;
    bool same;
    digests_t x;

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
            same = (how == ODD_FAILS);
            write_line(mine, value, same);
            may_ask[node] = may_ask[node] || IS_FIRST;
            n = 0;
            line = 0;
            i = 0;
            same = false
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
            value = 0;
            aux = 0;
            line = 0;
            i = 0;
            same = false
        }
    od;

diverge: /* diverge_between_nodes() */
    atomic {
        call = 0; how = 0; mine = 0; value = 0; aux = 0; line = 0; i = 0;
#ifndef MISTAKE_NO_ALARM
        /* memheap_agree_raise_alarm() */
        raise_alarm(node, epoch, FIRST_OF_HALF(number, epoch), number)
    };
    atomic {
        send_digests(LEFT)
    };
    atomic {
#endif
        report_own();
        first_left = (found == 0 || me < first_left -> me : first_left);
        found++;
        before = 0; epoch = 0; pending = 0; line = 0; i = 0; number = 0
    };
done:
    atomic { may_ask[node] = may_ask[node] && !IS_FIRST }
}

/* memheap_agree_receive() */
proctype receiver(byte node) {
    byte kind, number, e, r, a, s, i, first;
    bool second;
    digests_t x;
end:
    do
    :: atomic {
        if
        :: link[LINK((node + 1) % NODES, node)]?kind, number, e, DIGESTS(x), r, a, s
#if NODES > 2
        :: link[LINK((node + 2) % NODES, node)]?kind, number, e, DIGESTS(x), r, a, s
#endif
        fi;
        first = FIRST_OF_HALF(number, e);
        if
        :: kind == EARLY ->
            /* receive_early() */
            i = OUTCOME(e, node);
            second = o_stamp[i] >= number;
            if
            :: !second ->
                o_stamp[i] = number;
                o_digest[i] = x.d[0];
                o_payload[i] = r;
                o_aux[i] = 0;
                o_sender[i] = s
            :: else -> heard[node * NODE_PES].d[e % HALF] = x.d[0]
            fi
        :: kind == ASK || kind == LEFT ->
            /* receive_alarm() */
            i = 0;
            do
            :: i <= e % HALF &&
                stamp[LINE(e - e % HALF + i, node * NODE_PES)] >= first + i ->
                if
                :: digest[LINE(e - e % HALF + i, node * NODE_PES)] != x.d[i] ->
                    raise_alarm(node, e, first, first + i);
                    break
                :: else
                fi;
                i++
            :: else -> break
            od;
            if
            :: kind == LEFT -> raise_alarm(node, e, first, number)
            :: else
            fi
        :: else ->
            /* receive_outcome() */
            i = MAILBOX(node, e, kind);
            assert(!unread[i] || odd != PES);
            unread[i] = true;
            m_stamp[i] = number;
            m_digest[i] = x.d[0];
            m_result[i] = r;
            m_aux[i] = a
        fi
       };
       if
       :: kind == EARLY ->
           atomic {
               i = LINE(e, node * NODE_PES);
               if
               :: second || (stamp[i] >= number && digest[i] != x.d[0]) ->
                   raise_alarm(node, e, first, number)
               :: else
               fi
           }
       :: else
       fi;
       d_step {
           kind = 0; number = 0; e = 0; r = 0; a = 0; s = 0; first = 0;
           second = false;
           forget_message()
       }
    od
}

/* first_reported_difference() */
inline find_first_difference() {
    last = r_first[first_left] + r_count[first_left] - 1;
    first_difference = last;
    n = r_first[first_left];
    do
    :: n < last ->
        some = 0;
        i = 0;
        do
        :: i < PES ->
            if
            :: r_count[i] > 0 && n >= r_first[i] && n < r_first[i] + r_count[i] ->
                if
                :: some != 0 && some != reported[i].d[n - r_first[i]] ||
                    heard[i].d[n - r_first[i]] != 0 ->
                    first_difference = n;
                    break
                :: else
                fi;
                some = reported[i].d[n - r_first[i]]
            :: else
            fi;
            i++
        :: else -> break
        od;
        if
        :: first_difference < last -> break
        :: else
        fi;
        n++
    :: else -> break
    od
}

init {
    byte i, n, last;
    int some;
    atomic {
        i = 0;
        do
        :: i < PES -> run pe(i); i++
        :: else -> break
        od;
        i = 0;
        do
        :: i < NODES -> run receiver(i); i++
        :: else -> break
        od
    };
    /* Only the receivers are left, and have nothing to do. */
    timeout;
    atomic {
        if
        :: found > 0 ->
            assert(first_left <= 1);
            /* The odd PE may have made its last call. */
            assert(lost || found == PES ||
                   (odd_call == CALLS && found == PES - 1));
            find_first_difference();
            assert(first_difference == odd_call)
        :: else
        fi
    }
}
