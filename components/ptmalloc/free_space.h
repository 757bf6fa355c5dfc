/*
 * Space: what of the region is not in blocks, and what blocks are cut from.
 *
 * The pieces of the region (slots.h) lie up to the top: the space behind the
 * last block, which was never used or has been given back. A piece is a block,
 * of which nothing is known here but whether it is live, or loose:
 *   - the victim: the rest of the last chunk that was split for a short piece,
 *     or a part of the top, so that blocks of one time lie together;
 *   - a chunk, with a node (chunk.h) in the bin for its size (bins.h).
 * No two loose pieces touch, and none touches the top, but for a victim that
 * was a part of it.
 *
 * A short piece is taken from a chunk of its size, else from the victim; and
 * all else from a chunk that fits and is hardly longer. Since no piece is
 * shorter than PIECE_MIN, one is never cut from what is longer by a granule.
 *
 * Sources: D. Lea, "A memory allocator", 1987-2012.
 */
#ifndef MEMHEAP_COMPONENTS_PTMALLOC_FREE_SPACE_H
#define MEMHEAP_COMPONENTS_PTMALLOC_FREE_SPACE_H

#include "components/ptmalloc/bins.h"

#define GRANULE_NONE UINT64_MAX

/* Before the foot of the victim if it is long; no chunk has this name. */
#define FOOTER_VICTIM MAP_VALUE_MAX

enum {
    /* Nodes beyond one for each block, live or not: an aligned request may
     * leave a chunk on either side of it before its block counts. */
    SPARE_NODES = 4,
    ENSURE_STEP = 64, /* blocks that tables have room for beyond those there */
    BIN_PROBES = 8    /* chunks of a bin that are compared, but in need */
};

/** A place of some granules. */
typedef struct span {
    uint64_t start;
    uint64_t size;
} span_t;

typedef struct free_space {
    uint64_t top;
    uint64_t end;     /* granules in the region */
    uint64_t total;   /* granules of chunks and the victim */
    span_t victim;    /* starts GRANULE_NONE if there is none */
    uint64_t top_max; /* the highest that the top ever was */
    chunk_pool_t pool;
    bins_t bins;
} free_space_t;

/** Reserve the tables for a region of at most `most` granules; `end` of them
 *  are there now. MEMHEAP_ERR_NO_METADATA. */
memheap_status_t free_space_open(free_space_t *space,
                                 const memheap_memory_t *memory, uint64_t end,
                                 uint64_t most);
void free_space_close(free_space_t *space);

/** See to it that space can be given back for so many blocks.
 *  MEMHEAP_ERR_NO_METADATA. */
static inline memheap_status_t free_space_ensure(free_space_t *space,
                                                 size_t blocks)
{
    return chunk_ensure(&space->pool, blocks + SPARE_NODES);
}

/** A piece of size granules at a multiple of align, from what is loose: of each
 *  bin, so many chunks are looked at. Where nothing is, it starts at
 *  GRANULE_NONE. Its map are 0: the caller marks it. */
span_t free_space_take(free_space_t *space, uint64_t size, uint64_t align,
                       size_t probes);

/** The same from the top. MEMHEAP_ERR_NO_MEMORY, MEMHEAP_ERR_NO_METADATA */
memheap_status_t free_space_take_top(free_space_t *space, uint64_t size,
                                     uint64_t align, span_t *span_p);

/** Take that very place. MEMHEAP_ERR_BUSY, MEMHEAP_ERR_NO_METADATA, or
 *  MEMHEAP_ERR_BAD_ARGUMENT if no piece would fit into what is left before
 *  it. */
memheap_status_t free_space_take_at(free_space_t *space, span_t *span_p);

/** Take what follows a piece that ends where the span starts.
 *  MEMHEAP_ERR_NO_MEMORY if it is not loose, MEMHEAP_ERR_NO_METADATA. */
memheap_status_t free_space_extend(free_space_t *space, span_t *span_p);

/** Give back granules whose map are 0: they are joined with what is loose on
 *  either side. */
void free_space_give(free_space_t *space, uint64_t start, uint64_t size);

/** Make a chunk of the victim, or a part of the top. */
void free_space_retire_victim(free_space_t *space);

/** Granules of the longest piece that free_space_take() or
 * free_space_take_top() would find; sometimes less. */
uint64_t free_space_largest(const free_space_t *space);

/** Bytes of tables that were ever written. */
size_t free_space_metadata(const free_space_t *space);

/** The chunk that starts where the victim does not and no block is live;
 *  CHUNK_NONE if a block does that is not live. */
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
