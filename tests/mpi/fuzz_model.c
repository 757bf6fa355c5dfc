/*
 * The model of a random program; see fuzz_model.h.
 */
#include "tests/mpi/fuzz_model.h"

#include <stdarg.h>

int me, n;
team_t teams[TEAMS];
block_t blocks[BLOCKS];
context_t contexts[CONTEXTS];
space_t spaces[SPACES + 1];

static uint64_t first_seed, state;
static int number; /* of the step */
static char doing[300];

/* xorshift64*; S. Vigna, 2016. */
uint64_t draw(uint64_t below)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (state * UINT64_C(2685821657736338717) >> 16) % below;
}

void seed_with(uint64_t seed)
{
    first_seed = seed;
    state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    number = 0;
    for (int i = 0; i < 8; i++)
        draw(2);
}

size_t draw_size(size_t most)
{
    static const size_t classes[] = {8, 80, 600, 5000, 70000, 300000};
    size_t size = 1 + draw(classes[draw(6)]);
    return size < most ? size : most;
}

void draw_bytes(void *to, size_t size)
{
    unsigned char *bytes = to;
    uint64_t word = draw(UINT64_MAX) << 8 | 1;
    for (size_t i = 0; i < size; i++) {
        word = word * UINT64_C(6364136223846793005) + 1442695040888963407;
        bytes[i] = (unsigned char)(word >> 56);
    }
}

void draw_order(int *order, int count)
{
    for (int i = 0; i < count; i++) {
        int k = (int)draw((uint64_t)i + 1);
        order[i] = order[k];
        order[k] = i;
    }
}

void step(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(doing, sizeof(doing), format, args);
    va_end(args);
    number++;
    if (me == 0 && getenv("MEMHEAP_TEST_STEPS") != NULL)
        fprintf(stderr, "step %d: %s\n", number, doing);
}

void must(bool holds, const char *format, ...)
{
    char text[300];
    va_list args;
    if (holds)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fprintf(stderr, "PE %d: seed %llu, step %d, %s: %s\n", me,
            (unsigned long long)first_seed, number, doing, text);
    MPI_Abort(MPI_COMM_WORLD, 9);
}

void must_equal(const void *memory, const void *model, size_t size,
                const char *what)
{
    const unsigned char *is = memory;
    const unsigned char *wanted = model;
    if (memcmp(memory, model, size) == 0)
        return;
    size_t i = 0;
    while (is[i] == wanted[i])
        i++;
    must(false, "%s: byte %zu of %zu is %d, not %d", what, i, size, is[i],
         wanted[i]);
}

int rank_in(const team_t *team, int pe)
{
    for (int i = 0; i < team->size; i++) {
        if (pe_in(team, i) == pe)
            return i;
    }
    return -1;
}

int pe_in(const team_t *team, int rank)
{
    return team->start + rank * team->stride;
}

bool team_has(const team_t *outer, const team_t *inner)
{
    for (int i = 0; i < inner->size; i++) {
        if (rank_in(outer, pe_in(inner, i)) < 0)
            return false;
    }
    return true;
}

int team_entry(void)
{
    for (int i = 0; i < TEAMS; i++) {
        if (!teams[i].lives)
            return i;
    }
    return -1;
}

int draw_team(void)
{
    int i = (int)draw(3) == 0 ? WORLD : (int)draw(TEAMS);
    while (!teams[i].lives)
        i = (i + 1) % TEAMS;
    return i;
}

block_t *draw_block(int space)
{
    int i = (int)draw(BLOCKS);
    for (int k = 0; k < BLOCKS; k++) {
        block_t *block = &blocks[(i + k) % BLOCKS];
        if (block->lives && (space < 0 || block->space == space))
            return block;
    }
    return NULL;
}

const team_t *members_of(const block_t *block)
{
    return &teams[spaces[block->space].team];
}

/* New contents from an offset on. */
static void refill(block_t *block, size_t from, bool zeroed)
{
    for (int pe = 0; pe < n; pe++) {
        if (zeroed)
            memset(block->copy[pe], 0, block->size);
        else
            draw_bytes(block->copy[pe] + from, block->size - from);
    }
    if (block->at != NULL && zeroed)
        block_check(block);
    else if (block->at != NULL)
        memcpy(block->at + from, block->copy[me] + from, block->size - from);
}

block_t *block_add(void *at, int space, size_t size, bool zeroed)
{
    block_t *block = blocks;
    while (block->lives)
        block++;
    *block = (block_t){.at = at, .lives = true, .space = space, .size = size};
    must((at != NULL) == (rank_in(members_of(block), me) >= 0),
         "a block of %zu bytes is at %p", size, at);
    must((uintptr_t)at % 16 == 0, "%p is no multiple of 16", at);
    for (int pe = 0; pe < n; pe++)
        block->copy[pe] = malloc(size);
    refill(block, 0, zeroed);
    return block;
}

void block_resize(block_t *block, void *at, size_t size)
{
    size_t kept = block->size < size ? block->size : size;
    block->at = at;
    must((at != NULL) == (rank_in(members_of(block), me) >= 0),
         "a block of %zu bytes is at %p", size, at);
    if (at != NULL)
        must_equal(at, block->copy[me], kept, "after the move");
    block->size = size;
    for (int pe = 0; pe < n; pe++)
        block->copy[pe] = realloc(block->copy[pe], size);
    refill(block, kept, false);
}

void block_drop(block_t *block)
{
    for (int pe = 0; pe < n; pe++)
        free(block->copy[pe]);
    *block = (block_t){.lives = false};
}

void block_check(const block_t *block)
{
    if (block->at != NULL)
        must_equal(block->at, block->copy[me], block->size, "block");
}

void complete(void)
{
    static long sync[SHMEM_BARRIER_SYNC_SIZE]; /* SHMEM_SYNC_VALUE is 0 */
    for (int i = 0; i < CONTEXTS; i++) {
        if (contexts[i].lives && contexts[i].handle != SHMEM_CTX_INVALID)
            shmem_ctx_quiet(contexts[i].handle);
    }
    switch (draw(4)) {
    case 0:
        shmem_barrier_all();
        break;
    case 1:
        shmem_quiet();
        shmem_sync_all();
        break;
    case 2:
        shmem_quiet();
        shmem_team_sync(SHMEM_TEAM_WORLD);
        break;
    default:
        shmem_barrier(0, 0, n, sync);
    }
}
