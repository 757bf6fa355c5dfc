/*
 * Every family of remote memory access, for every type, with and without a
 * context: each PE writes to its own part of every other PE's block, or reads
 * from it.
 *
 * The families of a type are wrapped into a table of functions over void, so
 * that the checks are written once.
 */
#include "tests/mpi/tap.h"

enum {
    COUNT = 8,   /* elements that are copied */
    LENGTH = 32, /* into an array of this length */
    WIDEST = 16  /* maximum bytes of an element */
};

typedef void put_t(void *dest, const void *source, size_t n, int pe);
typedef void strided_t(void *dest, const void *source, ptrdiff_t dst,
                       ptrdiff_t sst, size_t n, int pe);
typedef void blocks_t(void *dest, const void *source, ptrdiff_t dst,
                      ptrdiff_t sst, size_t bsize, size_t n, int pe);
typedef void signal_t(void *dest, const void *source, size_t n, uint64_t *word,
                      uint64_t signal, int op, int pe);

/* The routines for one type; NULL where the standard has none. */
typedef struct family {
    const char *name;
    size_t size;
    void (*make)(void *element, int value);
    bool (*is)(const void *element, int value);
    put_t *put, *get, *put_nbi, *get_nbi, *p, *g;
    strided_t *iput, *iget;
    blocks_t *ibput, *ibget;
    signal_t *put_signal, *put_signal_nbi;
} family_t;

static shmem_ctx_t ctx; /* for the forms that have one */
static char *block;     /* LENGTH elements per PE */
static uint64_t *words; /* a signal word per PE */

#define STRIP(...) __VA_ARGS__

/* Wrappers PREFIX_put and so on; CONTEXT is (ctx,) or (). */
#define MOVES(PREFIX, CONTEXT, PUT, GET, PUT_NBI, GET_NBI, PUT_SIGNAL,         \
              PUT_SIGNAL_NBI)                                                  \
    static void PREFIX##_put(void *d, const void *s, size_t n, int pe)         \
    {                                                                          \
        PUT(STRIP CONTEXT d, s, n, pe);                                        \
    }                                                                          \
    static void PREFIX##_get(void *d, const void *s, size_t n, int pe)         \
    {                                                                          \
        GET(STRIP CONTEXT d, s, n, pe);                                        \
    }                                                                          \
    static void PREFIX##_put_nbi(void *d, const void *s, size_t n, int pe)     \
    {                                                                          \
        PUT_NBI(STRIP CONTEXT d, s, n, pe);                                    \
    }                                                                          \
    static void PREFIX##_get_nbi(void *d, const void *s, size_t n, int pe)     \
    {                                                                          \
        GET_NBI(STRIP CONTEXT d, s, n, pe);                                    \
    }                                                                          \
    static void PREFIX##_put_signal(void *d, const void *s, size_t n,          \
                                    uint64_t *word, uint64_t signal, int op,   \
                                    int pe)                                    \
    {                                                                          \
        PUT_SIGNAL(STRIP CONTEXT d, s, n, word, signal, op, pe);               \
    }                                                                          \
    static void PREFIX##_put_signal_nbi(void *d, const void *s, size_t n,      \
                                        uint64_t *word, uint64_t signal,       \
                                        int op, int pe)                        \
    {                                                                          \
        PUT_SIGNAL_NBI(STRIP CONTEXT d, s, n, word, signal, op, pe);           \
    }
#define STRIDES(PREFIX, CONTEXT, IPUT, IGET, IBPUT, IBGET)                     \
    static void PREFIX##_iput(void *d, const void *s, ptrdiff_t dst,           \
                              ptrdiff_t sst, size_t n, int pe)                 \
    {                                                                          \
        IPUT(STRIP CONTEXT d, s, dst, sst, n, pe);                             \
    }                                                                          \
    static void PREFIX##_iget(void *d, const void *s, ptrdiff_t dst,           \
                              ptrdiff_t sst, size_t n, int pe)                 \
    {                                                                          \
        IGET(STRIP CONTEXT d, s, dst, sst, n, pe);                             \
    }                                                                          \
    static void PREFIX##_ibput(void *d, const void *s, ptrdiff_t dst,          \
                               ptrdiff_t sst, size_t bsize, size_t n, int pe)  \
    {                                                                          \
        IBPUT(STRIP CONTEXT d, s, dst, sst, bsize, n, pe);                     \
    }                                                                          \
    static void PREFIX##_ibget(void *d, const void *s, ptrdiff_t dst,          \
                               ptrdiff_t sst, size_t bsize, size_t n, int pe)  \
    {                                                                          \
        IBGET(STRIP CONTEXT d, s, dst, sst, bsize, n, pe);                     \
    }
#define ONE(PREFIX, CONTEXT, T, P, G)                                          \
    static void PREFIX##_p(void *d, const void *s, size_t n, int pe)           \
    {                                                                          \
        for (size_t i = 0; i < n; i++)                                         \
            P(STRIP CONTEXT(T *) d + i, ((const T *)s)[i], pe);                \
    }                                                                          \
    static void PREFIX##_g(void *d, const void *s, size_t n, int pe)           \
    {                                                                          \
        for (size_t i = 0; i < n; i++)                                         \
            ((T *)d)[i] = G(STRIP CONTEXT(const T *) s + i, pe);               \
    }

/* All wrappers of one type. */
#define TYPED(A, T, N)                                                         \
    static void N##_make(void *element, int value)                             \
    {                                                                          \
        *(T *)element = (T)value;                                              \
    }                                                                          \
    static bool N##_is(const void *element, int value)                         \
    {                                                                          \
        return *(const T *)element == (T)value;                                \
    }                                                                          \
    MOVES(N, (), shmem_##N##_put, shmem_##N##_get, shmem_##N##_put_nbi,        \
          shmem_##N##_get_nbi, shmem_##N##_put_signal,                         \
          shmem_##N##_put_signal_nbi)                                          \
    MOVES(ctx_##N, (ctx, ), shmem_ctx_##N##_put, shmem_ctx_##N##_get,          \
          shmem_ctx_##N##_put_nbi, shmem_ctx_##N##_get_nbi,                    \
          shmem_ctx_##N##_put_signal, shmem_ctx_##N##_put_signal_nbi)          \
    STRIDES(N, (), shmem_##N##_iput, shmem_##N##_iget, shmem_##N##_ibput,      \
            shmem_##N##_ibget)                                                 \
    STRIDES(ctx_##N, (ctx, ), shmem_ctx_##N##_iput, shmem_ctx_##N##_iget,      \
            shmem_ctx_##N##_ibput, shmem_ctx_##N##_ibget)                      \
    ONE(N, (), T, shmem_##N##_p, shmem_##N##_g)                                \
    ONE(ctx_##N, (ctx, ), T, shmem_ctx_##N##_p, shmem_ctx_##N##_g)
SHMEM_RMA_TYPES_(TYPED, 0)

#define SIZED(A, T, N)                                                         \
    static void bits##N##_make(void *element, int value)                       \
    {                                                                          \
        memset(element, value, (N) / 8);                                       \
    }                                                                          \
    static bool bits##N##_is(const void *element, int value)                   \
    {                                                                          \
        char wanted[(N) / 8];                                                  \
        memset(wanted, value, sizeof(wanted));                                 \
        return memcmp(element, wanted, sizeof(wanted)) == 0;                   \
    }                                                                          \
    MOVES(bits##N, (), shmem_put##N, shmem_get##N, shmem_put##N##_nbi,         \
          shmem_get##N##_nbi, shmem_put##N##_signal,                           \
          shmem_put##N##_signal_nbi)                                           \
    MOVES(ctx_bits##N, (ctx, ), shmem_ctx_put##N, shmem_ctx_get##N,            \
          shmem_ctx_put##N##_nbi, shmem_ctx_get##N##_nbi,                      \
          shmem_ctx_put##N##_signal, shmem_ctx_put##N##_signal_nbi)            \
    STRIDES(bits##N, (), shmem_iput##N, shmem_iget##N, shmem_ibput##N,         \
            shmem_ibget##N)                                                    \
    STRIDES(ctx_bits##N, (ctx, ), shmem_ctx_iput##N, shmem_ctx_iget##N,        \
            shmem_ctx_ibput##N, shmem_ctx_ibget##N)
SHMEM_SIZES_(SIZED, 0)

MOVES(mem, (), shmem_putmem, shmem_getmem, shmem_putmem_nbi, shmem_getmem_nbi,
      shmem_putmem_signal, shmem_putmem_signal_nbi)
MOVES(ctx_mem, (ctx, ), shmem_ctx_putmem, shmem_ctx_getmem,
      shmem_ctx_putmem_nbi, shmem_ctx_getmem_nbi, shmem_ctx_putmem_signal,
      shmem_ctx_putmem_signal_nbi)

#define MOVES_OF(PREFIX)                                                       \
    .put = PREFIX##_put, .get = PREFIX##_get, .put_nbi = PREFIX##_put_nbi,     \
    .get_nbi = PREFIX##_get_nbi, .put_signal = PREFIX##_put_signal,            \
    .put_signal_nbi = PREFIX##_put_signal_nbi
#define STRIDES_OF(PREFIX)                                                     \
    .iput = PREFIX##_iput, .iget = PREFIX##_iget, .ibput = PREFIX##_ibput,     \
    .ibget = PREFIX##_ibget
#define HEAD_OF(PREFIX, N, SIZE)                                               \
    .name = #PREFIX, .size = (SIZE), .make = N##_make, .is = N##_is
#define TYPED_ROW(A, T, N)                                                     \
    {HEAD_OF(N, N, sizeof(T)), MOVES_OF(N), STRIDES_OF(N), .p = N##_p,         \
     .g = N##_g},                                                              \
        {HEAD_OF(ctx_##N, N, sizeof(T)), MOVES_OF(ctx_##N),                    \
         STRIDES_OF(ctx_##N), .p = ctx_##N##_p, .g = ctx_##N##_g},
#define SIZED_ROW(A, T, N)                                                     \
    {HEAD_OF(bits##N, bits##N, (N) / 8), MOVES_OF(bits##N),                    \
     STRIDES_OF(bits##N)},                                                     \
        {HEAD_OF(ctx_bits##N, bits##N, (N) / 8), MOVES_OF(ctx_bits##N),        \
         STRIDES_OF(ctx_bits##N)},
static const family_t families[] = {
    SHMEM_RMA_TYPES_(TYPED_ROW, 0)
        SHMEM_SIZES_(SIZED_ROW, 0){HEAD_OF(mem, bits8, 1), MOVES_OF(mem)},
    {HEAD_OF(ctx_mem, bits8, 1), MOVES_OF(ctx_mem)}};

/* The index of the k-th copied element: in blocks whose starts are a stride
 * apart. */
typedef struct shape {
    size_t bsize, dst, sst;
} shape_t;
static const shape_t dense = {COUNT, COUNT, COUNT};
static const shape_t strided = {1, 3, 2};
static const shape_t blocked = {2, 5, 3};

static size_t place(size_t k, size_t bsize, size_t stride)
{
    return k / bsize * stride + k % bsize;
}

static int value(int from, int to, size_t k)
{
    return (from * 29 + to * 11 + (int)k * 5) % 100 + 1;
}

static void make_all(const family_t *f, char *array, int from, int to)
{
    for (size_t i = 0; i < LENGTH; i++)
        f->make(array + i * f->size, value(from, to, i));
}

/* Whether an array has the elements copied from make_all(), and 0 elsewhere. */
static bool has_come(const family_t *f, const char *array, shape_t shape,
                     int from, int to)
{
    for (size_t i = 0; i < LENGTH; i++) {
        int wanted = 0;
        for (size_t k = 0; k < COUNT; k++) {
            if (place(k, shape.bsize, shape.dst) == i)
                wanted = value(from, to, place(k, shape.bsize, shape.sst));
        }
        if (!f->is(array + i * f->size, wanted)) {
            fprintf(stderr, "%s: element %zu from PE %d to PE %d\n", f->name, i,
                    from, to);
            return false;
        }
    }
    return true;
}

/* Copy between two arrays by the routine of a shape. */
static void move(put_t *plain, strided_t *by_stride, blocks_t *by_block,
                 shape_t shape, void *dest, const void *source, int pe)
{
    if (plain != NULL)
        plain(dest, source, COUNT, pe);
    else if (by_stride != NULL)
        by_stride(dest, source, (ptrdiff_t)shape.dst, (ptrdiff_t)shape.sst,
                  COUNT, pe);
    else
        by_block(dest, source, (ptrdiff_t)shape.dst, (ptrdiff_t)shape.sst,
                 shape.bsize, COUNT / shape.bsize, pe);
}

static char *part(const family_t *f, int pe)
{
    return block + (size_t)pe * LENGTH * f->size;
}

static bool puts_arrive(const family_t *f, put_t *put, strided_t *iput,
                        blocks_t *ibput, shape_t shape)
{
    _Alignas(WIDEST) char out[64][LENGTH * WIDEST];
    int me = shmem_my_pe();
    int n = shmem_n_pes();
    bool good = true;
    if (put == NULL && iput == NULL && ibput == NULL)
        return true;
    memset(block, 0, (size_t)n * LENGTH * f->size);
    shmem_barrier_all();
    for (int pe = 0; pe < n; pe++) {
        make_all(f, out[pe % 64], me, pe);
        move(put, iput, ibput, shape, part(f, me), out[pe % 64], pe);
    }
    shmem_ctx_quiet(ctx);
    shmem_barrier_all(); /* completes the default context */
    for (int pe = 0; pe < n; pe++)
        good = has_come(f, part(f, pe), shape, pe, me) && good;
    shmem_barrier_all();
    return good;
}

static bool gets_see(const family_t *f, put_t *get, strided_t *iget,
                     blocks_t *ibget, shape_t shape)
{
    _Alignas(WIDEST) char in[LENGTH * WIDEST];
    int me = shmem_my_pe();
    int n = shmem_n_pes();
    bool good = true;
    if (get == NULL && iget == NULL && ibget == NULL)
        return true;
    for (int pe = 0; pe < n; pe++)
        make_all(f, part(f, pe), me, pe);
    shmem_barrier_all();
    for (int pe = 0; pe < n; pe++) {
        memset(in, 0, sizeof(in));
        move(get, iget, ibget, shape, in, part(f, me), pe);
        shmem_ctx_quiet(ctx);
        shmem_quiet();
        good = has_come(f, in, shape, pe, me) && good;
    }
    shmem_barrier_all();
    return good;
}

/* The data arrives before the signal; a signal without data works too. */
static bool signals_follow(const family_t *f, signal_t *put_signal, int op)
{
    _Alignas(WIDEST) char out[LENGTH * WIDEST];
    int me = shmem_my_pe();
    int n = shmem_n_pes();
    bool good = true;
    memset(block, 0, (size_t)n * LENGTH * f->size);
    for (int pe = 0; pe < n; pe++)
        words[pe] = 40;
    shmem_barrier_all();
    for (int pe = 0; pe < n; pe++) {
        make_all(f, out, me, pe);
        put_signal(part(f, me), out, COUNT, &words[me], 5, op, pe);
        shmem_ctx_quiet(ctx);
        shmem_quiet();
    }
    uint64_t wanted = op == SHMEM_SIGNAL_ADD ? 45 : 5;
    for (int pe = 0; pe < n; pe++) {
        good =
            shmem_signal_wait_until(&words[pe], SHMEM_CMP_NE, 40) == wanted &&
            good;
        good = has_come(f, part(f, pe), dense, pe, me) && good;
    }
    shmem_barrier_all();
    put_signal(NULL, NULL, 0, &words[me], 100, SHMEM_SIGNAL_ADD, (me + 1) % n);
    shmem_ctx_quiet(ctx);
    shmem_barrier_all();
    good = words[(me + n - 1) % n] == wanted + 100 && good;
    shmem_barrier_all();
    return good;
}

/* A length of 0 copies nothing, and the addresses are ignored. */
static bool nothing_moves(const family_t *f)
{
    char local[WIDEST] = "unchanged";
    int pe = shmem_n_pes() - 1;
    f->put(local, NULL, 0, pe);
    f->get(local, local + 1, 0, pe);
    f->put_nbi(NULL, local, 0, pe);
    f->get_nbi(local, NULL, 0, pe);
    if (f->iput != NULL) {
        f->iput(local, NULL, 1, 1, 0, pe);
        f->iget(local, NULL, 1, 1, 0, pe);
        f->ibput(local, NULL, 1, 1, 0, 3, pe);
        f->ibput(local, NULL, 3, 3, 3, 0, pe);
        f->ibget(local, NULL, 1, 1, 0, 3, pe);
        f->ibget(local, NULL, 3, 3, 3, 0, pe);
    }
    return strcmp(local, "unchanged") == 0;
}

/* A fact about all families; holds is an expression with f. */
#define EACH(holds, fact)                                                      \
    do {                                                                       \
        bool good = true;                                                      \
        for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {  \
            const family_t *f = &families[i];                                  \
            good = (holds) && good;                                            \
        }                                                                      \
        tap_ok(good, fact);                                                    \
    } while (0)

int main(void)
{
    shmem_init();
    tap_plan(18);
    block = shmem_calloc((size_t)shmem_n_pes(), LENGTH * WIDEST);
    words = shmem_calloc((size_t)shmem_n_pes(), sizeof(uint64_t));
    tap_ok(shmem_ctx_create(0, &ctx) == 0, "a context is created");

    EACH(puts_arrive(f, f->put, NULL, NULL, dense), "put, of every type");
    EACH(puts_arrive(f, f->put_nbi, NULL, NULL, dense), "put_nbi");
    EACH(puts_arrive(f, f->p, NULL, NULL, dense), "p");
    EACH(puts_arrive(f, NULL, f->iput, NULL, strided), "iput");
    EACH(puts_arrive(f, NULL, NULL, f->ibput, blocked), "ibput");
    EACH(gets_see(f, f->get, NULL, NULL, dense), "get");
    EACH(gets_see(f, f->get_nbi, NULL, NULL, dense), "get_nbi");
    EACH(gets_see(f, f->g, NULL, NULL, dense), "g");
    EACH(gets_see(f, NULL, f->iget, NULL, strided), "iget");
    EACH(gets_see(f, NULL, NULL, f->ibget, blocked), "ibget");
    EACH(signals_follow(f, f->put_signal, SHMEM_SIGNAL_SET),
         "put_signal that sets");
    EACH(signals_follow(f, f->put_signal, SHMEM_SIGNAL_ADD),
         "put_signal that adds");
    EACH(signals_follow(f, f->put_signal_nbi, SHMEM_SIGNAL_SET),
         "put_signal_nbi that sets");
    EACH(signals_follow(f, f->put_signal_nbi, SHMEM_SIGNAL_ADD),
         "put_signal_nbi that adds");
    EACH(nothing_moves(f), "nothing is moved for a length of 0");

    int right = (shmem_my_pe() + 1) % shmem_n_pes();
    words[0] = 7;
    shmem_barrier_all();
    shmem_signal_add(&words[0], 10, right);
    shmem_barrier_all();
    bool good = shmem_signal_fetch(&words[0]) == 17;
    shmem_barrier_all();
    shmem_signal_add(ctx, &words[0], 10, right);
    shmem_barrier_all();
    tap_ok(good && shmem_signal_fetch(&words[0]) == 27, "signal_add adds");
    shmem_barrier_all();
    shmem_signal_set(&words[0], 3, right);
    shmem_signal_set(ctx, &words[1 % shmem_n_pes()], 4, right);
    shmem_barrier_all();
    tap_ok(shmem_signal_fetch(&words[1 % shmem_n_pes()]) == 4 &&
               (shmem_n_pes() == 1 || shmem_signal_fetch(&words[0]) == 3),
           "signal_set sets");
    shmem_ctx_destroy(ctx);
    shmem_finalize();
    return 0;
}
