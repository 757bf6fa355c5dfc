/*
 * Collectives that move data.
 *
 * Each PE reads what it needs from the memory of the others, between two
 * barriers: after the first, all sources are ready; after the second, no PE
 * reads them any more. Short data goes into inline payloads of the first
 * barrier, and needs no second one. In a short broadcast, the PEs wait for the
 * root only.
 *
 * On several nodes, a moderate amount of data is exchanged between the nodes
 * within one agreement; in a short broadcast, the PEs wait for the root only.
 */
#include "config.h"

#include "shmem/group.h"

#include <pshmem.h>

#include <stdlib.h>
#include <string.h>

/* Arguments for pack and unpack, which the first member of a node runs. */
typedef struct exchange_args {
    const memheap_group_t *group;
    char *dest;
    const char *source;
    size_t size; /* bytes of one PE's part */
    int root;    /* of a broadcast */
    bool root_too;
} exchange_args_t;

static void exchange(memheap_group_t *group, exchange_args_t *args,
                     size_t (*pack)(void *context, void *to),
                     void (*unpack)(void *context,
                                    const memheap_node_payload_t *payloads,
                                    int count))
{
    memheap_agree_exchange_t callbacks = {pack, unpack, args};
    memheap_group_exchange(group, &callbacks);
}

/* A broadcast: only the root's node has a payload. */
static size_t pack_root(void *context, void *to)
{
    const exchange_args_t *p = context;
    memheap_remote_addr_t remote;
    const char *source =
        memheap_group_at(p->group, p->source, p->size, p->root, &remote);
    if (source == NULL)
        return 0;
    if (to != NULL)
        memcpy(to, source, p->size);
    return p->size;
}

static void unpack_root(void *context, const memheap_node_payload_t *payloads,
                        int count)
{
    const exchange_args_t *p = context;
    const memheap_agree_t *agree = p->group->agree;
    int from = 0;
    while (from + 1 < count && payloads[from].size == 0)
        from++;
    for (int i = 0; i < agree->node_size; i++) {
        if (agree->first + i * agree->step != p->root || p->root_too)
            memcpy(memheap_group_on_node(p->group, p->dest, p->size, i),
                   payloads[from].data, p->size);
    }
}

static void broadcast(memheap_group_t *group, void *dest, const void *source,
                      size_t size, int root, bool root_too)
{
    if (root < 0 || root >= group->size)
        memheap_wrong_pe(group->name, SHMEM_CTX_DEFAULT, root);
    if (group->rank == root)
        memheap_group_check(group, source, size);
    if (group->rank != root || root_too)
        memheap_group_check(group, dest, size);
    if (group->sync != NULL && group->on_node && size <= MEMHEAP_SET_ROOM) {
        memheap_group_send(group, dest, source, size, root);
        return;
    }
    if (root_too && memheap_group_can_inline(group, size)) {
        if (group->rank == root)
            memheap_agree_attach(group->agree, source, size);
        memheap_group_barrier_rooted(group, root);
        memcpy(dest, memheap_agree_payload(group->agree, root), size);
        return;
    }
    if (!group->on_node && group->agree != NULL &&
        size <= MEMHEAP_AGREE_PAYLOAD_MAX &&
        memheap_agree_may_run_ahead(group->agree)) {
        if (group->rank == root)
            memheap_agree_attach(group->agree, source, size);
        memheap_group_barrier_rooted(group, root);
        if (group->rank != root || root_too)
            memcpy(dest, memheap_agree_root_payload(group->agree, root), size);
        return;
    }
    if (size > 0 && memheap_group_can_exchange(group, size)) {
        exchange_args_t args = {group, dest, source, size, root, root_too};
        exchange(group, &args, pack_root, unpack_root);
        return;
    }
    memheap_group_barrier(group);
    if (group->rank != root || root_too)
        memheap_group_get(group, dest, source, size, root);
    memheap_group_wait_gets(group);
    memheap_group_barrier(group);
}

/* If PEs share cores, a copy of the source is cheaper than a second barrier:
 * stage it, and make the first barrier. */
static bool stage(memheap_group_t *group, const void *source, size_t size)
{
    if (group->agree == NULL)
        return false;
    char *to = memheap_agree_stage(group->agree, size);
    if (to == NULL)
        return false;
    memcpy(to, source, size);
    memheap_group_barrier(group);
    return true;
}

/* The sources of all members on this node, back to back. */
static size_t pack_sources(void *context, void *to)
{
    const exchange_args_t *p = context;
    int count = p->group->agree->node_size;
    for (int i = 0; i < count && to != NULL; i++)
        memcpy((char *)to + (size_t)i * p->size,
               memheap_group_on_node(p->group, p->source, p->size, i), p->size);
    return (size_t)count * p->size;
}

static void unpack_fcollect(void *context,
                            const memheap_node_payload_t *payloads, int count)
{
    const exchange_args_t *p = context;
    size_t all = (size_t)p->group->size * p->size;
    for (int i = 0; i < p->group->agree->node_size; i++) {
        char *dest = memheap_group_on_node(p->group, p->dest, all, i);
        for (int b = 0; b < count; b++) {
            const char *data = payloads[b].data;
            for (int k = 0; k < payloads[b].count; k++)
                memcpy(dest +
                           (size_t)(payloads[b].first + k * payloads[b].step) *
                               p->size,
                       data + (size_t)k * p->size, p->size);
        }
    }
}

static void fcollect(memheap_group_t *group, void *dest, const void *source,
                     size_t size)
{
    memheap_group_check(group, source, size);
    memheap_group_check(group, dest, memheap_bytes((size_t)group->size, size));
    if (memheap_group_can_inline(group, size)) {
        memheap_agree_attach(group->agree, source, size);
        memheap_group_barrier(group);
        for (int i = 0; i < group->size; i++)
            memcpy((char *)dest + (size_t)i * size,
                   memheap_agree_payload(group->agree, i), size);
        return;
    }
    if (stage(group, source, size)) {
        for (int i = 0; i < group->size; i++)
            memcpy((char *)dest + (size_t)i * size,
                   memheap_agree_staged(group->agree, i), size);
        return;
    }
    if (size > 0 && memheap_group_can_exchange(
                        group, memheap_bytes((size_t)group->size, size))) {
        exchange_args_t args = {
            .group = group, .dest = dest, .source = source, .size = size};
        exchange(group, &args, pack_sources, unpack_fcollect);
        return;
    }
    memheap_group_barrier(group);
    for (int step = 0; step < group->size; step++) {
        int i = (group->rank + step) % group->size;
        memheap_group_get(group, (char *)dest + (size_t)i * size, source, size,
                          i);
    }
    memheap_group_wait_gets(group);
    memheap_group_barrier(group);
}

/* A payload has the parts of each PE for all PEs, so one part has the size
 * p->size / n. */
static void unpack_alltoall(void *context,
                            const memheap_node_payload_t *payloads, int count)
{
    const exchange_args_t *p = context;
    const memheap_agree_t *agree = p->group->agree;
    size_t part = p->size / (size_t)p->group->size;
    for (int i = 0; i < agree->node_size; i++) {
        char *dest = memheap_group_on_node(p->group, p->dest, p->size, i);
        size_t mine = (size_t)(agree->first + i * agree->step) * part;
        for (int b = 0; b < count; b++) {
            const char *data = (const char *)payloads[b].data + mine;
            for (int k = 0; k < payloads[b].count; k++)
                memcpy(dest +
                           (size_t)(payloads[b].first + k * payloads[b].step) *
                               part,
                       data + (size_t)k * p->size, part);
        }
    }
}

static void alltoall(memheap_group_t *group, void *dest, const void *source,
                     size_t size)
{
    size_t all = memheap_bytes((size_t)group->size, size);
    memheap_group_check(group, source, all);
    memheap_group_check(group, dest, all);
    if (memheap_group_can_inline(group, all)) {
        memheap_agree_attach(group->agree, source, all);
        memheap_group_barrier(group);
        for (int i = 0; i < group->size; i++)
            memcpy((char *)dest + (size_t)i * size,
                   (const char *)memheap_agree_payload(group->agree, i) +
                       (size_t)group->rank * size,
                   size);
        return;
    }
    if (stage(group, source, all)) {
        for (int i = 0; i < group->size; i++)
            memcpy((char *)dest + (size_t)i * size,
                   memheap_agree_staged(group->agree, i) +
                       (size_t)group->rank * size,
                   size);
        return;
    }
    if (size > 0 && memheap_group_can_exchange(
                        group, memheap_bytes((size_t)group->size, all))) {
        exchange_args_t args = {
            .group = group, .dest = dest, .source = source, .size = all};
        exchange(group, &args, pack_sources, unpack_alltoall);
        return;
    }
    memheap_group_barrier(group);
    for (int step = 0; step < group->size; step++) {
        int i = (group->rank + step) % group->size;
        memheap_group_get(group, (char *)dest + (size_t)i * size,
                          (const char *)source + (size_t)group->rank * size,
                          size, i);
    }
    memheap_group_wait_gets(group);
    memheap_group_barrier(group);
}

/* The bytes from the first of count elements for each of n PEs to the end of
 * the last; SIZE_MAX on overflow. */
static size_t span(int n, size_t count, size_t stride, size_t size)
{
    size_t elements = memheap_bytes((size_t)n, count);
    if (elements == 0)
        return 0;
    size_t bytes = memheap_bytes(elements - 1, stride);
    return bytes > SIZE_MAX - size ? SIZE_MAX : bytes + size;
}

/* Strides are in bytes. Each PE sends count elements to every PE. */
static void alltoalls(memheap_group_t *group, char *dest, const char *source,
                      size_t dst, size_t sst, size_t size, size_t count)
{
    memheap_group_check(group, source, span(group->size, count, sst, size));
    memheap_group_check(group, dest, span(group->size, count, dst, size));
    memheap_group_barrier(group);
    for (int step = 0; step < group->size; step++) {
        int i = (group->rank + step) % group->size;
        for (size_t k = 0; k < count; k++)
            memheap_group_get(group, dest + ((size_t)i * count + k) * dst,
                              source + ((size_t)group->rank * count + k) * sst,
                              size, i);
    }
    memheap_group_wait_gets(group);
    memheap_group_barrier(group);
}

/*
 * A collect: the PEs' parts differ in length. Each PE of a team attaches its
 * length as an inline payload. On one node, the PEs then read the parts; on
 * several nodes, the nodes exchange lengths and parts, up to a limit.
 */
static size_t length_of(const memheap_group_t *group, int i)
{
    size_t length;
    memcpy(&length, memheap_agree_payload(group->agree, i), sizeof(length));
    return length;
}

/* The lengths of the members on this node, then their parts. */
static size_t pack_lengths(void *context, void *to)
{
    const exchange_args_t *p = context;
    size_t count = (size_t)p->group->agree->node_size;
    size_t *lengths = to;
    size_t size = count * sizeof(size_t);
    for (size_t i = 0; i < count; i++) {
        size_t length = length_of(p->group, (int)i);
        if (to != NULL)
            lengths[i] = length;
        if (to != NULL && length > 0)
            memcpy((char *)to + size,
                   memheap_group_on_node(p->group, p->source, length, (int)i),
                   length);
        size += length;
    }
    return size;
}

/* The index of the payload that has a rank, and the index of the rank in it. */
static int payload_of(const memheap_node_payload_t *payloads, int rank,
                      int *k_p)
{
    int b = 0;
    for (;; b++) {
        for (int k = 0; k < payloads[b].count; k++) {
            if (payloads[b].first + k * payloads[b].step == rank) {
                *k_p = k;
                return b;
            }
        }
    }
}

static void unpack_collect(void *context,
                           const memheap_node_payload_t *payloads, int count)
{
    const exchange_args_t *p = context;
    size_t offset = 0;
    size_t total = 0;
    for (int b = 0; b < count; b++) {
        const size_t *lengths = payloads[b].data;
        for (int k = 0; k < payloads[b].count; k++)
            total += lengths[k];
    }
    for (int i = 0; i < p->group->agree->node_size && total > 0; i++)
        memheap_group_on_node(p->group, p->dest, total, i);
    for (int rank = 0; rank < p->group->size; rank++) {
        int k;
        const memheap_node_payload_t *block =
            &payloads[payload_of(payloads, rank, &k)];
        const size_t *lengths = block->data;
        const char *part = (const char *)(lengths + block->count);
        for (int i = 0; i < k; i++)
            part += lengths[i];
        for (int i = 0; i < p->group->agree->node_size && lengths[k] > 0; i++)
            memcpy(memheap_group_on_node(p->group, p->dest + offset, lengths[k],
                                         i),
                   part, lengths[k]);
        offset += lengths[k];
    }
}

/* Beyond that limit: the PEs publish their lengths one after the other, and
 * each reads the parts. */
static void collect_off_node(memheap_group_t *group, char *dest,
                             const void *source, size_t size)
{
    size_t offset = 0;
    for (int i = 0; i < group->size; i++) {
        size_t length = memheap_runtime_reduce(group->agree, &group->call,
                                               i == group->rank ? size : 0,
                                               memheap_agree_max);
        memheap_group_check(group, dest + offset, length);
        memheap_group_get(group, dest + offset, source, length, i);
        offset += length;
    }
    memheap_group_wait_gets(group);
    memheap_group_barrier(group);
}

static void collect_team(memheap_group_t *group, char *dest, const void *source,
                         size_t size)
{
    size_t offset = 0;
    size_t total = 0;
    memheap_group_check(group, source, size);
    if (group->size == 1) {
        memheap_group_check(group, dest, size);
        memheap_group_get(group, dest, source, size, 0);
        return;
    }
    if (!group->on_node) {
        size_t longest = memheap_runtime_reduce(group->agree, &group->call,
                                                size, memheap_agree_max);
        if (!memheap_group_can_exchange(
                group, memheap_bytes((size_t)group->size, longest))) {
            collect_off_node(group, dest, source, size);
            return;
        }
    }
    memheap_agree_attach(group->agree, &size, sizeof(size));
    if (!group->on_node) {
        exchange_args_t args = {.group = group, .dest = dest, .source = source};
        exchange(group, &args, pack_lengths, unpack_collect);
        return;
    }
    memheap_group_barrier(group);
    for (int i = 0; i < group->size; i++)
        total += length_of(group, i);
    memheap_group_check(group, dest, total);
    for (int i = 0; i < group->size; i++) {
        size_t length = length_of(group, i);
        memheap_group_get(group, dest + offset, source, length, i);
        offset += length;
    }
    memheap_group_barrier(group);
}

/* In an active set, each PE publishes its length in a word of the work array
 * until all have read it. */
static void collect_set(memheap_group_t *group, char *dest, const void *source,
                        size_t size)
{
    if (group->agree != NULL) {
        collect_team(group, dest, source, size);
        return;
    }
    size_t offset = 0;
    memheap_group_check(group, source, size);
    *(volatile long *)(group->sync + MEMHEAP_SET_LENGTH) = (long)size;
    memheap_group_barrier(group);
    for (int i = 0; i < group->size; i++) {
        long length;
        memheap_group_get(group, &length, group->sync + MEMHEAP_SET_LENGTH,
                          sizeof(length), i);
        memheap_group_wait_gets(group);
        memheap_group_check(group, dest + offset, (size_t)length);
        memheap_group_get(group, dest + offset, source, (size_t)length, i);
        offset += (size_t)length;
    }
    memheap_group_wait_gets(group);
    memheap_group_barrier(group);
    *(volatile long *)(group->sync + MEMHEAP_SET_LENGTH) = SHMEM_SYNC_VALUE;
}

/* One routine over a team; BODY uses the group. */
#define OVER_TEAM(NAME, PARAMETERS, KIND, SIZE, ARGUMENT, BODY)                \
    int pshmem_##NAME PARAMETERS                                               \
    {                                                                          \
        if (team == SHMEM_TEAM_INVALID)                                        \
            return memheap_refuse_team("shmem_" #NAME);                        \
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
    OVER_TEAM(                                                                 \
        ALLTOALLS,                                                             \
        (shmem_team_t team, T * dest, const T *source, ptrdiff_t dst,          \
         ptrdiff_t sst, size_t nelems),                                        \
        MEMHEAP_CALL_ALLTOALLS, memheap_bytes(nelems, SIZE), (uint64_t)dst,    \
        (group.call.argument[2] = (uint64_t)sst,                               \
         alltoalls(&group, (char *)dest, (const char *)source,                 \
                   (size_t)dst * (SIZE), (size_t)sst * (SIZE), SIZE, nelems))) \
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
        (group.call = (memheap_call_t){MEMHEAP_CALL_BROADCAST,                 \
                                       {memheap_bytes(nelems, BITS / 8),       \
                                        (uint64_t)PE_root},                    \
                                       "shmem_broadcast" #BITS},               \
         broadcast(&group, dest, source, memheap_bytes(nelems, BITS / 8),      \
                   PE_root, false)))                                           \
    OVER_SET(                                                                  \
        collect##BITS, (void *dest, const void *source, size_t nelems, SET),   \
        collect_set(&group, dest, source, memheap_bytes(nelems, BITS / 8)))    \
    OVER_SET(fcollect##BITS,                                                   \
             (void *dest, const void *source, size_t nelems, SET),             \
             fcollect(&group, dest, source, memheap_bytes(nelems, BITS / 8)))
SET_ROUTINES(32)
SET_ROUTINES(64)

OVER_SET(sync, (SET), memheap_group_barrier(&group))
OVER_SET(barrier, (SET), (pshmem_quiet(), memheap_group_barrier(&group)))
