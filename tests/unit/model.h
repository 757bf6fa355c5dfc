/*
 * A module beside a model of it.
 *
 * The model is a sorted array of the live blocks. Each call goes to the module,
 * and its answer must be one that the model allows: a block lies in the region,
 * at its alignment, and over no other; a call that fails changes nothing that
 * walk() shows; what stats() calls the largest free block can be had, and no
 * larger one.
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
    size_t size;
    size_t max_size;
    size_t count;
    model_block_t block[MODEL_BLOCKS];
    uint64_t seed;   /* of the random sequence, for messages */
    unsigned step;   /* of it */
    uint64_t digest; /* of all answers so far */
} model_t;

void model_open(model_t *model, int component, size_t size, size_t max_size);
void model_close(model_t *model);

/** As the module's operations. @return what the module returned;
 *  MEMHEAP_ERR_UNSUPPORTED for one that it lacks */
memheap_status_t model_alloc(model_t *model, size_t size, size_t align,
                             size_t *offset_p);
memheap_status_t model_free(model_t *model, size_t offset);
memheap_status_t model_resize(model_t *model, size_t offset, size_t size);
memheap_status_t model_reserve(model_t *model, size_t offset, size_t size);
memheap_status_t model_grow(model_t *model, size_t new_size);

/** An offset at which no block starts: free(), size_of() and resize() say so,
 *  and change nothing. */
void model_assert_bad_address(model_t *model, size_t offset);

/** Walk, figures and check() agree with the model. */
void model_check(model_t *model);

/** A number that stands for all that walk() shows. */
uint64_t model_walk_digest(const model_t *model);

/** Take steps of a random sequence that the seed determines. */
void model_run(model_t *model, uint64_t seed, unsigned steps);

#endif
