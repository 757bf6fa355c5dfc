/*
 * Memory management in the symmetric heap and in other spaces.
 *
 * comm/collective_heap.h has the steps of each call: every PE runs the call on
 * its own heap, the PEs agree on the call, its status and its result, and
 * commit or roll back.
 */
#include "config.h"

#include "shmem/memory.h"
#include "comm/collective_heap.h"
#include "shmem/call_description.h"
#include "shmem/access.h"
#include "shmem/mistakes.h"
#include "shmem/remote_registration.h"
#include "base/util.h"

#include <pshmem.h>
#include <shmemx.h>

#include <stdio.h>
#include <string.h>

/* Advice when a space is full. */
static const char *advice_for(const memheap_space_t *space)
{
    if (!space->has_limit)
        return "it may take this PE's share of the node's memory, unless "
               "SHMEM_SYMMETRIC_SIZE sets another limit";
    return space == &memheap_runtime.space
               ? "set a larger SHMEM_SYMMETRIC_SIZE"
               : "create the space with a larger size";
}

/* Print on one PE why a call failed there. Out of memory, for blocks or for
 * metadata, is printed once per space, because a program may try again and
 * again. */
static void report_failure(void *context, const memheap_call_t *call,
                           memheap_status_t status, int pe)
{
    memheap_space_t *space = context;
    memheap_runtime_t *rt = &memheap_runtime;
    bool logged = space->logged_out_of_memory;
    bool out_of_memory =
        status == MEMHEAP_ERR_NO_MEMORY || status == MEMHEAP_ERR_NO_METADATA;
    space->logged_out_of_memory = logged || out_of_memory;
    if (status == MEMHEAP_ERR_BAD_ADDRESS)
        memheap_runtime_set_exit_status("MEMHEAP_WRONG_FREE_STATUS");
    if (pe != rt->job.rank ||
        (logged && out_of_memory && rt->log.level < MEMHEAP_LOG_DEBUG))
        return;
    char text[MEMHEAP_CALL_TEXT];
    memheap_call_describe(call, text, sizeof(text));
    if (status == MEMHEAP_ERR_BAD_ARGUMENT && call->kind == MEMHEAP_CALL_ALIGN)
        snprintf(rt->message, sizeof(rt->message), "%zu is %s",
                 (size_t)call->argument[0],
                 memheap_is_power_of_two((size_t)call->argument[0])
                     ? "more than the heap can align to"
                     : "no power of two");
    if (status == MEMHEAP_ERR_BAD_ADDRESS) {
        char place[MEMHEAP_CALL_SITE_TEXT];
        memheap_runtime_error("%s: %s; the call is from %s, and has no effect",
                              text, rt->message, memheap_call_place(place));
        return;
    }
    if (status != MEMHEAP_ERR_NO_MEMORY) {
        memheap_runtime_error("%s: %s%s%s", text, memheap_status_string(status),
                              rt->message[0] == '\0' ? "" : ": ", rt->message);
        return;
    }
    memheap_stats_t stats;
    char size[MEMHEAP_SIZE_TEXT];
    char used[MEMHEAP_SIZE_TEXT];
    char largest[MEMHEAP_SIZE_TEXT];
    memheap_get_stats(space->heap, &stats);
    memheap_runtime_error(
        "%s: out of memory: %s has %s, %s of them in use, and the "
        "largest free block has %s; %s",
        text, space == &rt->space ? "the heap" : memheap_name(space->heap),
        memheap_format_size(size, stats.size),
        memheap_format_size(used, stats.used),
        memheap_format_size(largest, stats.largest_free),
        rt->message[0] == '\0' ? advice_for(space) : rt->message);
}

/* The environment of a collective heap, for a space. */

static memheap_t *heap_of(const void *context)
{
    return ((const memheap_space_t *)context)->heap;
}

static memheap_releases_t *releases_of(void *context)
{
    return &((memheap_space_t *)context)->releases;
}

static memheap_status_t agree_on_call(void *context, const memheap_call_t *call,
                                      memheap_status_t mine, uint64_t result,
                                      int *pe_p)
{
    const memheap_space_t *space = context;
    return memheap_runtime_agree(space->agree, call, mine, result, pe_p);
}

static uint64_t reduce_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t minimum(void *context, uint64_t word)
{
    const memheap_space_t *space = context;
    memheap_call_t call = {.kind = MEMHEAP_CALL_STEP};
    return memheap_runtime_reduce(space->agree, &call, word, reduce_min);
}

static void update_accessible(void *context, uintptr_t end)
{
    memheap_segment_t *segment = ((memheap_space_t *)context)->segment;
    if (end - (uintptr_t)segment->base > segment->accessible)
        __atomic_store_n(&segment->accessible,
                         memheap_high_water(heap_of(context)),
                         __ATOMIC_RELAXED);
}

/* Whether a call has nothing to wait for, and no released block to free. */
static bool is_alone(const memheap_space_t *space)
{
    return memheap_runtime_is_alone(space->agree) &&
           !memheap_releases_any(&space->releases);
}

static memheap_status_t publish(void *context, const void *block, int *pe_p)
{
    return memheap_register_block(context, block, pe_p);
}

/* Describe what lies at an address, and what tells more. */
static void describe_bad_block(void *context, const void *block)
{
    memheap_runtime_t *rt = &memheap_runtime;
    memheap_space_t *space = context;
    if (memheap_releases_has(&space->releases, block)) {
        snprintf(rt->message, sizeof(rt->message),
                 "%p is a block that this PE has released", block);
        return;
    }
    const void *symmetric = memheap_symmetric_of_window(space->segment, block);
    char *text = rt->message;
    memheap_describe(space->heap, block, text, sizeof(rt->message));
    size_t used = strlen(text);
    size_t room = sizeof(rt->message) - used;
    if (memheap_has_address(space->heap, block)) {
        if (!memheap_params_value(rt->params, "MEMHEAP_GUARD")->boolean)
            snprintf(text + used, room,
                     " (MEMHEAP_GUARD=1 tells where blocks were allocated and "
                     "freed, MEMHEAP_RECORDS=1 where live ones were "
                     "allocated)");
    } else if (symmetric != NULL) {
        snprintf(text + used, room, ", the result of shmem_ptr() for %p",
                 symmetric);
    }
}

static const memheap_collective_ops_t space_ops = {.heap = heap_of,
                                                   .releases = releases_of,
                                                   .agree = agree_on_call,
                                                   .minimum = minimum,
                                                   .grown = update_accessible,
                                                   .publish = publish,
                                                   .bad_block =
                                                       describe_bad_block,
                                                   .failed = report_failure};

static inline memheap_collective_t collective_of(memheap_space_t *space)
{
    return (memheap_collective_t){&space_ops, space};
}

void *memheap_space_alloc(memheap_space_t *space, const memheap_call_t *call,
                          size_t align, size_t size)
{
    void *block;
    memheap_status_t status = memheap_collective_alloc(
        collective_of(space), call, align, size, &block);
    return MEMHEAP_LIKELY(status == MEMHEAP_OK) ? block : NULL;
}

void *memheap_space_alloc_zeroed(memheap_space_t *space,
                                 const memheap_call_t *call, size_t count,
                                 size_t size)
{
    void *block;
    memheap_status_t status = memheap_collective_alloc_zeroed(
        collective_of(space), call, count, size, &block);
    return MEMHEAP_LIKELY(status == MEMHEAP_OK) ? block : NULL;
}

memheap_status_t memheap_space_free(memheap_space_t *space,
                                    const memheap_call_t *call, void *block)
{
    return memheap_collective_free(collective_of(space), call, block);
}

size_t memheap_space_collect(memheap_space_t *space)
{
    return memheap_collective_collect(collective_of(space));
}

void *memheap_space_resize(memheap_space_t *space, const char *name,
                           void *block, size_t size)
{
    memheap_call_t call = {.kind = MEMHEAP_CALL_REALLOC,
                           .argument = {(uintptr_t)block, size, 0},
                           .name = name};
    if (block == NULL)
        return size == 0 ? NULL : memheap_space_alloc(space, &call, 1, size);
    if (size == 0) {
        memheap_space_free(space, &call, block);
        return NULL;
    }
    memheap_collective_t heap = collective_of(space);
    if (memheap_collective_find(heap, &call, block) != MEMHEAP_OK)
        return NULL;
    call.kind = MEMHEAP_CALL_REALLOC_DONE;
    void *moved;
    return memheap_collective_resize(heap, &call, block, size, &moved) ==
                   MEMHEAP_OK
               ? moved
               : NULL;
}

/* The steps of shmem_malloc() and shmem_free() after this PE has done its part,
 * if there are other PEs or the part has failed. */

static MEMHEAP_NOINLINE void *commit_malloc(memheap_status_t mine, size_t size,
                                            void *block)
{
    memheap_call_t call = {.kind = MEMHEAP_CALL_MALLOC,
                           .argument = {size, 0, 0}};
    memheap_space_t *space = &memheap_runtime.space;
    memheap_status_t worst = memheap_collective_commit(
        collective_of(space), &call, mine, (uintptr_t)block, &block, 1);
    if (MEMHEAP_LIKELY(worst == MEMHEAP_OK))
        return block;
    return worst == MEMHEAP_RELEASED
               ? memheap_space_alloc(space, &call, 1, size)
               : NULL;
}

static MEMHEAP_NOINLINE void commit_free(memheap_status_t mine, void *block)
{
    memheap_call_t call = {.kind = MEMHEAP_CALL_FREE,
                           .argument = {(uintptr_t)block, 0, 0}};
    memheap_collective_t heap = collective_of(&memheap_runtime.space);
    if (MEMHEAP_LIKELY(mine == MEMHEAP_OK))
        memheap_collective_free(heap, &call, block);
    else
        memheap_collective_refuse(heap, &call, block, mine);
}

void *pshmem_malloc(size_t size)
{
    memheap_space_t *space = &memheap_runtime.space;
    void *block = NULL;
    memheap_runtime_begin("shmem_malloc");
    if (size == 0)
        return NULL;
    memheap_status_t mine = memheap_alloc(space->heap, size, &block);
    update_accessible(space, (uintptr_t)block + size);
    if (is_alone(space) && mine == MEMHEAP_OK)
        return block;
    return commit_malloc(mine, size, block);
}
MEMHEAP_PROFILED(shmem_malloc)

void *pshmem_malloc_with_hints(size_t size, long hints)
{
    memheap_runtime_begin("shmem_malloc_with_hints");
    if (size == 0)
        return NULL;
    memheap_call_t call = {.kind = MEMHEAP_CALL_MALLOC_HINTS,
                           .argument = {size, (uint64_t)hints, 0}};
    return memheap_space_alloc(&memheap_runtime.space, &call, 1, size);
}
MEMHEAP_PROFILED(shmem_malloc_with_hints)

void *pshmem_align(size_t alignment, size_t size)
{
    memheap_runtime_begin("shmem_align");
    if (size == 0)
        return NULL;
    memheap_call_t call = {.kind = MEMHEAP_CALL_ALIGN,
                           .argument = {alignment, size, 0}};
    return memheap_space_alloc(&memheap_runtime.space, &call, alignment, size);
}
MEMHEAP_PROFILED(shmem_align)

void *pshmem_calloc(size_t count, size_t size)
{
    memheap_runtime_begin("shmem_calloc");
    if (count == 0 || size == 0)
        return NULL;
    memheap_call_t call = {.kind = MEMHEAP_CALL_CALLOC,
                           .argument = {count, size, 0}};
    return memheap_space_alloc_zeroed(&memheap_runtime.space, &call, count,
                                      size);
}
MEMHEAP_PROFILED(shmem_calloc)

void pshmem_free(void *ptr)
{
    if (memheap_runtime_has_ended("shmem_free"))
        return;
    memheap_runtime_begin("shmem_free");
    if (ptr == NULL)
        return;
    memheap_space_t *space = &memheap_runtime.space;
    memheap_status_t mine = MEMHEAP_OK;
    if (is_alone(space)) {
        mine = memheap_release(space->heap, ptr);
        if (MEMHEAP_LIKELY(mine == MEMHEAP_OK))
            return;
    }
    commit_free(mine, ptr);
}
MEMHEAP_PROFILED(shmem_free)

void *pshmem_realloc(void *ptr, size_t size)
{
    memheap_runtime_begin("shmem_realloc");
    return memheap_space_resize(&memheap_runtime.space, NULL, ptr, size);
}
MEMHEAP_PROFILED(shmem_realloc)

void *pshmalloc(size_t size)
{
    return pshmem_malloc(size);
}
MEMHEAP_PROFILED(shmalloc)

void pshfree(void *ptr)
{
    pshmem_free(ptr);
}
MEMHEAP_PROFILED(shfree)

void *pshrealloc(void *ptr, size_t size)
{
    return pshmem_realloc(ptr, size);
}
MEMHEAP_PROFILED(shrealloc)

void *pshmemalign(size_t alignment, size_t size)
{
    return pshmem_align(alignment, size);
}
MEMHEAP_PROFILED(shmemalign)

int pshmemx_malloc_batch(size_t count, const size_t *sizes, void **blocks)
{
    memheap_space_t *space = &memheap_runtime.space;
    memheap_runtime_begin("shmemx_malloc_batch");
    if (count == 0)
        return 0;
    uint64_t digest = memheap_digest_words(sizes, count);
    memheap_call_t call = {.kind = MEMHEAP_CALL_MALLOC_BATCH,
                           .argument = {count, digest, 0}};
    memheap_status_t worst;
    do {
        memheap_status_t status =
            memheap_alloc_batch(space->heap, count, 1, sizes, blocks);
        uint64_t result = 0;
        if (status == MEMHEAP_OK)
            result = memheap_digest_words(blocks, count);
        memheap_collective_grown(collective_of(space), UINTPTR_MAX);
        worst = memheap_collective_commit(collective_of(space), &call, status,
                                          result, blocks, count);
    } while (worst == MEMHEAP_RELEASED);
    return worst == MEMHEAP_OK ? 0 : -1;
}
MEMHEAP_PROFILED(shmemx_malloc_batch)

/* Digest of the addresses of a batch that this PE cannot free. All addresses
 * outside of the heap count as the same, as in memheap_collective_refuse(). */
static uint64_t digest_of_wrong(const memheap_space_t *space,
                                void *const *blocks, size_t count)
{
    uint64_t digest = 0;
    for (size_t i = 0; i < count; i++) {
        uintptr_t address = memheap_has_address(space->heap, blocks[i])
                                ? (uintptr_t)blocks[i]
                                : MEMHEAP_CALL_FOREIGN;
        digest = memheap_digest_bytes(digest, &address, sizeof(address));
    }
    return digest;
}

int pshmemx_free_batch(size_t count, void *const *blocks)
{
    memheap_runtime_t *rt = &memheap_runtime;
    memheap_space_t *space = &rt->space;
    if (memheap_runtime_has_ended("shmemx_free_batch"))
        return -1;
    memheap_runtime_begin("shmemx_free_batch");
    if (count == 0)
        return 0;
    uint64_t digest = memheap_digest_words(blocks, count);
    memheap_call_t call = {.kind = MEMHEAP_CALL_FREE_BATCH,
                           .argument = {count, digest, 0}};
    const void *bad = NULL;
    memheap_status_t status =
        memheap_find_batch(space->heap, count, blocks, &bad);
    if (MEMHEAP_UNLIKELY(status != MEMHEAP_OK))
        call.argument[1] = digest_of_wrong(space, blocks, count);
    for (size_t i = 0; i < count && status == MEMHEAP_OK; i++) {
        if (memheap_releases_has(&space->releases, blocks[i])) {
            status = MEMHEAP_ERR_BAD_ADDRESS;
            bad = blocks[i];
        }
    }
    int pe;
    memheap_status_t worst =
        memheap_collective_agree(collective_of(space), &call, status, 0, &pe);
    if (worst == MEMHEAP_OK) {
        for (size_t i = 0; i < count; i++)
            memheap_free(space->heap, blocks[i]);
        return 0;
    }
    size_t size;
    if (bad != NULL && !memheap_releases_has(&space->releases, bad) &&
        memheap_find_block(space->heap, bad, &size) == MEMHEAP_OK)
        snprintf(rt->message, sizeof(rt->message), "%p appears twice", bad);
    else if (bad != NULL)
        describe_bad_block(space, bad);
    report_failure(space, &call, worst, pe);
    return -1;
}
MEMHEAP_PROFILED(shmemx_free_batch)

static memheap_stats_t stats_now(const char *call)
{
    memheap_stats_t stats;
    memheap_runtime_begin(call);
    memheap_get_stats(memheap_runtime.space.heap, &stats);
    return stats;
}

size_t pshmemx_heap_size(void)
{
    return stats_now("shmemx_heap_size").size;
}
MEMHEAP_PROFILED(shmemx_heap_size)

size_t pshmemx_heap_free(void)
{
    return stats_now("shmemx_heap_free").free;
}
MEMHEAP_PROFILED(shmemx_heap_free)

size_t pshmemx_heap_resident(void)
{
    memheap_runtime_begin("shmemx_heap_resident");
    return memheap_resident(memheap_runtime.space.heap);
}
MEMHEAP_PROFILED(shmemx_heap_resident)

int pshmemx_heap_placement(memheap_placement_t *placement)
{
    memheap_runtime_t *rt = &memheap_runtime;
    memheap_runtime_begin("shmemx_heap_placement");
    memheap_status_t status = memheap_get_placement(rt->space.heap, placement);
    if (status != MEMHEAP_OK)
        memheap_runtime_error("shmemx_heap_placement: %s", rt->message);
    rt->message[0] = '\0';
    return status;
}
MEMHEAP_PROFILED(shmemx_heap_placement)

int pshmemx_heap_trim(size_t least)
{
    memheap_runtime_t *rt = &memheap_runtime;
    memheap_runtime_begin("shmemx_heap_trim");
    memheap_status_t status = memheap_trim(rt->space.heap, least);
    if (status == MEMHEAP_ERR_UNSUPPORTED)
        memheap_mistake_survived(
            MEMHEAP_TRIMS_PINNED_PAGES,
            "shmemx_heap_trim: the job has several nodes, and the network may "
            "use the pages of the heap at any time: none was returned");
    else if (status != MEMHEAP_OK)
        memheap_runtime_error("shmemx_heap_trim: %s", rt->message);
    return status == MEMHEAP_OK ? 0 : -1;
}
MEMHEAP_PROFILED(shmemx_heap_trim)

const char *pshmemx_set_tag(const char *tag)
{
    return memheap_set_tag(tag);
}
MEMHEAP_PROFILED(shmemx_set_tag)

void pshmemx_at(const char *file, int line)
{
    memheap_at(file, line);
}
MEMHEAP_PROFILED(shmemx_at)

size_t pshmemx_heap_largest_free(void)
{
    return stats_now("shmemx_heap_largest_free").largest_free;
}
MEMHEAP_PROFILED(shmemx_heap_largest_free)

const char *pshmemx_heap_component(void)
{
    memheap_runtime_begin("shmemx_heap_component");
    return memheap_component_name(memheap_runtime.space.heap);
}
MEMHEAP_PROFILED(shmemx_heap_component)

int pshmemx_heap_check(void)
{
    memheap_runtime_begin("shmemx_heap_check");
    memheap_status_t status = memheap_check(memheap_runtime.space.heap);
    if (status != MEMHEAP_OK)
        memheap_runtime_error("shmemx_heap_check: %s",
                              memheap_status_string(status));
    return status == MEMHEAP_OK ? 0 : -1;
}
MEMHEAP_PROFILED(shmemx_heap_check)
