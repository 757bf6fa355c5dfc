/*
 * Detecting accesses to memory of a heap that is in no block: between blocks,
 * and in freed blocks.
 *
 * Under MEMHEAP_GUARD each block has pages of its own, and mprotect() closes
 * all other pages. A signal handler reports what a wrong access hit, and the
 * process then ends as it would without a guard. Under memcheck and
 * AddressSanitizer the guard tells them which bytes are closed, and adds the
 * block to their reports.
 *
 * The memory is that of the heap and that of the windows through which this
 * process accesses the equal heaps of other PEs. Each process closes its own
 * mappings. A block is opened before the PEs agree on its allocation, and
 * closed after all have agreed to free it. So a block in use is open
 * everywhere.
 *
 * The caller holds the heap's lock. The signal handler reads without it, since
 * the process ends.
 *
 * Source: B. Perens, Electric Fence, 1987.
 */
#ifndef MEMHEAP_DEBUG_GUARD_PAGES_H
#define MEMHEAP_DEBUG_GUARD_PAGES_H

#include <memheap/component.h>
#include "base/region.h"
#include "memheap/debug/access.h"
#include "memheap/debug/records.h"

/** The component that allocates for guarded heaps. It has no priority. */
extern const memheap_component_t memheap_guard_component;

/** The guard of a heap. */
typedef struct memheap_guard memheap_guard_t;

/** The configuration of a guard. All it points to must outlive the guard. */
typedef struct memheap_guard_config {
    const char *name; /* of the heap */
    const memheap_region_t *region;
    const memheap_module_t *module;
    const memheap_records_t *records;
    const memheap_memory_t *memory;
    const memheap_log_t *log;
    bool uses_pages;      /* close memory by mprotect() */
    bool uses_sanitizers; /* tell the sanitizers that check this process */
} memheap_guard_config_t;

/**
 * Close all memory of a heap without blocks.
 * @return MEMHEAP_ERR_NO_METADATA
 */
memheap_status_t memheap_guard_open(const memheap_guard_config_t *config,
                                    memheap_guard_t **guard_p);

/** End a guard, and open the memory that outlives the heap. NULL is ignored. */
void memheap_guard_close(memheap_guard_t *guard);

/** See memheap_set_peer_windows(). */
void memheap_guard_set_peer_windows(memheap_guard_t *guard,
                                    const memheap_peer_windows_t *windows);

/** Memory from one offset to another was committed. */
void memheap_guard_committed(memheap_guard_t *guard, size_t from, size_t to);

/** The caller's range became longer. */
void memheap_guard_grown(memheap_guard_t *guard, size_t from, size_t to);

/** Open all usable bytes of a new block. */
void memheap_guard_unprotect(memheap_guard_t *guard, size_t offset,
                             size_t usable);

/** Close a block that was freed. Its pages return to the system unless they are
 *  pinned: registered with a network. */
void memheap_guard_protect(memheap_guard_t *guard, size_t offset, size_t usable,
                           bool pinned);

/** A block was allocated: close the bytes behind the requested ones. */
void memheap_guard_alloc(memheap_guard_t *guard, size_t offset, size_t usable,
                         size_t asked);

/** Bytes of a block have contents. */
void memheap_guard_mark_set(memheap_guard_t *guard, size_t offset, size_t size);

/** A block was resized, and may have moved. */
void memheap_guard_move(memheap_guard_t *guard, size_t old_offset,
                        size_t old_asked, size_t offset, size_t usable,
                        size_t asked);

/** A block was freed, or moved away, at a call site. Remember it for reports.
 */
void memheap_guard_free(memheap_guard_t *guard, size_t offset, size_t usable,
                        const memheap_record_t *record,
                        memheap_call_site_t site, bool moved);

/**
 * Describe the freed block that had an offset, if the guard remembers it: its
 * size, and where it was allocated and freed.
 *
 * @param room  bytes of text; a longer description is cut
 * @return false if it remembers none
 */
bool memheap_guard_describe_freed(const memheap_guard_t *guard, size_t offset,
                                  char *text, size_t room);

/** Open the bytes behind the requested ones, for a copy of the whole block. */
void memheap_guard_open_redzone(memheap_guard_t *guard, size_t offset,
                                size_t usable, size_t asked);
/** Close them again. */
void memheap_guard_close_redzone(memheap_guard_t *guard, size_t offset,
                                 size_t usable, size_t asked);

#endif
