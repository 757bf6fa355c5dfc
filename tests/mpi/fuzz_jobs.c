/*
 * Random programs, each from a seed: allocations in all forms, spaces, teams,
 * contexts, puts and gets, atomics, waits, locks and collectives, with all
 * contents checked. fuzz_model.h has the model.
 *
 *   fuzz_jobs SEED COUNT    the programs of COUNT seeds, one after the other
 *   fuzz_jobs SEED wrong SECONDS
 *                           one program, in which a PE makes another collective
 *                           call than the others; it prints which. The library
 *                           has to end the job within some seconds
 *
 * MEMHEAP_TEST_STEPS=1 prints the steps. Every second PE has the device of
 * SHMEMX_DEVICE_FOLDER.
 */
#include "tests/mpi/fuzz_model.h"

#include <memheap/context.h>
#include <shmemx_pools.h>

/* Blocks that are not allocated. */
static _Alignas(16) unsigned char variables[2][30000];

/* Owns some blocks of the symmetric heap. */
static memheap_context_t *library;

static uint64_t addresses; /* digest of all blocks that this program got */

static void note_address(const void *at)
{
    addresses = addresses * 31 + (uintptr_t)at;
}

static int draw_space(void)
{
    int space = (int)draw(SPACES);
    return spaces[space].lives ? space : 0;
}

static bool belongs(int space)
{
    return rank_in(&teams[spaces[space].team], me) >= 0;
}

static int free_slots(void)
{
    int count = 0;
    for (int i = 0; i < BLOCKS; i++)
        count += !blocks[i].lives;
    return count;
}

/* Whether all PEs see that a call fails for lack of space. Spaces of some PEs
 * have space for all blocks. */
static bool may_be_full(int space)
{
    return teams[spaces[space].team].size == n;
}

/* Allocate in a form that is drawn. */
static void allocate(int space)
{
    shmemx_space_t handle = spaces[space].handle;
    size_t size = draw_size(400000);
    size_t align = (size_t)1 << draw(17);
    long hints = (long)draw(4);
    size_t count = 1 + draw(8);
    uint64_t how = draw(space == 0 ? 9 : 5);
    bool owned = how == 8;
    bool zeroed = how == 1;
    void *at = NULL;
    if (zeroed)
        size = (size + count - 1) / count * count;
    step("allocation %d of %zu bytes at %zu in space %d", (int)how, size, align,
         space);
    if (space != 0 && belongs(space)) {
        at = how == 0   ? shmemx_space_malloc(handle, size)
             : how == 1 ? shmemx_space_calloc(handle, count, size / count)
             : how == 2 ? shmemx_space_align(handle, align, size)
             : how == 3 ? shmemx_space_malloc_with_hints(handle, size, hints)
                        : shmemx_space_realloc(handle, NULL, size);
    } else if (space == 0) {
        at = how == 0   ? shmem_malloc(size)
             : how == 1 ? shmem_calloc(count, size / count)
             : how == 2 ? shmem_align(align, size)
             : how == 3 ? shmem_malloc_with_hints(size, hints)
             : how == 4 ? shmem_realloc(NULL, size)
             : how == 5 ? shmalloc(size)
             : how == 6 ? shmemalign(align, size)
             : owned    ? memheap_context_malloc(library, size)
                        : shmemx_space_malloc(SHMEMX_SPACE_DEFAULT, size);
        note_address(at);
    }
    if (at == NULL && may_be_full(space))
        return;
    must(at == NULL || (how != 2 && how != 6) || (uintptr_t)at % align == 0,
         "%p is no multiple of %zu", at, align);
    block_add(at, space, size, zeroed)->owned = owned;
}

static void allocate_batch(void)
{
    size_t sizes[3];
    void *at[3];
    size_t count = 1 + draw(3);
    for (size_t i = 0; i < count; i++)
        sizes[i] = draw_size(100000);
    step("batch of %zu blocks", count);
    if (shmemx_malloc_batch(count, sizes, at) != 0)
        return;
    for (size_t i = 0; i < count; i++) {
        note_address(at[i]);
        block_add(at[i], 0, sizes[i], false);
    }
}

static void release(block_t *block)
{
    uint64_t how = draw(4);
    block_check(block);
    step("free %d of %zu bytes in space %d", (int)how, block->size,
         block->space);
    if (block->owned) {
        must(memheap_context_free(library, block->at) == MEMHEAP_OK,
             "the context does not free it");
    } else if (block->space != 0 && belongs(block->space)) {
        shmemx_space_t handle = spaces[block->space].handle;
        if (how == 0)
            must(shmemx_space_realloc(handle, block->at, 0) == NULL,
                 "realloc to 0 bytes returns a block");
        else if (how == 3)
            must(shmemx_release(block->at) == 0, "it is not released");
        else
            shmemx_space_free(handle, block->at);
    } else if (block->space == 0) {
        if (how == 0)
            must(shmem_realloc(block->at, 0) == NULL,
                 "realloc to 0 bytes returns a block");
        else if (how == 1)
            shmem_free(block->at);
        else if (how == 3)
            must(shmemx_release(block->at) == 0, "it is not released");
        else
            shfree(block->at);
    }
    block_drop(block);
}

static void release_batch(void)
{
    void *at[3];
    size_t count = 0;
    uint64_t wanted = 1 + draw(3);
    for (int i = 0; i < BLOCKS && count < wanted; i++) {
        if (!blocks[i].lives || blocks[i].space != 0 || blocks[i].owned)
            continue;
        block_check(&blocks[i]);
        at[count++] = blocks[i].at;
        block_drop(&blocks[i]);
    }
    step("free of a batch of %zu blocks", count);
    must(shmemx_free_batch(count, at) == 0, "the batch is not freed");
}

static void resize(block_t *block)
{
    size_t size = draw(2) == 0 ? draw_size(400000)
                               : block->size / 2 + draw(block->size) + 1;
    bool old_name = draw(4) == 0;
    void *at = NULL;
    if (size > 600000)
        size = 600000;
    step("realloc of %zu to %zu bytes in space %d", block->size, size,
         block->space);
    if (block->owned)
        at = memheap_context_realloc(library, block->at, size);
    else if (block->space != 0 && belongs(block->space))
        at = shmemx_space_realloc(spaces[block->space].handle, block->at, size);
    else if (block->space == 0)
        at = old_name ? shrealloc(block->at, size)
                      : shmem_realloc(block->at, size);
    if (block->space == 0)
        note_address(at);
    if (at == NULL && may_be_full(block->space)) {
        block_check(block);
        return;
    }
    block_resize(block, at, size);
}

/* A call that fails on all PEs, and changes nothing. */
static void fail(int space)
{
    const size_t huge = (size_t)1 << 50; /* more than any heap has */
    const block_t *block = draw_block(space);
    uint64_t what = draw(block == NULL ? 2 : 4);
    step("call %d that fails, in space %d", (int)what, space);
    if (!belongs(space))
        return;
    shmemx_space_t handle = spaces[space].handle;
    void *at = NULL;
    if (what == 0)
        at = shmemx_space_malloc(handle, huge);
    else if (what == 1)
        at = shmemx_space_align(handle, 48, 100);
    else if (what == 2 && !block->owned)
        at = shmemx_space_realloc(handle, block->at, huge);
    else if (what == 3)
        shmemx_space_free(handle, block->at + block->size / 2 + 1);
    must(at == NULL, "it returns %p", at);
    if (block != NULL)
        block_check(block);
}

/* Give back pages, on one PE. Jobs with a transport refuse. */
static void trim(void)
{
    int pe = (int)draw((uint64_t)n);
    step("trim on PE %d", pe);
    if (me == pe && shmem_team_n_pes(SHMEM_TEAM_SHARED) == n)
        must(shmemx_heap_trim(1) == 0, "it fails");
}

void step_memory(void)
{
    int space = draw_space();
    block_t *block = draw_block(space);
    uint64_t what = draw(20);
    if (what == 0)
        fail(space);
    else if (what == 13)
        trim();
    else if (what <= 2 && free_slots() >= 3)
        allocate_batch();
    else if (what <= 4)
        release_batch();
    else if (what <= 8 && block != NULL)
        resize(block);
    else if ((what <= 12 || free_slots() == 0) && block != NULL)
        release(block);
    else if (free_slots() > 0)
        allocate(space);
    complete(); /* each PE has written its new contents */
}

/* End a space with its blocks. It must refuse while a team of it lives. */
static void space_end(int i)
{
    space_t *space = &spaces[i];
    bool used = false;
    for (int k = 0; k < TEAMS; k++)
        used =
            used || (teams[k].lives && teams[k].space == i && k != space->team);
    step("end of space %d%s", i, used ? ", which is in use" : "");
    for (int k = 0; k < CONTEXTS && !used; k++) {
        if (contexts[k].lives && contexts[k].team == space->team)
            context_end(&contexts[k]);
    }
    bool refused = shmemx_space_destroy(space->handle) != 0;
    must(refused == (used && belongs(i)), "destroy %s",
         refused ? "is refused" : "succeeds");
    if (used)
        return;
    for (int k = 0; k < BLOCKS; k++) {
        if (blocks[k].lives && blocks[k].space == i)
            block_drop(&blocks[k]);
    }
    teams[space->team].lives = false;
    space->lives = false;
}

void step_space(void)
{
    int i = 1 + (int)draw(SPACES - 1);
    space_t *space = &spaces[i];
    if (space->lives) {
        space_end(i);
        return;
    }
    int entry = team_entry();
    if (entry < 0)
        return;
    shmemx_space_config_t config = {
        .device = draw(2) == 0 ? SHMEMX_DEVICE_HOST : SHMEMX_DEVICE_FOLDER,
        .size = (size_t)(1 + draw(4)) << 20,
        .flags = draw(3) == 0 ? SHMEMX_SPACE_BACKED : 0};
    int apart = config.device == SHMEMX_DEVICE_FOLDER ? 2 : 1;
    if (apart == 2)
        config.size *= 16;
    step("space %d on device %d", i, config.device);
    must(shmemx_space_create(&config, &space->handle) == 0, "it is not made");
    teams[entry] = (team_t){true,
                            true,
                            0,
                            apart,
                            (n + apart - 1) / apart,
                            i,
                            shmemx_space_get_team(space->handle)};
    space->lives = true;
    space->team = entry;
    must((space->handle != SHMEMX_SPACE_INVALID) == belongs(i),
         "the PEs of the space are others");
}

/* Add a team that was split from another, by numbers of the parent. */
static void team_add(const team_t *parent, int start, int stride, int size,
                     shmem_team_t handle)
{
    team_t *team = &teams[team_entry()];
    *team = (team_t){
        true, false,         pe_in(parent, start), stride * parent->stride,
        size, parent->space, SHMEM_TEAM_INVALID};
    int rank = rank_in(team, me);
    if (rank < 0)
        return;
    team->handle = handle;
    must(shmem_team_n_pes(handle) == size && shmem_team_my_pe(handle) == rank &&
             shmem_team_translate_pe(handle, size - 1, SHMEM_TEAM_WORLD) ==
                 pe_in(team, size - 1),
         "the team has %d PEs, and this one is %d", shmem_team_n_pes(handle),
         shmem_team_my_pe(handle));
}

void context_end(context_t *context)
{
    if (context->handle != SHMEM_CTX_INVALID)
        shmem_ctx_destroy(context->handle);
    context->lives = false;
}

void team_end(team_t *team)
{
    int index = (int)(team - teams);
    for (int i = 0; i < CONTEXTS; i++) {
        context_t *context = &contexts[i];
        if (!context->lives || context->team != index)
            continue;
        if (context->is_private || draw(2) == 0)
            context_end(context);
        context->lives = false;
    }
    shmem_team_destroy(team->handle); /* ignored on other PEs */
    team->lives = false;
}

static void split_2d(const team_t *parent)
{
    int range = 1 + (int)draw((uint64_t)parent->size + 1);
    int columns = range < parent->size ? range : parent->size;
    int rows = (parent->size + columns - 1) / columns;
    shmem_team_t row = SHMEM_TEAM_INVALID;
    shmem_team_t column = SHMEM_TEAM_INVALID;
    step("split of %d PEs into rows of %d", parent->size, range);
    if (rank_in(parent, me) >= 0)
        must(shmem_team_split_2d(parent->handle, range, NULL, 0, &row, NULL, 0,
                                 &column) == 0,
             "split_2d fails");
    for (int y = 0; y < rows; y++) {
        int left = parent->size - y * columns;
        team_add(parent, y * columns, 1, left < columns ? left : columns, row);
    }
    for (int x = 0; x < columns; x++)
        team_add(parent, x, columns, (parent->size - x + columns - 1) / columns,
                 column);
}

static void split_strided(const team_t *parent)
{
    int parents = parent->size;
    int start = (int)draw((uint64_t)parents);
    int stride = 1 + (int)draw(2);
    if (draw(3) == 0)
        stride = -stride;
    int most =
        stride > 0 ? (parents - 1 - start) / stride + 1 : start / -stride + 1;
    int size = 1 + (int)draw((uint64_t)most);
    bool good = draw(8) != 0;
    shmem_team_config_t config = {.num_contexts = 2};
    shmem_team_t made = SHMEM_TEAM_INVALID;
    if (!good)
        size = most + 1;
    step("split of %d PEs: %d, %d, %d", parents, start, stride, size);
    if (rank_in(parent, me) >= 0)
        must((shmem_team_split_strided(parent->handle, start, stride, size,
                                       &config, SHMEM_TEAM_NUM_CONTEXTS,
                                       &made) == 0) == good,
             "the split does not do so");
    if (good)
        team_add(parent, start, stride, size, made);
}

void step_team(void)
{
    const team_t *parent = &teams[draw_team()];
    int entries = 0;
    for (int i = 0; i < TEAMS; i++)
        entries += !teams[i].lives;
    uint64_t what = draw(4);
    team_t *team = &teams[draw_team()];
    if (what == 0 && entries >= 2 * MOST_PES) {
        split_2d(parent);
    } else if (what <= 2 && entries > 2) {
        split_strided(parent);
    } else if (!team->fixed) {
        step("end of a team of %d PEs", team->size);
        team_end(team);
    }
}

void step_context(void)
{
    context_t *context = &contexts[draw(CONTEXTS)];
    int index = draw_team();
    long options = (long)draw(8);
    if (context->lives) {
        step("end of a context");
        context_end(context);
        return;
    }
    const team_t *team = &teams[index];
    step("context with options %ld on a team of %d PEs", options, team->size);
    *context = (context_t){true, (options & SHMEM_CTX_PRIVATE) != 0, index,
                           SHMEM_CTX_INVALID};
    if (rank_in(team, me) >= 0)
        must((index == WORLD ? shmem_ctx_create(options, &context->handle)
                             : shmem_team_create_ctx(team->handle, options,
                                                     &context->handle)) == 0,
             "the context is not made");
}

/* Each node's team of its PEs. */
static void add_shared_teams(void)
{
    int mine[3] = {-1, -1, shmem_team_n_pes(SHMEM_TEAM_SHARED)};
    int all[MOST_PES][3];
    mine[0] = shmem_team_translate_pe(SHMEM_TEAM_SHARED, 0, SHMEM_TEAM_WORLD);
    mine[1] = mine[2] == 1 ? 1
                           : shmem_team_translate_pe(SHMEM_TEAM_SHARED, 1,
                                                     SHMEM_TEAM_WORLD) -
                                 mine[0];
    MPI_Allgather(mine, 3, MPI_INT, all, 3, MPI_INT, MPI_COMM_WORLD);
    for (int pe = 0; pe < n; pe++) {
        if (all[pe][0] != pe)
            continue;
        team_t *team = &teams[team_entry()];
        *team = (team_t){
            true, true, pe, all[pe][1], all[pe][2], 0, SHMEM_TEAM_INVALID};
        if (rank_in(team, me) >= 0)
            team->handle = SHMEM_TEAM_SHARED;
    }
}

static void run_step(void)
{
    static void (*const steps[])(void) = {
        step_memory,      step_memory,     step_memory,  step_space,
        step_team,        step_team,       step_context, step_context,
        step_moves,       step_moves,      step_moves,   step_atomics,
        step_waits,       step_waits,      step_lock,    step_collectives,
        step_collectives, step_collectives};
    steps[draw(sizeof(steps) / sizeof(steps[0]))]();
}

/* End all that the program has, in an order that is drawn. */
static void end_all(void *ballast)
{
    shmem_free(ballast);
    for (int i = 0; i < CONTEXTS; i++) {
        if (contexts[i].lives && draw(2) == 0)
            context_end(&contexts[i]);
    }
    for (int i = 0; i < TEAMS; i++) {
        if (teams[i].lives && !teams[i].fixed)
            team_end(&teams[i]);
    }
    for (int i = 0; i < CONTEXTS; i++) {
        if (contexts[i].lives)
            context_end(&contexts[i]);
    }
    for (int i = 1; i < SPACES; i++) {
        if (spaces[i].lives)
            space_end(i);
    }
    for (int i = 0; i < BLOCKS; i++) {
        if (blocks[i].lives && (blocks[i].space == DATA || blocks[i].owned))
            block_drop(&blocks[i]);
        else if (blocks[i].lives)
            release(&blocks[i]);
    }
    must(memheap_context_destroy(library) == MEMHEAP_OK,
         "the context does not end");
}

/* @param seconds  for a wrong program; 0: it is right */
static void run_program(uint64_t seed, unsigned seconds)
{
    seed_with(seed);
    addresses = 0;
    memset(teams, 0, sizeof(teams));
    teams[WORLD] = (team_t){true, true, 0, 1, n, 0, SHMEM_TEAM_WORLD};
    spaces[0] = (space_t){true, WORLD, SHMEMX_SPACE_DEFAULT};
    spaces[DATA] = (space_t){true, WORLD, SHMEMX_SPACE_INVALID};
    add_shared_teams();
    size_t unused = shmemx_heap_free();
    memheap_pool_t pool = shmemx_space_pool(SHMEMX_SPACE_DEFAULT);
    memheap_context_config_t config = {.name = "library", .pool = &pool};
    must(memheap_context_create(&config, &library) == MEMHEAP_OK,
         "there is no context");
    /* Sometimes the heap has to grow during the program. */
    void *ballast =
        draw(4) == 0 ? shmem_malloc(draw_size(1000) + (15 << 20)) : NULL;
    for (int i = 0; i < 2; i++)
        block_add(variables[i], DATA, 1 + draw(sizeof(variables[i])), false);
    for (int i = 0; i < 4; i++) {
        allocate(0);
        complete();
    }
    for (uint64_t left = 30 + draw(120); left > 0; left--)
        run_step();
    if (seconds > 0) {
        step_wrong(seconds);
        return;
    }
    end_all(ballast);
    step("end");
    shmemx_heap_collect();
    must(shmemx_heap_free() == unused, "%zu bytes are lost",
         unused - shmemx_heap_free());
    must(shmemx_heap_check() == 0, "the heap is not consistent");
    must(tap_same(addresses), "the PEs have other addresses");
}

int main(int argc, char **argv)
{
    bool wrong = argc == 4 && strcmp(argv[2], "wrong") == 0;
    if (argc != 3 && !wrong)
        return EXIT_FAILURE;
    setenv("SHMEM_SYMMETRIC_SIZE", "48m", 0);
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &me);
    if (me % 2 == 0)
        setenv("MEMHEAP_DEVICE_FOLDER", P_tmpdir, 1);
    shmem_init();
    n = shmem_n_pes();
    uint64_t seed = strtoull(argv[1], NULL, 10);
    uint64_t count = wrong ? 1 : strtoull(argv[2], NULL, 10);
    for (uint64_t i = 0; i < count; i++) {
        run_program(seed + i, wrong ? (unsigned)atoi(argv[3]) : 0);
        if (i + 1 < count && draw(4) == 0) { /* start the library again */
            int provided;
            shmem_finalize();
            shmem_init_thread((int)draw(SHMEM_THREAD_MULTIPLE + 1), &provided);
        }
    }
    if (me == 0)
        printf("%llu programs ran\n", (unsigned long long)count);
    shmem_finalize();
    MPI_Finalize();
    return EXIT_SUCCESS;
}
