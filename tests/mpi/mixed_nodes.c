/*
 * PEs of this node and of other nodes on the same words: no update is lost,
 * each kind of wait sees each kind of write, and ordered operations arrive in
 * order.
 */
#include "tests/mpi/tap.h"

enum {
    ROUNDS = 300,
    STORM = 20000,
    LARGE = 300000, /* words: more than one packet of any network */
    CONTEXTS = 8
};

static int me, n, right, left;

/* All PEs update one word on each PE: by fetching and plain additions, single
 * bits, compare-and-swap loops, and swaps. */
#define HAMMER(N, T)                                                           \
    typedef struct words_##N {                                                 \
        T added, looped, bits, swapped, sum;                                   \
    } words_##N##_t;                                                           \
    static bool hammer_##N(void)                                               \
    {                                                                          \
        words_##N##_t *words = shmem_calloc(1, sizeof(*words));                \
        T mine = (T)1 << me;                                                   \
        T taken = 0;                                                           \
        bool good = true;                                                      \
        for (int i = 0; i < ROUNDS; i++) {                                     \
            int pe = i % n;                                                    \
            if (i % 2 == 0)                                                    \
                shmem_##N##_atomic_add(&words->added, 3, pe);                  \
            else                                                               \
                good = shmem_##N##_atomic_fetch_add(&words->added, 1, pe) <    \
                           (T)(3 * ROUNDS * n) &&                              \
                       good;                                                   \
            T seen = shmem_##N##_atomic_fetch(&words->looped, pe);             \
            T was;                                                             \
            while ((was = shmem_##N##_atomic_compare_swap(                     \
                        &words->looped, seen, seen + 2, pe)) != seen)          \
                seen = was;                                                    \
            if (i % 4 < 2) {                                                   \
                good = (shmem_##N##_atomic_fetch_or(&words->bits, mine, me) &  \
                        mine) == 0 &&                                          \
                       good;                                                   \
                shmem_##N##_atomic_xor(&words->bits, mine, me);                \
            }                                                                  \
            shmem_##N##_atomic_xor(&words->bits, mine << 8, pe);               \
            taken += shmem_##N##_atomic_swap(&words->swapped, (T)(me + 1), 0); \
            shmem_##N##_atomic_add(&words->sum, (T)(me + 1), 0);               \
        }                                                                      \
        shmem_##N##_atomic_add(&words->sum, (T)0 - taken, 0);                  \
        shmem_barrier_all();                                                   \
        T added = 0;                                                           \
        T looped = 0;                                                          \
        T bits = 0;                                                            \
        for (int i = 0; i < ROUNDS; i++) {                                     \
            added += i % n == me ? (T)(n * (i % 2 == 0 ? 3 : 1)) : 0;          \
            looped += i % n == me ? (T)(n * 2) : 0;                            \
            bits ^= i % n == me ? (T)(((T)1 << n) - 1) << 8 : 0;               \
        }                                                                      \
        good = words->added == added && words->looped == looped &&             \
               words->bits == bits && good;                                    \
        /* Each swapped value was returned once, except the last. */           \
        good = (me != 0 || words->sum == words->swapped) && good;              \
        shmem_barrier_all();                                                   \
        shmem_free(words);                                                     \
        return good;                                                           \
    }
HAMMER(uint32, uint32_t)
HAMMER(uint64, uint64_t)

/* PEs on the node of a word add to it without a pause while PEs of other nodes
 * do, whose additions the owner of the word runs. */
static bool storm_is_counted(void)
{
    struct {
        uint64_t word, done, total;
    } *at = shmem_calloc(1, sizeof(*at));
    uint64_t added = 0;
    uint64_t far = 0;
    for (int pe = 0; pe < n; pe++)
        shmem_uint64_atomic_add(&at->done, shmem_ptr(at, n - 1) == NULL, pe);
    shmem_barrier_all();
    far = at->done;
    shmem_barrier_all();
    at->done = 0;
    shmem_barrier_all();
    if (shmem_ptr(at, n - 1) == NULL) {
        for (; added < STORM; added++)
            shmem_uint64_atomic_add(&at->word, 1, n - 1);
        shmem_quiet();
        shmem_uint64_atomic_inc(&at->done, n - 1);
    } else {
        do {
            for (int i = 0; i < 100; i++, added++)
                shmem_uint64_atomic_add(&at->word, 1, n - 1);
        } while (me == n - 1 ? !shmem_uint64_test(&at->done, SHMEM_CMP_GE, far)
                             : shmem_uint64_g(&at->done, n - 1) < far);
    }
    shmem_uint64_atomic_add(&at->total, added, n - 1);
    shmem_barrier_all();
    bool good = me != n - 1 || at->word == at->total;
    shmem_barrier_all();
    shmem_free(at);
    return good;
}

static void fill(uint64_t *words, size_t count, uint64_t round, int pe)
{
    for (size_t i = 0; i < count; i++)
        words[i] = round * 1000003 + (uint64_t)pe * 7919 + i;
}

static bool is_filled(const uint64_t *words, size_t count, uint64_t round,
                      int pe)
{
    for (size_t i = 0; i < count; i++) {
        if (words[i] != round * 1000003 + (uint64_t)pe * 7919 + i)
            return false;
    }
    return true;
}

/* A signal arrives after its data, at any size. */
static bool signals_follow(size_t count, int rounds, bool nbi)
{
    uint64_t *to = shmem_calloc(count, sizeof(*to));
    uint64_t *from = malloc(count * sizeof(*from));
    uint64_t *words = shmem_calloc(2, sizeof(*words));
    bool good = true;
    for (int i = 1; i <= rounds; i++) {
        fill(from, count, (uint64_t)i, me);
        if (nbi)
            shmem_uint64_put_signal_nbi(to, from, count, words, (uint64_t)i,
                                        SHMEM_SIGNAL_SET, right);
        else
            shmem_uint64_put_signal(to, from, count, words, 1, SHMEM_SIGNAL_ADD,
                                    right);
        shmem_signal_wait_until(words, SHMEM_CMP_GE, (uint64_t)i);
        good = is_filled(to, count, (uint64_t)i, left) && good;
        /* The previous PE may write again. */
        shmem_signal_set(words + 1, (uint64_t)i, left);
        shmem_signal_wait_until(words + 1, SHMEM_CMP_GE, (uint64_t)i);
        shmem_quiet();
    }
    shmem_barrier_all();
    free(from);
    shmem_free(to);
    shmem_free(words);
    return good;
}

/* Puts separated by a fence arrive in order. */
static bool fences_order(void)
{
    uint64_t *to = shmem_calloc(LARGE + 1, sizeof(*to));
    uint64_t *from = malloc(LARGE * sizeof(*from));
    bool good = true;
    for (int i = 1; i <= 5; i++) {
        fill(from, LARGE, (uint64_t)i, me);
        shmem_uint64_put_nbi(to, from, LARGE, right);
        shmem_fence();
        if (i % 2 == 0)
            shmem_uint64_p(to + LARGE, (uint64_t)i, right);
        else
            shmem_uint64_atomic_set(to + LARGE, (uint64_t)i, right);
        shmem_uint64_wait_until(to + LARGE, SHMEM_CMP_EQ, (uint64_t)i);
        good = is_filled(to, LARGE, (uint64_t)i, left) && good;
        shmem_barrier_all();
    }
    free(from);
    shmem_free(to);
    return good;
}

/* Each PE waits for a word that the previous PE writes. */
static bool waits_see(int way)
{
    uint64_t *word = shmem_calloc(1, sizeof(*word));
    for (uint64_t i = 1; i <= 20; i++) {
        uint64_t was = 0;
        if (way == 0)
            shmem_uint64_put(word, &i, 1, right);
        else if (way == 1)
            shmem_uint64_put_nbi(word, &i, 1, right);
        else if (way == 2)
            shmem_uint64_atomic_inc(word, right);
        else if (way == 3)
            shmem_uint64_atomic_fetch_add_nbi(&was, word, 1, right);
        else if (way == 4)
            shmem_signal_add(word, 1, right);
        else
            shmem_signal_set(word, i, right);
        shmem_uint64_wait_until(word, SHMEM_CMP_GE, i);
        shmem_quiet();
        shmem_barrier_all();
    }
    bool good = *word == 20;
    shmem_barrier_all();
    shmem_free(word);
    return good;
}

/* A quiet completes the operations of its context; destroying a context is a
 * quiet too. */
static bool contexts_end(bool quiet)
{
    uint64_t *cells = shmem_calloc(CONTEXTS * ROUNDS, sizeof(*cells));
    uint64_t *got = calloc(CONTEXTS * ROUNDS, sizeof(*got));
    uint64_t *from = malloc(CONTEXTS * ROUNDS * sizeof(*from));
    shmem_ctx_t ctx[CONTEXTS];
    bool good = true;
    fill(from, CONTEXTS * ROUNDS, 1, me);
    for (int k = 0; k < CONTEXTS; k++)
        good = shmem_ctx_create(0, &ctx[k]) == 0 && good;
    for (int i = 0; i < CONTEXTS * ROUNDS && good; i++)
        shmem_ctx_uint64_put_nbi(ctx[i % CONTEXTS], &cells[i], &from[i], 1,
                                 right);
    for (int k = 0; k < CONTEXTS && good; k++) {
        if (quiet) {
            shmem_ctx_quiet(ctx[k]);
        } else {
            shmem_ctx_destroy(ctx[k]);
            ctx[k] = SHMEM_CTX_INVALID;
        }
        for (int i = k; i < CONTEXTS * ROUNDS; i += CONTEXTS)
            good = shmem_uint64_g(&cells[i], right) == from[i] && good;
    }
    for (int i = 0; i < CONTEXTS * ROUNDS && good && quiet; i++)
        shmem_ctx_uint64_get_nbi(ctx[i % CONTEXTS], &got[i], &cells[i], 1,
                                 right);
    for (int k = 0; k < CONTEXTS; k++)
        shmem_ctx_destroy(ctx[k]);
    for (int i = 0; i < CONTEXTS * ROUNDS && quiet; i++)
        good = got[i] == from[i] && good;
    shmem_barrier_all();
    free(from);
    free(got);
    shmem_free(cells);
    return good;
}

/* Many outstanding operations are complete after one quiet. */
static bool quiet_ends_all(void)
{
    uint64_t *counts = shmem_calloc((size_t)n, sizeof(*counts));
    uint64_t *old = calloc(ROUNDS, sizeof(*old));
    bool good = true;
    for (int i = 0; i < ROUNDS; i++)
        shmem_uint64_atomic_fetch_add_nbi(&old[i], &counts[me], 1, right);
    shmem_quiet();
    for (int i = 0; i < ROUNDS; i++)
        good = old[i] == (uint64_t)i && good;
    for (int i = 0; i < ROUNDS; i++)
        shmem_uint64_atomic_inc(&counts[me], right);
    shmem_pe_quiet(&right, 1);
    good = shmem_uint64_g(&counts[me], right) == 2 * ROUNDS && good;
    shmem_barrier_all();
    free(old);
    shmem_free(counts);
    return good;
}

/* A lock around words that PEs of all nodes also update atomically. */
static bool locks_hold(void)
{
    static long lock;
    uint64_t *words = shmem_calloc(2, sizeof(*words));
    int last = n - 1;
    for (int i = 0; i < 50; i++) {
        shmem_uint64_atomic_inc(&words[1], last);
        shmem_set_lock(&lock);
        shmem_uint64_p(words, shmem_uint64_g(words, last) + 1, last);
        shmem_clear_lock(&lock);
    }
    shmem_barrier_all();
    bool good = me != last ||
                (words[0] == 50 * (uint64_t)n && words[1] == 50 * (uint64_t)n);
    shmem_barrier_all();
    shmem_free(words);
    return good;
}

int main(void)
{
    shmem_init();
    tap_plan(19);
    me = shmem_my_pe();
    n = shmem_n_pes();
    right = (me + 1) % n;
    left = (me + n - 1) % n;
    tap_ok(hammer_uint32(), "no update of a 32-bit word is lost");
    tap_ok(hammer_uint64(), "no update of a 64-bit word is lost");
    tap_ok(storm_is_counted(), "no addition is lost if all PEs add at once");
    tap_ok(locks_hold(), "no update under a lock is lost");
    tap_ok(signals_follow(1, 200, false), "a signal follows one word");
    tap_ok(signals_follow(1000, 100, false), "a signal follows some words");
    tap_ok(signals_follow(LARGE, 5, false), "a signal follows very many words");
    tap_ok(signals_follow(1, 200, true),
           "nonblocking: a signal follows one word");
    tap_ok(signals_follow(1000, 100, true),
           "nonblocking: a signal follows some words");
    tap_ok(signals_follow(LARGE, 5, true),
           "nonblocking: a signal follows very many words");
    tap_ok(fences_order(), "a fence keeps the order of puts");
    tap_ok(waits_see(0), "a waiting PE sees a put");
    tap_ok(waits_see(1), "a waiting PE sees a put_nbi");
    tap_ok(waits_see(2), "a waiting PE sees an atomic");
    tap_ok(waits_see(3), "a waiting PE sees a nonblocking fetching atomic");
    tap_ok(waits_see(4) && waits_see(5), "a waiting PE sees a signal");
    tap_ok(contexts_end(true), "quiet completes all operations of a context");
    tap_ok(contexts_end(false),
           "destroying a context completes its operations");
    tap_ok(quiet_ends_all(), "outstanding atomics are complete after a quiet");
    shmem_finalize();
    return 0;
}
