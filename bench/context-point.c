/*
 * Measures the calls of a context with a given number of live blocks.
 *
 *     context-point LIVE
 *
 * Blocks have 64 bytes. The pool below the context only increments an address
 * and declares its memory inaccessible (device memory), so the context's own
 * work is all that is measured. A first loop looks up the record of a random
 * block, 100000 times. A second loop frees a random block and allocates
 * another, 100000 times. The program prints nanoseconds per look-up and per
 * pair. To count instructions, use valgrind --tool=callgrind with
 * --toggle-collect=run_lookups or --toggle-collect=run_pairs, and divide by
 * 100000.
 */
#include "common/random.h"
#include "common/timing.h"
#include <memheap/context.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    STEPS = 100000
};

static memheap_context_t *context;
static void **blocks;
static size_t live;
static uint64_t state = 88172645463325252u;

static memheap_status_t pop(void *next, size_t align, size_t size,
                            void **block_p)
{
    (void)align;
    uintptr_t *address = next;
    *block_p = (void *)*address;
    *address += size;
    return MEMHEAP_OK;
}

static memheap_status_t push(void *next, void *block)
{
    (void)next;
    (void)block;
    return MEMHEAP_OK;
}

static memheap_status_t getsize(void *next, const void *block, size_t *size_p)
{
    (void)next;
    (void)block;
    *size_p = 64;
    return MEMHEAP_OK;
}

static void take(size_t i)
{
    if (memheap_context_alloc(context, 64, &blocks[i]) != MEMHEAP_OK)
        abort();
}

__attribute__((noinline)) static void run_lookups(void)
{
    memheap_block_info_t info;
    for (size_t i = 0; i < STEPS; i++) {
        if (memheap_context_get_info(context, blocks[draw64(&state) % live],
                                     &info) != MEMHEAP_OK)
            abort();
    }
}

__attribute__((noinline)) static void run_pairs(void)
{
    for (size_t i = 0; i < STEPS; i++) {
        size_t chosen = draw64(&state) % live;
        if (memheap_context_free(context, blocks[chosen]) != MEMHEAP_OK)
            abort();
        take(chosen);
    }
}

int main(int argc, char **argv)
{
    uintptr_t next = 4096;
    memheap_pool_t pool = {
        .pop = pop, .push = push, .getsize = getsize, .state = &next};
    memheap_context_config_t config = {.pool = &pool,
                                       .kind = MEMHEAP_KIND_DEVICE,
                                       .flags = MEMHEAP_SINGLE_THREADED};
    if (argc != 2)
        return 2;
    live = (size_t)atoll(argv[1]);
    blocks = calloc(live, sizeof(*blocks));
    if (live == 0 || blocks == NULL ||
        memheap_context_create(&config, &context) != MEMHEAP_OK)
        return 1;
    for (size_t i = 0; i < live; i++)
        take(i);
    double began = now();
    run_lookups();
    double between = now();
    run_pairs();
    printf("%.1f %.1f\n", (between - began) / STEPS, (now() - between) / STEPS);
    memheap_context_destroy(context);
    return 0;
}
