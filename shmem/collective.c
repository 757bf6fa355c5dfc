/*
 * Collectives that move data.
 *
 * Each PE takes what it needs of the others' memory, between two meetings: the
 * first says that every source is ready, the second that nobody reads it any
 * more. What is short is shown in the first, and needs no second.
 */
#include "config.h"

#include "shmem/group.h"

#include <pshmem.h>

#include <string.h>

static void broadcast(memheap_group_t *group, void *dest, const void *source,
                      size_t size, int root, bool root_too)
{
    if (root < 0 || root >= group->size)
        memheap_wrong_pe(group->call, SHMEM_CTX_DEFAULT, root);
    if (group->agree == NULL && group->near && size <= MEMHEAP_SET_ROOM) {
        memheap_group_send(group, dest, source, size, root);
        return;
    }
    if (memheap_group_shows(group, size)) {
        if (group->rank == root)
            memheap_agree_show(group->agree, source, size);
        memheap_group_meet(group);
        memcpy(dest, memheap_agree_shown(group->agree, root), size);
        return;
    }
    memheap_group_meet(group);
    if (group->rank != root || root_too)
        memheap_group_get(group, dest, source, size, root);
    memheap_group_arrive(group);
    memheap_group_meet(group);
}

static void fcollect(memheap_group_t *group, void *dest, const void *source,
                     size_t size)
{
    if (memheap_group_shows(group, size)) {
        memheap_agree_show(group->agree, source, size);
        memheap_group_meet(group);
        for (int i = 0; i < group->size; i++)
            memcpy((char *)dest + (size_t)i * size,
                   memheap_agree_shown(group->agree, i), size);
        return;
    }
    memheap_group_meet(group);
    for (int step = 0; step < group->size; step++) {
        int i = (group->rank + step) % group->size;
        memheap_group_get(group, (char *)dest + (size_t)i * size, source, size,
                          i);
    }
    memheap_group_arrive(group);
    memheap_group_meet(group);
}

static void alltoall(memheap_group_t *group, void *dest, const void *source,
                     size_t size)
{
    size_t all = memheap_bytes((size_t)group->size, size);
    if (memheap_group_shows(group, all)) {
        memheap_agree_show(group->agree, source, all);
        memheap_group_meet(group);
        for (int i = 0; i < group->size; i++)
            memcpy((char *)dest + (size_t)i * size,
                   (const char *)memheap_agree_shown(group->agree, i) +
                       (size_t)group->rank * size,
                   size);
        return;
    }
    memheap_group_meet(group);
    for (int step = 0; step < group->size; step++) {
        int i = (group->rank + step) % group->size;
        memheap_group_get(group, (char *)dest + (size_t)i * size,
                          (const char *)source + (size_t)group->rank * size,
                          size, i);
    }
    memheap_group_arrive(group);
    memheap_group_meet(group);
}

/* Strides in bytes; each PE has count elements for every other. */
static void alltoalls(memheap_group_t *group, char *dest, const char *source,
                      size_t dst, size_t sst, size_t size, size_t count)
{
    memheap_group_meet(group);
    for (int step = 0; step < group->size; step++) {
        int i = (group->rank + step) % group->size;
        for (size_t k = 0; k < count; k++)
            memheap_group_get(group, dest + ((size_t)i * count + k) * dst,
                              source + ((size_t)group->rank * count + k) * sst,
                              size, i);
    }
    memheap_group_arrive(group);
    memheap_group_meet(group);
}

/* The PEs' parts differ in length: a running sum says where each begins. The
 * lengths pass through a word of the group, one PE after the other. */
static uint64_t fold_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void collect_team(memheap_group_t *group, char *dest, const void *source,
                         size_t size)
{
    size_t place = 0;
    for (int i = 0; i < group->size; i++) {
        size_t length = memheap_runtime_fold(
            group->agree, &group->what, i == group->rank ? size : 0, fold_max);
        memheap_group_get(group, dest + place, source, length, i);
        place += length;
    }
    memheap_group_arrive(group);
    memheap_group_meet(group);
}

/* In an active set, each PE shows its length in a word of the array until
 * all have seen it. */
static void collect_set(memheap_group_t *group, char *dest, const void *source,
                        size_t size)
{
    size_t place = 0;
    *(volatile long *)(group->sync + MEMHEAP_SET_LENGTH) = (long)size;
    memheap_group_meet(group);
    for (int i = 0; i < group->size; i++) {
        long length;
        memheap_group_get(group, &length, group->sync + MEMHEAP_SET_LENGTH,
                          sizeof(length), i);
        memheap_group_arrive(group);
        memheap_group_get(group, dest + place, source, (size_t)length, i);
        place += (size_t)length;
    }
    memheap_group_arrive(group);
    memheap_group_meet(group);
    *(volatile long *)(group->sync + MEMHEAP_SET_LENGTH) = SHMEM_SYNC_VALUE;
}

/* One routine over a team; BODY uses the group. */
#define OVER_TEAM(NAME, PARAMETERS, KIND, SIZE, ARGUMENT, BODY)                \
    int pshmem_##NAME PARAMETERS                                               \
    {                                                                          \
        if (team == SHMEM_TEAM_INVALID)                                        \
            return -1;                                                         \
        memheap_group_t group =                                                \
            memheap_group_of_team("shmem_" #NAME, team, KIND, SIZE, ARGUMENT); \
        BODY;                                                                  \
        return 0;                                                              \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##NAME)

#define TEAM_ROUTINES(T, ALLTOALL, ALLTOALLS, BROADCAST, COLLECT, FCOLLECT,    \
                      SIZE)                                                    \
    OVER_TEAM(ALLTOALL,                                                        \
              (shmem_team_t team, T * dest, const T *source, size_t nelems),   \
              MEMHEAP_CALL_ALLTOALL, memheap_bytes(nelems, SIZE), 0,           \
              alltoall(&group, dest, source, memheap_bytes(nelems, SIZE)))     \
    OVER_TEAM(ALLTOALLS,                                                       \
              (shmem_team_t team, T * dest, const T *source, ptrdiff_t dst,    \
               ptrdiff_t sst, size_t nelems),                                  \
              MEMHEAP_CALL_ALLTOALLS, memheap_bytes(nelems, SIZE), 0,          \
              alltoalls(&group, (char *)dest, (const char *)source,            \
                        (size_t)dst *(SIZE), (size_t)sst *(SIZE), SIZE,        \
                        nelems))                                               \
    OVER_TEAM(BROADCAST,                                                       \
              (shmem_team_t team, T * dest, const T *source, size_t nelems,    \
               int PE_root),                                                   \
              MEMHEAP_CALL_BROADCAST, memheap_bytes(nelems, SIZE),             \
              (uint64_t)PE_root,                                               \
              broadcast(&group, dest, source, memheap_bytes(nelems, SIZE),     \
                        PE_root, true))                                        \
    OVER_TEAM(COLLECT,                                                         \
              (shmem_team_t team, T * dest, const T *source, size_t nelems),   \
              MEMHEAP_CALL_COLLECT, 0, 0,                                      \
              collect_team(&group, (char *)dest, source,                       \
                           memheap_bytes(nelems, SIZE)))                       \
    OVER_TEAM(FCOLLECT,                                                        \
              (shmem_team_t team, T * dest, const T *source, size_t nelems),   \
              MEMHEAP_CALL_FCOLLECT, memheap_bytes(nelems, SIZE), 0,           \
              fcollect(&group, dest, source, memheap_bytes(nelems, SIZE)))

#define TYPED(A, T, N)                                                         \
    TEAM_ROUTINES(T, N##_alltoall, N##_alltoalls, N##_broadcast, N##_collect,  \
                  N##_fcollect, sizeof(T))
SHMEM_RMA_TYPES_(TYPED, 0)
TEAM_ROUTINES(void, alltoallmem, alltoallsmem, broadcastmem, collectmem,
              fcollectmem, 1)

/* One routine over an active set; BODY uses the group. */
#define SET int PE_start, int logPE_stride, int PE_size, long *pSync
#define OVER_SET(NAME, PARAMETERS, BODY)                                       \
    void(pshmem_##NAME) PARAMETERS                                             \
    {                                                                          \
        memheap_group_t group = memheap_group_of_set(                          \
            "shmem_" #NAME, PE_start, logPE_stride, PE_size, pSync);           \
        BODY;                                                                  \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##NAME)

#define SET_ROUTINES(BITS)                                                     \
    OVER_SET(alltoall##BITS,                                                   \
             (void *dest, const void *source, size_t nelems, SET),             \
             alltoall(&group, dest, source, memheap_bytes(nelems, BITS / 8)))  \
    OVER_SET(alltoalls##BITS,                                                  \
             (void *dest, const void *source, ptrdiff_t dst, ptrdiff_t sst,    \
              size_t nelems, SET),                                             \
             alltoalls(&group, dest, source, (size_t)dst *(BITS / 8),          \
                       (size_t)sst *(BITS / 8), BITS / 8, nelems))             \
    OVER_SET(                                                                  \
        broadcast##BITS,                                                       \
        (void *dest, const void *source, size_t nelems, int PE_root, SET),     \
        broadcast(&group, dest, source, memheap_bytes(nelems, BITS / 8),       \
                  PE_root, false))                                             \
    OVER_SET(                                                                  \
        collect##BITS, (void *dest, const void *source, size_t nelems, SET),   \
        collect_set(&group, dest, source, memheap_bytes(nelems, BITS / 8)))    \
    OVER_SET(fcollect##BITS,                                                   \
             (void *dest, const void *source, size_t nelems, SET),             \
             fcollect(&group, dest, source, memheap_bytes(nelems, BITS / 8)))
SET_ROUTINES(32)
SET_ROUTINES(64)

OVER_SET(sync, (SET), memheap_group_meet(&group))
OVER_SET(barrier, (SET), (pshmem_quiet(), memheap_group_meet(&group)))
