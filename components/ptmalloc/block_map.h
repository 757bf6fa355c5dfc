/*
 * The block map: one byte for every two granules of the region. It tells where
 * each piece starts, how long the piece is, and whether it is live.
 *
 * A granule is 16 bytes; all lengths and positions count granules. The region
 * up to the top is cut into adjacent pieces of at least two granules, so at
 * most one piece starts in the two granules of a byte.
 *
 * The byte in which a piece starts:
 *
 *     bit     7   6   5       0
 *           +---+---+-----------+
 *           |ODD|LIV|   code    |
 *           +---+---+-----------+
 *
 *     ODD   the piece starts in the second granule of the byte
 *     LIV   the piece is a live block
 *     code  its length - 1, or MAP_LONG (63) for 64 granules and more
 *
 * A long piece (code MAP_LONG) has a header behind its first byte and a footer
 * in its last bytes:
 *
 *     first byte | class number, value | 0 ... 0 | value, MAP_FOOTER |
 *        1 byte      2       8 bytes                8        1 byte
 *
 * All other bytes are 0. Header and footer values have six bits a byte, so no
 * byte but a first one has the bit MAP_LIVE.
 *
 * Hence the piece that starts at a granule is known from one byte, or three if
 * it is long. The piece that ends at a granule is known from its footer if it
 * is long; otherwise a search backwards finds its first byte within 31 bytes.
 */
#ifndef MEMHEAP_COMPONENTS_PTMALLOC_BLOCK_MAP_H
#define MEMHEAP_COMPONENTS_PTMALLOC_BLOCK_MAP_H

#include "base/array.h"
#include "base/util.h"

#include <string.h>

enum {
    MAP_ODD = 0x80,
    MAP_LIVE = 0x40,
    MAP_FOOTER = MAP_ODD, /* no length: no first byte has this value */
    MAP_LONG = 63,
    PIECE_MIN = 2,
    PIECE_LONG = 64, /* granules from which a piece has a header and a footer */
    /* Bytes of a value, and bits in each: six, so that no byte has MAP_LIVE. */
    MAP_VALUE_BYTES = 8,
    MAP_VALUE_BITS = 6,
    MAP_MARGIN = 16 /* bytes before and behind the map that may be read */
};

/** The greatest value of a header or a footer. */
#define MAP_VALUE_MAX (((uint64_t)1 << MAP_VALUE_BITS * MAP_VALUE_BYTES) - 1)

typedef struct block_map {
    uint8_t *first;
    memheap_array_t array;
} block_map_t;

/** The header of a long piece. */
typedef struct map_header {
    /** Class number of the block, or 0. Each byte has at most six bits. */
    unsigned number;
    uint64_t value;
} map_header_t;

/** The piece that ends at a granule. */
typedef struct map_prev {
    uint64_t start;  /* if it is short */
    uint64_t footer; /* value, if it is long */
    bool is_long;
} map_prev_t;

/** Reserve the map of a region of that many granules. */
static inline memheap_status_t
map_open(block_map_t *map, const memheap_memory_t *memory, uint64_t granules)
{
    memheap_status_t status = memheap_array_open(
        &map->array, memory, (size_t)(granules / 2) + 1 + 2 * MAP_MARGIN);
    if (status == MEMHEAP_OK)
        map->first = (uint8_t *)map->array.base + MAP_MARGIN;
    return status;
}

/** Bytes of the map of that many granules. */
static inline size_t map_bytes(uint64_t granules)
{
    return (size_t)(granules / 2) + 1 + 2 * MAP_MARGIN;
}

/** Commit the map of that many granules. MEMHEAP_ERR_NO_METADATA. */
static inline memheap_status_t map_ensure(block_map_t *map, uint64_t granules)
{
    return memheap_array_ensure(&map->array, map_bytes(granules));
}

static inline uint8_t *map_byte(const block_map_t *map, uint64_t granule)
{
    return map->first + (granule >> 1);
}

/** Length - 1, or MAP_LONG, of the live block that starts at a granule.
 *  Greater than MAP_LONG if no live block starts there. */
static inline unsigned map_live_code(const block_map_t *map, uint64_t granule)
{
    return (uint8_t)(granule * MAP_ODD) ^ MAP_LIVE ^ *map_byte(map, granule);
}

/** Length - 1, or MAP_LONG, of the piece that starts at a granule, live or
 *  not. Some piece must start there. */
static inline unsigned map_code(const block_map_t *map, uint64_t granule)
{
    return *map_byte(map, granule) & MAP_LONG;
}

static inline bool map_is_live(const block_map_t *map, uint64_t granule)
{
    return map_live_code(map, granule) <= MAP_LONG;
}

/** Mark the block that starts at a granule as live. */
static inline void map_set_live(const block_map_t *map, uint64_t granule)
{
    *map_byte(map, granule) |= MAP_LIVE;
}

static inline void map_clear_live(const block_map_t *map, uint64_t granule)
{
    *map_byte(map, granule) &= (uint8_t)~MAP_LIVE;
}

/** Class number of the long block that starts at a granule. */
static inline unsigned map_class_number(const block_map_t *map,
                                        uint64_t granule)
{
    uint16_t number;
    memcpy(&number, map_byte(map, granule) + 1, sizeof(number));
    return number;
}

/* Eight groups of six bits spread to eight bytes, in halves. */
static inline void map_write_value(uint8_t *at, uint64_t value)
{
    value = (value & 0xFFFFFF) | (value & 0xFFFFFF000000) << 8;
    value = (value & 0x00000FFF00000FFF) | (value & 0x00FFF00000FFF000) << 4;
    value = (value & 0x003F003F003F003F) | (value & 0x0FC00FC00FC00FC0) << 2;
    memcpy(at, &value, MAP_VALUE_BYTES);
}

static inline uint64_t map_read_value(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, MAP_VALUE_BYTES);
    value = (value & 0x003F003F003F003F) | (value & 0x3F003F003F003F00) >> 2;
    value = (value & 0x00000FFF00000FFF) | (value & 0x0FFF00000FFF0000) >> 4;
    return (value & 0xFFFFFF) | (value & 0xFFFFFF00000000) >> 8;
}

/** Header value of the long piece that starts at a granule. */
static inline uint64_t map_value(const block_map_t *map, uint64_t granule)
{
    return map_read_value(map_byte(map, granule) + 3);
}

/** The last byte of a long piece that ends at a granule. */
static inline uint8_t *map_footer(const block_map_t *map, uint64_t end)
{
    return map_byte(map, end) - 1;
}

/** Enter a piece. All its bytes must be 0. header and footer are stored only
 *  if the piece is long. */
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

/** Set the bytes of a piece to 0. */
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

/** The piece that ends at a granule greater than 0. */
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
