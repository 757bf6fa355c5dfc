/*
 * What a random program of fuzz_jobs.c has, as every PE knows it.
 *
 * All PEs draw the same numbers from one seed. So each knows what all of them
 * do, and keeps the whole model: the contents of every copy of every block, the
 * teams with their members, the contexts. A step changes the model on all PEs,
 * also on those that make no call in it. A PE checks its own memory, and what
 * it gets from others, against the model.
 *
 * Invariants:
 *   - No draw depends on the number of the own PE, on an address, on a layout
 *     or on time.
 *   - Between two calls of complete(), each copy of a block has one writer, and
 *     what is written is read by that writer only, or after a wait for it.
 *   - After complete(), each copy has the contents of the model.
 */
#ifndef MEMHEAP_TESTS_MPI_FUZZ_MODEL_H
#define MEMHEAP_TESTS_MPI_FUZZ_MODEL_H

#include "tests/mpi/tap.h"

#include <shmemx.h>

enum {
    MOST_PES = 8,
    BLOCKS = 12,
    TEAMS = 32,
    CONTEXTS = 6,
    SPACES = 3,    /* the first is the symmetric heap */
    DATA = SPACES, /* the space of blocks that are variables */
    WORLD = 0      /* index of the team of all PEs */
};

/* PEs start + i * stride, i < size. */
typedef struct team {
    bool lives, fixed; /* fixed: the program does not destroy it */
    int start, stride, size;
    int space;           /* it is the team of a space, or was split from that */
    shmem_team_t handle; /* SHMEM_TEAM_INVALID on other PEs */
} team_t;

typedef struct block {
    unsigned char *at; /* NULL: no block, or this PE has no part of the space */
    bool lives, owned; /* owned: by a context of the pool */
    int space;
    size_t size;
    unsigned char *copy[MOST_PES]; /* the contents on each PE */
} block_t;

typedef struct context {
    bool lives, is_private;
    int team;
    shmem_ctx_t handle; /* SHMEM_CTX_INVALID on PEs that are not in the team */
} context_t;

typedef struct space {
    bool lives;
    int team; /* its members */
    shmemx_space_t handle;
} space_t;

extern int me, n;
extern team_t teams[TEAMS];
extern block_t blocks[BLOCKS];
extern context_t contexts[CONTEXTS];
extern space_t spaces[SPACES + 1];

/* Begin the sequence of a seed. */
void seed_with(uint64_t seed);
uint64_t draw(uint64_t below);
/* A number of the classes in which the library treats sizes differently: 1 to
 * `most`. */
size_t draw_size(size_t most);
/* Draw bytes. All PEs draw the same. */
void draw_bytes(void *to, size_t size);
/* A random permutation of 0 to count - 1. */
void draw_order(int *order, int count);

/* Name a step, for messages. MEMHEAP_TEST_STEPS=1 prints all. */
void step(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* End the job unless a fact holds. */
void must(bool holds, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* End the job unless memory has the bytes of the model. */
void must_equal(const void *memory, const void *model, size_t size,
                const char *what);

/* The rank of a PE in a team; -1: it is no member. */
int rank_in(const team_t *team, int pe);
int pe_in(const team_t *team, int rank);
bool team_has(const team_t *outer, const team_t *inner);
/* An unused entry, or any team that lives; -1: there is none. */
int team_entry(void);
int draw_team(void);

/* A block of a space, or of any, that lives; NULL: there is none. */
block_t *draw_block(int space);
const team_t *members_of(const block_t *block);
/* Add a block whose contents each PE draws and writes. @return its entry, or
 * NULL if the call failed */
block_t *block_add(void *at, int space, size_t size, bool zeroed);
void block_resize(block_t *block, void *at, size_t size);
void block_drop(block_t *block);
void block_check(const block_t *block);

/* Complete what all PEs have put, and wait for all PEs. */
void complete(void);

/* The steps. */
void step_memory(void);
void step_space(void);
void step_team(void);
void step_context(void);
void step_moves(void);
void step_atomics(void);
void step_waits(void);
void step_lock(void);
void step_collectives(void);
/* One PE makes another call than the others. The library has to end the job
 * within some seconds. */
void step_wrong(unsigned seconds);

void context_end(context_t *context);
void team_end(team_t *team);

#endif
