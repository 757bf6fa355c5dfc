/*
 * Model of groups that share their number, and so their flag lines:
 * memheap_agree_split(), memheap_agree_last() and memheap_agree_end() in
 * comm/agree.c.
 *
 * In each round, some of the PEs create a group, agree up to CALLS times, and
 * destroy it; all groups have the same number. A PE that is not in the group
 * goes on to the next round, in which it may be. The members have a common
 * group before, of another number, by which they agree on the number of the
 * last agreement. That is one step here: node.pml has the agreement itself.
 *
 * What holds, for every choice of the members and every order of the steps: the
 * lines that a PE reads are those of its own group and agreement, complete,
 * until its next agreement; and every PE ends.
 *
 * MISTAKE_... build mistakes into the model. tests/model.sh finds each.
 */
#define PES 3
#ifndef GROUPS
#define GROUPS 4
#endif
#ifndef CALLS
#define CALLS 2
#endif

#define LINE(e, i) ((e) * PES + (i))
#define HAS(set, i) (((set) >> (i)) & 1)
#define EVERY_MEMBER(P) (P(0) && P(1) && P(2))

/* The lines; an epoch for each half is enough without rooted agreements. The
 * data tells the group and the agreement. */
byte stamp[2 * PES];
byte data[2 * PES];

byte members[GROUPS]; /* sets of PEs */
byte calls[GROUPS];   /* that each group makes */

/* By the group that the members have before: who is there, and the highest
 * number of a last agreement. */
byte present[GROUPS];
byte last[GROUPS];

/* memheap_agree_split() */
inline split() {
    atomic {
        if
        :: members[group] == 0 ->
            if
            :: members[group] = 3
            :: members[group] = 5
            :: members[group] = 6
            :: members[group] = 7
            fi;
            select(n : 0 .. CALLS);
            calls[group] = n;
            n = 0
        :: else
        fi;
        if
        :: HAS(members[group], me) ->
            /* memheap_agree_last() */
            n = (stamp[LINE(0, me)] > stamp[LINE(1, me)]
                 -> stamp[LINE(0, me)] : stamp[LINE(1, me)]);
            last[group] = (n > last[group] -> n : last[group]);
            present[group] = present[group] | (1 << me);
            n = 0
        :: else
        fi
    };
    if
    :: HAS(members[group], me) ->
        present[group] == members[group];
        atomic {
#ifdef MISTAKE_START_AT_ZERO
            number = 0;
#else
            number = last[group];
#endif
            epoch = 0
        }
    :: else
    fi
}

/* write_line(), await(): an agreement of the group. */
#define HERE(i)                                                                \
    (!HAS(members[group], i) || stamp[LINE(epoch, i)] >= number)
#define IS_OURS(i)                                                             \
    (!HAS(members[group], i) ||                                                \
     (stamp[LINE(epoch, i)] == number && data[LINE(epoch, i)] == value))
inline agree() {
    atomic {
        number++;
        epoch = 1 - epoch;
        value = 1 + group * (CALLS + 1) + call;
        data[LINE(epoch, me)] = value
    };
    stamp[LINE(epoch, me)] = number;
    EVERY_MEMBER(HERE);
#ifndef MISTAKE_END_READS
    if
    :: call < calls[group] ->
#endif
        /* The PE reads the lines at any time until its next agreement. */
        assert(EVERY_MEMBER(IS_OURS));
        assert(EVERY_MEMBER(IS_OURS))
#ifndef MISTAKE_END_READS
    :: else
    fi
#endif
}

proctype pe(byte me) {
    byte group, call, number, epoch, n, value;
    do
    :: group < GROUPS ->
        split();
        call = 0;
        do
#ifdef MISTAKE_NO_END
        :: HAS(members[group], me) && call < calls[group] -> agree(); call++
        :: !HAS(members[group], me) || call >= calls[group] -> break
#else
        /* The last one is memheap_agree_end(). */
        :: HAS(members[group], me) && call <= calls[group] -> agree(); call++
        :: !HAS(members[group], me) || call > calls[group] -> break
#endif
        od;
        atomic { group++; call = 0; value = 0 }
    :: else -> break
    od
}

init {
    atomic { run pe(0); run pe(1); run pe(2) }
}
