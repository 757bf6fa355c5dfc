/*
 * The free space of a region: chunks, the victim and the top. Blocks are cut
 * from it.
 *
 * The region is cut into pieces (block_map.h) up to the top; the space above
 * the top was never used or was given back. A piece is one of:
 * - a block, live or cached; this file does not tell cached blocks from others;
 * - the victim: the remainder of the last chunk that was split for a short
 *   block, or a part of the top. Blocks that are allocated in sequence lie side
 *   by side in it;
 * - a chunk, with a node (chunk.h) in the bin of its size (bins.h).
 *
 * Invariants:
 * - two free pieces (chunks, victim) are never adjacent;
 * - a chunk never ends at the top; a victim that was cut from the top may;
 * - no piece is shorter than PIECE_MIN granules.
 *
 * A short block is cut from a chunk of exactly its size, else from the victim.
 * A long one is cut from a good fit.
 *
 * Source: D. Lea, "A memory allocator", 1987-2012.
 */
#ifndef MEMHEAP_COMPONENTS_PTMALLOC_FREE_SPACE_H
#define MEMHEAP_COMPONENTS_PTMALLOC_FREE_SPACE_H

#include "components/ptmalloc/bins.h"

#define GRANULE_NONE UINT64_MAX

/* Footer value of a long victim; no chunk has this index. */
#define FOOTER_VICTIM MAP_VALUE_MAX

enum {
    /* Nodes beyond one for each block: an aligned request may leave a chunk on
     * both sides before its block is counted. */
    SPARE_NODES = 4,
    ENSURE_STEP = 64, /* blocks for which metadata is ensured in advance */
    /* chunks of a bin that are compared, except as a last resort */
    BIN_PROBES = 12
};

/** A range of granules. */
typedef struct span {
    uint64_t start;
    uint64_t size;
} span_t;

typedef struct free_space {
    uint64_t top;
    uint64_t end;     /* granules of the region */
    uint64_t total;   /* granules of chunks and victim */
    span_t victim;    /* starts at GRANULE_NONE if there is none */
    uint64_t top_max; /* highest top so far */
    chunk_pool_t pool;
    bins_t bins;
} free_space_t;

/** Reserve the metadata of a region of now `end` and at most `most` granules.
 *  MEMHEAP_ERR_NO_METADATA. */
memheap_status_t free_space_open(free_space_t *space,
                                 const memheap_memory_t *memory, uint64_t end,
                                 uint64_t most);
void free_space_close(free_space_t *space);

/** Make sure that free_space_give() can be called for that many blocks.
 *  MEMHEAP_ERR_NO_METADATA. */
static inline memheap_status_t free_space_ensure(free_space_t *space,
                                                 size_t blocks)
{
    return chunk_ensure(&space->pool, blocks + SPARE_NODES);
}

/** Take `size` granules at a multiple of `align` from chunks and victim. At
 *  most `probes` chunks of a bin are compared. The result starts at
 *  GRANULE_NONE if nothing fits. Its bytes in the block map are 0; the caller
 *  enters the block. */
span_t free_space_take(free_space_t *space, uint64_t size, uint64_t align,
                       size_t probes);

/** Like free_space_take(), from the top. MEMHEAP_ERR_NO_MEMORY,
 *  MEMHEAP_ERR_NO_METADATA. */
memheap_status_t free_space_take_top(free_space_t *space, uint64_t size,
                                     uint64_t align, span_t *span_p);

/** Take exactly this span. MEMHEAP_ERR_BUSY if a part of it is in use,
 *  MEMHEAP_ERR_BAD_ARGUMENT if a single granule would be left before it,
 *  MEMHEAP_ERR_NO_METADATA. */
memheap_status_t free_space_take_at(free_space_t *space, span_t *span_p);

/** Take the span that follows a block. MEMHEAP_ERR_NO_MEMORY if it is not
 *  free, MEMHEAP_ERR_NO_METADATA. */
memheap_status_t free_space_extend(free_space_t *space, span_t *span_p);

/** Give a span back and join it with the free pieces beside it. Its bytes in
 *  the block map must be 0. */
void free_space_give(free_space_t *space, uint64_t start, uint64_t size);

/** Turn the victim into a chunk, or into a part of the top if it ends there. */
void free_space_retire_victim(free_space_t *space);

/** Granules that free_space_take() or free_space_take_top() would find. A
 *  lower bound: of the last bin, only some chunks are examined. */
uint64_t free_space_largest(const free_space_t *space);

/** Bytes of metadata ever written. */
size_t free_space_metadata(const free_space_t *space);

/** The chunk that starts at a granule, or CHUNK_NONE if a cached block starts
 *  there. The victim or a live block must not start there. */
static inline chunk_id_t free_space_chunk(const free_space_t *space,
                                          uint64_t start)
{
    const block_map_t *map = &space->pool.map;
    if (map_code(map, start) != MAP_LONG)
        return chunk_find(&space->pool, start);
    return map_class_number(map, start) != 0
               ? CHUNK_NONE
               : (chunk_id_t)map_value(map, start);
}

#endif
