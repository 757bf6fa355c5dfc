/*
 * Replays a trace through the OpenSHMEM calls of a PGAS program.
 *
 * Rules of the verifying pass:
 * - A PE puts into a block of its right neighbour only after the collective
 *   call that allocated it. That call ends in a barrier, so the block exists.
 * - The next collective call with a barrier completes the put. If the block is
 *   freed or resized before such a call, an extra barrier comes first.
 * - Another barrier separates the check of a block from the next put into it.
 * - The pattern depends on the writer and on the operation. A put to a wrong
 *   PE, to a wrong address, or of old data is therefore detected.
 */
#include "config.h"

#include "tools/replay/collective.h"
#include "tools/common/cli.h"
#include "tools/replay/digest.h"
#include "tools/replay/pattern.h"
#include "tools/replay/progress.h"
#include "base/util.h"

#include <shmem.h>
#include <shmemx.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    /* Operations between two progress lines: a fraction of a second. */
    PROGRESS_STEP = 16384,
    /* The verifying pass makes one operation in this many a shmem_calloc(). */
    ZEROED_EACH = 4,
    /* Larger blocks are not zeroed, because zeroing accesses the whole
     * block. */
    ZEROED_SIZE = 1 << 20
};

#define NO_SLOT SIZE_MAX

ring_t ring_get(void)
{
    int me = shmem_my_pe();
    int count = shmem_n_pes();
    return (ring_t){me, count, (me + count - 1) % count, (me + 1) % count};
}

/* Execute one operation. Returns false if it failed; the block keeps its
 * address then. */
static bool step(const trace_op_t *op, block_t *block)
{
    char *address = NULL;
    switch (op->kind) {
    case TRACE_ALLOC:
        address = shmem_malloc(op->size);
        break;
    case TRACE_ALIGN:
        address = shmem_align((size_t)1 << op->align_order, op->size);
        break;
    case TRACE_RESIZE:
        address = shmem_realloc(block->address, op->size);
        if (address == NULL)
            return false;
        break;
    case TRACE_FREE:
        shmem_free(block->address);
        block->address = NULL;
        return true;
    }
    block->address = address;
    block->size = op->size;
    return address != NULL;
}

/* Free all live blocks. Then check the heap, and check that the free bytes are
 * the same as before the pass. */
static void clear(const trace_t *trace, block_t *blocks, size_t free_before,
                  collective_result_t *result)
{
    for (size_t i = 0; i < trace->slots; i++) {
        shmem_free(blocks[i].address);
        blocks[i] = (block_t){.address = NULL};
    }
    result->wrong += shmemx_heap_check() != 0;
    result->wrong += shmemx_heap_free() != free_before;
}

void collective_replay(const trace_t *trace, block_t *blocks, const char *label,
                       collective_result_t *result)
{
    *result = (collective_result_t){.digest = trace->count};
    size_t free_before = shmemx_heap_free();
    uint64_t digest = trace->count;
    shmem_barrier_all();
    double start = cli_now();
    for (size_t i = 0; i < trace->count; i++) {
        const trace_op_t *op = &trace->ops[i];
        block_t *block = &blocks[op->slot];
        if (MEMHEAP_UNLIKELY(!step(op, block)))
            result->failed++;
        digest = digest_add(digest, (uintptr_t)block->address);
        if (MEMHEAP_UNLIKELY(i % PROGRESS_STEP == 0))
            progress_show("%s: timed, %zu of %zu operations", label, i,
                          trace->count);
    }
    result->ns = (cli_now() - start) * 1e9 / (double)trace->count;
    result->digest = digest;
    clear(trace, blocks, free_before, result);
}

/* The state of a verifying pass between two operations. */
typedef struct verify {
    ring_t ring;
    size_t operation;
    size_t unsettled; /* slot of the put since the last barrier */
    collective_result_t *result;
} verify_t;

/* Put the pattern of this PE into the block of the right neighbour. */
static void put_pattern(verify_t *verify, size_t slot, block_t *block)
{
    unsigned char bytes[2 * PATTERN_EDGE];
    pattern_part_t parts[PATTERN_PARTS];
    /* The left neighbour puts at the same time, with its own seed. */
    block->seed = pattern_seed(verify->ring.left, verify->operation);
    uint64_t seed = pattern_seed(verify->ring.me, verify->operation);
    pattern_parts(block->size, parts);
    for (int i = 0; i < PATTERN_PARTS; i++) {
        for (size_t j = 0; j < parts[i].size; j++)
            bytes[j] = pattern_byte(seed, parts[i].first + j);
        if (parts[i].size > 0)
            shmem_putmem(block->address + parts[i].first, bytes, parts[i].size,
                         verify->ring.right);
    }
    verify->unsettled = slot;
}

/* Check the left neighbour's pattern for a block of size bytes at address. Only
 * the first kept bytes are compared. */
static void check_pattern(const verify_t *verify, const char *address,
                          size_t size, size_t kept, uint64_t seed)
{
    pattern_part_t parts[PATTERN_PARTS];
    pattern_parts(size, parts);
    for (int i = 0; i < PATTERN_PARTS; i++) {
        size_t end = memheap_min(parts[i].first + parts[i].size, kept);
        for (size_t j = parts[i].first; j < end; j++) {
            if ((unsigned char)address[j] != pattern_byte(seed, j)) {
                verify->result->wrong++;
                return;
            }
        }
    }
}

/* Complete the last put into a block and check the contents, before the block
 * is freed or resized. */
static void check_block(verify_t *verify, size_t slot, const block_t *block)
{
    if (verify->unsettled == slot) {
        shmem_barrier_all();
        verify->unsettled = NO_SLOT;
    }
    check_pattern(verify, block->address, block->size, block->size,
                  block->seed);
}

static void check_zeroed(const verify_t *verify, const block_t *block)
{
    for (size_t i = 0; i < block->size; i++) {
        if (block->address[i] != 0) {
            verify->result->wrong++;
            break;
        }
    }
}

static bool is_zeroed(const trace_op_t *op, size_t operation)
{
    return op->kind == TRACE_ALLOC && op->size <= ZEROED_SIZE &&
           operation % ZEROED_EACH == 0;
}

/* Check the old contents, execute one operation, and put the new pattern. */
static void verify_step(verify_t *verify, const trace_op_t *op, block_t *block)
{
    block_t old = *block;
    bool zeroed = is_zeroed(op, verify->operation);
    bool good = true;
    if (old.address != NULL)
        check_block(verify, op->slot, block);
    if (zeroed) {
        block->size = op->size;
        block->address = op->size % 8 == 0 ? shmem_calloc(op->size / 8, 8)
                                           : shmem_calloc(1, op->size);
        good = block->address != NULL;
    } else {
        good = step(op, block);
    }
    if (op->kind != TRACE_FREE || old.address != NULL)
        verify->unsettled = NO_SLOT; /* the call contained a barrier */
    if (!good)
        verify->result->failed++;
    if (!good || op->kind == TRACE_FREE)
        return;
    bool resized = op->kind == TRACE_RESIZE && old.address != NULL;
    if (zeroed)
        check_zeroed(verify, block);
    else if (resized)
        check_pattern(verify, block->address, old.size,
                      memheap_min(old.size, block->size), old.seed);
    if (zeroed || resized)
        shmem_sync_all(); /* the neighbour must not put before the check */
    put_pattern(verify, op->slot, block);
}

void collective_verify(const trace_t *trace, size_t count, block_t *blocks,
                       const char *label, collective_result_t *result)
{
    size_t free_before = shmemx_heap_free();
    verify_t verify = {
        .ring = ring_get(), .unsettled = NO_SLOT, .result = result};
    count = memheap_min(count, trace->count);
    for (size_t i = 0; i < count; i++) {
        const trace_op_t *op = &trace->ops[i];
        verify.operation = i;
        verify_step(&verify, op, &blocks[op->slot]);
        if (i % PROGRESS_STEP == 0)
            progress_show("%s: verified, %zu of %zu operations", label, i,
                          count);
    }
    shmem_barrier_all();
    for (size_t i = 0; i < trace->slots; i++) {
        const block_t *block = &blocks[i];
        if (block->address != NULL)
            check_pattern(&verify, block->address, block->size, block->size,
                          block->seed);
    }
    clear(trace, blocks, free_before, result);
}

bool collective_gather(const void *mine, size_t size, void *all)
{
    ring_t ring = ring_get();
    size_t total = (size_t)ring.count * size;
    char *shared = shmem_malloc(total);
    if (shared == NULL)
        return false;
    shmem_putmem(shared + (size_t)ring.me * size, mine, size, 0);
    shmem_barrier_all();
    shmem_getmem(all, shared, total, 0);
    shmem_free(shared);
    return true;
}

int collective_worst(int status)
{
    ring_t ring = ring_get();
    int *shared = shmem_malloc((size_t)ring.count * sizeof(*shared));
    if (shared == NULL)
        return status == 0 ? 1 : status;
    shmem_putmem(&shared[ring.me], &status, sizeof(status), 0);
    shmem_barrier_all();
    int worst = 0;
    for (int pe = 0; pe < ring.count; pe++) {
        int one;
        shmem_getmem(&one, &shared[pe], sizeof(one), 0);
        worst = one > worst ? one : worst;
    }
    shmem_free(shared);
    return worst;
}
