/*
 * What the layers above need of a heap beyond memheap.h: a heap over a region
 * of theirs, and calls that come in two halves, so that processes can agree on
 * the outcome in between.
 */
#ifndef MEMHEAP_HEAP_H
#define MEMHEAP_HEAP_H

#include "base/framework.h"
#include "base/region.h"
#include <memheap/memheap.h>

/** Flags of a heap beside those of memheap.h. */
enum {
    /** One of the equal heaps of a job, which reports on them. */
    MEMHEAP_JOB_HEAP = 1 << 16,
    /** The one of those that speaks for all: its calls are traced. */
    MEMHEAP_JOB_LEADER = 1 << 17,
    /** Others may see its figures unless MEMHEAP_TOP is none: its calls meet
     *  those of other PEs, beside which that costs nothing. */
    MEMHEAP_STATS_EXPORTED = 1 << 18,
    /** Blocks are longer than asked for, unless parameters say otherwise, for a
     *  checker of this process or of another one of the job. */
    MEMHEAP_REDZONES = 1 << 19
};

/**
 * As memheap_create(), over a region.
 *
 * @param region  of the heap from now on if the call succeeds, which releases
 *                it in the end; the struct is copied
 * @param config  base, size and max_size are ignored
 */
memheap_status_t memheap_create_over(const memheap_region_t *region,
                                     const memheap_config_t *config,
                                     memheap_t **heap_p);

/** Destroy a heap, whatever stands on it. For a layer that has checked. */
void memheap_end(memheap_t *heap);

/** The log and the name that the heap was created with. */
const memheap_log_t *memheap_get_log(const memheap_t *heap);
const char *memheap_name(const memheap_t *heap);

/** The registry that the heap was created with. */
const memheap_params_t *memheap_get_params(const memheap_t *heap);

/** Say which PE of a job the heap is of, for those who look at it. */
void memheap_set_pe(memheap_t *heap, int pe, int pes);

/** Bytes from the base of the range to the end of the highest block that was
 *  ever there; all of it is backed. */
size_t memheap_high_water(const memheap_t *heap);

/** The heaps of other processes that this one has mapped, with the same blocks
 *  as its own: number n lies at base + n * stride. */
typedef struct memheap_peer_windows {
    char *base;
    size_t stride;
    int count;
    int pe;                  /* of this process */
    int first_pe, pe_stride; /* those of the windows */
    bool alone;              /* no other process writes to the heap */
    bool synced; /* memheap_guard_sync() tells of what others wrote */
} memheap_peer_windows_t;

/** Watch these windows like the heap, if that is watched. Before its first
 *  block is there. */
void memheap_set_peer_windows(memheap_t *heap,
                              const memheap_peer_windows_t *windows);

/** Whether memcheck or the AddressSanitizer is there to watch heaps. */
bool memheap_has_sanitizer(void);
bool memheap_has_memcheck(void);

/** Whether the heap is watched in any way, so that memheap_check_access() may
 * help. */
bool memheap_is_access_checked(const memheap_t *heap);

/** Whether a process could reach size bytes on its own heap: ends as an access
 *  to them does, with what is said then, if not. call and PE are those that
 *  another process's memory is accessed for. */
void memheap_check_access(const void *address, size_t size, const char *call,
                          int pe);

/** Let the AddressSanitizer see an access that this library makes for a call,
 *  through a window. */
void memheap_probe_access(const void *address, size_t size, const char *call);

/** Whether blocks may hold what others wrote and memcheck does not know of;
 *  memheap_guard_sync() lets it. */
extern bool memheap_guard_unsynced;
void memheap_guard_sync(void);

/** As memheap_usable_size(), without a message. */
memheap_status_t memheap_find_block(memheap_t *heap, const void *block,
                                    size_t *size_p);

/** Whether all of these may be freed at once: the test of
 *  memheap_free_batch(), without a message. *bad_p takes one that may not. */
memheap_status_t memheap_find_batch(memheap_t *heap, size_t count,
                                    void *const *blocks, const void **bad_p);

/** Take allocations back that another process could not make: one call, which
 *  failed. */
void memheap_roll_back(memheap_t *heap, void *const *blocks, size_t count);

/** Never give pages back from now on: others know them by where they are. */
void memheap_pin_pages(memheap_t *heap);

/** Let later placements depend on nothing but the live blocks, as it is after
 *  the same call on any heap that has the same ones. */
void memheap_normalize(memheap_t *heap);

typedef enum memheap_resize_kind {
    MEMHEAP_RESIZE_IN_PLACE,
    MEMHEAP_RESIZE_BESIDE, /* old and new are both live until the end */
    MEMHEAP_RESIZE_OVER    /* the new one lies over the old */
} memheap_resize_kind_t;

/** A resize that is not decided yet. */
typedef struct memheap_pending_resize {
    memheap_resize_kind_t kind;
    size_t old_offset, old_size, old_peak;
    size_t new_offset, asked;
    bool roomy; /* the new place is, or was to be, larger than asked for */
} memheap_pending_resize_t;

/**
 * Do all of a resize that can fail: afterwards the new block is complete.
 * Errors as memheap_resize(), but without a message; nothing happened then.
 * No other call may come before memheap_resize_end().
 *
 * @param roomy  a block that moves may get room to grow on. Where that fails in
 *               a process for want of memory, step->roomy is true on all, and
 *               they may begin again without
 */
memheap_status_t memheap_resize_begin(memheap_t *heap, const void *block,
                                      size_t size, bool roomy,
                                      memheap_pending_resize_t *step);

/** Keep the new block, or undo all; neither can fail.
 *  @return the block that is live now */
void *memheap_resize_end(memheap_t *heap, const memheap_pending_resize_t *step,
                         bool keep);

#endif
