/*
 * The model of model.h. Failed assertions print the MEMHEAP_TEST_SEED that
 * repeats the sequence.
 */
#include "config.h"

#include "tests/unit/model.h"

/* ck_assert_msg() writes to a file on success too, which would dominate the
 * run time of a sequence. */
#define model_assert(model, condition)                                         \
    do {                                                                       \
        if (!(condition))                                                      \
            ck_abort_msg("%s %s: %s, at step %u; MEMHEAP_TEST_SEED=%llu",      \
                         (model)->unit.component, (model)->unit.setting,       \
                         #condition, (model)->step,                            \
                         (unsigned long long)(model)->seed);                   \
    } while (0)

enum {
    /* A walk after each step would cost more than the step. */
    STEPS_PER_CHECK = 16
};

/* Source: G. Fowler, L. Noll, P. Vo, FNV-1a, on words instead of bytes. */
static uint64_t mix(uint64_t digest, uint64_t value)
{
    return (digest ^ value) * UINT64_C(0x100000001B3);
}

void model_open(model_t *model, int component, size_t size, size_t max_size)
{
    memset(model, 0, sizeof(*model));
    model->size = size;
    model->max_size = memheap_max(size, max_size);
    unit_memory_init(&model->memory);
    unit_module_open(&model->unit, component, size, max_size,
                     &model->memory.memory);
}

void model_close(model_t *model)
{
    unit_module_close(&model->unit);
    model_assert(model, model->memory.pieces == 0);
    model_assert(model, model->memory.bytes == 0);
}

static bool digest_extent(void *context, const memheap_extent_t *extent)
{
    uint64_t *digest = context;
    *digest = mix(*digest, extent->offset);
    *digest = mix(*digest, extent->size);
    *digest = mix(*digest, extent->live);
    return true;
}

uint64_t model_walk_digest(const model_t *model)
{
    uint64_t digest = 1;
    model->unit.ops->walk(model->unit.module, digest_extent, &digest);
    return digest;
}

/* Index of the first block that ends behind offset. */
static size_t position_of(const model_t *model, size_t offset)
{
    size_t low = 0;
    size_t high = model->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const model_block_t *block = &model->block[middle];
        if (block->offset + block->usable <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static model_block_t *find(model_t *model, size_t offset)
{
    size_t i = position_of(model, offset);
    return i < model->count && model->block[i].offset == offset
               ? &model->block[i]
               : NULL;
}

static bool is_free(const model_t *model, size_t offset, size_t size)
{
    size_t i = position_of(model, offset);
    return i == model->count || model->block[i].offset - offset >= size;
}

static size_t usable_size(model_t *model, size_t offset)
{
    size_t size = 0;
    memheap_status_t status =
        model->unit.ops->size_of(model->unit.module, offset, &size);
    model_assert(model, status == MEMHEAP_OK);
    return size;
}

/* Enter a block that the module allocated. */
static void insert(model_t *model, size_t offset, size_t size)
{
    size_t usable = usable_size(model, offset);
    model_assert(model, offset % MEMHEAP_MIN_ALIGN == 0);
    model_assert(model, usable >= size);
    model_assert(model, offset < model->size);
    model_assert(model, usable <= model->size - offset);
    model_assert(model, is_free(model, offset, usable));
    model_assert(model, model->count < MODEL_BLOCKS);
    size_t i = position_of(model, offset);
    memmove(&model->block[i + 1], &model->block[i],
            (model->count - i) * sizeof(model->block[0]));
    model->block[i] = (model_block_t){offset, size, usable};
    model->count++;
}

/* Whether a call failed since a request of metadata did. */
static bool lacked_memory(const model_t *model, memheap_status_t status)
{
    return status == MEMHEAP_ERR_NO_METADATA && model->memory.fail_at != 0 &&
           model->memory.requests >= model->memory.fail_at;
}

/* Add a status to the digest. A failed call must leave the walk unchanged. */
static memheap_status_t answered(model_t *model, memheap_status_t status,
                                 uint64_t walk_before)
{
    model->digest = mix(model->digest, (uint64_t)-status);
    if (status != MEMHEAP_OK)
        model_assert(model, model_walk_digest(model) == walk_before);
    return status;
}

memheap_status_t model_alloc(model_t *model, size_t size, size_t align,
                             size_t *offset_p)
{
    memheap_module_stats_t stats;
    uint64_t before = model_walk_digest(model);
    model->unit.ops->stats(model->unit.module, &stats);
    memheap_result_t answer =
        model->unit.ops->alloc(model->unit.module, align, size);
    memheap_status_t status = answered(model, answer.status, before);
    size_t offset = answer.bytes;
    if (lacked_memory(model, status))
        return status;
    if (status != MEMHEAP_OK) {
        model_assert(model, status == MEMHEAP_ERR_NO_MEMORY);
        model_assert(model,
                     align > MEMHEAP_MIN_ALIGN || size > stats.largest_free);
        return status;
    }
    model_assert(model, offset % align == 0);
    insert(model, offset, size);
    model->digest = mix(model->digest, offset);
    *offset_p = offset;
    return MEMHEAP_OK;
}

memheap_status_t model_free(model_t *model, size_t offset)
{
    model_block_t *block = find(model, offset);
    uint64_t before = model_walk_digest(model);
    memheap_status_t status = answered(
        model, model->unit.ops->free(model->unit.module, offset), before);
    if (block == NULL) {
        model_assert(model, status == MEMHEAP_ERR_BAD_ADDRESS);
        return status;
    }
    model_assert(model, status == MEMHEAP_OK);
    model->count--;
    memmove(block, block + 1,
            (size_t)(&model->block[model->count] - block) * sizeof(*block));
    return MEMHEAP_OK;
}

memheap_status_t model_resize(model_t *model, size_t offset, size_t size)
{
    model_block_t *block = find(model, offset);
    uint64_t before = model_walk_digest(model);
    if (model->unit.ops->resize == NULL)
        return MEMHEAP_ERR_UNSUPPORTED;
    memheap_result_t answer =
        model->unit.ops->resize(model->unit.module, offset, size);
    memheap_status_t status = answered(model, answer.status, before);
    if (block == NULL) {
        model_assert(model, status == MEMHEAP_ERR_BAD_ADDRESS);
        return status;
    }
    model_assert(model, answer.bytes == usable_size(model, offset));
    if (lacked_memory(model, status))
        return status;
    if (status != MEMHEAP_OK) {
        model_assert(model, status == MEMHEAP_ERR_NO_MEMORY);
        model_assert(model, size > block->usable);
        return status;
    }
    size_t usable = usable_size(model, offset);
    model_assert(model, usable >= size);
    model_assert(model, usable <= model->size - offset);
    model_assert(model, block + 1 == &model->block[model->count] ||
                            block[1].offset - offset >= usable);
    block->asked = size;
    block->usable = usable;
    model->digest = mix(model->digest, usable);
    return MEMHEAP_OK;
}

memheap_status_t model_reserve(model_t *model, size_t offset, size_t size)
{
    bool possible = offset < model->size && size <= model->size - offset &&
                    is_free(model, offset, size);
    uint64_t before = model_walk_digest(model);
    if (model->unit.ops->reserve == NULL)
        return MEMHEAP_ERR_UNSUPPORTED;
    memheap_status_t status = answered(
        model, model->unit.ops->reserve(model->unit.module, offset, size),
        before);
    if (lacked_memory(model, status))
        return status;
    if (status != MEMHEAP_OK) {
        model_assert(model, status == MEMHEAP_ERR_BUSY ||
                                status == MEMHEAP_ERR_BAD_ARGUMENT);
        return status;
    }
    model_assert(model, possible);
    insert(model, offset, size);
    return MEMHEAP_OK;
}

memheap_status_t model_grow(model_t *model, size_t new_size)
{
    uint64_t before = model_walk_digest(model);
    memheap_status_t status = answered(
        model, model->unit.ops->grow(model->unit.module, new_size), before);
    if (new_size < model->size || new_size > model->max_size) {
        model_assert(model, status == MEMHEAP_ERR_BAD_ARGUMENT);
        return status;
    }
    if (lacked_memory(model, status))
        return status;
    model_assert(model, status == MEMHEAP_OK);
    model->size = new_size;
    return status;
}

void model_assert_bad_address(model_t *model, size_t offset)
{
    size_t size = 77;
    model_assert(model, find(model, offset) == NULL);
    model_assert(model,
                 model->unit.ops->size_of(model->unit.module, offset, &size) ==
                     MEMHEAP_ERR_BAD_ADDRESS);
    model_assert(model, size == 77);
    model_free(model, offset);
    model_resize(model, offset, 16);
    model_resize(model, offset, 100000);
    model_check(model);
}

/* Compares a walk with the model. */
typedef struct comparison {
    model_t *model;
    size_t next;  /* where the next extent must start */
    size_t index; /* of the next live block */
    bool after_free;
} comparison_t;

static bool compare_extent(void *context, const memheap_extent_t *extent)
{
    comparison_t *c = context;
    model_assert(c->model, extent->offset == c->next);
    model_assert(c->model, extent->size > 0);
    c->next += extent->size;
    if (extent->live) {
        model_assert(c->model, c->index < c->model->count);
        const model_block_t *block = &c->model->block[c->index++];
        model_assert(c->model, block->offset == extent->offset);
        model_assert(c->model, block->usable <= extent->size);
    }
    return true;
}

void model_check(model_t *model)
{
    const memheap_module_t *module = model->unit.module;
    comparison_t c = {.model = model};
    model->unit.ops->walk(module, compare_extent, &c);
    model_assert(model, c.next == model->size);
    model_assert(model, c.index == model->count);

    size_t used = 0;
    for (size_t i = 0; i < model->count; i++) {
        const model_block_t *block = &model->block[i];
        model_assert(model, usable_size(model, block->offset) == block->usable);
        used += block->usable;
    }
    memheap_module_stats_t stats;
    model->unit.ops->stats(module, &stats);
    model_assert(model, module->size == model->size);
    model_assert(model, module->used == used);
    model_assert(model, stats.size == model->size);
    model_assert(model, stats.used == used);
    model_assert(model, stats.largest_free <= model->size - used);
    model_assert(model, stats.metadata > 0);
    model_assert(model, model->unit.ops->check(module) == MEMHEAP_OK);
}

/* Mostly small, sometimes a large part of the region, rarely more than all of
 * it. */
static size_t random_size(const model_t *model, uint64_t *seed)
{
    size_t limit = (size_t)1 << (4 + unit_random_below(seed, 9));
    if (unit_random_below(seed, 16) == 0)
        limit = model->size / (1 + unit_random_below(seed, 32)) + 32;
    return 1 + unit_random_below(seed, limit);
}

static void random_alloc(model_t *model, uint64_t *seed)
{
    size_t offset;
    size_t align = MEMHEAP_MIN_ALIGN;
    if (unit_random_below(seed, 4) == 0)
        align <<= unit_random_below(seed, 13);
    if (model->count < MODEL_BLOCKS)
        model_alloc(model, random_size(model, seed), align, &offset);
}

/* Free a block. In half of the cases reserve its range again at once, which
 * must succeed. */
static void random_free(model_t *model, uint64_t *seed)
{
    model_block_t block = model->block[unit_random_below(seed, model->count)];
    model_free(model, block.offset);
    if (unit_random_below(seed, 2) == 0 || model->unit.ops->reserve == NULL)
        return;
    memheap_status_t status = model_reserve(model, block.offset, block.usable);
    model_assert(model, status == MEMHEAP_OK || lacked_memory(model, status));
    if (status == MEMHEAP_OK && unit_random_below(seed, 4) != 0)
        model_free(model, block.offset);
}

/* Compilers evaluate arguments in different orders, so each is drawn first. */
static void random_resize(model_t *model, uint64_t *seed)
{
    size_t size = random_size(model, seed);
    size_t i = unit_random_below(seed, model->count);
    model_resize(model, model->block[i].offset, size);
}

static void random_step(model_t *model, uint64_t *seed)
{
    size_t kind = unit_random_below(seed, 100);
    size_t granules = model->size / MEMHEAP_MIN_ALIGN + 1;
    size_t place = unit_random_below(seed, granules) * MEMHEAP_MIN_ALIGN;
    size_t half = model->max_size / 2;
    if (kind < 45 || model->count == 0)
        random_alloc(model, seed);
    else if (kind < 75)
        random_free(model, seed);
    else if (kind < 90)
        random_resize(model, seed);
    else if (kind < 94 && place < model->size && model->count < MODEL_BLOCKS)
        model_reserve(model, place, random_size(model, seed));
    else if (kind < 97 && place < model->size && find(model, place) == NULL)
        model_free(model, place);
    else if (kind < 98 && model->size < model->max_size)
        model_grow(model, memheap_min(model->max_size,
                                      model->size +
                                          unit_random_below(seed, half / 8)));
    else if (kind == 99 && unit_random_below(seed, 32) == 0)
        while (model->count > 0)
            model_free(
                model,
                model->block[unit_random_below(seed, model->count)].offset);
}

/* The bytes from the end of a block to the next one, or to the end. */
static size_t gap_behind(const model_t *model, size_t i)
{
    const model_block_t *block = &model->block[i];
    size_t next = i + 1 < model->count ? block[1].offset : model->size;
    return next - block->offset - block->usable;
}

static size_t edge_size(const model_t *model, uint64_t *seed)
{
    memheap_module_stats_t stats;
    size_t size = (size_t)1 << (4 + unit_random_below(seed, 17));
    size_t kind = unit_random_below(seed, 6);
    if (kind == 0) {
        model->unit.ops->stats(model->unit.module, &stats);
        size = stats.largest_free;
    } else if (kind == 1 && model->count > 0) {
        size = gap_behind(model, model->count - 1);
    } else if (kind == 2 && model->count > 0) {
        size = gap_behind(model, unit_random_below(seed, model->count));
    } else if (kind == 3) {
        size = 4096 * (1 + unit_random_below(seed, 64));
    }
    size += unit_random_below(seed, 35);
    return size > 17 ? size - 17 : 1;
}

static void edge_step(model_t *model, uint64_t *seed)
{
    size_t kind = unit_random_below(seed, 100);
    size_t offset;
    size_t size = edge_size(model, seed);
    size_t i = model->count == 0 ? 0 : unit_random_below(seed, model->count);
    const model_block_t *block = &model->block[i];
    if (kind < 40 || model->count == 0) {
        size_t align = MEMHEAP_MIN_ALIGN << unit_random_below(seed, 18);
        if (model->count < 300)
            model_alloc(model, size, kind < 25 ? MEMHEAP_MIN_ALIGN : align,
                        &offset);
    } else if (kind < 65) {
        random_free(model, seed);
    } else if (kind < 75) {
        model_resize(model, block->offset, size);
    } else if (kind < 85) { /* up to the next block */
        size =
            block->usable + gap_behind(model, i) + unit_random_below(seed, 35);
        model_resize(model, block->offset, size > 17 ? size - 17 : 1);
    } else if (kind < 95) { /* behind a block, or before the end */
        offset = kind < 90 ? memheap_align_up(block->offset + block->usable, 16)
                           : memheap_align_down(model->size, 16) -
                                 16 * unit_random_below(seed, 100);
        offset += 16 * unit_random_below(seed, 3);
        if (offset < model->size && model->count < 300)
            model_reserve(model, offset, size);
    } else if (model->size < model->max_size) {
        model_grow(model,
                   memheap_min(model->max_size,
                               model->size + unit_random_below(seed, 50)));
    }
}

void model_run_at_edges(model_t *model, uint64_t seed, unsigned steps)
{
    model->seed = seed;
    for (model->step = 0; model->step < steps; model->step++) {
        edge_step(model, &seed);
        if (model->step % STEPS_PER_CHECK == 0)
            model_check(model);
    }
    model_check(model);
}

void model_run(model_t *model, uint64_t seed, unsigned steps)
{
    model->seed = seed;
    for (model->step = 0; model->step < steps; model->step++) {
        if (model->lacks_memory)
            model->memory.fail_at =
                model->memory.requests + 1 + unit_random_below(&seed, 2);
        random_step(model, &seed);
        model->memory.fail_at = 0;
        if (model->step % STEPS_PER_CHECK == 0)
            model_check(model);
    }
    model_check(model);
}
