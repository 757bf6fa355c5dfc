/*
 * Finds objects outside the heap of a single node, reports invalid addresses
 * and PEs, and runs atomic operations on PEs of other nodes.
 */
#include "config.h"

#include "shmem/access.h"
#include "shmem/mistakes.h"
#include "base/address.h"

#include <stdio.h>
#include <string.h>

void memheap_wrong_pe(const char *call, shmem_ctx_t ctx, int pe)
{
    if (memheap_runtime.depth == 0)
        memheap_runtime_not_running(call);
    if (ctx == SHMEM_CTX_INVALID)
        memheap_mistake("%s: the context is SHMEM_CTX_INVALID", call);
    if (ctx->team->size == 0)
        memheap_mistake("%s: the context was destroyed", call);
    memheap_mistake("%s: there is no PE %d; the %s has PEs 0 to %d", call, pe,
                    ctx->team == SHMEM_TEAM_WORLD ? "job" : "team",
                    ctx->team->size - 1);
}

/* Where the program's variables lie, as text; "" if they are not symmetric. */
static const char *variables_text(char *text, size_t room)
{
    const memheap_moved_pages_t *pages = &memheap_runtime.data_pages;
    size_t length = 0;
    text[0] = '\0';
    if (memheap_runtime.data_segment.accessible == 0)
        return text;
    for (int i = 0; i < pages->count && length < room; i++)
        length +=
            (size_t)snprintf(text + length, room - length, "%s from %p to %p",
                             i == 0 ? ", the program's variables" : " and",
                             (void *)(pages->base + pages->range[i].from),
                             (void *)(pages->base + pages->range[i].to));
    return text;
}

/* Describe what an address is that is not symmetric, as the end of a sentence
 * that begins with "it is". */
static char *describe_address(const void *address, char *text, size_t room)
{
    const memheap_runtime_t *rt = &memheap_runtime;
    const memheap_segment_t *segment = memheap_segment_at(address, 1);
    const void *symmetric =
        memheap_symmetric_of_window(&rt->heap_segment, address);
    if (segment != NULL)
        snprintf(text, room, "only %zu bytes before the end",
                 (size_t)(segment->base + segment->accessible -
                          (const char *)address));
    else if (memheap_has_address(rt->space.heap, address))
        snprintf(text, room, "behind all blocks");
    else if (symmetric != NULL)
        snprintf(text, room, "the result of shmem_ptr() for %p", symmetric);
    else
        memheap_address_describe(address, text, room);
    return text;
}

void memheap_wrong_address(const char *call, const void *address, size_t size,
                           int pe)
{
    const memheap_runtime_t *rt = &memheap_runtime;
    const memheap_segment_t *heap = &rt->heap_segment;
    char variables[400];
    char what[MEMHEAP_ADDRESS_TEXT];
    if (rt->depth == 0)
        memheap_runtime_not_running(call);
    if (address == NULL)
        memheap_mistake("%s: the symmetric address is NULL, which "
                        "shmem_malloc() returns if it fails",
                        call);
    if (size == SIZE_MAX)
        memheap_mistake("%s: a stride is less than 1, or the number of "
                        "elements is too large",
                        call);
    if (rt->no_variables[0] != '\0' &&
        memheap_moved_pages_contains(&rt->data_pages, address, 1))
        memheap_mistake(
            "%s: %p is a variable of the program, and variables are not "
            "symmetric: %s",
            call, address, rt->no_variables);
    memheap_mistake("%s: %p is no symmetric address of %zu bytes on PE %d: the "
                    "heap lies from %p to %p%s; it is %s",
                    call, address, size, pe, (void *)heap->base,
                    (void *)(heap->base + heap->accessible),
                    variables_text(variables, sizeof(variables)),
                    describe_address(address, what, sizeof(what)));
}

/* End the job, because a PE is not a member of a space. */
static _Noreturn void not_a_member(const char *call,
                                   const memheap_segment_t *segment,
                                   const void *address, int pe)
{
    const memheap_members_t *members = &segment->members;
    memheap_mistake(
        "%s: %p is in %s, and PE %d is not a member of it; its %d members "
        "start at PE %d and are %d apart",
        call, address, memheap_name(memheap_runtime.spaces[segment->id]->heap),
        pe, members->job->size, members->start, members->stride);
}

const memheap_segment_t *memheap_segment_at(const void *address, size_t size)
{
    const memheap_runtime_t *rt = &memheap_runtime;
    if (memheap_segment_contains(&rt->heap_segment, address, size))
        return &rt->heap_segment;
    if (memheap_segment_contains(&rt->data_segment, address, size) &&
        (rt->data_pages.count == 1 ||
         memheap_moved_pages_contains(&rt->data_pages, address, size)))
        return &rt->data_segment;
    for (unsigned id = MEMHEAP_SEGMENT_MORE; id < MEMHEAP_SEGMENTS; id++) {
        const memheap_segment_t *segment =
            __atomic_load_n(&rt->segments[id], __ATOMIC_ACQUIRE);
        if (segment != NULL && memheap_segment_contains(segment, address, size))
            return segment;
    }
    return NULL;
}

memheap_segment_id_t memheap_segment_unused_id(const memheap_job_t *job)
{
    uint64_t unused = 0;
    for (unsigned id = MEMHEAP_SEGMENT_MORE; id < MEMHEAP_SEGMENTS; id++)
        unused |= (uint64_t)(memheap_runtime.segments[id] == NULL) << id;
    unused = memheap_job_and(job, unused);
    return unused == 0 ? 0 : (memheap_segment_id_t)__builtin_ctzll(unused);
}

const void *memheap_symmetric_of_window(const memheap_segment_t *segment,
                                        const void *address)
{
    const memheap_windows_t *windows = &segment->windows;
    size_t offset = (size_t)((uintptr_t)address - (uintptr_t)windows->base);
    return offset < windows->stride * (size_t)windows->count
               ? segment->base + offset % windows->stride
               : NULL;
}

int memheap_segment_number(const memheap_segment_t *segment, int pe)
{
    const memheap_members_t *members = &segment->members;
    int distance = pe - members->start;
    if (members->job == &memheap_runtime.job)
        return pe;
    if (distance % members->stride != 0 ||
        distance / members->stride >= members->job->size)
        return -1;
    return distance / members->stride;
}

char *memheap_locate_slow(const char *call, const void *address, size_t size,
                          int pe, memheap_remote_addr_t *remote_p)
{
    const memheap_runtime_t *rt = &memheap_runtime;
    const memheap_segment_t *segment = memheap_segment_at(address, size);
    if (segment == NULL)
        memheap_wrong_address(call, address, size, pe);
    int number = memheap_segment_number(segment, pe);
    if (number < 0)
        not_a_member(call, segment, address, pe);
    const memheap_job_t *job = segment->members.job;
    size_t offset = (size_t)((uintptr_t)address - (uintptr_t)segment->base);
    uint32_t node_rank = memheap_job_node_rank(job, number);
    if (node_rank >= (uint32_t)job->node_size) {
        /* The other PE's blocks are those of this PE. */
        if (MEMHEAP_UNLIKELY(segment->access_checked))
            memheap_check_access(address, size, call, pe);
        *remote_p = (memheap_remote_addr_t){pe, segment->id, offset};
        return NULL;
    }
    /* The program may be polling this address, so make progress. */
    if (pe == rt->job.rank)
        memheap_runtime_progress();
    else
        memheap_runtime_progress_limited();
    char *at =
        segment->windows.base + node_rank * segment->windows.stride + offset;
    if (MEMHEAP_UNLIKELY(segment->access_checked))
        memheap_probe_access(at, size, call);
    return at;
}

static memheap_atomic_t atomic_of(memheap_atomic_kind_t kind, size_t size,
                                  const void *value, const void *compare)
{
    memheap_atomic_t atomic = {.kind = kind, .size = size};
    memcpy(&atomic.value, value, size);
    if (kind == MEMHEAP_ATOMIC_COMPARE_SWAP)
        memcpy(&atomic.compare, compare, size);
    return atomic;
}

void memheap_remote_fetch(const memheap_remote_addr_t *remote,
                          memheap_atomic_kind_t kind, size_t size,
                          const void *value, const void *compare, void *old_p)
{
    memheap_atomic_t atomic = atomic_of(kind, size, value, compare);
    uint64_t old =
        memheap_transport_fetch(memheap_runtime.transport, remote, &atomic);
    memcpy(old_p, &old, size);
}

void memheap_remote_update(shmem_ctx_t ctx, const memheap_remote_addr_t *remote,
                           memheap_atomic_kind_t kind, size_t size,
                           const void *value, const void *compare, void *old_p)
{
    memheap_atomic_t atomic = atomic_of(kind, size, value, compare);
    memheap_transport_update(memheap_runtime.transport, remote, &atomic, old_p);
    memheap_ctx_note_issued(ctx);
}

uint32_t memheap_word_fetch(const char *call, memheap_atomic_kind_t kind,
                            uint32_t *word, uint32_t value, uint32_t compare,
                            int pe)
{
    memheap_remote_addr_t remote;
    uint32_t old = compare;
    uint32_t *at = (uint32_t *)(void *)memheap_locate(call, word, sizeof(*word),
                                                      pe, &remote);
    if (at == NULL) {
        memheap_remote_fetch(&remote, kind, sizeof(*word), &value, &compare,
                             &old);
        return old;
    }
    switch (kind) {
    case MEMHEAP_ATOMIC_ADD:
        return __atomic_fetch_add(at, value, __ATOMIC_SEQ_CST);
    case MEMHEAP_ATOMIC_AND:
        return __atomic_fetch_and(at, value, __ATOMIC_SEQ_CST);
    case MEMHEAP_ATOMIC_OR:
        return __atomic_fetch_or(at, value, __ATOMIC_SEQ_CST);
    case MEMHEAP_ATOMIC_XOR:
        return __atomic_fetch_xor(at, value, __ATOMIC_SEQ_CST);
    case MEMHEAP_ATOMIC_SWAP:
        return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);
    case MEMHEAP_ATOMIC_COMPARE_SWAP:
        __atomic_compare_exchange_n(at, &old, value, 0, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
        break;
    }
    return old;
}
