/*
 * Symmetric heaps over MPI communicators.
 *
 * comm/collective_heap.h has the steps of each call; here is how the ranks
 * agree on one: by a single reduction, to the minimum. It yields the worst
 * status. It also tells whether all digests are equal, and all results: each
 * is reduced together with its complement, and the minimum of the complements
 * is the complement of the maximum.
 *
 * In a collective call, errors are kept. If the call fails, the lowest rank
 * that has the worst status logs its own. So a cause is logged once, with its
 * rank.
 */
#include "config.h"

#include <memheap/mpi.h>
#include "comm/collective_heap.h"
#include "comm/parent.h"
#include "comm/symmetric.h"
#include "memheap/dependents.h"
#include "base/pages.h"
#include "base/util.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Kinds of calls, with their arguments. */
typedef enum call_kind {
    CALL_CREATE,       /* flags, size */
    CALL_CREATE_LIMIT, /* kind of pages, limit */
    CALL_SELECT,       /* digest of the component's name */
    CALL_ALLOC,        /* alignment, size */
    CALL_ALLOC_ZEROED, /* count, size */
    CALL_FREE,         /* block */
    CALL_RESIZE,       /* block, size */
    CALL_COLLECT,
    CALL_POOL
} call_kind_t;

struct memheap_mpi {
    memheap_job_t job;
    memheap_symmetric_t symmetric;
    const memheap_log_t *user_log;
    memheap_log_t log;  /* keeps errors of collective calls */
    bool in_call;       /* a collective call */
    char message[1024]; /* the first error of it, or "" */
    memheap_releases_t releases;
    memheap_dependents_t dependents;
};

/* A call by the name that the program used, without memheap_mpi_. */
static memheap_call_t call_of(const char *name, call_kind_t kind, size_t a,
                              size_t b)
{
    return (memheap_call_t){.kind = kind, .argument = {a, b, 0}, .name = name};
}

static void describe(const memheap_call_t *call, char *text, size_t room)
{
    size_t a = (size_t)call->argument[0];
    size_t b = (size_t)call->argument[1];
    switch ((call_kind_t)call->kind) {
    case CALL_CREATE:
        snprintf(text, room, "memheap_mpi_create(flags %#zx, size %zu)", a, b);
        break;
    case CALL_CREATE_LIMIT:
        snprintf(text, room, "memheap_mpi_create(kind of pages %zu, size %zu)",
                 a, b);
        break;
    case CALL_SELECT:
        snprintf(text, room, "memheap_mpi_create, which selected component %s",
                 call->name);
        break;
    case CALL_ALLOC:
        if (strstr(call->name, "aligned") == NULL)
            snprintf(text, room, "memheap_mpi_%s(%zu)", call->name, b);
        else
            snprintf(text, room, "memheap_mpi_%s(%zu, %zu)", call->name, a, b);
        break;
    case CALL_ALLOC_ZEROED:
        snprintf(text, room, "memheap_mpi_%s(%zu, %zu)", call->name, a, b);
        break;
    case CALL_FREE:
    case CALL_RESIZE:
        if (a == MEMHEAP_CALL_FOREIGN)
            snprintf(text, room,
                     "memheap_mpi_%s of an address outside of the "
                     "heap",
                     call->name);
        else if (call->kind == CALL_FREE)
            snprintf(text, room, "memheap_mpi_free(%#zx)", a);
        else
            snprintf(text, room, "memheap_mpi_%s(%#zx, %zu)", call->name, a, b);
        break;
    case CALL_COLLECT:
        snprintf(text, room, "memheap_mpi_collect");
        break;
    case CALL_POOL:
        snprintf(text, room, "an allocation from memheap_mpi_as_pool");
        break;
    }
}

/* Keep the first error of a collective call; pass all else on. */
static void log_sink(void *context, memheap_log_level_t level,
                     const char *message)
{
    memheap_mpi_t *heap = context;
    if (!heap->in_call || level != MEMHEAP_LOG_ERROR)
        memheap_log_write(heap->user_log, level, "%s", message);
    else if (heap->message[0] == '\0')
        snprintf(heap->message, sizeof(heap->message), "%s", message);
}

/* Rank 0 logs how the ranks differ. Collective. */
static void report_divergence(const memheap_job_t *job,
                              const memheap_call_t *call,
                              const memheap_log_t *log)
{
    typedef char text_t[MEMHEAP_CALL_TEXT];
    text_t mine = "";
    text_t *all = NULL;
    memheap_status_t status = MEMHEAP_OK;
    describe(call, mine, sizeof(mine));
    if (job->rank == 0) {
        all = malloc((size_t)job->size * sizeof(*all));
        status = all == NULL ? MEMHEAP_ERR_NO_METADATA : MEMHEAP_OK;
    }
    if (memheap_job_worst(job, status) == MEMHEAP_OK)
        memheap_job_gather(job, mine, sizeof(mine), all);
    if (all == NULL)
        return;
    int other = 1;
    while (other < job->size && strcmp(all[other], all[0]) == 0)
        other++;
    if (other < job->size)
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "the ranks differ: rank 0 called %s, rank %d called "
                          "%s",
                          all[0], other, all[other]);
    else
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "all ranks called %s, and got different results: "
                          "they have differed in an earlier call",
                          all[0]);
    free(all);
}

/* Agree on a call, its status and, if all ranks succeeded, its result.
 * Collective. rank_p takes the lowest rank that has the worst status.
 * @return the same on every rank */
static memheap_status_t agree(const memheap_mpi_t *heap,
                              const memheap_call_t *call, memheap_status_t mine,
                              uint64_t result, int *rank_p)
{
    enum {
        RANK_BITS = 32
    };
    const memheap_job_t *job = &heap->job;
    int64_t digest = (int64_t)memheap_call_digest(call);
    int64_t worst = (int64_t)mine * ((int64_t)1 << RANK_BITS) + job->rank;
    int64_t words[] = {worst, digest, ~digest, (int64_t)result,
                       ~(int64_t)result};
    int64_t least[5];
    MEMHEAP_MPI(MPI_Allreduce, words, least, 5, MPI_INT64_T, MPI_MIN,
                job->world);
    memheap_status_t status = (memheap_status_t)(least[0] >> RANK_BITS);
    bool same_call = least[1] == ~least[2];
    bool same_result = status != MEMHEAP_OK || least[3] == ~least[4];
    *rank_p = (int)(least[0] & UINT32_MAX);
    if (same_call && same_result)
        return status;
    report_divergence(job, call, heap->user_log);
    return MEMHEAP_ERR_DIVERGED;
}

/* The environment of a collective heap. */

static memheap_t *heap_of(const void *context)
{
    return ((const memheap_mpi_t *)context)->symmetric.heap;
}

static memheap_releases_t *releases_of(void *context)
{
    return &((memheap_mpi_t *)context)->releases;
}

static uint64_t minimum(void *context, uint64_t word)
{
    const memheap_mpi_t *heap = context;
    uint64_t least;
    MEMHEAP_MPI(MPI_Allreduce, &word, &least, 1, MPI_UINT64_T, MPI_MIN,
                heap->job.world);
    return least;
}

static memheap_status_t agree_on_call(void *context, const memheap_call_t *call,
                                      memheap_status_t mine, uint64_t result,
                                      int *rank_p)
{
    return agree(context, call, mine, result, rank_p);
}

static void describe_bad_block(void *context, const void *block)
{
    memheap_mpi_t *heap = context;
    if (memheap_releases_has(&heap->releases, block))
        snprintf(heap->message, sizeof(heap->message),
                 "%p is a block that this rank has released", block);
    else
        memheap_describe(heap->symmetric.heap, block, heap->message,
                         sizeof(heap->message));
}

/* Log why a call failed, on the rank that has the cause. */
static void report_failure(void *context, const memheap_call_t *call,
                           memheap_status_t status, int rank)
{
    memheap_mpi_t *heap = context;
    char text[MEMHEAP_CALL_TEXT];
    if (rank != heap->job.rank || status == MEMHEAP_ERR_DIVERGED)
        return;
    describe(call, text, sizeof(text));
    memheap_log_write(heap->user_log, MEMHEAP_LOG_ERROR, "rank %d: %s: %s",
                      rank, text,
                      heap->message[0] == '\0' ? memheap_status_string(status)
                                               : heap->message);
}

static const memheap_collective_ops_t ops = {.heap = heap_of,
                                             .releases = releases_of,
                                             .agree = agree_on_call,
                                             .minimum = minimum,
                                             .bad_block = describe_bad_block,
                                             .failed = report_failure};

/* Begin and end a collective call. */
static inline memheap_collective_t begin(memheap_mpi_t *heap)
{
    heap->in_call = true;
    heap->message[0] = '\0';
    return (memheap_collective_t){&ops, heap};
}

static inline memheap_status_t end(memheap_mpi_t *heap, memheap_status_t status)
{
    heap->in_call = false;
    return status;
}

/* Whether this process is a rank. A forked child is not, and must not take part
 * in a collective call. */
static bool is_rank(const memheap_log_t *log, const char *call)
{
    int parent = memheap_parent_rank();
    if (parent < 0)
        return true;
    memheap_log_write(log, MEMHEAP_LOG_ERROR,
                      "memheap_mpi_%s was called in a forked child of rank %d, "
                      "which is not a rank",
                      call, parent);
    return false;
}

static memheap_status_t check_communicator(MPI_Comm comm,
                                           const memheap_log_t *log)
{
    int initialized = 0;
    int finalized = 0;
    int between = 1;
    if (!is_rank(log, "create"))
        return MEMHEAP_ERR_BAD_ARGUMENT;
    PMPI_Initialized(&initialized);
    PMPI_Finalized(&finalized);
    if (!initialized || finalized) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "memheap_mpi_create: MPI is not running");
        return MEMHEAP_ERR_BAD_ARGUMENT;
    }
    if (comm != MPI_COMM_NULL)
        MEMHEAP_MPI(MPI_Comm_test_inter, comm, &between);
    if (between) {
        memheap_log_write(
            log, MEMHEAP_LOG_ERROR,
            "memheap_mpi_create: the communicator is MPI_COMM_NULL or an "
            "intercommunicator");
        return MEMHEAP_ERR_BAD_ARGUMENT;
    }
    return MEMHEAP_OK;
}

/* Check the configuration. The policy of it is completed by the parameters. */
static memheap_status_t read_config(const memheap_config_t *config,
                                    const memheap_log_t *log,
                                    memheap_memory_policy_t *policy)
{
    memheap_framework_t framework;
    memheap_framework_config_t open = {.log = log, .arguments = config->params};
    if (config->base != NULL || config->max_size != 0) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "base and max_size must not be set: the ranks find a "
                          "common address range");
        return MEMHEAP_ERR_BAD_ARGUMENT;
    }
    memheap_status_t status = memheap_framework_open(&framework, &open);
    if (status != MEMHEAP_OK)
        return status;
    *policy = config->policy;
    memheap_pages_resolve(framework.params, policy);
    memheap_framework_close(&framework);
    return MEMHEAP_OK;
}

/* Agree on a step of memheap_mpi_create(). Collective. */
static memheap_status_t agree_on_step(memheap_mpi_t *heap,
                                      const memheap_call_t *call,
                                      memheap_status_t mine)
{
    int rank;
    memheap_status_t status = agree(heap, call, mine, 0, &rank);
    if (status != MEMHEAP_OK)
        report_failure(heap, call, status, rank);
    return status;
}

static memheap_status_t open_heap(memheap_mpi_t *heap,
                                  const memheap_config_t *user_config)
{
    const memheap_job_t *job = &heap->job;
    memheap_memory_policy_t policy;
    memheap_config_t config = *user_config;
    config.log = &heap->log;
    config.flags |= MEMHEAP_JOB_HEAP;
    memheap_call_t create =
        call_of("create", CALL_CREATE, (size_t)user_config->flags, config.size);
    memheap_status_t status = read_config(&config, &heap->log, &policy);
    status = agree_on_step(heap, &create, status);
    if (status != MEMHEAP_OK)
        return status;
    size_t unit = memheap_pages_unit(&policy);
    size_t limit = memheap_align_up(config.size, unit);
    if (limit < config.size)
        limit = memheap_align_down(SIZE_MAX, unit);
    if (config.size == 0)
        limit = memheap_symmetric_share(job, &policy);
    memheap_call_t call =
        call_of("create", CALL_CREATE_LIMIT, (size_t)policy.pages, limit);
    status = agree_on_step(heap, &call, MEMHEAP_OK);
    if (status != MEMHEAP_OK)
        return status;
    memheap_symmetric_config_t wanted = {.job = job,
                                         .limit = limit,
                                         .policy = policy,
                                         .heap = &config,
                                         .warnings = &heap->log};
    status = memheap_symmetric_open(&wanted, &heap->symmetric);
    if (status != MEMHEAP_OK) {
        int rank; /* the first that knows why */
        memheap_job_min(job, heap->message[0] == '\0', &rank);
        report_failure(heap, &create, status, rank);
        return status;
    }
    const char *name = memheap_component_name(heap->symmetric.heap);
    call = call_of(name, CALL_SELECT,
                   memheap_digest_bytes(0, name, strlen(name)), 0);
    status = agree_on_step(heap, &call, MEMHEAP_OK);
    if (status != MEMHEAP_OK)
        memheap_symmetric_close(&heap->symmetric);
    return status;
}

memheap_status_t memheap_mpi_create(MPI_Comm comm,
                                    const memheap_config_t *config,
                                    memheap_mpi_t **heap_p)
{
    const memheap_log_t *log =
        config->log == NULL ? &memheap_log_stderr : config->log;
    memheap_status_t status = check_communicator(comm, log);
    if (status != MEMHEAP_OK)
        return status;
    memheap_job_t job;
    memheap_job_open(&job, comm, -1);
    memheap_mpi_t *heap = calloc(1, sizeof(*heap));
    status = memheap_job_worst(&job, heap == NULL ? MEMHEAP_ERR_NO_METADATA
                                                  : MEMHEAP_OK);
    if (status == MEMHEAP_OK)
        status = memheap_job_form_nodes(&job, SIZE_MAX);
    if (status != MEMHEAP_OK) {
        memheap_job_close(&job);
        free(heap);
        return status;
    }
    heap->job = job;
    heap->user_log = log;
    heap->log = (memheap_log_t){log_sink, heap, log->level};
    memheap_releases_open(&heap->releases);
    begin(heap);
    status = end(heap, open_heap(heap, config));
    if (status != MEMHEAP_OK) {
        memheap_job_close(&heap->job);
        free(heap);
        return status;
    }
    *heap_p = heap;
    return MEMHEAP_OK;
}

memheap_status_t memheap_mpi_destroy(memheap_mpi_t *heap)
{
    if (heap == NULL)
        return MEMHEAP_OK;
    if (!is_rank(heap->user_log, "destroy"))
        return MEMHEAP_ERR_BAD_ARGUMENT;
    memheap_status_t status = memheap_dependents_check(
        &heap->dependents, "heap", memheap_name(heap->symmetric.heap),
        heap->user_log);
    /* After this, no rank accesses another rank's part. */
    status = memheap_job_worst(&heap->job, status);
    if (status != MEMHEAP_OK)
        return status;
    memheap_collective_collect((memheap_collective_t){&ops, heap});
    memheap_symmetric_report(&heap->job, heap->symmetric.heap);
    memheap_releases_close(&heap->releases);
    memheap_symmetric_close(&heap->symmetric);
    memheap_job_close(&heap->job);
    free(heap);
    return MEMHEAP_OK;
}

/* The calls. Each function has the name under which messages speak of it. */

static memheap_status_t alloc_as(const char *name, memheap_mpi_t *heap,
                                 size_t align, size_t size, void **block_p)
{
    void *block;
    if (!is_rank(heap->user_log, name))
        return MEMHEAP_ERR_BAD_ARGUMENT;
    memheap_call_t call = call_of(name, CALL_ALLOC, align, size);
    memheap_status_t status =
        memheap_collective_alloc(begin(heap), &call, align, size, &block);
    if (status == MEMHEAP_OK)
        *block_p = block;
    return end(heap, status);
}

static memheap_status_t alloc_zeroed_as(const char *name, memheap_mpi_t *heap,
                                        size_t count, size_t size,
                                        void **block_p)
{
    void *block;
    if (!is_rank(heap->user_log, name))
        return MEMHEAP_ERR_BAD_ARGUMENT;
    memheap_call_t call = call_of(name, CALL_ALLOC_ZEROED, count, size);
    memheap_status_t status = memheap_collective_alloc_zeroed(
        begin(heap), &call, count, size, &block);
    if (status == MEMHEAP_OK)
        *block_p = block;
    return end(heap, status);
}

static memheap_status_t resize_as(const char *name, memheap_mpi_t *heap,
                                  void *block, size_t size, void **block_p)
{
    if (block == NULL)
        return alloc_as("alloc", heap, MEMHEAP_MIN_ALIGN, size, block_p);
    if (!is_rank(heap->user_log, name))
        return MEMHEAP_ERR_BAD_ARGUMENT;
    memheap_call_t call = call_of(name, CALL_RESIZE, (uintptr_t)block, size);
    memheap_collective_t c = begin(heap);
    memheap_status_t status = memheap_collective_find(c, &call, block);
    if (status == MEMHEAP_OK)
        status = memheap_collective_resize(c, &call, block, size, block_p);
    return end(heap, status);
}

memheap_status_t memheap_mpi_alloc_aligned(memheap_mpi_t *heap, size_t align,
                                           size_t size, void **block_p)
{
    return alloc_as("alloc_aligned", heap, align, size, block_p);
}

memheap_status_t memheap_mpi_alloc(memheap_mpi_t *heap, size_t size,
                                   void **block_p)
{
    return alloc_as("alloc", heap, MEMHEAP_MIN_ALIGN, size, block_p);
}

memheap_status_t memheap_mpi_alloc_zeroed(memheap_mpi_t *heap, size_t count,
                                          size_t size, void **block_p)
{
    return alloc_zeroed_as("alloc_zeroed", heap, count, size, block_p);
}

memheap_status_t memheap_mpi_free(memheap_mpi_t *heap, void *block)
{
    if (!is_rank(heap->user_log, "free"))
        return MEMHEAP_ERR_BAD_ARGUMENT;
    memheap_call_t call = call_of("free", CALL_FREE, (uintptr_t)block, 0);
    memheap_collective_t c = begin(heap);
    int rank;
    return end(heap, block == NULL ? agree(heap, &call, MEMHEAP_OK, 0, &rank)
                                   : memheap_collective_free(c, &call, block));
}

memheap_status_t memheap_mpi_resize(memheap_mpi_t *heap, void *block,
                                    size_t size, void **block_p)
{
    return resize_as("resize", heap, block, size, block_p);
}

memheap_status_t memheap_mpi_release(memheap_mpi_t *heap, void *block)
{
    char text[512];
    if (!is_rank(heap->user_log, "release"))
        return MEMHEAP_ERR_BAD_ARGUMENT;
    if (block == NULL)
        return MEMHEAP_OK;
    memheap_status_t status =
        memheap_releases_add(&heap->releases, heap->symmetric.heap, block);
    if (status == MEMHEAP_OK)
        return MEMHEAP_OK;
    if (status == MEMHEAP_ERR_BUSY)
        snprintf(text, sizeof(text), "this rank has released it before");
    else if (status == MEMHEAP_ERR_BAD_ADDRESS)
        memheap_describe(heap->symmetric.heap, block, text, sizeof(text));
    else
        snprintf(text, sizeof(text), "%s", memheap_status_string(status));
    memheap_log_write(heap->user_log, MEMHEAP_LOG_ERROR,
                      "rank %d: memheap_mpi_release(%p): %s", heap->job.rank,
                      block, text);
    return status == MEMHEAP_ERR_BUSY ? MEMHEAP_ERR_BAD_ADDRESS : status;
}

memheap_status_t memheap_mpi_collect(memheap_mpi_t *heap, size_t *ended_p)
{
    int rank;
    if (!is_rank(heap->user_log, "collect"))
        return MEMHEAP_ERR_BAD_ARGUMENT;
    memheap_call_t call = call_of("collect", CALL_COLLECT, 0, 0);
    memheap_collective_t c = begin(heap);
    memheap_status_t status = agree(heap, &call, MEMHEAP_OK, 0, &rank);
    size_t ended = status == MEMHEAP_OK ? memheap_collective_collect(c) : 0;
    if (ended_p != NULL)
        *ended_p = ended;
    return end(heap, status);
}

size_t memheap_mpi_released(const memheap_mpi_t *heap)
{
    return heap->releases.bytes;
}

void *memheap_mpi_malloc(memheap_mpi_t *heap, size_t size)
{
    void *block = NULL;
    alloc_as("malloc", heap, MEMHEAP_MIN_ALIGN, size, &block);
    return block;
}

void *memheap_mpi_calloc(memheap_mpi_t *heap, size_t count, size_t size)
{
    void *block = NULL;
    alloc_zeroed_as("calloc", heap, count, size, &block);
    return block;
}

void *memheap_mpi_aligned_alloc(memheap_mpi_t *heap, size_t align, size_t size)
{
    void *block = NULL;
    alloc_as("aligned_alloc", heap, align, size, &block);
    return block;
}

void *memheap_mpi_realloc(memheap_mpi_t *heap, void *block, size_t size)
{
    void *moved = NULL;
    resize_as("realloc", heap, block, size, &moved);
    return moved;
}

void *memheap_mpi_ptr(const memheap_mpi_t *heap, const void *address, int rank)
{
    const memheap_symmetric_t *symmetric = &heap->symmetric;
    const memheap_job_t *job = &heap->job;
    size_t offset = (size_t)((uintptr_t)address - (uintptr_t)symmetric->base);
    if (rank < 0 || rank >= job->size ||
        offset >= memheap_high_water(symmetric->heap))
        return NULL;
    if (rank == job->rank)
        return symmetric->base + offset;
    uint32_t node_rank = memheap_job_node_rank(job, rank);
    return node_rank < (uint32_t)job->node_size
               ? symmetric->windows.base +
                     node_rank * symmetric->windows.stride + offset
               : NULL;
}

memheap_t *memheap_mpi_heap(const memheap_mpi_t *heap)
{
    return heap->symmetric.heap;
}

static memheap_status_t pop(void *state, size_t align, size_t size,
                            void **block_p)
{
    return memheap_mpi_alloc_aligned(state, align, size, block_p);
}

static memheap_status_t push(void *state, void *block)
{
    return memheap_mpi_free(state, block);
}

static memheap_status_t getsize(void *state, const void *block, size_t *size_p)
{
    const memheap_mpi_t *heap = state;
    return memheap_find_block(heap->symmetric.heap, block, size_p);
}

static memheap_status_t agree_in_pool(void *state, memheap_status_t mine)
{
    const memheap_mpi_t *heap = state;
    if (!is_rank(heap->user_log, "as_pool"))
        return MEMHEAP_ERR_BAD_ARGUMENT;
    memheap_call_t call = call_of("as_pool", CALL_POOL, 0, 0);
    int rank;
    return agree(heap, &call, mine, 0, &rank);
}

memheap_pool_t memheap_mpi_as_pool(memheap_mpi_t *heap)
{
    return (memheap_pool_t){.pop = pop,
                            .push = push,
                            .getsize = getsize,
                            .state = heap,
                            .agree = agree_in_pool,
                            .dependents = &heap->dependents};
}
