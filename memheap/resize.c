/*
 * Resizing blocks: in place, beside the old place, or over it.
 *
 * The first phase does all that can fail; the second commits or undoes it. The
 * old contents exist until then. A block that moves to grow by less than a
 * quarter gets headroom for a quarter, or for as much as the module can spare,
 * and keeps it until it shrinks by more. So a block that grows in many steps is
 * copied O(log n) times.
 */
#include "config.h"

#include "memheap/resize.h"
#include "memheap/block_ops.h"

#include <string.h>

/* Resize in place, and commit what that adds. A block keeps its headroom while
 * it grows. A guarded block ends where its pages end, so it has to move. */
static memheap_status_t resize_in_place(memheap_t *heap, size_t offset,
                                        size_t old_size, size_t size)
{
    memheap_module_t *module = heap->module;
    if (heap->region.guarded)
        return memheap_align_up(size, MEMHEAP_MIN_ALIGN) == old_size
                   ? MEMHEAP_OK
                   : MEMHEAP_ERR_NO_MEMORY;
    if (size <= old_size && size >= old_size - old_size / 4)
        return MEMHEAP_OK;
    if (module->ops->resize == NULL)
        return size <= old_size ? MEMHEAP_OK : MEMHEAP_ERR_NO_MEMORY;
    memheap_result_t answer = module->ops->resize(module, offset, size);
    if (answer.status != MEMHEAP_OK)
        return answer.status;
    size_t end = offset + answer.bytes;
    memheap_status_t status = MEMHEAP_OK;
    if (end > heap->region.committed)
        status = memheap_commit(heap, end);
    if (status == MEMHEAP_OK && end > offset + old_size &&
        heap_needs_backing(heap, end, end - offset - old_size))
        status = memheap_back(heap, offset + old_size, end);
    if (status != MEMHEAP_OK) {
        module->ops->resize(module, offset, old_size);
        return status;
    }
    heap_raise_high_water(heap, end);
    heap->peak = memheap_max(heap->peak, module->used);
    if (heap->guard != NULL && end > offset + old_size)
        memheap_guard_unprotect(heap->guard, offset + old_size,
                                end - offset - old_size);
    return MEMHEAP_OK;
}

/* Allocate the old block again at its place, right after it was freed. */
static void restore(memheap_t *heap, const memheap_pending_resize_t *pending)
{
    memheap_status_t status = heap->module->ops->reserve(
        heap->module, pending->old_offset, pending->old_size);
    MEMHEAP_ASSERT(status == MEMHEAP_OK);
    (void)status;
}

/* The size to ask for when a block grows: a quarter more than it has, or as
 * much headroom as the module can spare. */
static size_t size_with_headroom(const memheap_t *heap, size_t old_size,
                                 size_t size)
{
    size_t quarter;
    size_t headroom = memheap_min(size / 2, heap->module->headroom);
    if (size <= old_size || size > SIZE_MAX - headroom ||
        __builtin_add_overflow(old_size, old_size / 4, &quarter))
        return size;
    return memheap_max(quarter, size + headroom);
}

/* Find a new place for a block, with headroom if that is asked for and there is
 * space. */
static memheap_status_t place_grown(memheap_t *heap, size_t size, bool headroom,
                                    memheap_pending_resize_t *pending)
{
    size_t room = size_with_headroom(heap, pending->old_size, size);
    size_t dirty;
    memheap_status_t status = MEMHEAP_ERR_NO_MEMORY;
    pending->with_headroom = headroom && room > size;
    if (pending->with_headroom) {
        heap->quiet = true;
        status = heap_place(heap, MEMHEAP_MIN_ALIGN, room, &pending->new_offset,
                            &dirty);
        heap->quiet = false;
        if (status != MEMHEAP_ERR_NO_MEMORY || heap->commit_failed)
            return status;
        pending->with_headroom = false;
    }
    return heap_place(heap, MEMHEAP_MIN_ALIGN, size, &pending->new_offset,
                      &dirty);
}

/* The size of a live block as its caller asked for it. */
static size_t asked_at(const memheap_t *heap, size_t offset, size_t usable)
{
    const memheap_record_t *record =
        memheap_records_find(&heap->events->records, offset);
    return record == NULL ? usable : record->asked;
}

/* Move a block to a place that overlaps its old one. */
static memheap_status_t resize_over(memheap_t *heap, size_t size, bool headroom,
                                    memheap_pending_resize_t *pending)
{
    memheap_module_t *module = heap->module;
    if (module->ops->reserve == NULL)
        return MEMHEAP_ERR_NO_MEMORY;
    bool checks = heap->checks;
    module->ops->free(module, pending->old_offset);
    heap->checks = false; /* the fill would overwrite the contents */
    memheap_status_t status = place_grown(heap, size, headroom, pending);
    heap->checks = checks;
    if (status != MEMHEAP_OK) {
        restore(heap, pending);
        return status;
    }
    memmove(heap->base + pending->new_offset, heap->base + pending->old_offset,
            memheap_min(pending->old_size, size));
    if (heap->guard != NULL) /* the new block was opened over the contents */
        memheap_guard_mark_set(
            heap->guard, pending->new_offset,
            memheap_min(asked_at(heap, pending->old_offset, pending->old_size),
                        size));
    pending->kind = MEMHEAP_RESIZE_OVER;
    return MEMHEAP_OK;
}

/* Open all of a block for a copy, or close its redzone again. */
static void lift(memheap_t *heap, const memheap_pending_resize_t *pending,
                 bool lifts)
{
    if (MEMHEAP_LIKELY(heap->guard == NULL))
        return;
    size_t asked = asked_at(heap, pending->old_offset, pending->old_size);
    (lifts ? memheap_guard_open_redzone : memheap_guard_close_redzone)(
        heap->guard, pending->old_offset, pending->old_size, asked);
}

/* A failure with headroom does not count: the caller may try without it. */
static void count_failed_resize(memheap_t *heap, memheap_status_t status,
                                const memheap_pending_resize_t *pending)
{
    if (status != MEMHEAP_ERR_NO_MEMORY || !pending->with_headroom)
        heap_count_failure(heap, status);
}

/* If a place cannot be committed, the resize fails at once. Trying the next way
 * would let placement depend on the memory that this PE happens to get. */
memheap_status_t memheap_resize_begin(memheap_t *heap, const void *block,
                                      size_t size, bool headroom,
                                      memheap_pending_resize_t *pending)
{
    pending->with_headroom = false;
    pending->asked = size;
    if (size == 0)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    size = heap_padded(heap, size);
    headroom = headroom && !heap->region.guarded;
    heap_lock(heap);
    heap->commit_failed = false;
    memheap_status_t status = heap_find_block(heap, block, &pending->old_size);
    if (status != MEMHEAP_OK)
        goto out;
    pending->kind = MEMHEAP_RESIZE_IN_PLACE;
    pending->old_peak = heap->peak;
    pending->old_offset = pending->new_offset = heap_offset_of(heap, block);
    if (heap_mark(heap, pending->old_offset) != 0) {
        /* It is no more of a class: it has the bytes that the module gave it.
         * To restore it takes all of them. */
        thread_set_mark(&heap->thread_caches, pending->old_offset, 0);
        pending->old_size = heap_usable_at(heap, pending->old_offset);
    }
    lift(heap, pending, true);
    status =
        resize_in_place(heap, pending->old_offset, pending->old_size, size);
    if (status != MEMHEAP_ERR_NO_MEMORY || heap->commit_failed)
        goto out;
    status = place_grown(heap, size, headroom, pending);
    if (status == MEMHEAP_OK) {
        pending->kind = MEMHEAP_RESIZE_BESIDE;
        memcpy(heap->base + pending->new_offset,
               heap->base + pending->old_offset,
               memheap_min(pending->old_size, size));
    } else if (status == MEMHEAP_ERR_NO_MEMORY && !heap->commit_failed) {
        status = resize_over(heap, size, headroom, pending);
        /* A guarded block that shrinks can stay. */
        if (status == MEMHEAP_ERR_NO_MEMORY && heap->region.guarded &&
            size <= pending->old_size)
            status = MEMHEAP_OK;
    }
    if (status != MEMHEAP_OK)
        lift(heap, pending, false);
out:
    count_failed_resize(heap, status, pending);
    heap_unlock(heap);
    return status;
}

/* Close the end of a block's old place that is not in its new one: it shrank in
 * place, or moved down over itself. */
static void close_left(memheap_t *heap, const memheap_pending_resize_t *pending)
{
    size_t old_end = pending->old_offset + pending->old_size;
    size_t end =
        pending->new_offset + heap_usable_at(heap, pending->new_offset);
    end = memheap_max(end, pending->old_offset);
    if (end < old_end)
        memheap_guard_protect(heap->guard, end, old_end - end, heap->pinned);
}

/* Bytes that a block lost in place. */
static size_t shrunk_by(const memheap_t *heap,
                        const memheap_pending_resize_t *pending)
{
    return pending->old_size -
           memheap_min(heap_usable_at(heap, pending->old_offset),
                       pending->old_size);
}

void *memheap_resize_end(memheap_t *heap,
                         const memheap_pending_resize_t *pending, bool commit)
{
    const memheap_module_ops_t *ops = heap->module->ops;
    size_t leaves = commit ? pending->old_offset : pending->new_offset;
    heap_lock(heap);
    switch (pending->kind) {
    case MEMHEAP_RESIZE_IN_PLACE:
        if (!commit && ops->resize != NULL)
            ops->resize(heap->module, pending->old_offset, pending->old_size);
        if (commit && heap->trim > 0)
            memheap_trim_after(heap, shrunk_by(heap, pending));
        break;
    case MEMHEAP_RESIZE_BESIDE:
        heap_release(heap, false, heap->base + leaves);
        break;
    case MEMHEAP_RESIZE_OVER:
        if (commit)
            break;
        ops->free(heap->module, pending->new_offset);
        restore(heap, pending);
        memmove(heap->base + pending->old_offset,
                heap->base + pending->new_offset, pending->old_size);
        break;
    }
    if (!commit) {
        heap->peak = pending->old_peak;
        count_failed_resize(heap, MEMHEAP_ERR_NO_MEMORY, pending);
    } else {
        heap->resizes++;
        if (heap->guard != NULL && pending->kind != MEMHEAP_RESIZE_BESIDE)
            close_left(heap, pending);
        if (MEMHEAP_UNLIKELY(heap->events != NULL))
            memheap_events_move(heap->events, pending->old_offset,
                                pending->old_size, pending->new_offset,
                                heap_usable_at(heap, pending->new_offset),
                                pending->asked);
    }
    if (!commit)
        lift(heap, pending, false);
    heap_verify(heap, "a resize");
    heap_unlock(heap);
    return heap->base + (commit ? pending->new_offset : pending->old_offset);
}

/* Count a resize by this thread, which made `calls` allocations and frees. */
static void count_resize(memheap_t *heap, unsigned calls)
{
    memheap_thread_cache_t *cache = thread_cache_enter(&heap->thread_caches);
    if (cache == NULL)
        heap_lock(heap);
    *(cache != NULL ? &cache->allocations : &heap->module->allocations) -=
        calls;
    *(cache != NULL ? &cache->frees : &heap->module->frees) -= calls;
    *(cache != NULL ? &cache->resizes : &heap->resizes) += 1;
    if (cache != NULL)
        thread_cache_leave(cache);
    else
        heap_leave(heap);
}

/* Resize a small block among thread caches: it stays, or moves to a block of
 * another class. @return the block; NULL if it has to be resized with the lock
 */
static void *resize_small(memheap_t *heap, void *block, size_t size)
{
    unsigned mark = heap_mark(heap, heap_offset_of(heap, block));
    if (mark < THREAD_LIVE || size - 1 >= THREAD_CACHE_MAX)
        return NULL;
    size_t have = thread_class_size(mark & THREAD_CLASS);
    if (size <= have && size >= have - have / 4) {
        count_resize(heap, 0);
        return block;
    }
    size_t ahead = memheap_min(have + have / 4, THREAD_CACHE_MAX);
    void *moved;
    if (memheap_alloc(heap, size > have ? memheap_max(size, ahead) : size,
                      &moved) != MEMHEAP_OK) {
        heap_lock(heap);
        heap->failures--; /* the resize may still succeed */
        heap_leave(heap);
        return NULL;
    }
    memcpy(moved, block, memheap_min(have, size));
    memheap_free(heap, block);
    count_resize(heap, 1);
    return moved;
}

memheap_status_t memheap_resize(memheap_t *heap, void *block, size_t size,
                                void **block_p)
{
    if (block == NULL)
        return memheap_alloc(heap, size, block_p);
    void *moved = resize_small(heap, block, size);
    if (moved != NULL) {
        *block_p = moved;
        return MEMHEAP_OK;
    }
    memheap_pending_resize_t pending;
    memheap_status_t status =
        memheap_resize_begin(heap, block, size, true, &pending);
    if (status == MEMHEAP_ERR_NO_MEMORY && pending.with_headroom)
        status = memheap_resize_begin(heap, block, size, false, &pending);
    if (status == MEMHEAP_ERR_BAD_ADDRESS)
        return memheap_bad_address(heap, "memheap_resize", block);
    if (status != MEMHEAP_OK)
        return status;
    *block_p = memheap_resize_end(heap, &pending, true);
    return MEMHEAP_OK;
}

void *memheap_realloc(memheap_t *heap, void *block, size_t size)
{
    return memheap_resize(heap, block, size, &block) == MEMHEAP_OK ? block
                                                                   : NULL;
}
