/*
 * Random atomic operations, signals, waits and locks.
 */
#include "tests/mpi/fuzz_model.h"

#define CALL(ROUTINE, ...)                                                     \
    (ctx == SHMEM_CTX_INVALID ? shmem_##ROUTINE(__VA_ARGS__)                   \
                              : shmem_ctx_##ROUTINE(ctx, __VA_ARGS__))

static void quiet(shmem_ctx_t ctx)
{
    if (ctx == SHMEM_CTX_INVALID)
        shmem_quiet();
    else
        shmem_ctx_quiet(ctx);
}

/* The context of a team with both PEs, or none; *pe_p takes the number of the
 * other PE. */
static shmem_ctx_t draw_context(int from, int to, int *pe_p)
{
    const context_t *context = &contexts[draw(CONTEXTS)];
    const team_t *team = &teams[context->team];
    bool use = draw(2) == 0;
    *pe_p = to;
    if (!use || !context->lives || rank_in(team, from) < 0 ||
        rank_in(team, to) < 0)
        return SHMEM_CTX_INVALID;
    *pe_p = rank_in(team, to);
    return context->handle;
}

typedef enum operation {
    FETCH,
    FETCH_NBI,
    SET,
    SWAP,
    SWAP_NBI,
    CSWAP,
    CSWAP_NBI,
    INC,
    FETCH_INC,
    FETCH_INC_NBI,
    ADD,
    FETCH_ADD,
    FETCH_ADD_NBI,
    AND,
    FETCH_AND,
    FETCH_AND_NBI,
    OR,
    FETCH_OR,
    FETCH_OR_NBI,
    XOR,
    FETCH_XOR,
    FETCH_XOR_NBI,
    OPERATIONS,
    KIND = 3 /* operations of one kind, from INC on: INC and ADD commute */
} operation_t;

typedef struct amo_type {
    const char *name;
    size_t size;
    bool has_bits;
    /* @return what the operation fetches; 0 if it does not */
    uint64_t (*run)(shmem_ctx_t ctx, operation_t operation, void *word,
                    uint64_t value, uint64_t condition, int pe);
} amo_type_t;

#define BIT_CASES(T, N, O, NAME)                                               \
    case O:                                                                    \
        CALL(N##_atomic_##NAME, word, v, pe);                                  \
        break;                                                                 \
    case FETCH_##O:                                                            \
        fetched = CALL(N##_atomic_fetch_##NAME, word, v, pe);                  \
        break;                                                                 \
    case FETCH_##O##_NBI:                                                      \
        CALL(N##_atomic_fetch_##NAME##_nbi, &fetched, word, v, pe);            \
        quiet(ctx);                                                            \
        break;
#define BITS(T, N)                                                             \
    BIT_CASES(T, N, AND, and) BIT_CASES(T, N, OR, or) BIT_CASES(T, N, XOR, xor)
#define NO_BITS(T, N)
#define ATOMICS(A, T, N)                                                       \
    static uint64_t N##_run(shmem_ctx_t ctx, operation_t operation, void *at,  \
                            uint64_t value, uint64_t condition, int pe)        \
    {                                                                          \
        T *word = at;                                                          \
        T v = (T)value;                                                        \
        T fetched = 0;                                                         \
        switch (operation) {                                                   \
        case FETCH:                                                            \
            fetched = CALL(N##_atomic_fetch, word, pe);                        \
            break;                                                             \
        case FETCH_NBI:                                                        \
            CALL(N##_atomic_fetch_nbi, &fetched, word, pe);                    \
            quiet(ctx);                                                        \
            break;                                                             \
        case SET:                                                              \
            CALL(N##_atomic_set, word, v, pe);                                 \
            break;                                                             \
        case SWAP:                                                             \
            fetched = CALL(N##_atomic_swap, word, v, pe);                      \
            break;                                                             \
        case SWAP_NBI:                                                         \
            CALL(N##_atomic_swap_nbi, &fetched, word, v, pe);                  \
            quiet(ctx);                                                        \
            break;                                                             \
        case CSWAP:                                                            \
            fetched =                                                          \
                CALL(N##_atomic_compare_swap, word, (T)condition, v, pe);      \
            break;                                                             \
        case CSWAP_NBI:                                                        \
            CALL(N##_atomic_compare_swap_nbi, &fetched, word, (T)condition, v, \
                 pe);                                                          \
            quiet(ctx);                                                        \
            break;                                                             \
        case INC:                                                              \
            CALL(N##_atomic_inc, word, pe);                                    \
            break;                                                             \
        case FETCH_INC:                                                        \
            fetched = CALL(N##_atomic_fetch_inc, word, pe);                    \
            break;                                                             \
        case FETCH_INC_NBI:                                                    \
            CALL(N##_atomic_fetch_inc_nbi, &fetched, word, pe);                \
            quiet(ctx);                                                        \
            break;                                                             \
        case ADD:                                                              \
            CALL(N##_atomic_add, word, v, pe);                                 \
            break;                                                             \
        case FETCH_ADD:                                                        \
            fetched = CALL(N##_atomic_fetch_add, word, v, pe);                 \
            break;                                                             \
        case FETCH_ADD_NBI:                                                    \
            CALL(N##_atomic_fetch_add_nbi, &fetched, word, v, pe);             \
            quiet(ctx);                                                        \
            break;                                                             \
            A(T, N)                                                            \
        default:                                                               \
            must(false, "operation %d on " #N, operation);                     \
        }                                                                      \
        return (uint64_t)fetched;                                              \
    }
SHMEM_AMO_BIT_TYPES_(ATOMICS, BITS)
SHMEM_LONGS_(ATOMICS, NO_BITS)
#define ROW(HAS_BITS, T, N) {#N, sizeof(T), HAS_BITS, N##_run},
static const amo_type_t types[] = {SHMEM_AMO_BIT_TYPES_(ROW, true)
                                       SHMEM_LONGS_(ROW, false)};

/* The value of a word after an operation. */
static uint64_t after(operation_t operation, uint64_t old, uint64_t value,
                      uint64_t condition)
{
    switch (operation) {
    case FETCH:
    case FETCH_NBI:
        return old;
    case SET:
    case SWAP:
    case SWAP_NBI:
        return value;
    case CSWAP:
    case CSWAP_NBI:
        return old == condition ? value : old;
    case INC:
    case FETCH_INC:
    case FETCH_INC_NBI:
        return old + 1;
    case ADD:
    case FETCH_ADD:
    case FETCH_ADD_NBI:
        return old + value;
    case AND:
    case FETCH_AND:
    case FETCH_AND_NBI:
        return old & value;
    case OR:
    case FETCH_OR:
    case FETCH_OR_NBI:
        return old | value;
    default:
        return old ^ value;
    }
}

static bool fetches(operation_t operation)
{
    return operation != SET && operation != INC && operation != ADD &&
           operation != AND && operation != OR && operation != XOR;
}

/* All PEs of a space work on one word with operations that commute; or one PE
 * does with any operation, and completes it before the next. */
static void use_word(block_t *block, int target, size_t offset)
{
    const amo_type_t *type = &types[draw(sizeof(types) / sizeof(types[0]))];
    const team_t *team = members_of(block);
    uint64_t mask = type->size == 8 ? UINT64_MAX : UINT32_MAX;
    uint64_t word = 0;
    memcpy(&word, block->copy[target] + offset, type->size);
    int only = (int)draw((uint64_t)team->size);
    bool shared = draw(2) == 0;
    operation_t kind = INC;
    if (type->has_bits)
        kind += KIND * (operation_t)draw((OPERATIONS - INC) / KIND);
    for (int i = 0; i < team->size; i++) {
        int actor = pe_in(team, i);
        for (uint64_t k = 1 + draw(4); k > 0; k--) {
            operation_t operation =
                shared ? kind + (operation_t)draw(KIND)
                       : (operation_t)draw(type->has_bits ? OPERATIONS : AND);
            uint64_t value = draw(UINT64_MAX) & mask;
            uint64_t condition = draw(2) == 0 ? word : draw(100);
            int pe;
            shmem_ctx_t ctx = draw_context(actor, target, &pe);
            if (!shared && i != only)
                continue;
            uint64_t next = after(operation, word, value, condition) & mask;
            if (actor == me) {
                uint64_t fetched = type->run(ctx, operation, block->at + offset,
                                             value, condition, pe) &
                                   mask;
                must(shared || !fetches(operation) || fetched == word,
                     "operation %d on %s fetches %llu, not %llu", operation,
                     type->name, (unsigned long long)fetched,
                     (unsigned long long)word);
                if (!shared)
                    quiet(ctx);
            }
            word = next;
        }
    }
    memcpy(block->copy[target] + offset, &word, type->size);
}

void step_atomics(void)
{
    block_t *block = draw_block(-1);
    if (block == NULL || block->size < 16)
        return;
    const team_t *team = members_of(block);
    step("atomics on a block of %zu bytes", block->size);
    for (int i = 0; i < team->size; i++) {
        size_t offset = draw(block->size) / 16 * 8;
        for (size_t k = draw(6); k > 0 && offset + 8 <= block->size; k--) {
            use_word(block, pe_in(team, i), offset);
            offset += 8 + 8 * draw(3);
        }
    }
    complete();
    block_check(block);
    complete();
}

/* Flags that PEs set in a ring, and wait for. All flags of a type have the
 * same value on all PEs between steps. */
enum {
    FLAGS = 5
};

typedef struct wait_type {
    const char *name;
    size_t size;
    void (*set)(shmem_ctx_t ctx, int how, void *flag, uint64_t value,
                uint64_t step, int pe);
    /* Wait for all flags in some order, and report each. */
    void (*wait)(int how, void *flags, uint64_t value, void (*seen)(size_t i));
    void *flags;
    uint64_t value; /* of all flags */
} wait_type_t;

enum {
    SET_WAYS = 6,
    WAIT_WAYS = 13
};

/* Report an element of any, some or their vector forms, until all are. */
#define COLLECT(EXPRESSION)                                                    \
    for (size_t left = FLAGS; left > 0;) {                                     \
        hits = EXPRESSION;                                                     \
        for (size_t k = 0; k < hits; k++) {                                    \
            must(hit[k] < FLAGS && status[hit[k]] == 0, "element %zu",         \
                 hit[k]);                                                      \
            status[hit[k]] = 1;                                                \
            seen(hit[k]);                                                      \
            left--;                                                            \
        }                                                                      \
    }
#define ANY(EXPRESSION)                                                        \
    COLLECT((hit[0] = EXPRESSION, hit[0] == SIZE_MAX ? (size_t)0 : (size_t)1))

#define WAITS(A, T, N)                                                         \
    static T N##_flags[FLAGS];                                                 \
    static void N##_set_flag(shmem_ctx_t ctx, int how, void *at,               \
                             uint64_t value, uint64_t increment, int pe)       \
    {                                                                          \
        T *flag = at;                                                          \
        T v = (T)value;                                                        \
        switch (how) {                                                         \
        case 0:                                                                \
            CALL(N##_p, flag, v, pe);                                          \
            break;                                                             \
        case 1:                                                                \
            CALL(N##_put, flag, &v, 1, pe);                                    \
            break;                                                             \
        case 2:                                                                \
            CALL(N##_atomic_set, flag, v, pe);                                 \
            break;                                                             \
        case 3:                                                                \
            CALL(N##_atomic_add, flag, (T)increment, pe);                      \
            break;                                                             \
        case 4:                                                                \
            (void)CALL(N##_atomic_swap, flag, v, pe);                          \
            break;                                                             \
        default:                                                               \
            (void)CALL(N##_atomic_fetch_add, flag, (T)increment, pe);          \
        }                                                                      \
    }                                                                          \
    static void N##_wait_flags(int how, void *at, uint64_t value,              \
                               void (*seen)(size_t i))                         \
    {                                                                          \
        T *flags = at;                                                         \
        T v = (T)value;                                                        \
        T values[FLAGS] = {v, v, v, v, v};                                     \
        int status[FLAGS] = {0};                                               \
        size_t hit[FLAGS];                                                     \
        size_t hits;                                                           \
        const int eq = SHMEM_CMP_EQ;                                           \
        switch (how) {                                                         \
        case 0:                                                                \
            for (size_t i = 0; i < FLAGS; i++)                                 \
                shmem_##N##_wait_until(&flags[i], eq, v);                      \
            break;                                                             \
        case 1:                                                                \
            for (size_t i = 0; i < FLAGS; i++) {                               \
                while (!shmem_##N##_test(&flags[i], SHMEM_CMP_GE, v))          \
                    continue;                                                  \
            }                                                                  \
            break;                                                             \
        case 2:                                                                \
            shmem_##N##_wait_until_all(flags, FLAGS, NULL, SHMEM_CMP_GT,       \
                                       (T)(v - 1));                            \
            break;                                                             \
        case 3:                                                                \
            shmem_##N##_wait_until_all_vector(flags, FLAGS, NULL, eq, values); \
            break;                                                             \
        case 4:                                                                \
            while (!shmem_##N##_test_all(flags, FLAGS, NULL, eq, v))           \
                continue;                                                      \
            break;                                                             \
        case 5:                                                                \
            ANY(shmem_##N##_wait_until_any(flags, FLAGS, status, eq, v))       \
            return;                                                            \
        case 6:                                                                \
            COLLECT(                                                           \
                shmem_##N##_wait_until_some(flags, FLAGS, hit, status, eq, v)) \
            return;                                                            \
        case 7:                                                                \
            ANY(shmem_##N##_wait_until_any_vector(flags, FLAGS, status, eq,    \
                                                  values))                     \
            return;                                                            \
        case 8:                                                                \
            COLLECT(shmem_##N##_wait_until_some_vector(flags, FLAGS, hit,      \
                                                       status, eq, values))    \
            return;                                                            \
        case 9:                                                                \
            ANY(shmem_##N##_test_any(flags, FLAGS, status, eq, v))             \
            return;                                                            \
        case 10:                                                               \
            COLLECT(shmem_##N##_test_some(flags, FLAGS, hit, status, eq, v))   \
            return;                                                            \
        case 11:                                                               \
            ANY(shmem_##N##_test_any_vector(flags, FLAGS, status, eq, values)) \
            return;                                                            \
        default:                                                               \
            while (                                                            \
                !shmem_##N##_test_all_vector(flags, FLAGS, NULL, eq, values))  \
                continue;                                                      \
        }                                                                      \
        for (size_t i = 0; i < FLAGS; i++)                                     \
            seen(i);                                                           \
    }
#define WAIT_TYPES(X, A)                                                       \
    X(A, int, int)                                                             \
    X(A, long, long)                                                           \
    X(A, unsigned int, uint)                                                   \
    X(A, uint64_t, uint64)                                                     \
    X(A, ptrdiff_t, ptrdiff)
WAIT_TYPES(WAITS, 0)
#define WAIT_ROW(A, T, N)                                                      \
    {#N, sizeof(T), N##_set_flag, N##_wait_flags, N##_flags, 0},
static wait_type_t wait_types[] = {WAIT_TYPES(WAIT_ROW, 0)};

enum {
    WAIT_TYPE_COUNT = sizeof(wait_types) / sizeof(wait_types[0])
};

/* What each flag announces: a segment of a block. */
static const block_t *announced;
static size_t part;

static void flag_seen(size_t i)
{
    if (announced != NULL)
        must_equal(announced->at + i * part, announced->copy[me] + i * part,
                   part, "data before a flag");
}

/* Send one flag of a PE, after its data. */
static void send_flag(wait_type_t *type, block_t *block, size_t i, int sender,
                      int target, uint64_t value, uint64_t increment)
{
    void *flag = (char *)type->flags + i * type->size;
    bool is_signal = strcmp(type->name, "uint64") == 0;
    int how = (int)draw(is_signal ? SET_WAYS + 4 : SET_WAYS);
    bool blocking = draw(2) == 0;
    int pe;
    shmem_ctx_t ctx = draw_context(sender, target, &pe);
    unsigned char *source = NULL;
    void *dest = NULL;
    if (block != NULL) {
        draw_bytes(block->copy[target] + i * part, part);
        source = block->copy[target] + i * part; /* it stays until complete() */
        dest = block->at + i * part;
    }
    if (me != sender)
        return;
    int op = how % 2 == 0 ? SHMEM_SIGNAL_SET : SHMEM_SIGNAL_ADD;
    uint64_t operand = how % 2 == 0 ? value : increment;
    if (how >= SET_WAYS + 2 && block != NULL) {
        if (blocking)
            CALL(putmem_signal, dest, source, part, flag, operand, op, pe);
        else
            CALL(putmem_signal_nbi, dest, source, part, flag, operand, op, pe);
        return;
    }
    if (block != NULL && blocking)
        CALL(putmem, dest, source, part, pe);
    else if (block != NULL)
        CALL(putmem_nbi, dest, source, part, pe);
    if (ctx == SHMEM_CTX_INVALID)
        shmem_fence();
    else
        shmem_ctx_fence(ctx);
    if (how < SET_WAYS)
        type->set(ctx, how, flag, value, increment, pe);
    else if (op == SHMEM_SIGNAL_SET)
        CALL(signal_set, flag, operand, pe);
    else
        CALL(signal_add, flag, operand, pe);
}

void step_waits(void)
{
    wait_type_t *type = &wait_types[draw(WAIT_TYPE_COUNT)];
    block_t *block = draw_block(-1);
    uint64_t increment = 1 + draw(5);
    int order[MOST_PES];
    int how[MOST_PES];
    if (block != NULL &&
        (block->size < FLAGS * 16 || members_of(block)->size != n))
        block = NULL;
    announced = block;
    part = block == NULL ? 0 : block->size / FLAGS;
    type->value += increment;
    step("waits for flags of type %s, %zu bytes before each", type->name, part);
    draw_order(order, n);
    for (int pe = 0; pe < n; pe++) {
        for (size_t i = 0; i < FLAGS; i++)
            send_flag(type, block, i, order[pe], pe, type->value, increment);
    }
    for (int pe = 0; pe < n; pe++)
        how[pe] = (int)draw(WAIT_WAYS + 1);
    if (how[me] < WAIT_WAYS || strcmp(type->name, "uint64") != 0) {
        type->wait(how[me] % WAIT_WAYS, type->flags, type->value, flag_seen);
    } else {
        uint64_t *flags = type->flags;
        for (size_t i = 0; i < FLAGS; i++) {
            uint64_t value =
                shmem_signal_wait_until(&flags[i], SHMEM_CMP_GE, type->value);
            must(value == type->value && shmem_signal_fetch(&flags[i]) == value,
                 "the signal is %llu", (unsigned long long)value);
            flag_seen(i);
        }
    }
    complete();
    if (block != NULL)
        block_check(block);
    complete();
}

/* Locks that protect counters. */
static long locks[3];
static uint64_t counters[3];
static uint64_t counted[3];

void step_lock(void)
{
    uint64_t i = draw(3);
    int home = (int)draw((uint64_t)n);
    int turns[MOST_PES];
    bool tries = draw(2) == 0;
    step("lock %d, counter on PE %d", (int)i, home);
    uint64_t old = counted[i];
    if (me == home)
        counters[i] = old;
    complete();
    for (int pe = 0; pe < n; pe++) {
        turns[pe] = (int)draw(4);
        counted[i] += (uint64_t)turns[pe];
    }
    for (int turn = 0; turn < turns[me]; turn++) {
        if (tries) {
            while (shmem_test_lock(&locks[i]) != 0)
                continue;
        } else {
            shmem_set_lock(&locks[i]);
        }
        uint64_t count = shmem_uint64_g(&counters[i], home);
        shmem_uint64_p(&counters[i], count + 1, home);
        shmem_clear_lock(&locks[i]);
    }
    complete();
    uint64_t count = shmem_uint64_g(&counters[i], home);
    must(count == counted[i], "the counter is %llu, not %llu",
         (unsigned long long)count, (unsigned long long)counted[i]);
    complete();
}
