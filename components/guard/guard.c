/*
 * The allocator behind MEMHEAP_GUARD: each block on pages of its own.
 *
 * A block is at the end of a run of whole pages, as close to the end as its
 * alignment allows. The last page of the run is a guard page, which the heap
 * makes inaccessible:
 *
 *     | page       | page       | guard page |
 *     |     | block            |            |
 *            ^ start
 *
 * Runs follow each other from the start of the region to its end. A freed run
 * goes into quarantine and is not used again until the region is used up. Then
 * the runs that were freed first leave quarantine first, and are joined with
 * their free neighbours.
 *
 * The page table has an entry for each page that was ever in a run.
 *
 * Invariants, tested by guard_check():
 * - runs are adjacent from 0 to `top`; the entry of the first page of a run has
 *   the run's length and that of the run before it; entries of other pages have
 *   neither;
 * - two free runs are never adjacent, and the last run is not free;
 * - each run in quarantine is in the queue once.
 *
 * The component is not selected by MEMHEAP_COMPONENT: it serves each heap with
 * MEMHEAP_GUARD. When the region is used up, alloc takes time linear in the
 * number of runs; so do the statistics.
 *
 * Source: the idea of B. Perens' Electric Fence, 1987.
 */
#include <memheap/component.h>
#include "base/array.h"
#include "base/util.h"

#include <unistd.h>

/* The kind of the run that starts at a page. */
typedef enum kind {
    NO_RUN, /* no run starts here */
    RUN_FREE,
    RUN_LIVE,
    RUN_QUARANTINED /* freed, not yet reusable */
} kind_t;

typedef struct page {
    size_t pages;   /* of the run that starts here, or 0 */
    size_t before;  /* pages of the previous run; 0 if there is none */
    size_t next;    /* next run in the queue */
    uint32_t start; /* offset in the page of a live run's block */
    kind_t kind;
} page_t;

typedef struct guard {
    memheap_module_t module;
    const memheap_memory_t *memory;
    memheap_array_t page_table; /* of page_t */
    size_t page;                /* size in bytes */
    size_t pages, max_pages;
    size_t top;  /* page; there are no runs from here on */
    size_t last; /* pages of the run before top */
    size_t free; /* pages of free runs */
    size_t next_search;
    size_t oldest, newest, quarantined; /* queue of runs, and their number */
} guard_t;

/* The address space of x86-64 with five levels of page tables. */
static const size_t max_region = (size_t)1 << 57;

static guard_t *guard_of(memheap_module_t *module)
{
    return (guard_t *)(void *)module;
}

static const guard_t *const_guard_of(const memheap_module_t *module)
{
    return (const guard_t *)(const void *)module;
}

static page_t *page_at(const guard_t *g, size_t n)
{
    return (page_t *)(void *)g->page_table.base + n;
}

/* Bytes of the block of a live run. */
static size_t usable_of(const guard_t *g, const page_t *run)
{
    return (run->pages - 1) * g->page - run->start;
}

/* Write the length of a run into the entry of the next one. */
static void update_next(guard_t *g, size_t n)
{
    size_t end = n + page_at(g, n)->pages;
    if (end == g->top)
        g->last = page_at(g, n)->pages;
    else
        page_at(g, end)->before = page_at(g, n)->pages;
}

/* Write the entry of a run. */
static void write_run(guard_t *g, size_t n, size_t pages, size_t before,
                      kind_t kind)
{
    *page_at(g, n) = (page_t){.pages = pages, .before = before, .kind = kind};
    update_next(g, n);
}

/* Free a run and join it with its free neighbours; lower the top if it is the
 * last run. Returns the first page of the free run, or the top. */
static size_t free_run(guard_t *g, size_t n)
{
    page_t *run = page_at(g, n);
    size_t pages = run->pages;
    size_t before = run->before;
    size_t end = n + pages;
    g->free += pages;
    if (end < g->top && page_at(g, end)->kind == RUN_FREE) {
        pages += page_at(g, end)->pages;
        *page_at(g, end) = (page_t){.pages = 0};
    }
    if (n > 0 && page_at(g, n - before)->kind == RUN_FREE) {
        *run = (page_t){.pages = 0};
        n -= before;
        pages += before;
        before = page_at(g, n)->before;
    }
    if (n + pages == g->top) {
        *page_at(g, n) = (page_t){.pages = 0};
        g->free -= pages;
        g->top = n;
        g->last = before;
        return n;
    }
    write_run(g, n, pages, before, RUN_FREE);
    return n;
}

/* Free the run that has been in quarantine longest. */
static size_t quarantine_pop(guard_t *g)
{
    size_t n = g->oldest;
    g->oldest = page_at(g, n)->next;
    g->quarantined--;
    return free_run(g, n);
}

/* Where in a free run, or above the top, `pages` pages start at a multiple of
 * step; SIZE_MAX if they do not fit. */
static size_t fit_in(const guard_t *g, size_t n, size_t pages, size_t step)
{
    size_t end = n == g->top ? g->pages : n + page_at(g, n)->pages;
    size_t at = memheap_align_up(n, step);
    return at < n || at > end || end - at < pages ? SIZE_MAX : at;
}

/* Make a part of a free run live. */
static void take(guard_t *g, size_t n, size_t at, size_t pages)
{
    page_t run = *page_at(g, n);
    size_t front = at - n;
    size_t rest = run.pages - front - pages;
    g->free -= pages;
    if (front > 0)
        write_run(g, n, front, run.before, RUN_FREE);
    write_run(g, at, pages, front > 0 ? front : run.before, RUN_LIVE);
    if (rest > 0)
        write_run(g, at + pages, rest, pages, RUN_FREE);
    g->next_search = at + pages;
}

/* Make a live run above the top. MEMHEAP_ERR_NO_METADATA. */
static memheap_status_t take_above_top(guard_t *g, size_t at, size_t pages)
{
    memheap_status_t status =
        memheap_array_ensure(&g->page_table, (at + pages + 1) * sizeof(page_t));
    if (status != MEMHEAP_OK)
        return status;
    size_t n = g->top;
    size_t before = g->last;
    g->top = at + pages;
    if (at > n) {
        write_run(g, n, at - n, before, RUN_FREE);
        g->free += at - n;
        before = at - n;
    }
    write_run(g, at, pages, before, RUN_LIVE);
    return MEMHEAP_OK;
}

/* Take pages from the first free run of [from, to) that has room. `from` is
 * the start of a run or the top. SIZE_MAX if none has. */
static size_t search(guard_t *g, size_t from, size_t to, size_t pages,
                     size_t step)
{
    for (size_t n = from; n < to; n += page_at(g, n)->pages) {
        size_t at = page_at(g, n)->kind == RUN_FREE ? fit_in(g, n, pages, step)
                                                    : SIZE_MAX;
        if (at != SIZE_MAX) {
            take(g, n, at, pages);
            return at;
        }
    }
    return SIZE_MAX;
}

/* Take pages below the top, from quarantine as a last resort. */
static memheap_status_t take_below_top(guard_t *g, size_t pages, size_t step,
                                       size_t *at_p)
{
    size_t from = g->next_search;
    if (from >= g->top || page_at(g, from)->pages == 0)
        from = 0;
    *at_p = SIZE_MAX;
    if (g->free >= pages) {
        *at_p = search(g, from, g->top, pages, step);
        if (*at_p == SIZE_MAX)
            *at_p = search(g, 0, from, pages, step);
    }
    while (*at_p == SIZE_MAX && g->quarantined > 0) {
        size_t n = quarantine_pop(g);
        size_t at = fit_in(g, n, pages, step);
        if (at != SIZE_MAX && n == g->top) {
            *at_p = at;
            return take_above_top(g, at, pages);
        }
        if (at != SIZE_MAX)
            take(g, n, at, pages);
        *at_p = at;
    }
    return *at_p == SIZE_MAX ? MEMHEAP_ERR_NO_MEMORY : MEMHEAP_OK;
}

static memheap_result_t guard_alloc(memheap_module_t *module, size_t align,
                                    size_t size)
{
    guard_t *g = guard_of(module);
    if (size > module->size || align > module->size)
        return memheap_result_error(MEMHEAP_ERR_NO_MEMORY);
    size_t usable = memheap_align_up(size, align);
    size_t pages = memheap_align_up(usable, g->page) / g->page + 1;
    size_t step = memheap_max(align / g->page, 1);
    size_t at = fit_in(g, g->top, pages, step);
    memheap_status_t status = at != SIZE_MAX
                                  ? take_above_top(g, at, pages)
                                  : take_below_top(g, pages, step, &at);
    if (status != MEMHEAP_OK)
        return memheap_result_error(status);
    page_t *run = page_at(g, at);
    run->start = (uint32_t)((pages - 1) * g->page - usable);
    module->used += usable;
    return memheap_result_ok(at * g->page + run->start);
}

/* The run of the block at an offset, or NULL. */
static page_t *live_at(const guard_t *g, size_t offset)
{
    size_t n = offset / g->page;
    if (n >= g->top)
        return NULL;
    page_t *run = page_at(g, n);
    return run->kind == RUN_LIVE && run->start == offset % g->page ? run : NULL;
}

static memheap_status_t guard_free(memheap_module_t *module, size_t offset)
{
    guard_t *g = guard_of(module);
    size_t n = offset / g->page;
    page_t *run = live_at(g, offset);
    if (run == NULL)
        return MEMHEAP_ERR_BAD_ADDRESS;
    module->used -= usable_of(g, run);
    run->kind = RUN_QUARANTINED;
    run->start = 0;
    if (g->quarantined++ == 0)
        g->oldest = n;
    else
        page_at(g, g->newest)->next = n;
    g->newest = n;
    return MEMHEAP_OK;
}

static memheap_status_t guard_size_of(const memheap_module_t *module,
                                      size_t offset, size_t *size_p)
{
    const guard_t *g = const_guard_of(module);
    const page_t *run = live_at(g, offset);
    if (run == NULL)
        return MEMHEAP_ERR_BAD_ADDRESS;
    *size_p = usable_of(g, run);
    return MEMHEAP_OK;
}

static void guard_normalize(memheap_module_t *module)
{
    guard_t *g = guard_of(module);
    while (g->quarantined > 0)
        quarantine_pop(g);
    g->next_search = 0;
}

static memheap_status_t guard_grow(memheap_module_t *module, size_t new_size)
{
    guard_t *g = guard_of(module);
    if (new_size < module->size || new_size / g->page > g->max_pages)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    g->pages = new_size / g->page;
    module->size = new_size;
    return MEMHEAP_OK;
}

/* Report a free extent unless it is empty. */
static bool visit_free(bool (*visit)(void *context,
                                     const memheap_extent_t *extent),
                       void *context, size_t from, size_t to)
{
    memheap_extent_t extent = {from, to - from, false};
    return from == to || visit(context, &extent);
}

static void guard_walk(const memheap_module_t *module,
                       bool (*visit)(void *context,
                                     const memheap_extent_t *extent),
                       void *context)
{
    const guard_t *g = const_guard_of(module);
    size_t end = 0;
    for (size_t n = 0; n < g->top; n += page_at(g, n)->pages) {
        const page_t *run = page_at(g, n);
        if (run->kind != RUN_LIVE)
            continue;
        memheap_extent_t extent = {n * g->page + run->start, usable_of(g, run),
                                   true};
        if (!visit_free(visit, context, end, extent.offset) ||
            !visit(context, &extent))
            return;
        end = extent.offset + extent.size;
    }
    visit_free(visit, context, end, module->size);
}

static memheap_status_t guard_check(const memheap_module_t *module)
{
    const guard_t *g = const_guard_of(module);
    size_t used = 0, free = 0, quarantined = 0, before = 0, n = 0;
    kind_t kind = NO_RUN;
    while (n < g->top) {
        const page_t *run = page_at(g, n);
        if (run->pages == 0 || run->pages > g->top - n ||
            run->before != before || run->kind == NO_RUN ||
            (run->kind == RUN_FREE && kind == RUN_FREE) ||
            (run->kind == RUN_LIVE &&
             (run->pages < 2 || run->start >= g->page)))
            return MEMHEAP_ERR_CORRUPT;
        for (size_t i = 1; i < run->pages; i++) {
            if (run[i].pages != 0 || run[i].kind != NO_RUN)
                return MEMHEAP_ERR_CORRUPT;
        }
        kind = run->kind;
        before = run->pages;
        used += kind == RUN_LIVE ? usable_of(g, run) : 0;
        free += kind == RUN_FREE ? run->pages : 0;
        quarantined += kind == RUN_QUARANTINED;
        n += run->pages;
    }
    size_t queued = 0;
    for (size_t q = g->oldest; queued < g->quarantined;
         q = page_at(g, q)->next) {
        if (q >= g->top || page_at(g, q)->kind != RUN_QUARANTINED)
            return MEMHEAP_ERR_CORRUPT;
        queued++;
    }
    bool good = n == g->top && before == g->last && kind != RUN_FREE &&
                g->top <= g->pages && quarantined == queued &&
                free == g->free && used == module->used;
    return good ? MEMHEAP_OK : MEMHEAP_ERR_CORRUPT;
}

static void guard_stats(const memheap_module_t *module,
                        memheap_module_stats_t *stats)
{
    const guard_t *g = const_guard_of(module);
    size_t largest = 0;
    size_t pages = 0;
    for (size_t n = 0; n < g->top; n += page_at(g, n)->pages) {
        pages =
            page_at(g, n)->kind == RUN_LIVE ? 0 : pages + page_at(g, n)->pages;
        largest = memheap_max(largest, pages);
    }
    largest = memheap_max(largest, pages + g->pages - g->top);
    *stats = (memheap_module_stats_t){
        .size = module->size,
        .used = module->used,
        .largest_free = largest < 2 ? 0 : (largest - 1) * g->page,
        .metadata = sizeof(*g) + g->page_table.committed};
}

static void guard_destroy(memheap_module_t *module)
{
    guard_t *g = guard_of(module);
    memheap_array_close(&g->page_table);
    memheap_memory_delete(g->memory, g, sizeof(*g));
}

static const memheap_module_ops_t guard_ops = {.alloc = guard_alloc,
                                               .free = guard_free,
                                               .size_of = guard_size_of,
                                               .normalize = guard_normalize,
                                               .grow = guard_grow,
                                               .walk = guard_walk,
                                               .check = guard_check,
                                               .stats = guard_stats,
                                               .destroy = guard_destroy};

static memheap_status_t guard_create(const memheap_module_config_t *config,
                                     long *priority_p,
                                     memheap_module_t **module_p)
{
    (void)priority_p;
    if (config->max_size > max_region)
        return MEMHEAP_ERR_UNSUPPORTED;
    guard_t *g = memheap_memory_new(config->memory, sizeof(*g));
    if (g == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    g->module.ops = &guard_ops;
    g->memory = config->memory;
    g->page = memheap_page_size();
    g->max_pages = config->max_size / g->page;
    memheap_status_t status = memheap_array_open(
        &g->page_table, g->memory, (g->max_pages + 1) * sizeof(page_t));
    if (status == MEMHEAP_OK)
        status = guard_grow(&g->module, config->size);
    if (status != MEMHEAP_OK) {
        guard_destroy(&g->module);
        return status;
    }
    *module_p = &g->module;
    return MEMHEAP_OK;
}

const memheap_component_t memheap_guard_component = {
    .abi = MEMHEAP_COMPONENT_ABI,
    .name = "guard",
    .summary = "each block on pages of its own, for MEMHEAP_GUARD",
    .create = guard_create};
