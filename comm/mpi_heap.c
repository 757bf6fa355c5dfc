/*
 * A heap of the ranks of a communicator, which agree by reductions.
 *
 * Each rank does its part on its own heap; the heaps are alike, so the outcomes
 * are, unless a rank has no memory. One reduction then tells all ranks the
 * worst status, and whether they all called alike and came to the same: the
 * least digest is the greatest, which is the complement of the least
 * complement.
 */
#include "config.h"

#include <memheap/mpi.h>
#include "comm/symmetric.h"
#include "memheap/dependents.h"
#include "base/pages.h"
#include "base/util.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CALL_TEXT = 160
};

struct memheap_mpi {
    memheap_job_t job;
    memheap_symmetric_t symmetric;
    const memheap_log_t *log;
    memheap_dependents_t dependents;
};

/* A collective call, as people read it; its text is what ranks compare. */
typedef struct call {
    char text[CALL_TEXT];
} call_t;

static call_t call_of(const char *name, size_t a, size_t b)
{
    call_t call = {{0}};
    snprintf(call.text, sizeof(call.text), "memheap_mpi_%s(%#zx, %zu)", name, a,
             b);
    return call;
}

/* A digest that is not negative. */
static int64_t digest_of(const call_t *call, uint64_t result)
{
    uint64_t digest = result;
    for (const char *c = call->text; *c != '\0'; c++) {
        digest = (digest ^ (unsigned char)*c) * UINT64_C(0x9E3779B97F4A7C15);
        digest ^= digest >> 32;
    }
    return (int64_t)(digest >> 1);
}

/* Have rank 0 say how the ranks differ. Collective. */
static void report_divergence(const memheap_job_t *job, const call_t *call,
                              const memheap_log_t *log)
{
    call_t *all = NULL;
    memheap_status_t status = MEMHEAP_OK;
    if (job->rank == 0) {
        all = malloc((size_t)job->size * sizeof(*all));
        status = all == NULL ? MEMHEAP_ERR_NO_METADATA : MEMHEAP_OK;
    }
    if (memheap_job_worst(job, status) == MEMHEAP_OK)
        memheap_job_gather(job, call, sizeof(*call), all);
    if (all == NULL)
        return;
    int other = 1;
    while (other < job->size && strcmp(all[other].text, all[0].text) == 0)
        other++;
    if (other < job->size)
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "the ranks differ: rank 0 called %s, rank %d called "
                          "%s",
                          all[0].text, other, all[other].text);
    else
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "the ranks all called %s, and came to different "
                          "addresses: they differed before",
                          all[0].text);
    free(all);
}

/* Agree on a call, its status, and where all are well its result. Collective.
 * @return the same on every rank */
static memheap_status_t agree(const memheap_job_t *job, const call_t *call,
                              memheap_status_t mine, uint64_t result,
                              const memheap_log_t *log)
{
    int64_t words[5] = {mine, digest_of(call, 0)};
    int64_t least[5];
    words[2] = ~words[1];
    words[3] = mine == MEMHEAP_OK ? digest_of(call, result) : 0;
    words[4] = ~words[3];
    PMPI_Allreduce(words, least, 5, MPI_INT64_T, MPI_MIN, job->world);
    bool same = least[1] == ~least[2];
    bool equal = least[0] != MEMHEAP_OK || least[3] == ~least[4];
    if (same && equal)
        return (memheap_status_t)least[0];
    report_divergence(job, call, log);
    return MEMHEAP_ERR_DIVERGED;
}

static memheap_status_t check_config(MPI_Comm comm,
                                     const memheap_config_t *config,
                                     const memheap_log_t *log)
{
    int initialized = 0;
    int finalized = 0;
    int between = 1;
    PMPI_Initialized(&initialized);
    PMPI_Finalized(&finalized);
    if (!initialized || finalized) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "memheap_mpi_create: MPI is not running");
        return MEMHEAP_ERR_BAD_ARGUMENT;
    }
    if (comm != MPI_COMM_NULL)
        PMPI_Comm_test_inter(comm, &between);
    if (between) {
        memheap_log_write(
            log, MEMHEAP_LOG_ERROR,
            "memheap_mpi_create: a heap is over a communicator "
            "that is not MPI_COMM_NULL, and no intercommunicator");
        return MEMHEAP_ERR_BAD_ARGUMENT;
    }
    if (config->base != NULL || config->max_size != 0) {
        memheap_log_write(
            log, MEMHEAP_LOG_ERROR,
            "memheap_mpi_create: the range of a symmetric heap is "
            "found, not given");
        return MEMHEAP_ERR_BAD_ARGUMENT;
    }
    return MEMHEAP_OK;
}

/* The parameters say what the program leaves unsaid of pages. */
static memheap_status_t read_policy(const memheap_config_t *config,
                                    const memheap_log_t *log,
                                    memheap_memory_policy_t *policy)
{
    memheap_framework_t framework;
    memheap_framework_config_t open = {.log = log, .arguments = config->params};
    memheap_status_t status = memheap_framework_open(&framework, &open);
    if (status != MEMHEAP_OK)
        return status;
    *policy = config->policy;
    memheap_pages_resolve(framework.params, policy);
    memheap_framework_close(&framework);
    return MEMHEAP_OK;
}

static memheap_status_t open_heap(memheap_mpi_t *heap,
                                  const memheap_config_t *given)
{
    const memheap_job_t *job = &heap->job;
    memheap_memory_policy_t policy;
    memheap_config_t config = *given;
    config.log = heap->log;
    config.flags |= MEMHEAP_JOB_HEAP;
    call_t call = call_of("create", (size_t)config.flags, config.size);
    memheap_status_t status = read_policy(&config, heap->log, &policy);
    status = agree(job, &call, status, 0, heap->log);
    if (status != MEMHEAP_OK)
        return status;
    size_t unit = memheap_pages_unit(&policy);
    size_t limit = memheap_align_up(config.size, unit);
    if (limit < config.size)
        limit = memheap_align_down(SIZE_MAX, unit);
    if (config.size == 0)
        limit = memheap_symmetric_share(job, &policy);
    call = call_of("create of limit", (size_t)policy.pages, limit);
    status = agree(job, &call, MEMHEAP_OK, 0, heap->log);
    memheap_symmetric_config_t wanted = {.job = job,
                                         .limit = limit,
                                         .policy = policy,
                                         .heap = &config,
                                         .warnings = heap->log};
    if (status == MEMHEAP_OK)
        status = memheap_symmetric_open(&wanted, &heap->symmetric);
    if (status != MEMHEAP_OK)
        return status;
    snprintf(call.text, sizeof(call.text),
             "memheap_mpi_create, which selected component %s",
             memheap_component_name(heap->symmetric.heap));
    status = agree(job, &call, MEMHEAP_OK, 0, heap->log);
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
    memheap_status_t status = check_config(comm, config, log);
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
    heap->log = log;
    status = open_heap(heap, config);
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
    memheap_status_t status =
        memheap_dependents_check(&heap->dependents, "heap",
                                 memheap_name(heap->symmetric.heap), heap->log);
    /* No rank reads another's part after this. */
    status = memheap_job_worst(&heap->job, status);
    if (status != MEMHEAP_OK)
        return status;
    memheap_symmetric_report(&heap->job, heap->symmetric.heap);
    memheap_symmetric_close(&heap->symmetric);
    memheap_job_close(&heap->job);
    free(heap);
    return MEMHEAP_OK;
}

/* The second half of an allocation: all ranks have their block, or none keeps
 * it. Placing and undoing leaves traces in a module, which a rank that could
 * not even place does not have; so all settle. */
static memheap_status_t conclude(memheap_mpi_t *heap, const call_t *call,
                                 memheap_status_t mine, void *block,
                                 void **block_p)
{
    memheap_t *local = heap->symmetric.heap;
    memheap_status_t status =
        agree(&heap->job, call, mine, (uintptr_t)block, heap->log);
    if (status == MEMHEAP_OK) {
        *block_p = block;
        return MEMHEAP_OK;
    }
    if (mine == MEMHEAP_OK)
        memheap_roll_back(local, &block, 1);
    memheap_normalize(local);
    return status;
}

memheap_status_t memheap_mpi_alloc_aligned(memheap_mpi_t *heap, size_t align,
                                           size_t size, void **block_p)
{
    void *block = NULL;
    call_t call = call_of("alloc_aligned", align, size);
    memheap_status_t status =
        memheap_alloc_aligned(heap->symmetric.heap, align, size, &block);
    return conclude(heap, &call, status, block, block_p);
}

memheap_status_t memheap_mpi_alloc(memheap_mpi_t *heap, size_t size,
                                   void **block_p)
{
    return memheap_mpi_alloc_aligned(heap, MEMHEAP_MIN_ALIGN, size, block_p);
}

memheap_status_t memheap_mpi_alloc_zeroed(memheap_mpi_t *heap, size_t count,
                                          size_t size, void **block_p)
{
    void *block = NULL;
    call_t call = call_of("alloc_zeroed", count, size);
    memheap_status_t status =
        memheap_alloc_zeroed(heap->symmetric.heap, count, size, &block);
    return conclude(heap, &call, status, block, block_p);
}

/* Agree that all ranks name the same live block; each that does not says what
 * lies there. */
static memheap_status_t agree_on_block(memheap_mpi_t *heap, const call_t *call,
                                       const char *name, const void *block)
{
    memheap_t *local = heap->symmetric.heap;
    size_t usable;
    char text[512];
    memheap_status_t mine = memheap_find_block(local, block, &usable);
    if (mine != MEMHEAP_OK)
        memheap_log_write(heap->log, MEMHEAP_LOG_ERROR, "memheap_mpi_%s: %s",
                          name,
                          memheap_describe(local, block, text, sizeof(text)));
    return agree(&heap->job, call, mine, 0, heap->log);
}

memheap_status_t memheap_mpi_free(memheap_mpi_t *heap, void *block)
{
    call_t call = call_of("free", (uintptr_t)block, 0);
    if (block == NULL)
        return agree(&heap->job, &call, MEMHEAP_OK, 0, heap->log);
    memheap_status_t status = agree_on_block(heap, &call, "free", block);
    return status == MEMHEAP_OK ? memheap_free(heap->symmetric.heap, block)
                                : status;
}

memheap_status_t memheap_mpi_resize(memheap_mpi_t *heap, void *block,
                                    size_t size, void **block_p)
{
    memheap_t *local = heap->symmetric.heap;
    if (block == NULL)
        return memheap_mpi_alloc(heap, size, block_p);
    call_t call = call_of("resize", (uintptr_t)block, size);
    memheap_status_t status = agree_on_block(heap, &call, "resize", block);
    bool roomy = true;
    while (status == MEMHEAP_OK) {
        memheap_pending_resize_t step = {.new_offset = 0};
        memheap_status_t mine =
            memheap_resize_begin(local, block, size, roomy, &step);
        status = agree(&heap->job, &call, mine, step.new_offset, heap->log);
        void *moved = NULL;
        if (mine == MEMHEAP_OK)
            moved = memheap_resize_end(local, &step, status == MEMHEAP_OK);
        if (status == MEMHEAP_OK) {
            *block_p = moved;
            return MEMHEAP_OK;
        }
        memheap_normalize(local);
        if (!step.with_headroom || status != MEMHEAP_ERR_NO_MEMORY)
            break;
        roomy = false;
        status = MEMHEAP_OK;
    }
    return status;
}

void *memheap_mpi_malloc(memheap_mpi_t *heap, size_t size)
{
    void *block;
    return memheap_mpi_alloc(heap, size, &block) == MEMHEAP_OK ? block : NULL;
}

void *memheap_mpi_calloc(memheap_mpi_t *heap, size_t count, size_t size)
{
    void *block;
    return memheap_mpi_alloc_zeroed(heap, count, size, &block) == MEMHEAP_OK
               ? block
               : NULL;
}

void *memheap_mpi_aligned_alloc(memheap_mpi_t *heap, size_t align, size_t size)
{
    void *block;
    return memheap_mpi_alloc_aligned(heap, align, size, &block) == MEMHEAP_OK
               ? block
               : NULL;
}

void *memheap_mpi_realloc(memheap_mpi_t *heap, void *block, size_t size)
{
    return memheap_mpi_resize(heap, block, size, &block) == MEMHEAP_OK ? block
                                                                       : NULL;
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
    uint32_t near = memheap_job_node_rank(job, rank);
    return near < (uint32_t)job->node_size
               ? symmetric->windows.base + near * symmetric->windows.stride +
                     offset
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
    call_t call = {"an allocation from memheap_mpi_as_pool"};
    return agree(&heap->job, &call, mine, 0, heap->log);
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
