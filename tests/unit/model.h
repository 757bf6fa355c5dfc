/*
 * A module and a model of it.
 *
 * The model is a sorted array of the live blocks. Each call goes to the module,
 * and the model checks the result: a block lies in the region, is aligned and
 * overlaps no other; a failed call changes nothing that walk() reports; the
 * largest free block of stats() can be allocated, and no larger one.
 */
#ifndef MEMHEAP_TESTS_UNIT_MODEL_H
#define MEMHEAP_TESTS_UNIT_MODEL_H

#include "tests/unit/unit.h"

enum {
    MODEL_BLOCKS = 2048
};

typedef struct model_block {
    size_t offset;
    size_t asked;
    size_t usable;
} model_block_t;

typedef struct model {
    unit_module_t unit;
    unit_memory_t memory;
    bool lacks_memory; /* requests of metadata fail at random */
    size_t size;
    size_t max_size;
    size_t count;
    model_block_t block[MODEL_BLOCKS];
    uint64_t seed;   /* of the random sequence, for messages */
    unsigned step;   /* of the sequence */
    uint64_t digest; /* of all results so far */
} model_t;

void model_open(model_t *model, int component, size_t size, size_t max_size);
void model_close(model_t *model);

/**
 * The operations of the module.
 * @return the module's status; MEMHEAP_ERR_UNSUPPORTED if the operation is NULL
 */
memheap_status_t model_alloc(model_t *model, size_t size, size_t align,
                             size_t *offset_p);
memheap_status_t model_free(model_t *model, size_t offset);
memheap_status_t model_resize(model_t *model, size_t offset, size_t size);
memheap_status_t model_reserve(model_t *model, size_t offset, size_t size);
memheap_status_t model_grow(model_t *model, size_t new_size);

/** Check that free(), size_of() and resize() report an offset at which no
 *  block starts, and change nothing. */
void model_assert_bad_address(model_t *model, size_t offset);

/** Check that walk(), statistics and check() agree with the model. */
void model_check(model_t *model);

/** Check that check() finds a wrong value in a field of the module. */
#define model_assert_found(model, field, wrong)                                \
    do {                                                                       \
        const memheap_module_t *module_ = (model)->unit.module;                \
        char right_[sizeof(field)];                                            \
        memcpy(right_, (void *)(uintptr_t) & (field), sizeof(field));          \
        (field) = (__typeof__(field))(wrong);                                  \
        ck_assert_int_eq((model)->unit.ops->check(module_),                    \
                         MEMHEAP_ERR_CORRUPT);                                 \
        memcpy((void *)(uintptr_t) & (field), right_, sizeof(field));          \
        ck_assert_ok((model)->unit.ops->check(module_));                       \
    } while (0)

/** A digest of all that walk() reports. */
uint64_t model_walk_digest(const model_t *model);

/** Run steps of a random sequence determined by the seed. With lacks_memory, a
 *  call may also fail for metadata, and changes nothing then. */
void model_run(model_t *model, uint64_t seed, unsigned steps);

/** The same with sizes and places a few bytes around those that matter: what is
 *  free, neighbours, powers of two, pages, and the end of the region. */
void model_run_at_edges(model_t *model, uint64_t seed, unsigned steps);

#endif
