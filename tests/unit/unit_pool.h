/*
 * A pool on top of another pool, which counts the calls and makes chosen ones
 * fail.
 */
#ifndef MEMHEAP_TESTS_UNIT_UNIT_POOL_H
#define MEMHEAP_TESTS_UNIT_UNIT_POOL_H

#include "tests/unit/unit.h"
#include <memheap/pool.h>

typedef struct unit_pool {
    memheap_pool_t pool;
    memheap_pool_t inner;
    size_t pops, pushes;    /* calls so far */
    size_t live;            /* blocks not yet pushed */
    size_t fail_pop;        /* the call that fails, from 1 on; 0: none */
    size_t fail_push;       /* the same */
    size_t most_align;      /* a greater one is refused; 0: any is served */
    size_t agreements;      /* agreements so far */
    size_t fail_agree;      /* the one in which another PE fails; 0: none */
    memheap_status_t worst; /* status that was agreed on */
    uint64_t digest;        /* of the pushed addresses, relative to base */
    uintptr_t base;
} unit_pool_t;

static inline memheap_status_t unit_pool_pop(void *state, size_t align,
                                             size_t size, void **block_p)
{
    unit_pool_t *unit = state;
    if (++unit->pops == unit->fail_pop)
        return MEMHEAP_ERR_NO_MEMORY;
    if (unit->most_align != 0 && align > unit->most_align)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    memheap_status_t status =
        unit->inner.pop(unit->inner.state, align, size, block_p);
    unit->live += status == MEMHEAP_OK;
    return status;
}

static inline memheap_status_t unit_pool_push(void *state, void *block)
{
    unit_pool_t *unit = state;
    if (++unit->pushes == unit->fail_push)
        return MEMHEAP_ERR_BAD_ADDRESS;
    memheap_status_t status = unit->inner.push(unit->inner.state, block);
    unit->live -= status == MEMHEAP_OK;
    unit->digest = (unit->digest ^ ((uintptr_t)block - unit->base)) *
                   UINT64_C(0x100000001B3);
    return status;
}

static inline memheap_status_t unit_pool_getsize(void *state, const void *block,
                                                 size_t *size_p)
{
    unit_pool_t *unit = state;
    return unit->inner.getsize(unit->inner.state, block, size_p);
}

static inline memheap_status_t unit_pool_agree(void *state,
                                               memheap_status_t mine)
{
    unit_pool_t *unit = state;
    unit->worst = mine < unit->worst ? mine : unit->worst;
    if (++unit->agreements == unit->fail_agree)
        return MEMHEAP_ERR_NO_METADATA;
    return mine;
}

/** Make it a collective pool. */
static inline void unit_pool_share(unit_pool_t *unit)
{
    unit->pool.agree = unit_pool_agree;
}

static inline void unit_pool_init(unit_pool_t *unit, memheap_pool_t inner)
{
    *unit = (unit_pool_t){.pool = {.pop = unit_pool_pop,
                                   .push = unit_pool_push,
                                   .getsize = unit_pool_getsize,
                                   .state = unit},
                          .inner = inner};
}

#endif
