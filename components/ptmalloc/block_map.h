/*
 * Slots: where each piece of the region starts, what it is and how long.
 *
 * All is counted in granules of 16 bytes. The region is cut into pieces of at
 * least two granules, which lie side by side up to the top. Of each slot, two
 * granules from a multiple of two, a byte is kept; since pieces are no shorter,
 * no more than one starts in a slot, and the byte says, if one does,
 *   - SLOT_LIVE: whether it is a live block;
 *   - SLOT_ODD: whether it starts in the second granule of the slot;
 *   - and its length less one, or SLOT_LONG for all of 64 granules or more.
 * The bytes of slots in which nothing starts are 0, but for those of long
 * pieces: behind the start's byte lies its note, and the byte of the last slot
 * that is covered whole is SLOT_FOOT, with a number before it. None of these
 * looks live. A note is the number of a block's class, or 0, and a value. So
 * the piece that starts at a place is known from one byte, or from three if it
 * is long; and so is the piece that ends at one, if it is long; if it is short,
 * its start is found backwards, in no more than 31 bytes.
 */
#ifndef MEMHEAP_COMPONENTS_PTMALLOC_BLOCK_MAP_H
#define MEMHEAP_COMPONENTS_PTMALLOC_BLOCK_MAP_H

#include "base/array.h"
#include "base/util.h"

#include <string.h>

enum {
    SLOT_ODD = 0x80,
    SLOT_LIVE = 0x40,
    SLOT_FOOT = SLOT_ODD, /* with no length: nothing else looks so */
    SLOT_LONG = 63,
    PIECE_LEAST = 2,
    PIECE_LONG = 64, /* granules from which a piece has notes */
    /* What a value takes, at six bits a byte so that no byte looks live. */
    SLOT_VALUE_BYTES = 8,
    SLOT_VALUE_BITS = 6,
    SLOTS_MARGIN = 16 /* bytes that may be read before and behind the slots */
};

/** The greatest value of a note, and of what stands before a foot. */
#define SLOT_VALUE_MAX (((uint64_t)1 << SLOT_VALUE_BITS * SLOT_VALUE_BYTES) - 1)

typedef struct slots {
    uint8_t *first;
    memheap_array_t table;
} slots_t;

/** What is noted of a long piece. */
typedef struct slot_note {
    unsigned number; /* neither of its two bytes has more than six bits */
    uint64_t value;
} slot_note_t;

/** The piece before a place. */
typedef struct slot_before {
    uint64_t start; /* of a short piece */
    uint64_t foot;  /* of a long one */
    bool is_long;
} slot_before_t;

/** Reserve the slots of a region of so many granules. */
static inline memheap_status_t
slots_open(slots_t *slots, const memheap_memory_t *memory, uint64_t granules)
{
    memheap_status_t status = memheap_array_open(
        &slots->table, memory, (size_t)(granules / 2) + 1 + 2 * SLOTS_MARGIN);
    slots->first = (uint8_t *)slots->table.base + SLOTS_MARGIN;
    return status;
}

/** Bytes that the slots of so many granules take. */
static inline size_t slots_bytes(uint64_t granules)
{
    return (size_t)(granules / 2) + 1 + 2 * SLOTS_MARGIN;
}

/** Let there be slots for so many granules. MEMHEAP_ERR_NO_METADATA. */
static inline memheap_status_t slots_ensure(slots_t *slots, uint64_t granules)
{
    return memheap_array_ensure(&slots->table, slots_bytes(granules));
}

static inline uint8_t *slot_at(const slots_t *slots, uint64_t granule)
{
    return slots->first + (granule >> 1);
}

/** A slot's byte less what it is if a live block starts at a granule: the
 *  block's length less one or SLOT_LONG, and more if none does. */
static inline unsigned slot_live_code(const slots_t *slots, uint64_t granule)
{
    return (uint8_t)(granule * SLOT_ODD) ^ SLOT_LIVE ^ *slot_at(slots, granule);
}

/** The same for a granule at which some piece starts, live or not. */
static inline unsigned slot_code(const slots_t *slots, uint64_t granule)
{
    return *slot_at(slots, granule) & SLOT_LONG;
}

static inline bool slot_is_live(const slots_t *slots, uint64_t granule)
{
    return slot_live_code(slots, granule) <= SLOT_LONG;
}

/** Let a block that was live or will be, be live. */
static inline void slot_set_live(const slots_t *slots, uint64_t granule)
{
    *slot_at(slots, granule) |= SLOT_LIVE;
}

static inline void slot_set_dead(const slots_t *slots, uint64_t granule)
{
    *slot_at(slots, granule) &= (uint8_t)~SLOT_LIVE;
}

/** The number of the class of the long block that starts at a granule. */
static inline unsigned slot_number(const slots_t *slots, uint64_t granule)
{
    uint16_t number;
    memcpy(&number, slot_at(slots, granule) + 1, sizeof(number));
    return number;
}

static inline void slot_put(uint8_t *at, uint64_t value)
{
    for (unsigned i = 0; i < SLOT_VALUE_BYTES; i++)
        at[i] = value >> SLOT_VALUE_BITS * i &
                (((unsigned)1 << SLOT_VALUE_BITS) - 1);
}

static inline uint64_t slot_get(const uint8_t *at)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < SLOT_VALUE_BYTES; i++)
        value |= (uint64_t)at[i] << SLOT_VALUE_BITS * i;
    return value;
}

/** The value of the note of the long piece that starts at a granule. */
static inline uint64_t slot_value(const slots_t *slots, uint64_t granule)
{
    return slot_get(slot_at(slots, granule) + 3);
}

/** Where the foot of a piece that ends at a granule stands. */
static inline uint8_t *slot_foot(const slots_t *slots, uint64_t end)
{
    return slot_at(slots, end) - 1;
}

/** Let a piece start at a granule. If it is long it has a note, and `foot`
 *  before its foot. All bytes of its slots were 0. */
static inline void slot_mark(const slots_t *slots, uint64_t start,
                             uint64_t size, unsigned live, slot_note_t note,
                             uint64_t foot)
{
    uint8_t *slot = slot_at(slots, start);
    unsigned half = live | (uint8_t)(start * SLOT_ODD);
    if (size < PIECE_LONG) {
        *slot = (uint8_t)(half | (unsigned)(size - 1));
        return;
    }
    uint16_t number = (uint16_t)note.number;
    *slot = (uint8_t)(half | SLOT_LONG);
    memcpy(slot + 1, &number, sizeof(number));
    slot_put(slot + 3, note.value);
    uint8_t *last = slot_foot(slots, start + size);
    *last = SLOT_FOOT;
    slot_put(last - SLOT_VALUE_BYTES, foot);
}

/** Let the bytes of a piece be 0 again. */
static inline void slot_clear(const slots_t *slots, uint64_t start,
                              uint64_t size)
{
    uint8_t *slot = slot_at(slots, start);
    *slot = 0;
    if (size >= PIECE_LONG) {
        memset(slot + 1, 0, 2 + SLOT_VALUE_BYTES);
        memset(slot_foot(slots, start + size) - SLOT_VALUE_BYTES, 0,
               SLOT_VALUE_BYTES + 1);
    }
}

/** The piece that ends at a granule other than 0. */
static inline slot_before_t slot_before(const slots_t *slots, uint64_t granule)
{
    const uint8_t *slot = slot_foot(slots, granule);
    if (*slot == SLOT_FOOT)
        return (slot_before_t){.foot = slot_get(slot - SLOT_VALUE_BYTES),
                               .is_long = true};
    while (*slot == 0)
        slot--;
    uint64_t even = (uint64_t)(slot - slots->first) << 1;
    return (slot_before_t){.start = even + *slot / SLOT_ODD};
}

#endif
