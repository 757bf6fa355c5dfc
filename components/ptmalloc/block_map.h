/*
 * Slots: where each piece of the region starts, what it is and how long.
 *
 * All is counted in granules of 16 bytes. The region is cut into pieces of at
 * least two granules, which lie side by side up to the top. Of each slot, two
 * granules from a multiple of two, a byte is kept; since pieces are no shorter,
 * no more than one starts in a slot, and the byte says, if one does,
 *   - MAP_LIVE: whether it is a live block;
 *   - MAP_ODD: whether it starts in the second granule of the byte;
 *   - and its length less one, or MAP_LONG for all of 64 granules or more.
 * The bytes of map in which nothing starts are 0, but for those of long
 * pieces: behind the start's byte lies its header, and the byte of the last
 * slot that is covered whole is MAP_FOOTER, with a number before it. None of
 * these probes live. A note is the number of a block's class, or 0, and a
 * value. So the piece that starts at a place is known from one byte, or from
 * three if it is long; and so is the piece that ends at one, if it is long; if
 * it is short, its start is found backwards, in no more than 31 bytes.
 */
#ifndef MEMHEAP_COMPONENTS_PTMALLOC_BLOCK_MAP_H
#define MEMHEAP_COMPONENTS_PTMALLOC_BLOCK_MAP_H

#include "base/array.h"
#include "base/util.h"

#include <string.h>

enum {
    MAP_ODD = 0x80,
    MAP_LIVE = 0x40,
    MAP_FOOTER = MAP_ODD, /* with no length: nothing else probes so */
    MAP_LONG = 63,
    PIECE_MIN = 2,
    PIECE_LONG = 64, /* granules from which a piece has notes */
    /* What a value takes, at six bits a byte so that no byte probes live. */
    MAP_VALUE_BYTES = 8,
    MAP_VALUE_BITS = 6,
    MAP_MARGIN = 16 /* bytes that may be read before and behind the map */
};

/** The greatest value of a header, and of what stands before a foot. */
#define MAP_VALUE_MAX (((uint64_t)1 << MAP_VALUE_BITS * MAP_VALUE_BYTES) - 1)

typedef struct block_map {
    uint8_t *first;
    memheap_array_t array;
} block_map_t;

/** What is noted of a long piece. */
typedef struct map_header {
    unsigned number; /* neither of its two bytes has more than six bits */
    uint64_t value;
} map_header_t;

/** The piece before a place. */
typedef struct map_prev {
    uint64_t start;  /* of a short piece */
    uint64_t footer; /* of a long one */
    bool is_long;
} map_prev_t;

/** Reserve the map of a region of so many granules. */
static inline memheap_status_t
map_open(block_map_t *map, const memheap_memory_t *memory, uint64_t granules)
{
    memheap_status_t status = memheap_array_open(
        &map->array, memory, (size_t)(granules / 2) + 1 + 2 * MAP_MARGIN);
    map->first = (uint8_t *)map->array.base + MAP_MARGIN;
    return status;
}

/** Bytes that the map of so many granules take. */
static inline size_t map_bytes(uint64_t granules)
{
    return (size_t)(granules / 2) + 1 + 2 * MAP_MARGIN;
}

/** Let there be map for so many granules. MEMHEAP_ERR_NO_METADATA. */
static inline memheap_status_t map_ensure(block_map_t *map, uint64_t granules)
{
    return memheap_array_ensure(&map->array, map_bytes(granules));
}

static inline uint8_t *map_byte(const block_map_t *map, uint64_t granule)
{
    return map->first + (granule >> 1);
}

/** A slot's byte less what it is if a live block starts at a granule: the
 *  block's length less one or MAP_LONG, and more if none does. */
static inline unsigned map_live_code(const block_map_t *map, uint64_t granule)
{
    return (uint8_t)(granule * MAP_ODD) ^ MAP_LIVE ^ *map_byte(map, granule);
}

/** The same for a granule at which some piece starts, live or not. */
static inline unsigned map_code(const block_map_t *map, uint64_t granule)
{
    return *map_byte(map, granule) & MAP_LONG;
}

static inline bool map_is_live(const block_map_t *map, uint64_t granule)
{
    return map_live_code(map, granule) <= MAP_LONG;
}

/** Let a block that was live or will be, be live. */
static inline void map_set_live(const block_map_t *map, uint64_t granule)
{
    *map_byte(map, granule) |= MAP_LIVE;
}

static inline void map_clear_live(const block_map_t *map, uint64_t granule)
{
    *map_byte(map, granule) &= (uint8_t)~MAP_LIVE;
}

/** The number of the class of the long block that starts at a granule. */
static inline unsigned map_class_number(const block_map_t *map,
                                        uint64_t granule)
{
    uint16_t number;
    memcpy(&number, map_byte(map, granule) + 1, sizeof(number));
    return number;
}

static inline void map_write_value(uint8_t *at, uint64_t value)
{
    for (unsigned i = 0; i < MAP_VALUE_BYTES; i++)
        at[i] =
            value >> MAP_VALUE_BITS * i & (((unsigned)1 << MAP_VALUE_BITS) - 1);
}

static inline uint64_t map_read_value(const uint8_t *at)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < MAP_VALUE_BYTES; i++)
        value |= (uint64_t)at[i] << MAP_VALUE_BITS * i;
    return value;
}

/** The value of the note of the long piece that starts at a granule. */
static inline uint64_t map_value(const block_map_t *map, uint64_t granule)
{
    return map_read_value(map_byte(map, granule) + 3);
}

/** Where the foot of a piece that ends at a granule stands. */
static inline uint8_t *map_footer(const block_map_t *map, uint64_t end)
{
    return map_byte(map, end) - 1;
}

/** Let a piece start at a granule. If it is long it has a header, and `foot`
 *  before its foot. All bytes of its map were 0. */
static inline void map_mark(const block_map_t *map, uint64_t start,
                            uint64_t size, unsigned live, map_header_t header,
                            uint64_t footer)
{
    uint8_t *byte = map_byte(map, start);
    unsigned half = live | (uint8_t)(start * MAP_ODD);
    if (size < PIECE_LONG) {
        *byte = (uint8_t)(half | (unsigned)(size - 1));
        return;
    }
    uint16_t number = (uint16_t)header.number;
    *byte = (uint8_t)(half | MAP_LONG);
    memcpy(byte + 1, &number, sizeof(number));
    map_write_value(byte + 3, header.value);
    uint8_t *last = map_footer(map, start + size);
    *last = MAP_FOOTER;
    map_write_value(last - MAP_VALUE_BYTES, footer);
}

/** Let the bytes of a piece be 0 again. */
static inline void map_clear(const block_map_t *map, uint64_t start,
                             uint64_t size)
{
    uint8_t *byte = map_byte(map, start);
    *byte = 0;
    if (size >= PIECE_LONG) {
        memset(byte + 1, 0, 2 + MAP_VALUE_BYTES);
        memset(map_footer(map, start + size) - MAP_VALUE_BYTES, 0,
               MAP_VALUE_BYTES + 1);
    }
}

/** The piece that ends at a granule other than 0. */
static inline map_prev_t map_prev(const block_map_t *map, uint64_t granule)
{
    const uint8_t *byte = map_footer(map, granule);
    if (*byte == MAP_FOOTER)
        return (map_prev_t){.footer = map_read_value(byte - MAP_VALUE_BYTES),
                            .is_long = true};
    while (*byte == 0)
        byte--;
    uint64_t even = (uint64_t)(byte - map->first) << 1;
    return (map_prev_t){.start = even + *byte / MAP_ODD};
}

#endif
