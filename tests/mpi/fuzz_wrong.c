/*
 * One PE makes another collective call than the others of a team: another
 * routine, the same with other arguments, one over another team, or none. The
 * library must name both calls, in one message, and end the job. If the PE
 * makes no call, the library must report the call of the others.
 *
 * PE 0 prints the parts of that message before: lines that begin with "say: ".
 */
#include "tests/mpi/fuzz_model.h"

#include <signal.h>
#include <unistd.h>

typedef enum kind {
    TEAM_SYNC,
    BROADCAST,
    COLLECT,
    FCOLLECT,
    ALLTOALL,
    ALLTOALLS,
    SUM,
    MAX,
    DOUBLE_SUM,
    INSCAN,
    SPLIT,
    SPLIT_2D,
    TEAM_DESTROY,
    SPACE_MALLOC,
    TEAM_KINDS, /* those below are calls of all PEs of the job */
    BARRIER = TEAM_KINDS,
    SYNC,
    MALLOC,
    CALLOC,
    ALIGN,
    HINTS,
    REALLOC,
    FREE,
    BATCH,
    FREE_BATCH,
    SPACE_CREATE,
    FINALIZE,
    END,
    KINDS
} kind_t;

typedef struct call {
    kind_t kind;
    size_t argument[3];
    char text[120]; /* as in the message; from its routine's name on, or a part
                       of that */
} call_t;

enum {
    OWN_BLOCKS = 4,
    ROOM = 1 << 20
};

static const team_t *team;
static void *own[OWN_BLOCKS];
static long *to, *from;

static size_t draw_count(void)
{
    static const size_t most[] = {8, 60, 3000, 20000};
    return 1 + draw(most[draw(4)]);
}

static call_t draw_arguments(kind_t kind)
{
    call_t call = {.kind = kind};
    size_t *a = call.argument;
    size_t size = (size_t)team->size;
    switch (kind) {
    case BROADCAST:
        a[0] = draw_count();
        a[1] = draw(size);
        break;
    case SPLIT:
        a[0] = draw(size);
        a[1] = 1 + draw(2);
        a[2] = 1 + draw(size);
        break;
    case SPLIT_2D:
        a[0] = 1 + draw(size + 2);
        break;
    case ALLTOALLS:
        a[0] = 1 + draw(5000);
        a[1] = 1 + draw(3);
        a[2] = 1 + draw(3);
        break;
    case CALLOC:
        a[0] = 1 + draw(50);
        a[1] = draw_count();
        break;
    case ALIGN:
        a[0] = (size_t)1 << draw(14);
        a[1] = draw_count();
        break;
    case HINTS:
        a[0] = draw_count();
        a[1] = draw(4);
        break;
    case REALLOC:
        a[0] = draw(OWN_BLOCKS);
        a[1] = draw_count();
        break;
    case FREE:
        a[0] = draw(OWN_BLOCKS);
        break;
    case BATCH:
        a[0] = draw_count();
        a[1] = draw_count();
        break;
    case FREE_BATCH:
        a[0] = draw(OWN_BLOCKS);
        a[1] = (a[0] + 1) % OWN_BLOCKS;
        break;
    case SPACE_CREATE:
        a[0] = (1 + draw(5)) << 20;
        break;
    case TEAM_SYNC:
    case COLLECT:
    case TEAM_DESTROY:
    case BARRIER:
    case SYNC:
    case FINALIZE:
    case END:
        break;
    default:
        a[0] = draw_count();
    }
    return call;
}

/* The text of a call. */
static void describe(call_t *call)
{
    const size_t *a = call->argument;
    char *text = call->text;
    const size_t room = sizeof(call->text);
    const size_t word = sizeof(long);
    switch (call->kind) {
    case TEAM_SYNC:
        snprintf(text, room, "shmem_team_sync");
        break;
    case BROADCAST:
        snprintf(text, room, "broadcast of %zu bytes from PE %zu", a[0] * word,
                 a[1]);
        break;
    case COLLECT:
        snprintf(text, room, "shmem_long_collect");
        break;
    case FCOLLECT:
        snprintf(text, room, "shmem_long_fcollect of %zu bytes", a[0] * word);
        break;
    case ALLTOALL:
        snprintf(text, room, "shmem_long_alltoall of %zu bytes", a[0] * word);
        break;
    case ALLTOALLS:
        snprintf(text, room,
                 "shmem_long_alltoalls of %zu bytes with strides %zu and %zu",
                 a[0] * word, a[1], a[2]);
        break;
    case SUM:
        snprintf(text, room, "shmem_long_sum_reduce of %zu elements", a[0]);
        break;
    case MAX:
        snprintf(text, room, "shmem_long_max_reduce of %zu elements", a[0]);
        break;
    case DOUBLE_SUM:
        snprintf(text, room, "shmem_double_sum_reduce of %zu elements", a[0]);
        break;
    case INSCAN:
        snprintf(text, room, "shmem_long_sum_inscan of %zu elements", a[0]);
        break;
    case SPLIT:
        snprintf(text, room, "shmem_team_split_strided(%zu, %zu, %zu)", a[0],
                 a[1], a[2]);
        break;
    case SPLIT_2D:
        snprintf(text, room, "shmem_team_split_2d(%zu)", a[0]);
        break;
    case SPACE_MALLOC:
        snprintf(text, room, "shmemx_space_malloc(%zu)", a[0]);
        break;
    case TEAM_DESTROY:
        snprintf(text, room, "shmem_team_destroy");
        break;
    case BARRIER:
        snprintf(text, room, "shmem_barrier_all");
        break;
    case SYNC:
        snprintf(text, room, "shmem_sync_all");
        break;
    case MALLOC:
        snprintf(text, room, "shmem_malloc(%zu)", a[0]);
        break;
    case CALLOC:
        snprintf(text, room, "shmem_calloc(%zu, %zu)", a[0], a[1]);
        break;
    case ALIGN:
        snprintf(text, room, "shmem_align(%zu, %zu)", a[0], a[1]);
        break;
    case HINTS:
        snprintf(text, room, "shmem_malloc_with_hints(%zu, %#zx)", a[0], a[1]);
        break;
    case REALLOC:
        snprintf(text, room, "shmem_realloc(%p, %zu)", own[a[0]], a[1]);
        break;
    case FREE:
        snprintf(text, room, "shmem_free(%p)", own[a[0]]);
        break;
    case BATCH:
        snprintf(text, room, "shmemx_malloc_batch of 2 blocks");
        break;
    case FREE_BATCH:
        snprintf(text, room, "shmemx_free_batch of 2 blocks");
        break;
    case SPACE_CREATE:
        snprintf(text, room, "shmemx_space_create of %zu bytes", a[0]);
        break;
    default:
        snprintf(text, room, "shmem_finalize");
    }
}

static void make(const call_t *call)
{
    const size_t *a = call->argument;
    void *blocks_of_batch[2] = {own[a[0] % OWN_BLOCKS], own[a[1] % OWN_BLOCKS]};
    shmemx_space_config_t config = {.size = a[0]};
    shmem_team_t handle = team->handle;
    shmem_team_t made[2];
    shmemx_space_t space;
    switch (call->kind) {
    case TEAM_SYNC:
        shmem_team_sync(handle);
        break;
    case BROADCAST:
        shmem_long_broadcast(handle, to, from, a[0], (int)a[1]);
        break;
    case COLLECT:
        shmem_long_collect(handle, to, from, (size_t)me + 1);
        break;
    case FCOLLECT:
        shmem_long_fcollect(handle, to, from, a[0]);
        break;
    case ALLTOALL:
        shmem_long_alltoall(handle, to, from, a[0]);
        break;
    case ALLTOALLS:
        shmem_long_alltoalls(handle, to, from, (ptrdiff_t)a[1], (ptrdiff_t)a[2],
                             a[0]);
        break;
    case SUM:
        shmem_long_sum_reduce(handle, to, from, a[0]);
        break;
    case MAX:
        shmem_long_max_reduce(handle, to, from, a[0]);
        break;
    case DOUBLE_SUM:
        shmem_double_sum_reduce(handle, (double *)(void *)to,
                                (double *)(void *)from, a[0]);
        break;
    case INSCAN:
        shmem_long_sum_inscan(handle, to, from, a[0]);
        break;
    case SPLIT:
        shmem_team_split_strided(handle, (int)a[0], (int)a[1], (int)a[2], NULL,
                                 0, made);
        break;
    case SPLIT_2D:
        shmem_team_split_2d(handle, (int)a[0], NULL, 0, &made[0], NULL, 0,
                            &made[1]);
        break;
    case SPACE_MALLOC:
        shmemx_space_malloc(spaces[team->space].handle, a[0]);
        break;
    case TEAM_DESTROY:
        shmem_team_destroy(handle);
        break;
    case BARRIER:
        shmem_barrier_all();
        break;
    case SYNC:
        shmem_sync_all();
        break;
    case MALLOC:
        shmem_malloc(a[0]);
        break;
    case CALLOC:
        shmem_calloc(a[0], a[1]);
        break;
    case ALIGN:
        shmem_align(a[0], a[1]);
        break;
    case HINTS:
        shmem_malloc_with_hints(a[0], (long)a[1]);
        break;
    case REALLOC:
        shmem_realloc(own[a[0]], a[1]);
        break;
    case FREE:
        shmem_free(own[a[0]]);
        break;
    case BATCH:
        shmemx_malloc_batch(2, a, blocks_of_batch);
        break;
    case FREE_BATCH:
        shmemx_free_batch(2, blocks_of_batch);
        break;
    case SPACE_CREATE:
        shmemx_space_create(&config, &space);
        break;
    case FINALIZE:
        shmem_finalize();
        break;
    default:
        exit(EXIT_SUCCESS);
    }
}

/* Whether there is such a call over the team. */
static bool is_possible(kind_t kind)
{
    const team_t *of_space = &teams[spaces[team->space].team];
    return kind == TEAM_DESTROY   ? !team->fixed
           : kind == SPACE_MALLOC ? team->space > 0 && team == of_space
                                  : true;
}

static bool same(const call_t *a, const call_t *b)
{
    return a->kind == b->kind &&
           memcmp(a->argument, b->argument, sizeof(a->argument)) == 0;
}

static void too_late(int unused)
{
    static const char text[] = "the PEs were not told in time\n";
    ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)unused;
    (void)written;
    _exit(5);
}

/* A team that has a PE and others, other than one; NULL: none was found. */
static const team_t *draw_other_team(const team_t *one, int pe)
{
    for (int tries = 0; tries < 20; tries++) {
        const team_t *other = &teams[draw_team()];
        if (other != one && other->size > 1 && rank_in(other, pe) >= 0)
            return other;
    }
    return NULL;
}

/* Draw a call in which each PE of the team waits for all. */
static call_t draw_waiting(void)
{
    kind_t kind;
    do
        kind = (kind_t)draw(TEAM_KINDS);
    while (kind == BROADCAST || kind == TEAM_DESTROY || !is_possible(kind));
    call_t call = draw_arguments(kind);
    describe(&call);
    return call;
}

/* Draw two calls over the team that differ. */
static void draw_difference(call_t *common, call_t *other)
{
    const uint64_t kinds = team == teams + WORLD ? KINDS : TEAM_KINDS;
    do
        *common = draw_arguments((kind_t)draw(kinds));
    while (!is_possible(common->kind) || common->kind >= FINALIZE);
    do
        *other =
            draw_arguments(draw(2) == 0 ? common->kind : (kind_t)draw(kinds));
    while (same(common, other) || !is_possible(other->kind));
    describe(common);
    describe(other);
}

void step_wrong(unsigned seconds)
{
    call_t common;
    call_t other;
    step("a PE that differs");
    for (int i = 0; i < OWN_BLOCKS; i++)
        own[i] = shmem_malloc(100);
    to = shmem_calloc(1, ROOM);
    from = shmem_calloc(1, ROOM);
    do
        team = &teams[draw_team()];
    while (team->size < 2);
    int odd = pe_in(team, (int)draw((uint64_t)team->size));
    uint64_t before = draw(20);
    uint64_t more = draw(3);
    /* PEs of several nodes that wait in different teams are not told. */
    bool one_node = shmem_team_n_pes(SHMEM_TEAM_SHARED) == n;
    bool sleeps = one_node && draw(12) == 0;
    const team_t *elsewhere =
        one_node && draw(4) == 0 ? draw_other_team(team, odd) : NULL;
    bool member = rank_in(team, me) >= 0;
    if (sleeps) {
        common = draw_waiting();
        other = common;
    } else if (elsewhere == NULL) {
        draw_difference(&common, &other);
    } else {
        common = draw_waiting();
        const team_t *usual = team;
        team = elsewhere;
        other = draw_waiting();
        if (me != odd)
            team = usual;
    }
    if (me == 0) {
        if (sleeps)
            printf("say: PE %d is in no call that waits\n", odd);
        else
            printf("say: PE %d %s %s\n", odd,
                   elsewhere == NULL ? "called" : "waits in", other.text);
        printf("say: %s\n", common.text);
        fflush(stdout);
    }
    shmem_barrier_all();
    for (uint64_t i = 0; i < before; i++) {
        int root = (int)draw((uint64_t)team->size);
        if (member && elsewhere == NULL)
            shmem_long_broadcast(team->handle, to, from, 1, root);
    }
    signal(SIGALRM, too_late);
    alarm(seconds);
    if (sleeps && me == odd) {
        sleep(seconds - 1);
        shmem_global_exit(EXIT_FAILURE);
    }
    if (member) {
        make(me == odd ? &other : &common);
        for (; more > 0; more--)
            shmem_long_broadcast(team->handle, to, from, 1, 0);
    }
    shmem_barrier_all();
    fprintf(stderr, "PE %d was not told\n", me);
}
