/*
 * Blocks that change their size: where they stand, beside themselves or over
 * themselves, in two halves so that processes can agree in between.
 *
 * The first half does all that can fail, and the second keeps or undoes it; old
 * contents are there until then. A block that grows by less than a quarter and
 * has to move gets room for a quarter more, if there is some, or as much as the
 * module can spare, and keeps it until it shrinks by more: so a block that
 * grows in many steps is copied a number of times that grows as the logarithm
 * of its size.
 */
#include "config.h"

#include "memheap/heap_internal.h"

#include <string.h>

/* Resize where the block stands, and back what that adds. The room that a block
 * got when it grew is not taken from it while it grows on. A guarded block has
 * its end where its pages end: it moves. */
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
    if (end > heap->region.committed) {
        memheap_status_t status = memheap_commit(heap, end);
        if (status != MEMHEAP_OK) {
            module->ops->resize(module, offset, old_size);
            return status;
        }
    }
    heap_set_high_water(heap, memheap_max(heap_high_water(heap), end));
    heap->peak = memheap_max(heap->peak, module->used);
    if (heap->guard != NULL && end > offset + old_size)
        memheap_guard_enter(heap->guard, offset + old_size,
                            end - offset - old_size);
    return MEMHEAP_OK;
}

/* Put a block that was freed a moment ago back to where it was. */
static void restore(memheap_t *heap, const memheap_pending_resize_t *step)
{
    memheap_status_t status = heap->module->ops->reserve(
        heap->module, step->old_offset, step->old_size);
    MEMHEAP_ASSERT(status == MEMHEAP_OK);
    (void)status;
}

/* What a block that grows to a size asks for, to grow on in: a quarter more
 * than it has, or what the module says. */
static size_t room_for(const memheap_t *heap, size_t old_size, size_t size)
{
    size_t quarter;
    size_t ahead = memheap_min(size / 2, heap->module->headroom);
    if (size <= old_size || size > SIZE_MAX - ahead ||
        __builtin_add_overflow(old_size, old_size / 4, &quarter))
        return size;
    return memheap_max(quarter, size + ahead);
}

/* Find a new place for a block that grows, with room to grow on if there is
 * one and step->roomy asks for it; step->roomy says what it was. */
static memheap_status_t place_grown(memheap_t *heap, size_t size, bool roomy,
                                    memheap_pending_resize_t *step)
{
    size_t room = room_for(heap, step->old_size, size);
    size_t dirty;
    memheap_status_t status = MEMHEAP_ERR_NO_MEMORY;
    step->roomy = roomy && room > size;
    if (step->roomy) {
        heap->quiet = true;
        status = heap_place(heap, MEMHEAP_MIN_ALIGN, room, &step->new_offset,
                            &dirty);
        heap->quiet = false;
        if (status != MEMHEAP_ERR_NO_MEMORY || heap->commit_failed)
            return status;
        step->roomy = false;
    }
    return heap_place(heap, MEMHEAP_MIN_ALIGN, size, &step->new_offset, &dirty);
}

/* Move a block to where its own space is part of the new one. */
static memheap_status_t resize_over(memheap_t *heap, size_t size, bool roomy,
                                    memheap_pending_resize_t *step)
{
    memheap_module_t *module = heap->module;
    if (module->ops->reserve == NULL)
        return MEMHEAP_ERR_NO_MEMORY;
    bool checks = heap->checks;
    module->ops->free(module, step->old_offset);
    heap->checks = false; /* the fill would overwrite what is to be moved */
    memheap_status_t status = place_grown(heap, size, roomy, step);
    heap->checks = checks;
    if (status != MEMHEAP_OK) {
        restore(heap, step);
        return status;
    }
    memmove(heap->base + step->new_offset, heap->base + step->old_offset,
            memheap_min(step->old_size, size));
    step->kind = MEMHEAP_RESIZE_OVER;
    return MEMHEAP_OK;
}

/* Bytes of a live block that were asked for. */
static size_t asked_at(const memheap_t *heap, size_t offset, size_t usable)
{
    const memheap_record_t *record =
        memheap_records_find(&heap->notes->records, offset);
    return record == NULL ? usable : record->asked;
}

/* Open all of a block that is to be copied, or let it be as it was. */
static void lift(memheap_t *heap, const memheap_pending_resize_t *step,
                 bool lifts)
{
    if (MEMHEAP_LIKELY(heap->guard == NULL))
        return;
    size_t asked = asked_at(heap, step->old_offset, step->old_size);
    (lifts ? memheap_guard_lift : memheap_guard_fit_again)(
        heap->guard, step->old_offset, step->old_size, asked);
}

/* One that did not get room to grow on may be tried again. */
static void count_failed_resize(memheap_t *heap, memheap_status_t status,
                                const memheap_pending_resize_t *step)
{
    if (status != MEMHEAP_ERR_NO_MEMORY || !step->roomy)
        heap_count_failure(heap, status);
}

/* A way that ends in a place which cannot be backed ends the resize: where the
 * next way leads would depend on the memory that this process happens to get.
 */
memheap_status_t memheap_resize_begin(memheap_t *heap, const void *block,
                                      size_t size, bool roomy,
                                      memheap_pending_resize_t *step)
{
    step->roomy = false;
    step->asked = size;
    if (size == 0)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    size = heap_padded(heap, size);
    roomy = roomy && !heap->region.guarded;
    heap_lock(heap);
    heap->commit_failed = false;
    memheap_status_t status = heap_find_block(heap, block, &step->old_size);
    if (status != MEMHEAP_OK)
        goto out;
    step->kind = MEMHEAP_RESIZE_IN_PLACE;
    step->old_peak = heap->peak;
    step->old_offset = step->new_offset = heap_offset_of(heap, block);
    lift(heap, step, true);
    status = resize_in_place(heap, step->old_offset, step->old_size, size);
    if (status != MEMHEAP_ERR_NO_MEMORY || heap->commit_failed)
        goto out;
    status = place_grown(heap, size, roomy, step);
    if (status == MEMHEAP_OK) {
        step->kind = MEMHEAP_RESIZE_BESIDE;
        memcpy(heap->base + step->new_offset, heap->base + step->old_offset,
               memheap_min(step->old_size, size));
    } else if (status == MEMHEAP_ERR_NO_MEMORY && !heap->commit_failed) {
        status = resize_over(heap, size, roomy, step);
        /* A guarded block that shrinks need not move. */
        if (status == MEMHEAP_ERR_NO_MEMORY && heap->region.guarded &&
            size <= step->old_size)
            status = MEMHEAP_OK;
    }
    if (status != MEMHEAP_OK)
        lift(heap, step, false);
out:
    count_failed_resize(heap, status, step);
    heap_unlock(heap);
    return status;
}

/* Bytes that a block lost where it stands. */
static size_t shrunk_by(const memheap_t *heap,
                        const memheap_pending_resize_t *step)
{
    return step->old_size -
           memheap_min(heap_usable_at(heap, step->old_offset), step->old_size);
}

void *memheap_resize_end(memheap_t *heap, const memheap_pending_resize_t *step,
                         bool keep)
{
    const memheap_module_ops_t *ops = heap->module->ops;
    size_t leaves = keep ? step->old_offset : step->new_offset;
    heap_lock(heap);
    switch (step->kind) {
    case MEMHEAP_RESIZE_IN_PLACE:
        if (!keep && ops->resize != NULL)
            ops->resize(heap->module, step->old_offset, step->old_size);
        if (keep && heap->trim > 0)
            memheap_trim_after(heap, shrunk_by(heap, step));
        break;
    case MEMHEAP_RESIZE_BESIDE:
        heap_release(heap, heap->base + leaves);
        break;
    case MEMHEAP_RESIZE_OVER:
        if (keep)
            break;
        ops->free(heap->module, step->new_offset);
        restore(heap, step);
        memmove(heap->base + step->old_offset, heap->base + step->new_offset,
                step->old_size);
        break;
    }
    if (!keep) {
        heap->peak = step->old_peak;
        count_failed_resize(heap, MEMHEAP_ERR_NO_MEMORY, step);
    } else {
        heap->resizes++;
        if (MEMHEAP_UNLIKELY(heap->notes != NULL))
            memheap_events_move(
                heap->notes, step->old_offset, step->old_size, step->new_offset,
                heap_usable_at(heap, step->new_offset), step->asked);
    }
    if (!keep)
        lift(heap, step, false);
    heap_verify(heap, "a resize");
    heap_unlock(heap);
    return heap->base + (keep ? step->new_offset : step->old_offset);
}

memheap_status_t memheap_resize(memheap_t *heap, void *block, size_t size,
                                void **block_p)
{
    if (block == NULL)
        return memheap_alloc(heap, size, block_p);
    memheap_pending_resize_t step;
    memheap_status_t status =
        memheap_resize_begin(heap, block, size, true, &step);
    if (status == MEMHEAP_ERR_NO_MEMORY && step.roomy)
        status = memheap_resize_begin(heap, block, size, false, &step);
    if (status == MEMHEAP_ERR_BAD_ADDRESS)
        return memheap_bad_address(heap, "memheap_resize", block);
    if (status != MEMHEAP_OK)
        return status;
    *block_p = memheap_resize_end(heap, &step, true);
    return MEMHEAP_OK;
}

void *memheap_realloc(memheap_t *heap, void *block, size_t size)
{
    return memheap_resize(heap, block, size, &block) == MEMHEAP_OK ? block
                                                                   : NULL;
}
