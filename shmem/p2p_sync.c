/*
 * Point-to-point synchronization: waiting for words that other PEs write.
 *
 * An object is read with an acquire load, so data that was put before it is
 * visible too. In an array, an element counts if its status is 0. Each test
 * makes progress first, because the awaited value may come from another node.
 */
#include "config.h"

#include "comm/wait.h"
#include "shmem/mistakes.h"
#include "shmem/runtime.h"

#include <pshmem.h>

#include <stdbool.h>
#include <stdio.h>

/* An invalid comparison never holds, so waiting for it would never end. */
static _Noreturn void end_on_invalid_comparison(const char *call, int cmp)
{
    if (memheap_runtime.depth == 0)
        memheap_runtime_not_running(call);
    memheap_mistake("%s: the comparison is %d; it can be SHMEM_CMP_EQ, NE, GT, "
                    "LE, LT or GE",
                    call, cmp);
}

/* The wait for one word. */
typedef struct word_reason {
    memheap_wait_reason_t reason;
    const char *call;
    const void *word;
    size_t size;
    bool is_signed;
    int cmp;
    uint64_t value;
} word_reason_t;

#define WORD_REASON(T, CALL, WORD, CMP, VALUE)                                 \
    {                                                                          \
        {describe_word}, CALL, WORD, sizeof(T), (T)-1 < 1, CMP,                \
            (uint64_t)(VALUE)                                                  \
    }

/* The wait for elements of an array. */
typedef struct array_reason {
    memheap_wait_reason_t reason;
    const char *call;
    const void *words;
    size_t count;
} array_reason_t;

/* The value of a word as a signed number, or as an unsigned one. */
static uint64_t load_word(const word_reason_t *wait)
{
    switch (wait->size) {
    case sizeof(uint16_t): {
        uint16_t word = __atomic_load_n((const uint16_t *)wait->word, 0);
        return wait->is_signed ? (uint64_t)(int16_t)word : word;
    }
    case sizeof(uint32_t): {
        uint32_t word = __atomic_load_n((const uint32_t *)wait->word, 0);
        return wait->is_signed ? (uint64_t)(int32_t)word : word;
    }
    default:
        return __atomic_load_n((const uint64_t *)wait->word, 0);
    }
}

/* Write a number, and return `text`. */
static const char *put_number(char text[24], uint64_t value, bool is_signed)
{
    if (is_signed)
        snprintf(text, 24, "%lld", (long long)value);
    else
        snprintf(text, 24, "%llu", (unsigned long long)value);
    return text;
}

static void describe_word(const memheap_wait_reason_t *reason, char *text,
                          size_t room)
{
    const word_reason_t *wait = (const word_reason_t *)(const void *)reason;
    static const char *const signs[] = {
        [SHMEM_CMP_EQ] = "==", [SHMEM_CMP_NE] = "!=", [SHMEM_CMP_GT] = ">",
        [SHMEM_CMP_LE] = "<=", [SHMEM_CMP_LT] = "<",  [SHMEM_CMP_GE] = ">="};
    char expected[24];
    char now[24];
    snprintf(text, room, "%s(%p %s %s; it is %s)", wait->call, wait->word,
             signs[wait->cmp],
             put_number(expected, wait->value, wait->is_signed),
             put_number(now, load_word(wait), wait->is_signed));
}

static void describe_array(const memheap_wait_reason_t *reason, char *text,
                           size_t room)
{
    const array_reason_t *wait = (const array_reason_t *)(const void *)reason;
    snprintf(text, room, "%s(%p, %zu elements)", wait->call, wait->words,
             wait->count);
}

/*
 * Where a thread starts to look for any element that holds. In the array of its
 * last hit, it starts behind that hit, so it finds each element that holds in
 * turn. In another array it starts at random: a program that polls several
 * arrays in turn finds each element that holds sooner or later.
 */
static _Thread_local struct {
    const void *array;
    size_t next; /* behind the last hit there */
    uint64_t random;
} any_turn __attribute__((tls_model("initial-exec")));

static size_t any_first(const void *array, size_t nelems)
{
    if (any_turn.array == array)
        return any_turn.next < nelems ? any_turn.next : 0;
    /* Source: D. E. Knuth, MMIX: a linear congruential generator. */
    any_turn.random =
        any_turn.random * 6364136223846793005 + UINT64_C(1442695040888963407);
    return nelems == 0 ? 0 : (size_t)(any_turn.random >> 33) % nelems;
}

/* For one type: evaluate a comparison, and the routines for one object. */
#define TYPED(A, T, N)                                                         \
    static bool holds_##N(const char *call, const T *object, int cmp, T value) \
    {                                                                          \
        T now = __atomic_load_n(object, __ATOMIC_ACQUIRE);                     \
        switch (cmp) {                                                         \
        case SHMEM_CMP_EQ:                                                     \
            return now == value;                                               \
        case SHMEM_CMP_NE:                                                     \
            return now != value;                                               \
        case SHMEM_CMP_GT:                                                     \
            return now > value;                                                \
        case SHMEM_CMP_LE:                                                     \
            return now <= value;                                               \
        case SHMEM_CMP_LT:                                                     \
            return now < value;                                                \
        case SHMEM_CMP_GE:                                                     \
            return now >= value;                                               \
        default:                                                               \
            end_on_invalid_comparison(call, cmp);                              \
        }                                                                      \
    }                                                                          \
    static void wait_##N(const char *call, const T *ivar, int cmp, T value)    \
    {                                                                          \
        word_reason_t reason = WORD_REASON(T, call, ivar, cmp, value);         \
        memheap_wait_t wait = memheap_runtime_wait(&reason.reason);            \
        while (!holds_##N(call, ivar, cmp, value))                             \
            memheap_wait_step(&wait);                                          \
    }                                                                          \
    void pshmem_##N##_wait_until(T *ivar, int cmp, T cmp_value)                \
    {                                                                          \
        wait_##N("shmem_" #N "_wait_until", ivar, cmp, cmp_value);             \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##N##_wait_until)                                   \
    int pshmem_##N##_test(T *ivar, int cmp, T cmp_value)                       \
    {                                                                          \
        memheap_runtime_progress();                                            \
        return holds_##N("shmem_" #N "_test", ivar, cmp, cmp_value);           \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##N##_test)

/*
 * For arrays of one type: scan() counts the elements for which the comparison
 * holds. `hits` takes their indices; *live_p takes the number of elements with
 * status 0. find() returns the index of one element for which the comparison
 * holds, or SIZE_MAX, and then *live_p takes whether there is an element with
 * status 0. All elements share one value (step 0), or each has its own (step
 * 1).
 */
#define ARRAY_TYPED(A, T, N)                                                   \
    TYPED(A, T, N)                                                             \
    static size_t scan_##N(const char *call, const T *ivars, size_t nelems,    \
                           const int *status, int cmp, const T *values,        \
                           size_t step, size_t *hits, size_t *live_p)          \
    {                                                                          \
        size_t count = 0;                                                      \
        size_t live = 0;                                                       \
        for (size_t i = 0; i < nelems; i++) {                                  \
            if (status != NULL && status[i] != 0)                              \
                continue;                                                      \
            live++;                                                            \
            if (!holds_##N(call, &ivars[i], cmp, values[i * step]))            \
                continue;                                                      \
            if (hits != NULL)                                                  \
                hits[count] = i;                                               \
            count++;                                                           \
        }                                                                      \
        *live_p = live;                                                        \
        return count;                                                          \
    }                                                                          \
    static size_t find_##N(const char *call, const T *ivars, size_t nelems,    \
                           const int *status, int cmp, const T *values,        \
                           size_t step, bool *live_p)                          \
    {                                                                          \
        size_t i = any_first(ivars, nelems);                                   \
        *live_p = false;                                                       \
        for (size_t seen = 0; seen < nelems; seen++, i++) {                    \
            i = i == nelems ? 0 : i;                                           \
            if (status != NULL && status[i] != 0)                              \
                continue;                                                      \
            *live_p = true;                                                    \
            if (!holds_##N(call, &ivars[i], cmp, values[i * step]))            \
                continue;                                                      \
            any_turn.array = ivars;                                            \
            any_turn.next = i + 1;                                             \
            return i;                                                          \
        }                                                                      \
        return SIZE_MAX;                                                       \
    }                                                                          \
    ARRAY_FORMS(T, N, , T cmp_value, &cmp_value, 0)                            \
    ARRAY_FORMS(T, N, _vector, const T *cmp_values, cmp_values, 1)

/* The routines for an array, with one value (SUFFIX empty) or a vector. */
#define ARRAY_FORMS(T, N, SUFFIX, PARAMETER, VALUES, STEP)                     \
    int pshmem_##N##_test_all##SUFFIX(T *ivars, size_t nelems,                 \
                                      const int *status, int cmp, PARAMETER)   \
    {                                                                          \
        size_t live;                                                           \
        memheap_runtime_progress();                                            \
        return scan_##N("shmem_" #N "_test_all" #SUFFIX, ivars, nelems,        \
                        status, cmp, VALUES, STEP, NULL, &live) == live;       \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##N##_test_all##SUFFIX)                             \
    size_t pshmem_##N##_test_any##SUFFIX(                                      \
        T *ivars, size_t nelems, const int *status, int cmp, PARAMETER)        \
    {                                                                          \
        bool live;                                                             \
        memheap_runtime_progress();                                            \
        return find_##N("shmem_" #N "_test_any" #SUFFIX, ivars, nelems,        \
                        status, cmp, VALUES, STEP, &live);                     \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##N##_test_any##SUFFIX)                             \
    size_t pshmem_##N##_test_some##SUFFIX(T *ivars, size_t nelems,             \
                                          size_t *indices, const int *status,  \
                                          int cmp, PARAMETER)                  \
    {                                                                          \
        size_t live;                                                           \
        memheap_runtime_progress();                                            \
        return scan_##N("shmem_" #N "_test_some" #SUFFIX, ivars, nelems,       \
                        status, cmp, VALUES, STEP, indices, &live);            \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##N##_test_some##SUFFIX)                            \
    void pshmem_##N##_wait_until_all##SUFFIX(                                  \
        T *ivars, size_t nelems, const int *status, int cmp, PARAMETER)        \
    {                                                                          \
        size_t live;                                                           \
        array_reason_t reason = {{describe_array},                             \
                                 "shmem_" #N "_wait_until_all" #SUFFIX,        \
                                 ivars,                                        \
                                 nelems};                                      \
        memheap_wait_t wait = memheap_runtime_wait(&reason.reason);            \
        while (scan_##N(reason.call, ivars, nelems, status, cmp, VALUES, STEP, \
                        NULL, &live) < live)                                   \
            memheap_wait_step(&wait);                                          \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##N##_wait_until_all##SUFFIX)                       \
    size_t pshmem_##N##_wait_until_any##SUFFIX(                                \
        T *ivars, size_t nelems, const int *status, int cmp, PARAMETER)        \
    {                                                                          \
        size_t hit;                                                            \
        bool live;                                                             \
        array_reason_t reason = {{describe_array},                             \
                                 "shmem_" #N "_wait_until_any" #SUFFIX,        \
                                 ivars,                                        \
                                 nelems};                                      \
        memheap_wait_t wait = memheap_runtime_wait(&reason.reason);            \
        while ((hit = find_##N(reason.call, ivars, nelems, status, cmp,        \
                               VALUES, STEP, &live)) == SIZE_MAX &&            \
               live)                                                           \
            memheap_wait_step(&wait);                                          \
        return hit;                                                            \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##N##_wait_until_any##SUFFIX)                       \
    size_t pshmem_##N##_wait_until_some##SUFFIX(                               \
        T *ivars, size_t nelems, size_t *indices, const int *status, int cmp,  \
        PARAMETER)                                                             \
    {                                                                          \
        size_t live;                                                           \
        size_t count;                                                          \
        array_reason_t reason = {{describe_array},                             \
                                 "shmem_" #N "_wait_until_some" #SUFFIX,       \
                                 ivars,                                        \
                                 nelems};                                      \
        memheap_wait_t wait = memheap_runtime_wait(&reason.reason);            \
        while ((count = scan_##N(reason.call, ivars, nelems, status, cmp,      \
                                 VALUES, STEP, indices, &live)) == 0 &&        \
               live > 0)                                                       \
            memheap_wait_step(&wait);                                          \
        return count;                                                          \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##N##_wait_until_some##SUFFIX)

SHMEM_AMO_TYPES_(ARRAY_TYPED, 0)
SHMEM_WAIT_OLD_TYPES_(TYPED, 0)

uint64_t pshmem_signal_wait_until(uint64_t *sig_addr, int cmp,
                                  uint64_t cmp_value)
{
    word_reason_t reason = WORD_REASON(uint64_t, "shmem_signal_wait_until",
                                       sig_addr, cmp, cmp_value);
    memheap_wait_t wait = memheap_runtime_wait(&reason.reason);
    for (;;) {
        uint64_t seen = __atomic_load_n(sig_addr, __ATOMIC_ACQUIRE);
        if (holds_uint64(reason.call, &seen, cmp, cmp_value))
            return seen;
        memheap_wait_step(&wait);
    }
}
MEMHEAP_PROFILED(shmem_signal_wait_until)

/* The deprecated names. */
void(pshmem_wait_until)(long *ivar, int cmp, long cmp_value)
{
    wait_long("shmem_wait_until", ivar, cmp, cmp_value);
}
MEMHEAP_PROFILED(shmem_wait_until)

void pshmem_wait(long *ivar, long cmp_value)
{
    wait_long("shmem_wait", ivar, SHMEM_CMP_NE, cmp_value);
}
MEMHEAP_PROFILED(shmem_wait)

#define OLDEST_TYPED(A, T, N)                                                  \
    void pshmem_##N##_wait(T *ivar, T cmp_value)                               \
    {                                                                          \
        wait_##N("shmem_" #N "_wait", ivar, SHMEM_CMP_NE, cmp_value);          \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##N##_wait)
SHMEM_WAIT_OLDEST_TYPES_(OLDEST_TYPED, 0)
