/*
 * Closing and opening memory, by mprotect() and by the sanitizer hooks.
 *
 * Each step is done in the heap and in all windows. mprotect() splits kernel
 * mappings, and their number is limited (vm.max_map_count). When the limit is
 * reached, the guard opens all pages, logs a warning, and uses pages no more.
 */
#include "config.h"

#include "memheap/debug/guard_state.h"
#include "memheap/debug/sanitizer.h"
#include "base/util.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The address of an offset in window n, or in the heap if n is -1. */
static char *mapped_at(const memheap_guard_t *guard, int n, size_t offset)
{
    return n < 0 ? guard->base + offset
                 : guard->windows.base + (size_t)n * guard->windows.stride +
                       offset;
}

/* Call a function for the same bytes in the heap and in each window. */
static void in_each_mapping(const memheap_guard_t *guard, size_t offset,
                            size_t size,
                            void (*act)(const void *start, size_t size))
{
    for (int n = -1; n < guard->windows.count; n++)
        act(mapped_at(guard, n, offset), size);
}

static void unpoison_set(const void *start, size_t size)
{
    memheap_sanitizer_unpoison(start, size, true);
}

static bool protect(const memheap_guard_t *guard, size_t offset, size_t size,
                    int access)
{
    bool done = true;
    for (int n = -1; n < guard->windows.count && done; n++)
        done = mprotect(mapped_at(guard, n, offset), size, access) == 0;
    return done;
}

/* Open all pages, and stop using them. */
static void disable_pages(memheap_guard_t *guard)
{
    int error = errno;
    guard->uses_pages = false;
    protect(guard, 0, guard->size, PROT_READ | PROT_WRITE);
    memheap_log_write(guard->log, MEMHEAP_LOG_WARNING,
                      "MEMHEAP_GUARD: heap \"%s\" is not guarded any more: the "
                      "system protects no more pages (%s); a higher "
                      "vm.max_map_count may help",
                      guard->name, strerror(error));
}

memheap_status_t memheap_guard_open(const memheap_guard_config_t *config,
                                    memheap_guard_t **guard_p)
{
    const memheap_region_t *region = config->region;
    memheap_guard_t *guard = memheap_memory_new(config->memory, sizeof(*guard));
    if (guard == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    guard->name = config->name;
    guard->base = region->base;
    guard->size = region->size;
    guard->page = (size_t)sysconf(_SC_PAGESIZE);
    guard->caller_owned = region->kind == MEMHEAP_REGION_FOREIGN;
    guard->file_backed = region->kind == MEMHEAP_REGION_SHARED;
    guard->module = config->module;
    guard->records = config->records;
    guard->memory = config->memory;
    guard->log = config->log;
    guard->uses_pages = config->uses_pages;
    guard->memcheck =
        config->uses_sanitizers && memheap_sanitizer_is_memcheck();
    guard->asan = config->uses_sanitizers && memheap_sanitizer_is_asan();
    if (guard->uses_pages && !protect(guard, 0, guard->size, PROT_NONE))
        disable_pages(guard);
    if (guard->memcheck) {
        memheap_sanitizer_pool_open(guard);
        memheap_sanitizer_poison_untouched(guard->base, region->committed);
    }
    memheap_guard_register(guard);
    *guard_p = guard;
    return MEMHEAP_OK;
}

void memheap_guard_close(memheap_guard_t *guard)
{
    if (guard == NULL)
        return;
    memheap_guard_unregister(guard);
    if (guard->memcheck) /* closes the blocks that are not freed */
        memheap_sanitizer_pool_close(guard);
    if (guard->asan)
        in_each_mapping(guard, 0, guard->high_water, unpoison_set);
    else if (guard->memcheck && guard->caller_owned)
        memheap_sanitizer_unpoison(guard->base, guard->size, true);
    if (guard->uses_pages && guard->caller_owned)
        protect(guard, 0, guard->size, PROT_READ | PROT_WRITE);
    memheap_memory_delete(guard->memory, guard, sizeof(*guard));
}

void memheap_guard_set_peer_windows(memheap_guard_t *guard,
                                    const memheap_peer_windows_t *windows)
{
    guard->windows = *windows;
    size_t size = windows->stride * (size_t)windows->count;
    if (guard->memcheck)
        memheap_sanitizer_poison_untouched(windows->base, size);
    if (guard->uses_pages && mprotect(windows->base, size, PROT_NONE) != 0)
        disable_pages(guard);
}

void memheap_guard_committed(memheap_guard_t *guard, size_t from, size_t to)
{
    if (guard->memcheck)
        memheap_sanitizer_poison_untouched(guard->base + from, to - from);
}

void memheap_guard_grown(memheap_guard_t *guard, size_t from, size_t to)
{
    guard->size = to;
    memheap_guard_committed(guard, from, to);
    if (guard->uses_pages && to > from &&
        !protect(guard, from, to - from, PROT_NONE))
        disable_pages(guard);
}

/* Whether memcheck may take the contents of a new block for uninitialized. It
 * does not see what other processes write, so this holds only if they do not
 * write, or if memheap_guard_sync() is called after they did. */
static bool may_be_unset(const memheap_guard_t *guard)
{
    return guard->windows.count == 0 || guard->windows.alone ||
           guard->windows.synced;
}

/* An allocation and a free end in a barrier, and other PEs may have written
 * before it. */
static void mark_unsynced(const memheap_guard_t *guard)
{
    if (guard->windows.synced && !guard->windows.alone)
        memheap_guard_unsynced = true;
}

/* The first page of a block. *size_p takes the bytes from there to its end. */
static size_t block_pages(const memheap_guard_t *guard, size_t offset,
                          size_t usable, size_t *size_p)
{
    size_t start = memheap_align_down(offset, guard->page);
    *size_p = offset + usable - start;
    return start;
}

void memheap_guard_unprotect(memheap_guard_t *guard, size_t offset,
                             size_t usable)
{
    guard->high_water = memheap_max(guard->high_water, offset + usable);
    if (guard->uses_pages) {
        size_t size;
        size_t start = block_pages(guard, offset, usable, &size);
        if (!protect(guard, start, size, PROT_READ | PROT_WRITE))
            disable_pages(guard);
        if (guard->memcheck) /* it takes the page for initialized now */
            in_each_mapping(guard, start, offset - start,
                            memheap_sanitizer_poison_untouched);
    }
    if (!guard->memcheck && !guard->asan)
        return;
    in_each_mapping(guard, offset, usable, unpoison_set);
    if (may_be_unset(guard))
        memheap_sanitizer_unpoison(guard->base + offset, usable, false);
}

/* Close the bytes between the requested size and the end of the block. */
static void poison_rest(const memheap_guard_t *guard, size_t offset,
                        size_t usable, size_t asked)
{
    if (guard->memcheck || guard->asan)
        in_each_mapping(guard, offset + asked, usable - asked,
                        memheap_sanitizer_poison);
}

/* Tell memcheck of a block, in the heap and in each window. Other processes
 * may have initialized their blocks. */
static void memcheck_alloc(const memheap_guard_t *guard, size_t offset,
                           size_t asked)
{
    for (int n = -1; n < guard->windows.count; n++) {
        memheap_sanitizer_alloc(guard, mapped_at(guard, n, offset), asked);
        if (n >= 0 || !may_be_unset(guard))
            memheap_sanitizer_mark_set(mapped_at(guard, n, offset), asked);
    }
}

static void memcheck_move(const memheap_guard_t *guard, size_t old_offset,
                          size_t offset, size_t asked)
{
    for (int n = -1; n < guard->windows.count; n++)
        memheap_sanitizer_move(guard, mapped_at(guard, n, old_offset),
                               mapped_at(guard, n, offset), asked);
}

static void memcheck_free(const memheap_guard_t *guard, size_t offset)
{
    for (int n = -1; n < guard->windows.count; n++)
        memheap_sanitizer_free(guard, mapped_at(guard, n, offset));
}

void memheap_guard_alloc(memheap_guard_t *guard, size_t offset, size_t usable,
                         size_t asked)
{
    if (guard->memcheck) {
        if (memheap_guard_unsynced)
            memheap_guard_sync();
        memcheck_alloc(guard, offset, asked);
        mark_unsynced(guard);
    }
    poison_rest(guard, offset, usable, asked);
}

void memheap_guard_move(memheap_guard_t *guard, size_t old_offset,
                        size_t old_asked, size_t offset, size_t usable,
                        size_t asked)
{
    if (guard->memcheck) {
        char *block = guard->base + offset;
        memcheck_move(guard, old_offset, offset, asked);
        if (old_offset == offset && asked > old_asked)
            memheap_sanitizer_unpoison(block + old_asked, asked - old_asked,
                                       !may_be_unset(guard));
        mark_unsynced(guard);
    }
    if (guard->asan && old_offset == offset)
        in_each_mapping(guard, offset, asked, unpoison_set);
    poison_rest(guard, offset, usable, asked);
}

void memheap_guard_open_redzone(memheap_guard_t *guard, size_t offset,
                                size_t usable, size_t asked)
{
    if (guard->memcheck || guard->asan)
        memheap_sanitizer_unpoison(guard->base + offset + asked, usable - asked,
                                   false);
}

void memheap_guard_close_redzone(memheap_guard_t *guard, size_t offset,
                                 size_t usable, size_t asked)
{
    poison_rest(guard, offset, usable, asked);
}

void memheap_guard_mark_set(memheap_guard_t *guard, size_t offset, size_t size)
{
    if (guard->memcheck)
        memheap_sanitizer_mark_set(guard->base + offset, size);
}

/* The pages return to the system before they are closed, since the kernel
 * removes pages of a file through a writable mapping only. Pages of the
 * caller's range stay. */
void memheap_guard_protect(memheap_guard_t *guard, size_t offset, size_t usable,
                           bool pinned)
{
    if (guard->memcheck || guard->asan)
        in_each_mapping(guard, offset, usable, memheap_sanitizer_poison);
    if (!guard->uses_pages)
        return;
    size_t size;
    size_t start = block_pages(guard, offset, usable, &size);
    if (!guard->caller_owned && !pinned)
        madvise(guard->base + start, size,
                guard->file_backed ? MADV_REMOVE : MADV_DONTNEED);
    if (!protect(guard, start, size, PROT_NONE))
        disable_pages(guard);
}

void memheap_guard_free(memheap_guard_t *guard, size_t offset, size_t usable,
                        const memheap_record_t *record,
                        memheap_call_site_t site, bool moved)
{
    freed_block_t *freed = &guard->freed[guard->freed_count++ % FREED_MAX];
    *freed = (freed_block_t){.offset = offset,
                             .usable = usable,
                             .asked = usable,
                             .free_site = site,
                             .moved = moved};
    if (record != NULL) {
        freed->asked = record->asked;
        freed->number = record->number;
        freed->tag = record->tag;
        freed->alloc_site = record->site;
    }
    if (memheap_guard_unsynced)
        memheap_guard_sync();
    if (guard->memcheck && !moved)
        memcheck_free(guard, offset);
}
