/*
 * The watch of guard.h.
 *
 * Memory is opened and closed by mprotect(), in the heap and in all windows on
 * it. Each block costs mappings of the kernel's, whose number is limited: where
 * there are no more, all is opened, a warning says so, and the heap goes on
 * unguarded.
 */
#include "config.h"

#include "memheap/debug/guard_internal.h"
#include "memheap/debug/sanitizer.h"
#include "base/util.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Where window n, or the heap for -1, has an offset. */
static char *at(const memheap_guard_t *g, int n, size_t offset)
{
    return n < 0 ? g->base + offset
                 : g->windows.base + (size_t)n * g->windows.stride + offset;
}

/* Call a function for the same bytes of the heap and of each window. */
static void everywhere(const memheap_guard_t *g, size_t offset, size_t size,
                       void (*act)(const void *start, size_t size))
{
    for (int n = -1; n < g->windows.count && size > 0; n++)
        act(at(g, n, offset), size);
}

static void show_set(const void *start, size_t size)
{
    memheap_sanitizer_unpoison(start, size, true);
}

static bool protect(const memheap_guard_t *g, size_t offset, size_t size,
                    int access)
{
    bool done = true;
    for (int n = -1; n < g->windows.count && done; n++)
        done = mprotect(at(g, n, offset), size, access) == 0;
    return done;
}

/* Open all, and guard no more. */
static void give_up(memheap_guard_t *g)
{
    int error = errno;
    g->pages = false;
    protect(g, 0, g->size, PROT_READ | PROT_WRITE);
    memheap_log_write(g->log, MEMHEAP_LOG_WARNING,
                      "MEMHEAP_GUARD: heap \"%s\" is not guarded any more: the "
                      "system protects no more pages (%s); a higher "
                      "vm.max_map_count may help",
                      g->name, strerror(error));
}

memheap_status_t memheap_guard_open(const memheap_guard_config_t *config,
                                    memheap_guard_t **guard_p)
{
    const memheap_region_t *region = config->region;
    memheap_guard_t *g = memheap_memory_new(config->memory, sizeof(*g));
    if (g == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    g->name = config->name;
    g->base = region->base;
    g->size = region->size;
    g->page = (size_t)sysconf(_SC_PAGESIZE);
    g->foreign = region->kind == MEMHEAP_REGION_FOREIGN;
    g->shared = region->kind == MEMHEAP_REGION_SHARED;
    g->module = config->module;
    g->records = config->records;
    g->memory = config->memory;
    g->log = config->log;
    g->pages = config->pages;
    g->memcheck = config->checkers && memheap_sanitizer_is_memcheck();
    g->asan = config->checkers && memheap_sanitizer_is_asan();
    if (g->pages && !protect(g, 0, g->size, PROT_NONE))
        give_up(g);
    if (g->memcheck) {
        memheap_sanitizer_pool_open(g);
        memheap_sanitizer_poison_untouched(g->base, region->committed);
    }
    memheap_guard_register(g);
    *guard_p = g;
    return MEMHEAP_OK;
}

void memheap_guard_close(memheap_guard_t *g)
{
    if (g == NULL)
        return;
    memheap_guard_unregister(g);
    if (g->asan)
        everywhere(g, 0, g->reach, show_set);
    else if (g->memcheck && g->foreign)
        memheap_sanitizer_unpoison(g->base, g->size, true);
    if (g->memcheck)
        memheap_sanitizer_pool_close(g);
    if (g->pages && g->foreign)
        protect(g, 0, g->size, PROT_READ | PROT_WRITE);
    memheap_memory_delete(g->memory, g, sizeof(*g));
}

void memheap_guard_set_peer_windows(memheap_guard_t *g,
                                    const memheap_peer_windows_t *windows)
{
    g->windows = *windows;
    size_t size = windows->stride * (size_t)windows->count;
    if (g->memcheck)
        memheap_sanitizer_poison_untouched(windows->base, size);
    if (g->pages && mprotect(windows->base, size, PROT_NONE) != 0)
        give_up(g);
}

void memheap_guard_committed(memheap_guard_t *g, size_t from, size_t to)
{
    if (g->memcheck)
        memheap_sanitizer_poison_untouched(g->base + from, to - from);
}

void memheap_guard_grown(memheap_guard_t *g, size_t from, size_t to)
{
    g->size = to;
    memheap_guard_committed(g, from, to);
    if (g->pages && to > from && !protect(g, from, to - from, PROT_NONE))
        give_up(g);
}

/* Whether memcheck may take what a block comes with for not set. What others
 * write it does not see: it is to be told of that. */
static bool is_unset(const memheap_guard_t *g)
{
    return g->windows.count == 0 || g->windows.alone || g->windows.synced;
}

/* To allocate and to free is to meet: what was there before may be set. */
static void note_unset(const memheap_guard_t *g)
{
    if (g->windows.synced && !g->windows.alone)
        memheap_guard_unsynced = true;
}

/* The pages that a block has. */
static size_t pages_of(const memheap_guard_t *g, size_t offset, size_t usable,
                       size_t *size_p)
{
    size_t start = memheap_align_down(offset, g->page);
    *size_p = offset + usable - start;
    return start;
}

void memheap_guard_enter(memheap_guard_t *g, size_t offset, size_t usable)
{
    g->reach = memheap_max(g->reach, offset + usable);
    if (g->pages) {
        size_t size;
        size_t start = pages_of(g, offset, usable, &size);
        if (!protect(g, start, size, PROT_READ | PROT_WRITE))
            give_up(g);
        if (g->memcheck) /* for which all of a page was set now */
            everywhere(g, start, offset - start,
                       memheap_sanitizer_poison_untouched);
    }
    if (!g->memcheck && !g->asan)
        return;
    everywhere(g, offset, usable, show_set);
    if (is_unset(g))
        memheap_sanitizer_unpoison(g->base + offset, usable, false);
}

/* Close what lies behind the caller's bytes. */
static void hide_rest(const memheap_guard_t *g, size_t offset, size_t usable,
                      size_t asked)
{
    if (g->memcheck || g->asan)
        everywhere(g, offset + asked, usable - asked, memheap_sanitizer_poison);
}

/* Let memcheck know of a block, by its own address and by that in each window:
 * what lies there, other processes may have set. */
static void pool_alloc(const memheap_guard_t *g, size_t offset, size_t asked)
{
    for (int n = -1; n < g->windows.count; n++) {
        memheap_sanitizer_alloc(g, at(g, n, offset), asked);
        if (n >= 0 || !is_unset(g))
            memheap_sanitizer_mark_set(at(g, n, offset), asked);
    }
}

static void pool_move(const memheap_guard_t *g, size_t old_offset,
                      size_t offset, size_t asked)
{
    for (int n = -1; n < g->windows.count; n++)
        memheap_sanitizer_move(g, at(g, n, old_offset), at(g, n, offset),
                               asked);
}

static void pool_free(const memheap_guard_t *g, size_t offset)
{
    for (int n = -1; n < g->windows.count; n++)
        memheap_sanitizer_free(g, at(g, n, offset));
}

void memheap_guard_fit(memheap_guard_t *g, size_t offset, size_t usable,
                       size_t asked)
{
    if (g->memcheck) {
        if (memheap_guard_unsynced)
            memheap_guard_sync();
        pool_alloc(g, offset, asked);
        note_unset(g);
    }
    hide_rest(g, offset, usable, asked);
}

void memheap_guard_move(memheap_guard_t *g, size_t old_offset, size_t old_asked,
                        size_t offset, size_t usable, size_t asked)
{
    if (g->memcheck) {
        char *block = g->base + offset;
        pool_move(g, old_offset, offset, asked);
        if (old_offset == offset && asked > old_asked)
            memheap_sanitizer_unpoison(block + old_asked, asked - old_asked,
                                       !is_unset(g));
        note_unset(g);
    }
    if (g->asan && old_offset == offset)
        everywhere(g, offset, asked, show_set);
    hide_rest(g, offset, usable, asked);
}

void memheap_guard_lift(memheap_guard_t *g, size_t offset, size_t usable,
                        size_t asked)
{
    if (g->memcheck || g->asan)
        memheap_sanitizer_unpoison(g->base + offset + asked, usable - asked,
                                   false);
}

void memheap_guard_fit_again(memheap_guard_t *g, size_t offset, size_t usable,
                             size_t asked)
{
    hide_rest(g, offset, usable, asked);
}

void memheap_guard_zeroed(memheap_guard_t *g, size_t offset, size_t size)
{
    if (g->memcheck)
        memheap_sanitizer_mark_set(g->base + offset, size);
}

/* A page that is given back is given back before it is closed: the kernel
 * takes no pages of a file through a mapping that cannot write. Pages of a
 * range of the caller's are the caller's. */
void memheap_guard_leave(memheap_guard_t *g, size_t offset, size_t usable,
                         bool pinned)
{
    if (g->memcheck || g->asan)
        everywhere(g, offset, usable, memheap_sanitizer_poison);
    if (!g->pages)
        return;
    size_t size;
    size_t start = pages_of(g, offset, usable, &size);
    if (!g->foreign && !pinned)
        madvise(g->base + start, size, g->shared ? MADV_REMOVE : MADV_DONTNEED);
    if (!protect(g, start, size, PROT_NONE))
        give_up(g);
}

void memheap_guard_remember(memheap_guard_t *g, size_t offset, size_t usable,
                            const memheap_record_t *record,
                            memheap_call_site_t site, bool moved)
{
    gone_t *gone = &g->gone[g->gone_count++ % FORGET];
    *gone = (gone_t){.offset = offset,
                     .usable = usable,
                     .asked = usable,
                     .freed = site,
                     .moved = moved};
    if (record != NULL) {
        gone->asked = record->asked;
        gone->number = record->number;
        gone->tag = record->tag;
        gone->allocated = record->site;
    }
    if (memheap_guard_unsynced)
        memheap_guard_sync();
    if (g->memcheck && !moved)
        pool_free(g, offset);
}
