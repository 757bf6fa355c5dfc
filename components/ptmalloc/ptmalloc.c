/*
 * The allocator of dlmalloc and ptmalloc, with all its tags outside the heap.
 *
 * The region is cut into blocks and free chunks of whole granules of 16 bytes,
 * up to the top: the space behind the last block, which was never used or has
 * been given back. A table has one word for each granule below the top. The
 * word of a block's first granule holds its size; the words of a chunk's first
 * and last granule name its node; all others are 0. So one load tells whether
 * an address starts a live block, and how long it is, and one more on each
 * side tells whether there is a chunk to join.
 *
 * A request is served from the smallest chunk that fits. Small ones prefer the
 * victim, the rest of the last chunk that was split for one, so that blocks
 * of one time lie together. The top comes last. Freeing joins at once. Rules
 * that ptmalloc_check() tests:
 *   - each granule below the top is in exactly one block or chunk, and its
 *     word says so;
 *   - no two chunks touch, and none touches the top;
 *   - each chunk but the victim is in the bin for its size, and nothing else;
 *   - nodes are in use for the chunks, and for the blocks too long for a word.
 *
 * Freeing may need a node. There are never more chunks than live blocks, so
 * alloc() sees to it that the pool has one for each; free() cannot fail.
 *
 * Sources: D. Lea, "A memory allocator", 1987-2012; W. Gloger, ptmalloc.
 */
#include "config.h"

#include "base/component.h"
#include "components/ptmalloc/bins.h"

enum {
    GRANULE_ORDER = 4,
    KIND_BITS = 2,
    KIND_MASK = 3,
    /* An aligned request may leave a chunk on either side of it for a moment
     * before the block counts as live. */
    SPARE_NODES = 4
};

/* The kinds of words. A word's upper 30 bits are its number. */
typedef enum kind {
    KIND_NONE,  /* neither the first granule of a block nor an end of a chunk */
    KIND_BLOCK, /* a live block; the number is its granules */
    KIND_LONG,  /* a live block; the number names a node that has its size */
    KIND_CHUNK  /* a chunk; the number names its node */
} kind_t;

static const uint64_t number_end = (uint64_t)1 << (32 - KIND_BITS);

typedef struct ptmalloc {
    memheap_module_t module;
    const memheap_memory_t *memory;
    uint64_t end; /* granules in the region */
    size_t max_size;
    uint64_t top;
    size_t long_blocks;
    chunk_id_t victim;
    memheap_table_t words;
    chunk_pool_t pool;
    bins_t bins;
} ptmalloc_t;

static ptmalloc_t *ptmalloc_of(memheap_module_t *module)
{
    return (ptmalloc_t *)(void *)module;
}

static const ptmalloc_t *const_ptmalloc_of(const memheap_module_t *module)
{
    return (const ptmalloc_t *)(const void *)module;
}

static uint64_t granules_of(size_t size)
{
    return (size >> GRANULE_ORDER) + (size % MEMHEAP_MIN_ALIGN != 0);
}

static size_t bytes_of(uint64_t granules)
{
    return (size_t)granules << GRANULE_ORDER;
}

static uint32_t *word_at(const ptmalloc_t *p, uint64_t granule)
{
    return (uint32_t *)(void *)p->words.base + granule;
}

static kind_t kind_of(uint32_t word)
{
    return (kind_t)(word & KIND_MASK);
}

static uint32_t number_of(uint32_t word)
{
    return word >> KIND_BITS;
}

static uint32_t word_of(kind_t kind, uint32_t number)
{
    return number << KIND_BITS | kind;
}

static chunk_t *chunk(const ptmalloc_t *p, chunk_id_t id)
{
    return chunk_at(&p->pool, id);
}

/* The length of the block or chunk whose first word is given. */
static uint64_t length_of(const ptmalloc_t *p, uint32_t word)
{
    return kind_of(word) == KIND_BLOCK ? number_of(word)
                                       : chunk(p, number_of(word))->size;
}

/* The word of the live block at an offset; 0 if none starts there. */
static uint32_t live_word(const ptmalloc_t *p, size_t offset)
{
    uint64_t granule = offset >> GRANULE_ORDER;
    if (offset % MEMHEAP_MIN_ALIGN != 0 || granule >= p->top)
        return 0;
    uint32_t word = *word_at(p, granule);
    return kind_of(word) == KIND_CHUNK ? 0 : word;
}

/* Write the words of a chunk's ends. */
static void chunk_mark(ptmalloc_t *p, chunk_id_t id)
{
    const chunk_t *c = chunk(p, id);
    uint32_t word = word_of(KIND_CHUNK, id);
    *word_at(p, c->start) = word;
    *word_at(p, c->start + c->size - 1) = word;
}

static void chunk_unmark(ptmalloc_t *p, chunk_id_t id)
{
    const chunk_t *c = chunk(p, id);
    *word_at(p, c->start) = 0;
    *word_at(p, c->start + c->size - 1) = 0;
}

/* Take a chunk out of wherever it is kept; its words stay. */
static void chunk_take(ptmalloc_t *p, chunk_id_t id)
{
    if (id == p->victim)
        p->victim = CHUNK_NONE;
    else
        bins_remove(&p->bins, &p->pool, id);
}

/* Make a space that touches no chunk and not the top a chunk in its bin. */
static void chunk_make(ptmalloc_t *p, uint64_t start, uint64_t size)
{
    chunk_id_t id = chunk_new(&p->pool, start, size);
    chunk_mark(p, id);
    bins_add(&p->bins, &p->pool, id);
}

/* Let a chunk that was taken out be the victim. */
static void victim_set(ptmalloc_t *p, chunk_id_t id)
{
    if (p->victim != CHUNK_NONE)
        bins_add(&p->bins, &p->pool, p->victim);
    p->victim = id;
}

/* Free a space whose words are 0: join it with what is free on either side.
 * What the victim joins becomes the victim. */
static void space_free(ptmalloc_t *p, uint64_t start, uint64_t size)
{
    bool joins_victim = false;
    chunk_id_t keep = CHUNK_NONE;
    uint32_t before = start == 0 ? 0 : *word_at(p, start - 1);
    if (kind_of(before) == KIND_CHUNK) {
        keep = number_of(before);
        joins_victim = keep == p->victim;
        chunk_take(p, keep);
        chunk_unmark(p, keep);
        start = chunk(p, keep)->start;
        size += chunk(p, keep)->size;
    }
    if (start + size == p->top) {
        if (keep != CHUNK_NONE)
            chunk_delete(&p->pool, keep);
        p->top = start;
        return;
    }
    uint32_t after = *word_at(p, start + size);
    if (kind_of(after) == KIND_CHUNK) {
        chunk_id_t next = number_of(after);
        joins_victim = joins_victim || next == p->victim;
        chunk_take(p, next);
        chunk_unmark(p, next);
        size += chunk(p, next)->size;
        if (keep == CHUNK_NONE)
            keep = next;
        else
            chunk_delete(&p->pool, next);
    }
    if (keep == CHUNK_NONE)
        keep = chunk_new(&p->pool, start, size);
    chunk(p, keep)->start = start;
    chunk(p, keep)->size = size;
    chunk_mark(p, keep);
    if (joins_victim)
        victim_set(p, keep);
    else
        bins_add(&p->bins, &p->pool, keep);
}

/* Enter a block of size granules whose words are 0. */
static void block_make(ptmalloc_t *p, uint64_t start, uint64_t size)
{
    uint32_t word;
    if (size < number_end) {
        word = word_of(KIND_BLOCK, (uint32_t)size);
    } else {
        word = word_of(KIND_LONG, chunk_new(&p->pool, start, size));
        p->long_blocks++;
    }
    *word_at(p, start) = word;
    p->module.used += bytes_of(size);
    p->module.live_blocks++;
}

/* Remove a live block's word, and return its granules. */
static uint64_t block_unmake(ptmalloc_t *p, uint64_t start)
{
    uint32_t *word = word_at(p, start);
    uint64_t size = length_of(p, *word);
    if (kind_of(*word) == KIND_LONG) {
        chunk_delete(&p->pool, number_of(*word));
        p->long_blocks--;
    }
    *word = 0;
    p->module.used -= bytes_of(size);
    p->module.live_blocks--;
    return size;
}

/* Cut size granules from `start` out of a chunk, which contains them. The
 * front becomes a chunk of its own, the rest the victim if it is asked for. */
static void chunk_carve(ptmalloc_t *p, chunk_id_t id, uint64_t start,
                        uint64_t size, bool rest_is_victim)
{
    chunk_t *c = chunk(p, id);
    uint64_t front = start - c->start;
    uint64_t rest = c->size - front - size;
    uint64_t front_start = c->start;
    chunk_take(p, id);
    chunk_unmark(p, id);
    if (rest > 0) {
        c->start = start + size;
        c->size = rest;
        chunk_mark(p, id);
        if (rest_is_victim)
            victim_set(p, id);
        else
            bins_add(&p->bins, &p->pool, id);
    } else {
        chunk_delete(&p->pool, id);
    }
    if (front > 0)
        chunk_make(p, front_start, front);
}

/* Move the top up to make room for size granules at `start` behind it; the
 * words are committed. */
static void top_carve(ptmalloc_t *p, uint64_t start, uint64_t size)
{
    uint64_t front = p->top;
    p->top = start + size;
    if (start > front)
        chunk_make(p, front, start - front);
}

static memheap_status_t words_ensure(ptmalloc_t *p, uint64_t end)
{
    return memheap_table_ensure(&p->words, (size_t)end * sizeof(uint32_t));
}

/* A node for each live block and chunk after one more alloc(). */
static memheap_status_t nodes_ensure(ptmalloc_t *p)
{
    return chunk_pool_ensure(&p->pool, p->module.live_blocks + p->long_blocks +
                                           SPARE_NODES);
}

/* Take a place from the top, at a multiple of align granules. */
static memheap_status_t alloc_from_top(ptmalloc_t *p, uint64_t size,
                                       uint64_t align, uint64_t *start_p)
{
    uint64_t start = memheap_align_up(p->top, align);
    if (start < p->top || start > p->end || size > p->end - start)
        return MEMHEAP_ERR_NO_MEMORY;
    memheap_status_t status = words_ensure(p, start + size);
    if (status != MEMHEAP_OK)
        return status;
    top_carve(p, start, size);
    *start_p = start;
    return MEMHEAP_OK;
}

static memheap_status_t alloc_small(ptmalloc_t *p, uint64_t size,
                                    uint64_t *start_p)
{
    chunk_id_t id = p->bins.small[size];
    if (id == CHUNK_NONE && p->victim != CHUNK_NONE &&
        chunk(p, p->victim)->size >= size)
        id = p->victim;
    if (id == CHUNK_NONE)
        id = bins_best(&p->bins, &p->pool, size);
    if (id == CHUNK_NONE)
        return alloc_from_top(p, size, 1, start_p);
    *start_p = chunk(p, id)->start;
    chunk_carve(p, id, *start_p, size, true);
    return MEMHEAP_OK;
}

/* Best fit, the victim included. */
static chunk_id_t best_chunk(const ptmalloc_t *p, uint64_t size)
{
    chunk_id_t id = bins_best(&p->bins, &p->pool, size);
    if (p->victim != CHUNK_NONE && chunk(p, p->victim)->size >= size &&
        (id == CHUNK_NONE || chunk(p, p->victim)->size < chunk(p, id)->size))
        id = p->victim;
    return id;
}

/* A multiple of align granules at which size of them lie in the chunk, or
 * UINT64_MAX. */
static uint64_t place_in(const ptmalloc_t *p, chunk_id_t id, uint64_t size,
                         uint64_t align)
{
    const chunk_t *c = chunk(p, id);
    uint64_t start = memheap_align_up(c->start, align);
    uint64_t front = start - c->start;
    return front <= c->size && size <= c->size - front ? start : UINT64_MAX;
}

/* The best fit may happen to lie well; a chunk that is longer by the alignment
 * always does. */
static memheap_status_t alloc_large(ptmalloc_t *p, uint64_t size,
                                    uint64_t align, uint64_t *start_p)
{
    chunk_id_t id = best_chunk(p, size);
    uint64_t start =
        id == CHUNK_NONE ? UINT64_MAX : place_in(p, id, size, align);
    if (start == UINT64_MAX && align > 1) {
        id = best_chunk(p, size + align - 1);
        start = id == CHUNK_NONE ? UINT64_MAX : place_in(p, id, size, align);
    }
    if (start == UINT64_MAX)
        return alloc_from_top(p, size, align, start_p);
    chunk_carve(p, id, start, size, false);
    *start_p = start;
    return MEMHEAP_OK;
}

static memheap_status_t ptmalloc_alloc(memheap_module_t *module, size_t size,
                                       size_t align, size_t *offset_p)
{
    ptmalloc_t *p = ptmalloc_of(module);
    uint64_t granules = granules_of(size);
    if (granules > p->end)
        return MEMHEAP_ERR_NO_MEMORY;
    memheap_status_t status = nodes_ensure(p);
    if (status != MEMHEAP_OK)
        return status;
    uint64_t start;
    if (granules < BINS_SMALL && align == MEMHEAP_MIN_ALIGN)
        status = alloc_small(p, granules, &start);
    else
        status = alloc_large(p, granules, granules_of(align), &start);
    if (status != MEMHEAP_OK)
        return status;
    block_make(p, start, granules);
    *offset_p = bytes_of(start);
    return MEMHEAP_OK;
}

static memheap_status_t ptmalloc_free(memheap_module_t *module, size_t offset)
{
    ptmalloc_t *p = ptmalloc_of(module);
    if (live_word(p, offset) == 0)
        return MEMHEAP_ERR_BAD_ADDRESS;
    uint64_t start = offset >> GRANULE_ORDER;
    space_free(p, start, block_unmake(p, start));
    return MEMHEAP_OK;
}

static memheap_status_t ptmalloc_size_of(const memheap_module_t *module,
                                         size_t offset, size_t *size_p)
{
    const ptmalloc_t *p = const_ptmalloc_of(module);
    uint32_t word = live_word(p, offset);
    if (word == 0)
        return MEMHEAP_ERR_BAD_ADDRESS;
    *size_p = bytes_of(length_of(p, word));
    return MEMHEAP_OK;
}

/* Take size granules behind a block, from the chunk or the top there. */
static memheap_status_t extend(ptmalloc_t *p, uint64_t end, uint64_t size)
{
    uint64_t start;
    if (end == p->top)
        return alloc_from_top(p, size, 1, &start);
    uint32_t word = *word_at(p, end);
    if (kind_of(word) != KIND_CHUNK || length_of(p, word) < size)
        return MEMHEAP_ERR_NO_MEMORY;
    chunk_carve(p, number_of(word), end, size, number_of(word) == p->victim);
    return MEMHEAP_OK;
}

static memheap_status_t ptmalloc_resize(memheap_module_t *module, size_t offset,
                                        size_t size)
{
    ptmalloc_t *p = ptmalloc_of(module);
    uint32_t word = live_word(p, offset);
    if (word == 0)
        return MEMHEAP_ERR_BAD_ADDRESS;
    uint64_t start = offset >> GRANULE_ORDER;
    uint64_t have = length_of(p, word);
    uint64_t want = granules_of(size);
    if (want == have)
        return MEMHEAP_OK;
    if (want > have) {
        memheap_status_t status = nodes_ensure(p);
        if (status == MEMHEAP_OK)
            status = extend(p, start + have, want - have);
        if (status != MEMHEAP_OK)
            return status;
    }
    block_unmake(p, start);
    block_make(p, start, want);
    if (want < have)
        space_free(p, start + want, have - want);
    return MEMHEAP_OK;
}

/* The chunk that contains a granule below the top; CHUNK_NONE if it belongs to
 * a block. Goes through all blocks: this is no way to look for one. */
static chunk_id_t chunk_around(const ptmalloc_t *p, uint64_t granule)
{
    for (uint64_t at = 0; at <= granule;) {
        uint32_t word = *word_at(p, at);
        uint64_t length = length_of(p, word);
        if (granule - at < length)
            return kind_of(word) == KIND_CHUNK ? number_of(word) : CHUNK_NONE;
        at += length;
    }
    return CHUNK_NONE;
}

static memheap_status_t ptmalloc_reserve(memheap_module_t *module,
                                         size_t offset, size_t size)
{
    ptmalloc_t *p = ptmalloc_of(module);
    uint64_t start = offset >> GRANULE_ORDER;
    uint64_t granules = granules_of(size);
    if (offset % MEMHEAP_MIN_ALIGN != 0)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    if (start > p->end || granules > p->end - start)
        return MEMHEAP_ERR_BUSY;
    memheap_status_t status = nodes_ensure(p);
    if (status != MEMHEAP_OK)
        return status;
    if (start >= p->top) {
        status = words_ensure(p, start + granules);
        if (status != MEMHEAP_OK)
            return status;
        top_carve(p, start, granules);
    } else {
        chunk_id_t id = chunk_around(p, start);
        if (id == CHUNK_NONE ||
            chunk(p, id)->start + chunk(p, id)->size < start + granules)
            return MEMHEAP_ERR_BUSY;
        chunk_carve(p, id, start, granules, false);
    }
    block_make(p, start, granules);
    return MEMHEAP_OK;
}

/* What depends on the past is which chunk is the victim, and the order of the
 * chunks of one size: start anew, and add them in the order of addresses. */
static void ptmalloc_settle(memheap_module_t *module)
{
    ptmalloc_t *p = ptmalloc_of(module);
    p->victim = CHUNK_NONE;
    p->bins = (bins_t){.small_map = 0};
    for (uint64_t at = 0; at < p->top;) {
        uint32_t word = *word_at(p, at);
        uint64_t length = length_of(p, word);
        if (kind_of(word) == KIND_CHUNK)
            bins_add(&p->bins, &p->pool, number_of(word));
        at += length;
    }
}

static memheap_status_t ptmalloc_grow(memheap_module_t *module, size_t new_size)
{
    ptmalloc_t *p = ptmalloc_of(module);
    if (new_size < module->size || new_size > p->max_size)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    module->size = new_size;
    p->end = new_size >> GRANULE_ORDER;
    return MEMHEAP_OK;
}

static void ptmalloc_walk(const memheap_module_t *module,
                          bool (*visit)(void *context,
                                        const memheap_extent_t *extent),
                          void *context)
{
    const ptmalloc_t *p = const_ptmalloc_of(module);
    for (uint64_t at = 0; at < p->top;) {
        uint32_t word = *word_at(p, at);
        uint64_t length = length_of(p, word);
        memheap_extent_t extent = {bytes_of(at), bytes_of(length),
                                   kind_of(word) != KIND_CHUNK};
        if (!visit(context, &extent))
            return;
        at += length;
    }
    size_t top = bytes_of(p->top);
    memheap_extent_t rest = {top, module->size - top, false};
    if (rest.size > 0)
        visit(context, &rest);
}

/* What one pass over the words finds. */
typedef struct tally {
    uint64_t used;
    size_t live_blocks;
    size_t long_blocks;
    size_t chunks;
    bool victim_seen;
} tally_t;

/* Test the piece whose first word is at a granule, and count it. */
static bool check_piece(const ptmalloc_t *p, uint64_t at, bool after_chunk,
                        tally_t *t)
{
    uint32_t word = *word_at(p, at);
    uint32_t number = number_of(word);
    kind_t kind = kind_of(word);
    if (kind == KIND_NONE || (kind != KIND_BLOCK &&
                              (number == CHUNK_NONE || number > p->pool.count)))
        return false;
    uint64_t length = length_of(p, word);
    if (length == 0 || length > p->top - at)
        return false;
    uint64_t last = at + length - 1;
    if (kind == KIND_CHUNK) {
        t->chunks++;
        t->victim_seen = t->victim_seen || number == p->victim;
        return !after_chunk && last + 1 < p->top &&
               chunk(p, number)->start == at && *word_at(p, last) == word;
    }
    t->live_blocks++;
    t->long_blocks += kind == KIND_LONG;
    t->used += length;
    return last == at || *word_at(p, last) == 0;
}

static memheap_status_t ptmalloc_check(const memheap_module_t *module)
{
    const ptmalloc_t *p = const_ptmalloc_of(module);
    tally_t t = {0};
    bool after_chunk = false;
    for (uint64_t at = 0; at < p->top;) {
        if (!check_piece(p, at, after_chunk, &t))
            return MEMHEAP_ERR_CORRUPT;
        uint32_t word = *word_at(p, at);
        after_chunk = kind_of(word) == KIND_CHUNK;
        at += length_of(p, word);
    }
    size_t binned;
    size_t unused = 0;
    if (!bins_check(&p->bins, &p->pool, &binned))
        return MEMHEAP_ERR_CORRUPT;
    for (chunk_id_t id = p->pool.unused; id != CHUNK_NONE;
         id = chunk(p, id)->next) {
        if (++unused > p->pool.count)
            return MEMHEAP_ERR_CORRUPT;
    }
    if (t.victim_seen != (p->victim != CHUNK_NONE) || p->top > p->end ||
        p->end != module->size >> GRANULE_ORDER ||
        t.chunks != binned + t.victim_seen ||
        t.live_blocks != module->live_blocks ||
        t.long_blocks != p->long_blocks || bytes_of(t.used) != module->used ||
        p->pool.count != unused + t.chunks + t.long_blocks)
        return MEMHEAP_ERR_CORRUPT;
    return MEMHEAP_OK;
}

static void ptmalloc_stats(const memheap_module_t *module,
                           memheap_module_stats_t *stats)
{
    const ptmalloc_t *p = const_ptmalloc_of(module);
    uint64_t largest =
        memheap_max(p->end - p->top, bins_largest(&p->bins, &p->pool));
    if (p->victim != CHUNK_NONE)
        largest = memheap_max(largest, chunk(p, p->victim)->size);
    *stats = (memheap_module_stats_t){
        .size = module->size,
        .used = module->used,
        .largest_free = bytes_of(largest),
        .live_blocks = module->live_blocks,
        .metadata = sizeof(*p) + p->words.committed + p->pool.table.committed};
}

static void ptmalloc_destroy(memheap_module_t *module)
{
    ptmalloc_t *p = ptmalloc_of(module);
    memheap_table_close(&p->words);
    memheap_table_close(&p->pool.table);
    memheap_memory_delete(p->memory, p, sizeof(*p));
}

static const memheap_module_ops_t ptmalloc_ops = {.alloc = ptmalloc_alloc,
                                                  .free = ptmalloc_free,
                                                  .size_of = ptmalloc_size_of,
                                                  .resize = ptmalloc_resize,
                                                  .reserve = ptmalloc_reserve,
                                                  .settle = ptmalloc_settle,
                                                  .grow = ptmalloc_grow,
                                                  .walk = ptmalloc_walk,
                                                  .check = ptmalloc_check,
                                                  .stats = ptmalloc_stats,
                                                  .destroy = ptmalloc_destroy};

static memheap_status_t ptmalloc_create(const memheap_module_config_t *config,
                                        long *priority_p,
                                        memheap_module_t **module_p)
{
    (void)priority_p;
    ptmalloc_t *p = memheap_memory_new(config->memory, sizeof(*p));
    if (p == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    p->module.ops = &ptmalloc_ops;
    p->module.size = config->size;
    p->memory = config->memory;
    p->end = config->size >> GRANULE_ORDER;
    p->max_size = config->max_size;
    uint64_t max_end = config->max_size >> GRANULE_ORDER;
    /* Each live block and each chunk beside one takes a granule at least. */
    uint64_t nodes =
        memheap_min(max_end, number_end - SPARE_NODES - 1) + SPARE_NODES + 1;
    p->pool.limit = (chunk_id_t)nodes;
    memheap_status_t status = memheap_table_open(
        &p->words, p->memory, (size_t)(max_end + 1) * sizeof(uint32_t));
    if (status == MEMHEAP_OK)
        status = memheap_table_open(&p->pool.table, p->memory,
                                    (size_t)nodes * sizeof(chunk_t));
    if (status != MEMHEAP_OK) {
        ptmalloc_destroy(&p->module);
        return status;
    }
    *module_p = &p->module;
    return MEMHEAP_OK;
}

const memheap_component_t memheap_ptmalloc_component = {
    .abi = MEMHEAP_COMPONENT_ABI,
    .name = "ptmalloc",
    .summary = "best fit with exact bins, tree bins, a victim and a top",
    .priority = 50,
    .create = ptmalloc_create};
