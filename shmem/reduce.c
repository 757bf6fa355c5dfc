/*
 * Reductions and scans.
 *
 * A reduction is cut into one slice per PE. Each PE combines its slice of all
 * sources, in the order of the PEs, and stores the result into its slice of
 * every destination. No other PE accesses that slice, so a destination may be
 * the source. All PEs get bitwise equal results.
 *
 * Short reductions avoid the second barrier. In a team, the sources are inline
 * payloads, and each PE combines all of them. In an active set, rank 0 combines
 * for all, between the two steps of one barrier.
 *
 * On several nodes, the first member of each node combines the sources of its
 * node, and the nodes exchange these results, up to a limit.
 *
 * In a scan, each PE needs the sources of the PEs before it. It combines a
 * piece at a time in a buffer, and stores it after all PEs have read.
 */
#include "config.h"

#include "shmem/group.h"

#include <pshmem.h>

#include <stdlib.h>
#include <string.h>

enum {
    BUFFER = 16384, /* bytes of the buffer on the stack */
    SHORT = 1024    /* up to this size, rank 0 of a set combines for all */
};

#define AND(a, b) ((a) & (b))
#define OR(a, b) ((a) | (b))
#define XOR(a, b) ((a) ^ (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define SUM(a, b) ((a) + (b))
#define PROD(a, b) ((a) * (b))

/* A number for a short name, so that PEs notice different names. */
#define TAG(name)                                                              \
    ((uint64_t)(name)[0] << 16 | (uint64_t)(name)[1] << 8 |                    \
     (uint64_t)(name)[sizeof(name) - 2])

/* The group of a team, for one operation and type. */
static inline memheap_group_t reduce_group(const char *call, shmem_team_t team,
                                           memheap_call_kind_t kind,
                                           size_t size, size_t n, uint64_t tag)
{
    memheap_group_t group = memheap_group_of_team(call, team, kind, size, n);
    group.call.argument[2] = tag;
    return group;
}

/* The slice of a PE: [*first_p, *end_p) of n elements. */
static void slice_of(const memheap_group_t *group, size_t n, size_t *first_p,
                     size_t *end_p)
{
    size_t parts = (size_t)group->size;
    size_t rank = (size_t)group->rank;
    size_t each = n / parts;
    size_t more = n % parts;
    *first_p = rank * each + (rank < more ? rank : more);
    *end_p = *first_p + each + (rank < more);
}

/* Part of the source of rank i: in place, or copied to `copy` if off node. */
static const void *source_of(const memheap_group_t *group, const void *source,
                             size_t size, int i, void *copy)
{
    memheap_remote_addr_t remote;
    if (size == 0)
        return copy;
    const char *local = memheap_group_at(group, source, size, i, &remote);
    if (MEMHEAP_LIKELY(local != NULL))
        return local;
    memheap_transport_get(memheap_runtime.transport, &remote, copy, size);
    return copy;
}

/* Arguments for pack and unpack, which the first member of a node runs. */
typedef struct exchange_args {
    const memheap_group_t *group;
    void *dest;
    const void *source;
    size_t count, size; /* elements, and their bytes */
    void (*into)(void *buffer, const void *other, size_t count);
} exchange_args_t;

/* The combined sources of the members on this node. */
static size_t pack_sum(void *context, void *to)
{
    const exchange_args_t *p = context;
    for (int i = 0; i < p->group->agree->node_size && to != NULL; i++) {
        const void *source =
            memheap_group_on_node(p->group, p->source, p->size, i);
        if (i == 0)
            memcpy(to, source, p->size);
        else
            p->into(to, source, p->count);
    }
    return p->size;
}

/* Combine the sums of all nodes, in the same order on all nodes. */
static void unpack_sums(void *context, const memheap_node_payload_t *payloads,
                        int count)
{
    const exchange_args_t *p = context;
    char *dest = memheap_group_on_node(p->group, p->dest, p->size, 0);
    memcpy(dest, payloads[0].data, p->size);
    for (int b = 1; b < count; b++)
        p->into(dest, payloads[b].data, p->count);
    for (int i = 1; i < p->group->agree->node_size; i++)
        memcpy(memheap_group_on_node(p->group, p->dest, p->size, i), dest,
               p->size);
}

static void exchange_sums(memheap_group_t *group, void *dest,
                          const void *source, size_t count, size_t size,
                          void (*into)(void *buffer, const void *other,
                                       size_t count))
{
    exchange_args_t args = {group, dest, source, count, size, into};
    memheap_agree_exchange_t callbacks = {pack_sum, unpack_sums, &args};
    memheap_group_exchange(group, &callbacks);
}

/* Combine count elements of another PE into a buffer. */
#define COMBINE(T, N, O, OPERATION)                                            \
    static inline void N##_##O##_into(void *buffer, const void *other,         \
                                      size_t count)                            \
    {                                                                          \
        T *sum = buffer;                                                       \
        const T *element = other;                                              \
        for (size_t k = 0; k < count; k++)                                     \
            sum[k] = (T)OPERATION(sum[k], element[k]);                         \
    }                                                                          \
    WORK(T, N, O)

/* One operation on one type: combine a slice, in pieces of the buffer size; and
 * choose the algorithm. */
#define WORK(T, N, O)                                                          \
    static void N##_##O##_slice(const memheap_group_t *group, T *dest,         \
                                const T *source, size_t first, size_t end)     \
    {                                                                          \
        T buffer[BUFFER / sizeof(T)];                                          \
        T copy[BUFFER / sizeof(T)];                                            \
        while (first < end) {                                                  \
            size_t count = memheap_min(end - first, BUFFER / sizeof(T));       \
            size_t bytes = count * sizeof(T);                                  \
            memcpy(buffer, source_of(group, source + first, bytes, 0, copy),   \
                   bytes);                                                     \
            for (int i = 1; i < group->size; i++)                              \
                N##_##O##_into(                                                \
                    buffer, source_of(group, source + first, bytes, i, copy),  \
                    count);                                                    \
            for (int i = 0; i < group->size; i++)                              \
                memheap_group_put(group, dest + first, buffer, bytes, i);      \
            memheap_group_wait_puts(group);                                    \
            first += count;                                                    \
        }                                                                      \
    }                                                                          \
    static void N##_##O##_inline(const memheap_group_t *group, T *dest,        \
                                 size_t n)                                     \
    {                                                                          \
        T buffer[MEMHEAP_AGREE_PAYLOAD_MAX / sizeof(T)];                       \
        memcpy(buffer, memheap_agree_payload(group->agree, 0), n * sizeof(T)); \
        for (int i = 1; i < group->size; i++)                                  \
            N##_##O##_into(buffer, memheap_agree_payload(group->agree, i), n); \
        memcpy(dest, buffer, n * sizeof(T));                                   \
    }                                                                          \
    static void N##_##O(memheap_group_t *group, T *dest, const T *source,      \
                        size_t n)                                              \
    {                                                                          \
        size_t bytes = memheap_bytes(n, sizeof(T));                            \
        memheap_group_check(group, source, bytes);                             \
        memheap_group_check(group, dest, bytes);                               \
        if (memheap_group_can_inline(group, bytes)) {                          \
            memheap_agree_attach(group->agree, source, bytes);                 \
            memheap_group_barrier(group);                                      \
            N##_##O##_inline(group, dest, n);                                  \
            return;                                                            \
        }                                                                      \
        if (n > 0 && memheap_group_can_exchange(                               \
                         group, memheap_bytes((size_t)group->size, bytes))) {  \
            exchange_sums(group, dest, source, n, bytes, N##_##O##_into);      \
            return;                                                            \
        }                                                                      \
        if (group->agree == NULL && bytes <= SHORT) {                          \
            memheap_group_arrive(group);                                       \
            if (group->rank == 0)                                              \
                N##_##O##_slice(group, dest, source, 0, n);                    \
            memheap_group_release(group);                                      \
            return;                                                            \
        }                                                                      \
        size_t first;                                                          \
        size_t end;                                                            \
        slice_of(group, n, &first, &end);                                      \
        memheap_group_barrier(group);                                          \
        N##_##O##_slice(group, dest, source, first, end);                      \
        memheap_group_barrier(group);                                          \
    }

/* The routines for a team and for an active set. */
#define REDUCE(T, N, O)                                                        \
    int pshmem_##N##_##O##_reduce(shmem_team_t team, T *dest, const T *source, \
                                  size_t nreduce)                              \
    {                                                                          \
        if (team == SHMEM_TEAM_INVALID)                                        \
            return memheap_refuse_team("shmem_" #N "_" #O "_reduce");          \
        memheap_group_t group = reduce_group(                                  \
            "shmem_" #N "_" #O "_reduce", team, MEMHEAP_CALL_REDUCE,           \
            sizeof(T), nreduce, TAG(#N) << 24 | TAG(#O));                      \
        N##_##O(&group, dest, source, nreduce);                                \
        return 0;                                                              \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##N##_##O##_reduce)
#define TO_ALL(T, N, O)                                                        \
    void pshmem_##N##_##O##_to_all(T *dest, const T *source, int nreduce,      \
                                   int PE_start, int logPE_stride,             \
                                   int PE_size, T *pWrk, long *pSync)          \
    {                                                                          \
        (void)pWrk;                                                            \
        memheap_group_t group =                                                \
            memheap_group_of_set("shmem_" #N "_" #O "_to_all", PE_start,       \
                                 logPE_stride, PE_size, pSync);                \
        N##_##O(&group, dest, source, nreduce < 0 ? 0 : (size_t)nreduce);      \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##N##_##O##_to_all)

/* A scan; own is 1 if it includes a PE's own source, else 0. */
#define SCAN(T, N)                                                             \
    static void N##_scan(memheap_group_t *group, T *dest, const T *source,     \
                         size_t n, int own)                                    \
    {                                                                          \
        T buffer[BUFFER / sizeof(T)];                                          \
        T copy[BUFFER / sizeof(T)];                                            \
        memheap_group_check(group, source, memheap_bytes(n, sizeof(T)));       \
        memheap_group_check(group, dest, memheap_bytes(n, sizeof(T)));         \
        for (size_t first = 0; first < n || first == 0;) {                     \
            size_t count = memheap_min(n - first, BUFFER / sizeof(T));         \
            size_t bytes = count * sizeof(T);                                  \
            memset(buffer, 0, bytes);                                          \
            memheap_group_barrier(group);                                      \
            for (int i = 0; i < group->rank + own; i++) {                      \
                const T *other =                                               \
                    source_of(group, source + first, bytes, i, copy);          \
                for (size_t k = 0; k < count; k++)                             \
                    buffer[k] = (T)SUM(buffer[k], other[k]);                   \
            }                                                                  \
            memheap_group_barrier(group);                                      \
            memcpy(dest + first, buffer, bytes);                               \
            first += count;                                                    \
            if (count == 0)                                                    \
                break;                                                         \
        }                                                                      \
    }                                                                          \
    SCAN_FORM(T, N, inscan, 1)                                                 \
    SCAN_FORM(T, N, exscan, 0)
#define SCAN_FORM(T, N, NAME, OWN)                                             \
    int pshmem_##N##_sum_##NAME(shmem_team_t team, T *dest, const T *source,   \
                                size_t nelems)                                 \
    {                                                                          \
        if (team == SHMEM_TEAM_INVALID)                                        \
            return memheap_refuse_team("shmem_" #N "_sum_" #NAME);             \
        memheap_group_t group =                                                \
            reduce_group("shmem_" #N "_sum_" #NAME, team, MEMHEAP_CALL_SCAN,   \
                         sizeof(T), nelems, TAG(#N) << 24 | TAG(#NAME));       \
        N##_scan(&group, dest, source, nelems, OWN);                           \
        return 0;                                                              \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##N##_sum_##NAME)

/* Define each operation once, for the types of teams and of active sets. */
#define BIT_WORK(A, T, N)                                                      \
    COMBINE(T, N, and, AND)                                                    \
    COMBINE(T, N, or, OR)                                                      \
    COMBINE(T, N, xor, XOR)
#define ORDER_WORK(A, T, N)                                                    \
    COMBINE(T, N, max, MAX)                                                    \
    COMBINE(T, N, min, MIN)
#define SUM_WORK(A, T, N)                                                      \
    COMBINE(T, N, sum, SUM)                                                    \
    COMBINE(T, N, prod, PROD)
SHMEM_REDUCE_BIT_TYPES_(BIT_WORK, 0)
SHMEM_TO_ALL_BIT_TYPES_(BIT_WORK, 0)
SHMEM_REDUCE_ORDER_TYPES_(ORDER_WORK, 0)
SHMEM_REDUCE_SUM_TYPES_(SUM_WORK, 0)

#define BIT_REDUCE(A, T, N) REDUCE(T, N, and) REDUCE(T, N, or) REDUCE(T, N, xor)
#define ORDER_REDUCE(A, T, N) REDUCE(T, N, max) REDUCE(T, N, min)
#define SUM_REDUCE(A, T, N) REDUCE(T, N, sum) REDUCE(T, N, prod) SCAN(T, N)
SHMEM_REDUCE_BIT_TYPES_(BIT_REDUCE, 0)
SHMEM_REDUCE_ORDER_TYPES_(ORDER_REDUCE, 0)
SHMEM_REDUCE_SUM_TYPES_(SUM_REDUCE, 0)

#define BIT_TO_ALL(A, T, N) TO_ALL(T, N, and) TO_ALL(T, N, or) TO_ALL(T, N, xor)
#define ORDER_TO_ALL(A, T, N) TO_ALL(T, N, max) TO_ALL(T, N, min)
#define SUM_TO_ALL(A, T, N) TO_ALL(T, N, sum) TO_ALL(T, N, prod)
SHMEM_TO_ALL_BIT_TYPES_(BIT_TO_ALL, 0)
SHMEM_TO_ALL_ORDER_TYPES_(ORDER_TO_ALL, 0)
SHMEM_TO_ALL_SUM_TYPES_(SUM_TO_ALL, 0)
