/*
 * Memory that nobody may touch: what lies between the blocks of a heap, and
 * what was freed.
 *
 * A heap with MEMHEAP_GUARD has pages for each of its blocks alone, and the
 * processor watches all others; a signal handler says what an access hit, and
 * lets the process die of it. Where memcheck or the AddressSanitizer runs, they
 * are told the same of each byte; whoever reports then names the block.
 *
 * The memory is that of the heap, and the windows on it that this process has
 * on the heaps of others, which hold the same blocks: each process watches what
 * it may reach itself. A block's memory is opened before it is handed out, and
 * closed after all have agreed to free it, so nobody is kept from a block that
 * is in use. The heap's lock covers all calls but those of the handler, which
 * looks without it: the process ends.
 *
 * Source: the idea is that of B. Perens' Electric Fence, 1987.
 */
#ifndef MEMHEAP_DEBUG_GUARD_H
#define MEMHEAP_DEBUG_GUARD_H

#include <memheap/component.h>
#include "base/region.h"
#include "memheap/debug/access.h"
#include "memheap/debug/records.h"

/** Allocates for a guarded heap. It is not selected by priority. */
extern const memheap_component_t memheap_guard_component;

/** What watches a heap. */
typedef struct memheap_guard memheap_guard_t;

typedef struct memheap_guard_config {
    const char *name; /* of the heap; must outlive it */
    const memheap_region_t *region;
    const memheap_module_t *module;
    const memheap_records_t *records;
    const memheap_memory_t *memory;
    const memheap_log_t *log;
    bool pages;    /* by the processor, */
    bool checkers; /* by those that are there */
} memheap_guard_config_t;

/**
 * Begin to watch a heap in which nothing is allocated.
 * @return MEMHEAP_ERR_NO_METADATA
 */
memheap_status_t memheap_guard_open(const memheap_guard_config_t *config,
                                    memheap_guard_t **guard_p);
/** End it: all of the memory may be touched, as far as it was the caller's.
 *  NULL is ignored. */
void memheap_guard_close(memheap_guard_t *guard);

/** See memheap_set_peer_windows(). */
void memheap_guard_set_peer_windows(memheap_guard_t *guard,
                                    const memheap_peer_windows_t *windows);

/** The region is backed from one offset to another. */
void memheap_guard_committed(memheap_guard_t *guard, size_t from, size_t to);

/** The region, which is the caller's, became longer. */
void memheap_guard_grown(memheap_guard_t *guard, size_t from, size_t to);

/** Let the memory of a block be used, all of it. */
void memheap_guard_enter(memheap_guard_t *guard, size_t offset, size_t usable);

/** Of a block, so many bytes are the caller's, and no more. */
void memheap_guard_fit(memheap_guard_t *guard, size_t offset, size_t usable,
                       size_t asked);

/** The block at an offset stays what it is, but has another place or size. */
void memheap_guard_move(memheap_guard_t *guard, size_t old_offset,
                        size_t old_asked, size_t offset, size_t usable,
                        size_t asked);

/** Let all of a block be used for a copy; memheap_guard_fit_again() ends it. */
void memheap_guard_lift(memheap_guard_t *guard, size_t offset, size_t usable,
                        size_t asked);
void memheap_guard_fit_again(memheap_guard_t *guard, size_t offset,
                             size_t usable, size_t asked);

/** A block was set to zero. */
void memheap_guard_zeroed(memheap_guard_t *guard, size_t offset, size_t size);

/** Let nobody use the memory of a block any more. pinned: its pages are known
 *  to a network, and stay. */
void memheap_guard_leave(memheap_guard_t *guard, size_t offset, size_t usable,
                         bool pinned);

/** Remember who freed a block, or moved it, from a site in the records. */
void memheap_guard_remember(memheap_guard_t *guard, size_t offset,
                            size_t usable, const memheap_record_t *record,
                            memheap_call_site_t site, bool moved);

#endif
