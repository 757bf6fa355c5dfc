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
 * shorter than PIECE_LEAST, one is never cut from what is longer by a granule.
 *
 * Sources: D. Lea, "A memory allocator", 1987-2012.
 */
#ifndef MEMHEAP_COMPONENTS_PTMALLOC_FREE_SPACE_H
#define MEMHEAP_COMPONENTS_PTMALLOC_FREE_SPACE_H

#include "components/ptmalloc/bins.h"

#define SPACE_NOWHERE UINT64_MAX

/* Before the foot of the victim if it is long; no chunk has this name. */
#define SPACE_VICTIM SLOT_VALUE_MAX

enum {
    /* Nodes beyond one for each block, live or not: an aligned request may
     * leave a chunk on either side of it before its block counts. */
    SPACE_SPARE_NODES = 4,
    SPACE_AHEAD = 64, /* blocks that tables have room for beyond those there */
    SPACE_LOOKS = 8   /* chunks of a bin that are compared, but in need */
};

/** A place of some granules. */
typedef struct span {
    uint64_t start;
    uint64_t size;
} span_t;

typedef struct space {
    uint64_t top;
    uint64_t end;   /* granules in the region */
    uint64_t loose; /* granules of chunks and the victim */
    span_t victim;  /* starts SPACE_NOWHERE if there is none */
    uint64_t high;  /* the highest that the top ever was */
    chunk_pool_t pool;
    bins_t bins;
} space_t;

/** Reserve the tables for a region of at most `most` granules; `end` of them
 *  are there now. MEMHEAP_ERR_NO_METADATA. */
memheap_status_t space_open(space_t *space, const memheap_memory_t *memory,
                            uint64_t end, uint64_t most);
void space_close(space_t *space);

/** See to it that space can be given back for so many blocks.
 *  MEMHEAP_ERR_NO_METADATA. */
static inline memheap_status_t space_ensure(space_t *space, size_t blocks)
{
    return chunk_ensure(&space->pool, blocks + SPACE_SPARE_NODES);
}

/** A piece of size granules at a multiple of align, from what is loose: of each
 *  bin, so many chunks are looked at. Where nothing is, it starts at
 *  SPACE_NOWHERE. Its slots are 0: the caller marks it. */
span_t space_take(space_t *space, uint64_t size, uint64_t align, size_t looks);

/** The same from the top. MEMHEAP_ERR_NO_MEMORY, MEMHEAP_ERR_NO_METADATA */
memheap_status_t space_take_top(space_t *space, uint64_t size, uint64_t align,
                                span_t *span_p);

/** Take that very place. MEMHEAP_ERR_BUSY, MEMHEAP_ERR_NO_METADATA, or
 *  MEMHEAP_ERR_BAD_ARGUMENT if no piece would fit into what is left before
 *  it. */
memheap_status_t space_take_at(space_t *space, span_t *span_p);

/** Take what follows a piece that ends where the span starts.
 *  MEMHEAP_ERR_NO_MEMORY if it is not loose, MEMHEAP_ERR_NO_METADATA. */
memheap_status_t space_extend(space_t *space, span_t *span_p);

/** Give back granules whose slots are 0: they are joined with what is loose on
 *  either side. */
void space_give(space_t *space, uint64_t start, uint64_t size);

/** Make a chunk of the victim, or a part of the top. */
void space_retire(space_t *space);

/** Granules of the longest piece that space_take() or space_take_top() would
 *  find; sometimes less. */
uint64_t space_longest(const space_t *space);

/** Bytes of tables that were ever written. */
size_t space_metadata(const space_t *space);

/** The chunk that starts where the victim does not and no block is live;
 *  CHUNK_NONE if a block does that is not live. */
static inline chunk_id_t space_chunk(const space_t *space, uint64_t start)
{
    const slots_t *slots = &space->pool.slots;
    if (slot_code(slots, start) != SLOT_LONG)
        return chunk_find(&space->pool, start);
    return slot_number(slots, start) != 0
               ? CHUNK_NONE
               : (chunk_id_t)slot_value(slots, start);
}

#endif
