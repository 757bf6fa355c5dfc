/*
 * Random puts and gets, contiguous, strided and in blocks, with and without a
 * context, blocking or not.
 *
 * In one step, PEs write to the copies of one block. Each copy has one writer:
 * either another PE that puts, or the PE itself, which may put or get. A copy
 * is cut into segments, and each segment is written once.
 */
#include "tests/mpi/fuzz_model.h"

/* Call the form with a context, unless that is SHMEM_CTX_INVALID. */
#define CALL(ROUTINE, ...)                                                     \
    (ctx == SHMEM_CTX_INVALID ? shmem_##ROUTINE(__VA_ARGS__)                   \
                              : shmem_ctx_##ROUTINE(ctx, __VA_ARGS__))

typedef void move_t(shmem_ctx_t ctx, void *dest, const void *source, size_t n,
                    int pe);
typedef void blocks_t(shmem_ctx_t ctx, void *dest, const void *source,
                      ptrdiff_t dst, ptrdiff_t sst, size_t bsize, size_t n,
                      int pe);

/* The routines for one type; NULL where the standard has none. A stride of
 * single elements is a bsize of 1. */
typedef struct family {
    const char *name;
    size_t size;
    move_t *put, *get, *put_nbi, *get_nbi, *p, *g;
    blocks_t *iput, *iget, *ibput, *ibget;
} family_t;

#define MOVE(NAME, ROUTINE)                                                    \
    static void NAME(shmem_ctx_t ctx, void *d, const void *s, size_t count,    \
                     int pe)                                                   \
    {                                                                          \
        CALL(ROUTINE, d, s, count, pe);                                        \
    }
#define STRIDED(NAME, ROUTINE)                                                 \
    static void NAME(shmem_ctx_t ctx, void *d, const void *s, ptrdiff_t dst,   \
                     ptrdiff_t sst, size_t bsize, size_t count, int pe)        \
    {                                                                          \
        (void)bsize;                                                           \
        CALL(ROUTINE, d, s, dst, sst, count, pe);                              \
    }
#define IN_BLOCKS(NAME, ROUTINE)                                               \
    static void NAME(shmem_ctx_t ctx, void *d, const void *s, ptrdiff_t dst,   \
                     ptrdiff_t sst, size_t bsize, size_t count, int pe)        \
    {                                                                          \
        CALL(ROUTINE, d, s, dst, sst, bsize, count, pe);                       \
    }
#define STRIDES(N, IPUT, IGET, IBPUT, IBGET)                                   \
    STRIDED(N##_iputs, IPUT)                                                   \
    STRIDED(N##_igets, IGET)                                                   \
    IN_BLOCKS(N##_ibputs, IBPUT)                                               \
    IN_BLOCKS(N##_ibgets, IBGET)
#define MOVES(N, PUT, GET, PUT_NBI, GET_NBI)                                   \
    MOVE(N##_puts, PUT)                                                        \
    MOVE(N##_gets, GET)                                                        \
    MOVE(N##_puts_nbi, PUT_NBI)                                                \
    MOVE(N##_gets_nbi, GET_NBI)
#define SIZED(A, T, N)                                                         \
    MOVES(bits##N, put##N, get##N, put##N##_nbi, get##N##_nbi)                 \
    STRIDES(bits##N, iput##N, iget##N, ibput##N, ibget##N)
#define TYPED(A, T, N)                                                         \
    MOVES(N, N##_put, N##_get, N##_put_nbi, N##_get_nbi)                       \
    STRIDES(N, N##_iput, N##_iget, N##_ibput, N##_ibget)                       \
    static void N##_ps(shmem_ctx_t ctx, void *d, const void *s, size_t count,  \
                       int pe)                                                 \
    {                                                                          \
        for (size_t i = 0; i < count; i++)                                     \
            CALL(N##_p, (T *)d + i, ((const T *)s)[i], pe);                    \
    }                                                                          \
    static void N##_gs(shmem_ctx_t ctx, void *d, const void *s, size_t count,  \
                       int pe)                                                 \
    {                                                                          \
        for (size_t i = 0; i < count; i++)                                     \
            ((T *)d)[i] = CALL(N##_g, (const T *)s + i, pe);                   \
    }
#define TYPES(X, A) SHMEM_LONGS_(X, A) SHMEM_UNSIGNED_SHORTS_(X, A)
SHMEM_SIZES_(SIZED, 0)
TYPES(TYPED, 0)
MOVES(mem, putmem, getmem, putmem_nbi, getmem_nbi)

#define ROW(N, SIZE, P, G)                                                     \
    {#N, SIZE, N##_puts,  N##_gets,  N##_puts_nbi, N##_gets_nbi,               \
     P,  G,    N##_iputs, N##_igets, N##_ibputs,   N##_ibgets},
#define SIZED_ROW(A, T, N) ROW(bits##N, (N) / 8, NULL, NULL)
#define TYPED_ROW(A, T, N) ROW(N, sizeof(T), N##_ps, N##_gs)
static const family_t families[] = {
    SHMEM_SIZES_(SIZED_ROW, 0) TYPES(TYPED_ROW, 0){.name = "mem",
                                                   .size = 1,
                                                   .put = mem_puts,
                                                   .get = mem_gets,
                                                   .put_nbi = mem_puts_nbi,
                                                   .get_nbi = mem_gets_nbi}};

enum {
    FAMILIES = sizeof(families) / sizeof(families[0]),
    KEPT = 400
};

/* Local buffers of the step, and what must be in them at its end. */
static struct {
    void *at, *wanted;
    size_t size;
} kept[KEPT];
static int kept_count;

/* A local buffer that lives to the end of the step. */
static unsigned char *keep(const void *contents, size_t size)
{
    unsigned char *at = malloc(size);
    memcpy(at, contents, size);
    kept[kept_count].at = at;
    kept[kept_count].wanted = NULL;
    kept[kept_count++].size = size;
    return at;
}

static void release_kept(void)
{
    for (int i = 0; i < kept_count; i++) {
        if (kept[i].wanted != NULL)
            must_equal(kept[i].at, kept[i].wanted, kept[i].size,
                       "local buffer");
        free(kept[i].at);
        free(kept[i].wanted);
    }
    kept_count = 0;
}

/* A context whose team has both PEs, or none. */
static const context_t *draw_context(int from, int to)
{
    const context_t *context = &contexts[draw(CONTEXTS)];
    const team_t *team = &teams[context->team];
    bool use = draw(2) == 0;
    return use && context->lives && rank_in(team, from) >= 0 &&
                   rank_in(team, to) >= 0
               ? context
               : NULL;
}

/* One operation: `count` pieces of `bytes` bytes, which lie apart. */
typedef struct move {
    const family_t *family;
    const context_t *context;
    bool gets, blocking, by_ones, strided, by_pointer;
    int actor, other;    /* the PE that calls, and the one it reaches */
    size_t count, bsize; /* pieces, elements of a piece */
    size_t dst, sst;     /* strides in elements */
    unsigned char *dest; /* on the actor, if it gets; else symmetric */
    const unsigned char *source;
} move_t_;

static void run(const move_t_ *move)
{
    const family_t *f = move->family;
    shmem_ctx_t ctx = SHMEM_CTX_INVALID;
    int pe = move->other;
    if (move->context != NULL) {
        ctx = move->context->handle;
        pe = rank_in(&teams[move->context->team], pe);
    }
    void *pointer =
        shmem_ptr(move->gets ? move->source : move->dest, move->other);
    if (!move->strided && move->by_pointer && pointer != NULL) {
        memcpy(move->gets ? move->dest : pointer,
               move->gets ? pointer : move->source, move->bsize * f->size);
        return;
    }
    if (!move->strided) {
        move_t *routine = move->gets ? (move->by_ones    ? f->g
                                        : move->blocking ? f->get
                                                         : f->get_nbi)
                                     : (move->by_ones    ? f->p
                                        : move->blocking ? f->put
                                                         : f->put_nbi);
        routine(ctx, move->dest, move->source, move->bsize, pe);
        return;
    }
    bool single = move->bsize == 1 && move->blocking;
    blocks_t *routine = move->gets ? (single ? f->iget : f->ibget)
                                   : (single ? f->iput : f->ibput);
    routine(ctx, move->dest, move->source, (ptrdiff_t)move->dst,
            (ptrdiff_t)move->sst, move->bsize, move->count, pe);
}

/* Do to the model what the move does. */
static void model(const move_t_ *move, unsigned char *dest,
                  const unsigned char *source)
{
    size_t size = move->family->size;
    for (size_t i = 0; i < move->count; i++)
        memcpy(dest + i * move->dst * size, source + i * move->sst * size,
               move->bsize * size);
}

/* Draw the shape of a move that fits into both rooms. False if none does. */
static bool draw_shape(move_t_ *move, size_t dest_room, size_t source_room)
{
    const family_t *f = &families[draw(FAMILIES)];
    size_t room = dest_room < source_room ? dest_room : source_room;
    size_t most = room / f->size;
    move->family = f;
    move->blocking = draw(2) == 0;
    move->by_pointer = draw(4) == 0;
    move->by_ones = f->p != NULL && draw(6) == 0;
    move->strided = f->iput != NULL && draw(3) == 0;
    move->dst = move->sst = move->count = 1;
    if (most == 0)
        return false;
    if (!move->strided) {
        size_t elements = draw_size(room) / f->size;
        move->bsize = elements == 0 ? 1 : elements;
        if (move->by_ones && move->bsize > 20)
            move->bsize = 20;
        return true;
    }
    move->bsize = 1 + draw(most < 5 ? most : 5);
    move->dst = move->bsize + draw(4);
    move->sst = move->bsize + draw(4);
    size_t widest = move->dst > move->sst ? move->dst : move->sst;
    move->count = 1 + draw(most / widest < 300 ? most / widest + 1 : 300);
    if ((move->count - 1) * widest + move->bsize > most)
        move->count = 1;
    return true;
}

/* The bytes from the first piece to the end of the last. */
static size_t span(const move_t_ *move, size_t stride)
{
    return ((move->count - 1) * stride + move->bsize) * move->family->size;
}

/* Write `room` bytes at an offset of a copy, at most. */
static void write_segment(block_t *block, int target, int writer, size_t offset,
                          size_t room)
{
    move_t_ move = {.actor = writer};
    block_t *from = draw_block(-1);
    const team_t *others = members_of(from);
    int other = pe_in(others, (int)draw((uint64_t)others->size));
    bool local = from == block || rank_in(others, writer) < 0 || draw(2) == 0;
    move.gets = !local && target == writer && draw(2) == 0;
    size_t skip = local ? 0 : draw(from->size) / 16 * 16;
    size_t source_room = local ? room : from->size - skip;
    if (!draw_shape(&move, room, source_room))
        return;
    int source_pe = move.gets ? other : writer;
    move.other = move.gets ? other : target;
    move.context = draw_context(writer, move.other);
    unsigned char *bytes = NULL;
    const unsigned char *contents = local ? NULL : from->copy[source_pe] + skip;
    if (local) {
        bytes = malloc(span(&move, move.sst));
        draw_bytes(bytes, span(&move, move.sst));
        contents = bytes;
    }
    model(&move, block->copy[target] + offset, contents);
    if (me == writer) {
        move.dest = block->at + offset;
        move.source =
            local ? keep(bytes, span(&move, move.sst)) : from->at + skip;
        run(&move);
    }
    free(bytes);
}

/* Get from a block that is not written in this step. */
static void read_segment(const block_t *written, int reader)
{
    const block_t *from = draw_block(-1);
    const team_t *others = members_of(from);
    move_t_ move = {.actor = reader, .gets = true};
    move.other = pe_in(others, (int)draw((uint64_t)others->size));
    size_t skip = draw(from->size) / 16 * 16;
    if (!draw_shape(&move, from->size - skip, from->size - skip))
        return;
    move.context = draw_context(reader, move.other);
    if (from == written || rank_in(others, reader) < 0 || me != reader)
        return;
    size_t size = span(&move, move.dst);
    unsigned char *to = calloc(1, size);
    unsigned char *wanted = calloc(1, size);
    model(&move, wanted, from->copy[move.other] + skip);
    move.dest = to;
    move.source = from->at + skip;
    kept[kept_count].at = to;
    kept[kept_count].wanted = wanted;
    kept[kept_count++].size = size;
    run(&move);
}

void step_moves(void)
{
    block_t *block = draw_block(-1);
    if (block == NULL)
        return;
    const team_t *team = members_of(block);
    int order[MOST_PES];
    draw_order(order, team->size);
    size_t segments = 1 + draw(6);
    size_t room = block->size / segments / 16 * 16;
    if (room == 0) {
        segments = 1;
        room = block->size;
    }
    step("puts and gets: %zu segments of a block of %zu bytes", segments,
         block->size);
    for (int i = 0; i < team->size; i++) {
        for (size_t k = 0; k < segments; k++)
            write_segment(block, pe_in(team, i), pe_in(team, order[i]),
                          k * room, room);
        for (uint64_t k = draw(4); k > 0; k--)
            read_segment(block, pe_in(team, i));
    }
    complete();
    release_kept();
    block_check(block);
    if (draw(2) == 0) /* no PE writes before all have checked */
        complete();
    else
        MPI_Barrier(MPI_COMM_WORLD);
}
