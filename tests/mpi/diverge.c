/*
 * Programs in which all PEs, or only the last one, make a mistake, chosen by
 * the argument. Scripts start them and check the messages and the exit status.
 *
 *   diverge MISTAKE [all]   all: a mistake of the last PE is one of all PEs
 */
#include "tests/mpi/tap.h"

#include <alloca.h>
#include <dlfcn.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static bool by_all;

static bool is_last(void)
{
    return shmem_my_pe() == shmem_n_pes() - 1;
}

/* Calls that the last PE omits, or does not complete. */
static bool leave(const char *how)
{
    if (strcmp(how, "skip") == 0) {
        if (!is_last())
            shmem_malloc(64);
    } else if (strcmp(how, "exit") == 0) {
        if (is_last())
            exit(EXIT_SUCCESS);
    } else if (strcmp(how, "finalize") == 0) {
        if (is_last())
            shmem_finalize();
    } else {
        return false;
    }
    return true;
}

/* Short broadcasts over a team that differ; the root does not wait. */
static bool short_differ(const char *how, shmem_team_t team, long *to,
                         const long *from)
{
    int n = shmem_n_pes();
    int me = shmem_my_pe();
    if (strcmp(how, "late") == 0) {
        /* No later call compares before the program ends. */
        for (int i = 0; i < 20; i++)
            shmem_long_broadcast(team, to, from, 1, i % n);
        shmem_long_broadcast(team, to, from, is_last() ? 2 : 1, n - 1);
        shmem_finalize();
        return true;
    }
    const bool later = strcmp(how, "left-later") == 0;
    if (later || strcmp(how, "left") == 0) {
        /* The others are in a call over another team when the last PE notices
         * the difference. That PE waits before they make their call; with
         * "left-later", it waits afterwards. */
        static long begun;
        long *word = to + 1;
        if (is_last() && later)
            shmem_long_wait_until(&begun, SHMEM_CMP_EQ, 1);
        if (is_last()) {
            shmem_long_p(&begun, 1, 0);
            shmem_long_sum_reduce(team, to, from, 1);
        }
        if (me == 0 && !later) {
            shmem_long_wait_until(&begun, SHMEM_CMP_EQ, 1);
            for (int i = 0; i < 2000; i++)
                *word += shmem_long_g(from, n - 1);
        }
        shmem_long_broadcast(team, to, from, 1, 0);
        if (me == 1) /* it has passed the payload on */
            shmem_long_p(&begun, 1, n - 1);
        shmem_barrier_all();
        return true;
    }
    if (strcmp(how, "ring") == 0) /* each PE waits for another */
        shmem_long_broadcast(team, to, from, 1, (me + 1) % n);
    else if (strcmp(how, "set-root") == 0) {
        static long sync[SHMEM_BCAST_SYNC_SIZE];
        for (int i = 0; i < SHMEM_BCAST_SYNC_SIZE; i++)
            sync[i] = SHMEM_SYNC_VALUE;
        shmem_broadcast64(to, from, 1, is_last() ? 0 : n - 1, 0, 0, n, sync);
    } else if (strcmp(how, "away") == 0) {
        shmem_long_broadcast(team, to, from, 1, is_last() ? n - 1 : 0);
        while (is_last()) /* that PE never calls again */
            pause();
        shmem_long_broadcast(team, to, from, 1, n - 1);
    } else if (strcmp(how, "instead") == 0 && is_last())
        shmem_long_broadcast(team, to, from, 1, n - 1);
    else if (strcmp(how, "instead") == 0)
        shmem_long_sum_reduce(team, to, from, 1);
    else if (strcmp(how, "fewer") == 0 && is_last())
        shmem_long_sum_reduce(team, to, from, 1);
    else if (strcmp(how, "fewer") == 0)
        for (int i = 0; i < 40; i++)
            shmem_long_broadcast(team, to, from, 1, 0);
    else if (strcmp(how, "second") == 0 && shmem_my_pe() == 1)
        shmem_long_sum_reduce(team, to, from, 1);
    else if (strcmp(how, "second") == 0)
        shmem_long_broadcast(team, to, from, 1, 0);
    else
        return false;
    return true;
}

/* Collectives over a team; the last PE makes another call. */
static bool team_differ(const char *how)
{
    long *to = shmem_calloc(64, sizeof(long));
    long *from = shmem_calloc(64, sizeof(long));
    shmem_team_t team;
    shmem_team_t other;
    shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 1, shmem_n_pes(), NULL, 0,
                             &team);
    if (strcmp(how, "root") == 0)
        shmem_long_broadcast(team, to, from, 4, is_last() ? 1 : 0);
    else if (strcmp(how, "count") == 0)
        shmem_long_sum_reduce(team, to, from, is_last() ? 8 : 4);
    else if (strcmp(how, "strides") == 0)
        shmem_long_alltoalls(team, to, from, is_last() ? 2 : 1, 1, 1);
    else if (strcmp(how, "operation") == 0 && is_last())
        shmem_long_max_reduce(team, to, from, 4);
    else if (strcmp(how, "type") == 0 && is_last())
        shmem_double_sum_reduce(team, (double *)(void *)to,
                                (double *)(void *)from, 4);
    else if (strcmp(how, "operation") == 0 || strcmp(how, "type") == 0)
        shmem_long_sum_reduce(team, to, from, 4);
    else if (strcmp(how, "scan") == 0 && is_last())
        shmem_long_sum_inscan(team, to, from, 4);
    else if (strcmp(how, "scan") == 0)
        shmem_long_sum_reduce(team, to, from, 4);
    else if (strcmp(how, "sync") == 0 && is_last())
        shmem_team_sync(SHMEM_TEAM_WORLD);
    else if (strcmp(how, "sync") == 0)
        shmem_barrier_all();
    else if (strcmp(how, "split") == 0)
        shmem_team_split_strided(team, 0, 1, is_last() ? 2 : 1, NULL, 0,
                                 &other);
    else if (strcmp(how, "other-team") == 0)
        shmem_team_sync(is_last() ? team : SHMEM_TEAM_WORLD);
    else if (strcmp(how, "destroy") == 0 && is_last())
        shmem_team_destroy(team);
    else if (strcmp(how, "destroy") == 0)
        shmem_team_sync(team);
    else if (!short_differ(how, team, to, from))
        return false;
    shmem_team_sync(team);
    return true;
}

/* Calls of the last PE that differ from those of the others. */
static bool differ(const char *how)
{
    char *a = shmem_malloc(64);
    char *b = shmem_malloc(64);
    size_t sizes[2] = {8, is_last() ? 24 : 16};
    void *blocks[2];
    if (strcmp(how, "size") == 0)
        shmem_malloc(is_last() ? 128 : 64);
    else if (strcmp(how, "alignment") == 0)
        shmem_align(is_last() ? 64 : 4096, 100);
    else if (strcmp(how, "calloc") == 0)
        shmem_calloc(is_last() ? 10 : 20, 8);
    else if (strcmp(how, "hints") == 0)
        shmem_malloc_with_hints(64, is_last() ? 0 : 1);
    else if (strcmp(how, "realloc") == 0)
        shmem_realloc(a, is_last() ? 1000 : 2000);
    else if (strcmp(how, "batch") == 0)
        shmemx_malloc_batch(2, sizes, blocks);
    else if (strcmp(how, "large") == 0) /* the first PE has no memory for it */
        shmem_malloc(shmem_my_pe() == 0 ? (size_t)1 << 39 : 100);
    else if (strcmp(how, "register") == 0)
        shmemx_register(shmem_malloc(64), is_last() ? 4096 : 8192);
    else if (strcmp(how, "deregister") == 0) {
        char *pages = aligned_alloc(4096, 8192);
        shmemx_register(pages, 4096);
        shmemx_register(pages + 4096, 4096);
        shmemx_deregister(is_last() ? pages : pages + 4096);
    } else if (strcmp(how, "kind") == 0 && is_last())
        shmem_free(a);
    else if (strcmp(how, "kind") == 0)
        shmem_malloc(64);
    else if (strcmp(how, "block") == 0)
        shmem_free(is_last() ? a : b);
    else if (strcmp(how, "stranger") == 0)
        shmem_free(is_last() ? (char *)sizes : b);
    else if (!leave(how) && !team_differ(how))
        return false;
    shmem_barrier_all();
    return true;
}

/* Whether this PE makes the mistake. */
static bool makes_it(void)
{
    return by_all || is_last();
}

/* Calls on what was destroyed, and of NULL. */
static bool gone_err(const char *how, shmem_ctx_t ctx, shmem_team_t team,
                     long *block)
{
    shmem_team_t other;
    if (strcmp(how, "put-null") == 0)
        shmem_long_put(NULL, block, 1, 0);
    else if (strcmp(how, "amo-null") == 0)
        shmem_long_atomic_inc(NULL, 0);
    else if (strcmp(how, "put-window") == 0)
        shmem_long_put(shmem_ptr(block, (shmem_my_pe() + 1) % shmem_n_pes()),
                       block, 1, 0);
    else if (strcmp(how, "stride") == 0)
        shmem_long_iput(block, block, 0, 1, 2, 0);
    else if (strcmp(how, "out-of-set") == 0)
        shmem_sync(0, 0, shmem_n_pes() + 1, block);
    else if (strcmp(how, "comparison") == 0)
        shmem_long_wait_until(block, 77, 0);
    else if (strncmp(how, "ctx-", 4) == 0)
        shmem_ctx_destroy(ctx);
    else if (strncmp(how, "team-gone", 9) == 0)
        shmem_team_destroy(team);
    if (strcmp(how, "ctx-put") == 0)
        shmem_ctx_long_put(ctx, block, block, 1, 0);
    else if (strcmp(how, "ctx-destroy") == 0)
        shmem_ctx_destroy(ctx);
    else if (strcmp(how, "ctx-team") == 0)
        shmem_ctx_get_team(ctx, &other);
    else if (strcmp(how, "team-gone-sync") == 0)
        shmem_team_sync(team);
    else if (strcmp(how, "team-gone-reduce") == 0)
        shmem_long_sum_reduce(team, block, block, 1);
    else if (strcmp(how, "team-gone-destroy") == 0)
        shmem_team_destroy(team);
    else if (strcmp(how, "team-gone-split") == 0)
        shmem_team_split_strided(team, 0, 1, 1, NULL, 0, &other);
    else if (strcmp(how, "team-gone-ctx") == 0)
        shmem_team_create_ctx(team, 0, &ctx);
    else
        return false;
    return true;
}

/* Wrong arguments to typed routines on one PE. */
static bool typed_err(const char *how, shmem_ctx_t ctx, long *block)
{
    long local[8] = {0};
    uint64_t word = 0;
    int n = shmem_n_pes();
    if (strcmp(how, "typed-put") == 0)
        shmem_long_put(local, local, 3, 0);
    else if (strcmp(how, "typed-get") == 0)
        shmem_ctx_short_g(ctx, (short *)local, 0);
    else if (strcmp(how, "typed-iput") == 0)
        shmem_long_iput(block, local, (ptrdiff_t)shmemx_heap_size(), 1, 2, 0);
    else if (strcmp(how, "amo") == 0)
        shmem_int_atomic_fetch_add((int *)local, 1, 0);
    else if (strcmp(how, "amo-pe") == 0)
        shmem_long_atomic_inc(block, n);
    else if (strcmp(how, "signal") == 0)
        shmem_long_put_signal(block, local, 1, &word, 1, SHMEM_SIGNAL_SET, 0);
    else if (strcmp(how, "signal-set") == 0)
        shmem_signal_set(&word, 1, 0);
    else if (strcmp(how, "team-pe") == 0)
        shmem_ctx_long_p(ctx, block, 1, n - 1);
    else if (strcmp(how, "no-ctx") == 0)
        shmem_ctx_long_p(SHMEM_CTX_INVALID, block, 1, 0);
    else if (strcmp(how, "lock") == 0)
        shmem_set_lock(local);
    else if (strcmp(how, "set") == 0)
        shmem_sync(0, 0, n - 1, block);
    else
        return false;
    return true;
}

/* Collectives with room for 8 longs at the source; on the last PE, the
 * destination runs past the heap. */
static bool past_err(const char *how, long *block)
{
    static long sync[SHMEM_SYNC_SIZE];
    long *end = (long *)(void *)((char *)block + shmemx_heap_size());
    long *dest = makes_it() ? end - 1 : block;
    const shmem_team_t team = SHMEM_TEAM_WORLD;
    int n = shmem_n_pes();
    for (int i = 0; i < SHMEM_SYNC_SIZE; i++)
        sync[i] = SHMEM_SYNC_VALUE;
    shmem_sync_all();
    if (strcmp(how, "broadcast") == 0)
        shmem_long_broadcast(team, dest, block, 2, 0);
    else if (strcmp(how, "collect") == 0)
        shmem_long_collect(team, dest, block, 1);
    else if (strcmp(how, "fcollect") == 0)
        shmem_long_fcollect(team, dest, block, 1);
    else if (strcmp(how, "alltoall") == 0)
        shmem_long_alltoall(team, dest, block, 1);
    else if (strcmp(how, "alltoalls") == 0)
        shmem_long_alltoalls(team, dest, block, 1, 1, 1);
    else if (strcmp(how, "reduce") == 0)
        shmem_long_sum_reduce(team, dest, block, 2);
    else if (strcmp(how, "inscan") == 0)
        shmem_long_sum_inscan(team, dest, block, 2);
    else if (strcmp(how, "broadcast64") == 0)
        shmem_broadcast64(dest, block, 2, 0, 0, 0, n, sync);
    else if (strcmp(how, "collect64") == 0)
        shmem_collect64(dest, block, 1, 0, 0, n, sync);
    else if (strcmp(how, "to_all") == 0)
        shmem_long_sum_to_all(dest, block, 2, 0, 0, n, NULL, sync);
    else if (strcmp(how, "source") == 0)
        shmem_long_fcollect(team, block, makes_it() ? end : block, 1);
    else
        return false;
    return true;
}

/* Errors on one PE. */
static bool err(const char *how)
{
    char local[8] = "1234567";
    char *block = shmem_calloc(1, 64);
    bool mine = makes_it();
    shmem_ctx_t ctx = SHMEM_CTX_INVALID;
    shmem_team_t team;
    if (past_err(how, (long *)(void *)block))
        return true;
    int n = shmem_n_pes();
    shmem_team_split_strided(SHMEM_TEAM_WORLD, n > 1, 1, n > 1 ? n - 1 : 1,
                             NULL, 0, &team);
    shmem_team_create_ctx(team, 0, &ctx);
    shmem_team_t single = SHMEM_TEAM_INVALID;
    for (int i = 0; i < n; i++) {
        shmem_team_t each;
        shmem_team_split_strided(SHMEM_TEAM_WORLD, i, 1, 1, NULL, 0, &each);
        if (i == shmem_my_pe())
            single = each;
    }
    shmem_ctx_t own;
    shmem_ctx_create(0, &own);
    if (strcmp(how, "put-local") == 0 && mine)
        shmem_putmem(local, local, 8, 0);
    else if (strcmp(how, "get-local") == 0 && mine)
        shmem_getmem(local, local, 8, 0);
    else if (strcmp(how, "put-past") == 0 && mine)
        shmem_putmem_nbi(block, local, shmemx_heap_size() + 1, 0);
    else if (strcmp(how, "put-pe") == 0 && mine)
        shmem_putmem(block, local, 8, shmem_n_pes());
    else if (strcmp(how, "get-pe") == 0 && mine)
        shmem_getmem_nbi(local, block, 8, -1);
    else if (strcmp(how, "kill") == 0 && mine)
        raise(SIGKILL);
    else if (strcmp(how, "status") == 0 && mine)
        exit(3);
    else if (strcmp(how, "global") == 0 && mine)
        shmem_global_exit(7);
    else if (mine && !typed_err(how, ctx, (long *)(void *)block) &&
             !gone_err(how, own, single, (long *)(void *)block))
        return false;
    shmem_barrier_all();
    shmem_barrier_all();
    return true;
}

/* Frees of what is no block of the heap, at another address on each PE. */
static bool free_foreign(const char *how, char *block)
{
    static long variable[2];
    size_t me = (size_t)shmem_my_pe();
    char *local = alloca(64 * (me + 1));
    char *from_libc = malloc(100 + 1000 * me);
    int neighbour = (shmem_my_pe() + 1) % shmem_n_pes();
    void *batch[2] = {block, local};
    if (strcmp(how, "free-stack") == 0)
        shmem_free(local);
    else if (strcmp(how, "free-variable") == 0)
        shmem_free(&variable[me % 2]);
    else if (strcmp(how, "free-code") == 0)
        shmem_free((char *)(uintptr_t)free_foreign + me);
    else if (strcmp(how, "free-library") == 0)
        shmem_free((char *)dlsym(dlopen(NULL, RTLD_NOW), "getpid") + me);
    else if (strcmp(how, "free-malloc") == 0)
        shmem_free(from_libc);
    else if (strcmp(how, "free-nothing") == 0)
        shmem_free((void *)(uintptr_t)(4096 + me));
    else if (strcmp(how, "free-window") == 0)
        shmem_free(shmem_ptr(block, neighbour));
    else if (strcmp(how, "realloc-stack") == 0 &&
             shmem_realloc(local, 100) != NULL)
        return false;
    else if (strcmp(how, "batch-stack") == 0 &&
             shmemx_free_batch(2, batch) == 0)
        return false;
    free(from_libc);
    return strncmp(how, "free-", 5) == 0 || strcmp(how, "realloc-stack") == 0 ||
           strcmp(how, "batch-stack") == 0;
}

/* Calls that do nothing. */
static bool without_effect(const char *how, long *block)
{
    int provided;
    if (strcmp(how, "default-ctx") == 0)
        shmem_ctx_destroy(SHMEM_CTX_DEFAULT);
    else if (strcmp(how, "world-team") == 0)
        shmem_team_destroy(SHMEM_TEAM_WORLD);
    else if (strcmp(how, "default-space") == 0)
        shmemx_space_destroy(SHMEMX_SPACE_DEFAULT);
    else if (strcmp(how, "no-team") == 0)
        shmem_long_broadcast(SHMEM_TEAM_INVALID, block, block, 1, 0);
    else if (strcmp(how, "no-team-sync") == 0)
        shmem_team_sync(SHMEM_TEAM_INVALID);
    else if (strcmp(how, "no-team-reduce") == 0)
        shmem_long_sum_reduce(SHMEM_TEAM_INVALID, block, block, 1);
    else if (strcmp(how, "level") == 0)
        shmem_init_thread(9, &provided);
    else
        return false;
    return true;
}

/* Wrong releases by PE 0, and a free of what it has released. */
static bool release_wrong(const char *how, char *block)
{
    char local[8];
    void *blocks[2] = {block, block};
    bool mine = shmem_my_pe() == 0;
    bool ends = strncmp(how, "release", 7) == 0;
    if (strcmp(how, "release-inside") == 0)
        mine = mine && shmemx_release(block + 16) != 0;
    else if (strcmp(how, "release-stack") == 0)
        mine = mine && shmemx_release(local) != 0;
    else if (strcmp(how, "free-released") != 0 &&
             strcmp(how, "realloc-released") != 0 &&
             strcmp(how, "batch-released") != 0 &&
             strcmp(how, "release-twice") != 0)
        return false;
    else
        mine = mine && shmemx_release(block) == 0;
    if (strcmp(how, "release-twice") == 0)
        mine = mine && shmemx_release(block) != 0;
    else if (strcmp(how, "free-released") == 0)
        shmem_free(block);
    else if (strcmp(how, "realloc-released") == 0)
        mine = shmem_realloc(block, 1000) == NULL && mine;
    else if (strcmp(how, "batch-released") == 0)
        mine = shmemx_free_batch(1, blocks) != 0 && mine;
    if (mine != (shmem_my_pe() == 0))
        shmem_global_exit(9);
    if (!ends) /* the block is as before */
        shmemx_release(shmem_my_pe() == 0 ? NULL : block);
    else if (strcmp(how, "release-twice") != 0)
        shmem_free(block);
    return true;
}

/* Registrations of memory that is none. */
static bool register_wrong(const char *how, char *block)
{
    enum {
        PAGE = 4096
    };
    char local[3 * PAGE];
    char *on_stack = local + PAGE - (uintptr_t)local % PAGE;
    char *pages = aligned_alloc(PAGE, (size_t)4 * PAGE);
    int protection = PROT_READ | PROT_WRITE;
    memset(pages, 1, (size_t)4 * PAGE);
    if (strcmp(how, "register-odd") == 0) {
        if (shmemx_register(pages + 16, PAGE) != NULL)
            return false;
    } else if (strcmp(how, "register-nothing") == 0) {
        if (shmemx_register(pages, 0) != NULL)
            return false;
    } else if (strcmp(how, "register-hole") == 0) {
        char *hole = mmap(NULL, (size_t)3 * PAGE, protection,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        munmap(hole + PAGE, PAGE);
        if (shmemx_register(hole, (size_t)3 * PAGE) != NULL)
            return false;
    } else if (strcmp(how, "register-constant") == 0) {
        char *constant =
            mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (shmemx_register(constant, PAGE) != NULL)
            return false;
    } else if (strcmp(how, "register-anonymous") == 0) {
        char *shared =
            mmap(NULL, PAGE, protection, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (shmemx_register(shared, PAGE) != NULL)
            return false;
    } else if (strcmp(how, "register-stack") == 0) {
        if (shmemx_register(on_stack, PAGE) != NULL)
            return false;
    } else if (strcmp(how, "register-heap") == 0) {
        block -= (uintptr_t)block % PAGE;
        if (shmemx_register(block, PAGE) != NULL)
            return false;
    } else if (strcmp(how, "register-twice") == 0) {
        if (shmemx_register(pages, (size_t)2 * PAGE) != pages ||
            shmemx_register(pages + PAGE, (size_t)3 * PAGE) != NULL ||
            shmemx_deregister(pages) != 0)
            return false;
    } else if (strcmp(how, "register-many") == 0) {
        size_t most = 0;
        char *many = aligned_alloc(PAGE, (size_t)80 * PAGE);
        memset(many, 1, (size_t)80 * PAGE);
        while (shmemx_register(many + most * PAGE, PAGE) != NULL)
            most++;
        if (most != 62)
            return false;
    } else if (strcmp(how, "deregister-none") == 0) {
        if (shmemx_deregister(pages) == 0)
            return false;
    } else {
        return false;
    }
    for (size_t i = 0; i < (size_t)4 * PAGE; i++)
        if (pages[i] != 1)
            return false;
    return true;
}

/* Mistakes that all PEs make, and survive. */
static bool all(const char *how, const char *number)
{
    char *block = shmem_malloc(64);
    char *other = shmem_malloc(64);
    if (strcmp(how, "inside") == 0) {
        shmem_free(block + 16);
    } else if (strcmp(how, "twice") == 0) {
        shmem_free(block);
        shmem_free(block);
    } else if (strcmp(how, "foreign") == 0) {
        shmem_free((void *)(uintptr_t)4096);
    } else if (strcmp(how, "align") == 0) {
        shmem_align(48, 100);
    } else if (strcmp(how, "memory") == 0) {
        shmem_malloc((size_t)1 << 50);
        shmem_malloc((size_t)1 << 50);
    } else if (strcmp(how, "whole") == 0) {
        shmem_free(block);
        shmem_free(other);
        other = shmem_malloc(strtoull(number, NULL, 10));
        if (shmem_my_pe() == 0)
            printf("%s of %zu\n", other == NULL ? "none" : "a block",
                   shmemx_heap_size());
    } else if (!release_wrong(how, block) && !register_wrong(how, block) &&
               !free_foreign(how, block) &&
               !without_effect(how, (long *)(void *)block)) {
        return strcmp(how, "plain") == 0;
    }
    shmem_barrier_all();
    if (shmem_my_pe() == 0)
        printf("survived\n");
    return true;
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "plain";
    int provided;
    long word = 0;
    shmem_ctx_t ctx;
    by_all = argc > 2 && strcmp(argv[2], "all") == 0;
    if (strcmp(how, "before") == 0)
        shmem_malloc(64);
    if (strcmp(how, "wait-before") == 0)
        shmem_long_wait_until(&word, SHMEM_CMP_NE, 0);
    if (strcmp(how, "ctx-before") == 0)
        shmem_ctx_create(0, &ctx);
    if (strcmp(how, "team-before") == 0)
        shmem_team_my_pe(SHMEM_TEAM_WORLD);
    if (strcmp(how, "thread") == 0)
        return shmem_init_thread(SHMEM_THREAD_SINGLE, &provided) == 0 ? 0 : 5;
    shmem_init();
    while (strcmp(how, "hold") == 0)
        pause();
    if (strcmp(how, "after") == 0) {
        shmem_finalize();
        shmem_barrier_all();
    }
    if (strcmp(how, "join") == 0) /* as tests/mpi/ranges does */
        return tap_symmetric(shmem_malloc(100)) ? 0 : EXIT_FAILURE;
    bool known = all(how, argc > 2 ? argv[2] : "0") || differ(how) || err(how);
    shmem_finalize();
    return known ? EXIT_SUCCESS : EXIT_FAILURE;
}
