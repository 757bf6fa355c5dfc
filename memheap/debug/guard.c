/*
 * The watch of guard.h.
 *
 * Memory is opened and closed by mprotect(), in the heap and in all windows on
 * it. Each block costs mappings of the kernel's, whose number is limited: where
 * there are no more, all is opened, a warning says so, and the heap goes on
 * unguarded.
 */
#define _GNU_SOURCE /* the registers of a signal's context */
#include "config.h"

#include "memheap/debug/guard.h"
#include "memheap/debug/sanitizer.h"
#include "base/util.h"

#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

enum {
    FORGET = 4096, /* so many blocks that were freed are remembered */
    GUARDS = 256,  /* heaps that are watched at once; others say less */
    FRAMES = 24
};

/* A block that was freed. */
typedef struct gone {
    size_t offset;
    size_t usable;
    size_t asked;
    uint64_t number;
    uint32_t tag;
    memheap_call_site_t allocated, freed;
    bool moved;
} gone_t;

struct memheap_guard {
    const char *name;
    char *base;
    size_t size;
    size_t page;
    bool pages, memcheck, asan;
    bool handles; /* signals */
    bool foreign, shared;
    size_t reach; /* the end of the highest block */
    memheap_peer_windows_t windows;
    const memheap_module_t *module;
    const memheap_records_t *records;
    const memheap_memory_t *memory;
    const memheap_log_t *log;
    uint64_t gone_count;
    gone_t gone[FORGET];
};

/* The heaps that a handler looks for an address in. */
static _Atomic(memheap_guard_t *) guards[GUARDS];
static pthread_mutex_t guards_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned with_pages; /* that the handlers are installed for */
static struct sigaction before_segv, before_bus;

bool memheap_guard_unsynced;

/* The access to another process's memory that this thread tries out, as its
 * handler is to see it. */
static _Thread_local volatile struct {
    const char *call;
    int pe;
} trying;

/* A line that is written, all of it at once. */
static void say(const memheap_guard_t *g, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(const memheap_guard_t *g, const char *format, ...)
{
    char line[1024];
    int length =
        g->windows.count == 0
            ? snprintf(line, sizeof(line), "memheap: ")
            : snprintf(line, sizeof(line), "memheap: PE %d: ", g->windows.pe);
    size_t used = (size_t)length;
    va_list args;
    va_start(args, format);
    length = vsnprintf(line + used, sizeof(line) - used - 1, format, args);
    va_end(args);
    used = memheap_min(used + (size_t)length, sizeof(line) - 2);
    line[used++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, used);
    (void)written; /* there is nowhere left to report it to */
}

/* Where an address lies in a heap or a window on one; *number_p is that of the
 * window, or -1. SIZE_MAX if it is neither. */
static size_t offset_in(const memheap_guard_t *g, const void *address,
                        int *number_p)
{
    const memheap_peer_windows_t *windows = &g->windows;
    size_t offset = (size_t)((uintptr_t)address - (uintptr_t)g->base);
    *number_p = -1;
    if (offset < g->size)
        return offset;
    offset = (size_t)((uintptr_t)address - (uintptr_t)windows->base);
    if (windows->count == 0 ||
        offset >= windows->stride * (size_t)windows->count)
        return SIZE_MAX;
    *number_p = (int)(offset / windows->stride);
    return offset % windows->stride;
}

static memheap_guard_t *guard_of(const void *address, size_t *offset_p,
                                 int *number_p)
{
    for (unsigned i = 0; i < GUARDS; i++) {
        memheap_guard_t *g = atomic_load(&guards[i]);
        if (g != NULL) {
            *offset_p = offset_in(g, address, number_p);
            if (*offset_p != SIZE_MAX)
                return g;
        }
    }
    return NULL;
}

/* What lies at an offset: a live block or one that was freed. */
typedef struct hit {
    const memheap_guard_t *guard;
    size_t offset;
    bool found, live;
    gone_t block;
} hit_t;

/* Bytes before and behind a block that are taken for its own. */
static size_t before_of(const memheap_guard_t *g, size_t start)
{
    return g->pages ? start % g->page : 0;
}

static size_t behind_of(const memheap_guard_t *g)
{
    return g->pages ? g->page : MEMHEAP_REDZONE;
}

static bool is_at(const memheap_guard_t *g, size_t at, size_t start,
                  size_t usable)
{
    return at >= start - before_of(g, start) &&
           at < start + usable + behind_of(g);
}

static bool look(void *context, const memheap_extent_t *extent)
{
    hit_t *hit = context;
    if (extent->live &&
        is_at(hit->guard, hit->offset, extent->offset, extent->size)) {
        hit->found = hit->live = true;
        hit->block = (gone_t){.offset = extent->offset,
                              .usable = extent->size,
                              .asked = extent->size};
        /* The next block's own bytes come before what lies behind this one. */
        return hit->offset >= extent->offset + extent->size;
    }
    return extent->offset <= hit->offset;
}

static void find_block(hit_t *hit)
{
    const memheap_guard_t *g = hit->guard;
    hit->found = false;
    g->module->ops->walk(g->module, look, hit);
    bool inside =
        hit->found &&
        (g->pages || hit->offset < hit->block.offset + hit->block.usable);
    uint64_t count = memheap_min(g->gone_count, FORGET);
    for (uint64_t i = 1; i <= count && !inside; i++) {
        const gone_t *gone = &g->gone[(g->gone_count - i) % FORGET];
        bool within = hit->offset >= gone->offset &&
                      hit->offset < gone->offset + gone->usable;
        if (within || (!hit->found &&
                       is_at(g, hit->offset, gone->offset, gone->usable))) {
            hit->found = true;
            hit->live = false;
            hit->block = *gone;
            if (within)
                return;
        }
    }
    if (!hit->found || !hit->live)
        return;
    const memheap_record_t *record =
        memheap_records_find(g->records, hit->block.offset);
    if (record != NULL) {
        hit->block.asked = record->asked;
        hit->block.number = record->number;
        hit->block.tag = record->tag;
        hit->block.allocated = record->site;
    }
}

/* "3 bytes behind", as people say where an offset lies. */
static void describe_distance(const hit_t *hit, char *text, size_t room)
{
    const gone_t *block = &hit->block;
    size_t end = block->offset + block->asked;
    if (hit->offset < block->offset)
        snprintf(text, room, "%zu bytes before", block->offset - hit->offset);
    else if (hit->offset >= end)
        snprintf(text, room, "%zu bytes behind", hit->offset - end);
    else
        snprintf(text, room, "%zu bytes into", hit->offset - block->offset);
}

/* Say what an access hit: the line that matters, before anything that takes
 * its time. */
static void say_hit(const hit_t *hit, const void *address, const char *access,
                    int number)
{
    const memheap_guard_t *g = hit->guard;
    const gone_t *block = &hit->block;
    char distance[64];
    char where[64] = "";
    char tag[MEMHEAP_TAG_SIZE + 16] = "";
    const void *start = (const char *)address - hit->offset + hit->block.offset;
    if (trying.call != NULL)
        snprintf(where, sizeof(where), " on PE %d", trying.pe);
    else if (number >= 0)
        snprintf(where, sizeof(where), " on PE %d, through its window",
                 g->windows.first_pe + number * g->windows.pe_stride);
    if (!hit->found) {
        say(g, "%s %p, in memory of heap \"%s\"%s that no block has", access,
            address, g->name, where);
        return;
    }
    describe_distance(hit, distance, sizeof(distance));
    const char *name = memheap_records_tag(g->records, block->tag)->name;
    if (name[0] != '\0')
        snprintf(tag, sizeof(tag), ", tag \"%s\"", name);
    say(g,
        "%s %p, %s %s block of %zu bytes at %p of heap \"%s\"%s, allocation "
        "%llu%s",
        access, address, distance, hit->live ? "the" : "the freed",
        block->asked, start, g->name, where, (unsigned long long)block->number,
        tag);
}

static void say_sites(const hit_t *hit)
{
    const memheap_guard_t *g = hit->guard;
    const gone_t *block = &hit->block;
    char text[MEMHEAP_CALL_SITE_TEXT];
    if (!hit->found)
        return;
    memheap_call_site_describe(&g->records->sites, block->allocated, text,
                               sizeof(text));
    say(g, "the block was allocated from %s", text);
    if (hit->live)
        return;
    memheap_call_site_describe(&g->records->sites, block->freed, text,
                               sizeof(text));
    say(g, "and %s from %s",
        block->moved ? "moved elsewhere by a resize" : "freed", text);
}

/* Where the program was, seen from a handler; pc is 0 if nobody knows. */
static void say_access(const memheap_guard_t *g, uintptr_t pc)
{
    char text[MEMHEAP_CALL_SITE_TEXT];
    void *frame[FRAMES];
    int count = backtrace(frame, FRAMES);
    int first = 0;
    while (first < count && pc != 0 && (uintptr_t)frame[first] != pc)
        first++;
    if (first == count)
        first = 0;
    else if (pc != 0) /* an instruction, and no return address */
        frame[first] = (void *)(pc + 1);
    memheap_frames_describe(frame + first, count - first, text, sizeof(text));
    say(g, "the access is from %s", text);
}

/* Whether an access writes, as far as the context tells. */
static const char *access_of(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (context->uc_mcontext.gregs[REG_ERR] & 2) != 0 ? "write to"
                                                          : "read of";
#else
    (void)context;
    return "access to";
#endif
}

static uintptr_t pc_of(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uintptr_t)context->uc_mcontext.pc;
#else
    (void)context;
    return 0;
#endif
}

/* Say all of an access that was stopped. */
static void tell(const memheap_guard_t *g, const void *address, size_t offset,
                 int number, const ucontext_t *context)
{
    char access[64];
    hit_t hit = {.guard = g, .offset = offset};
    if (trying.call != NULL)
        snprintf(access, sizeof(access), "%s reaches", trying.call);
    else
        snprintf(access, sizeof(access), "%s", access_of(context));
    find_block(&hit);
    say_hit(&hit, address, access, number);
    say_access(g, pc_of(context));
    say_sites(&hit);
}

/* Let a signal do what it did before. */
static void chain(int signal, siginfo_t *info, void *context,
                  const struct sigaction *before)
{
    if ((before->sa_flags & SA_SIGINFO) != 0) {
        before->sa_sigaction(signal, info, context);
    } else if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN) {
        before->sa_handler(signal);
    } else {
        sigaction(signal, before, NULL);
        if (info->si_code <= 0) /* sent: no instruction raises it again */
            raise(signal);
    }
}

/* The access is repeated when this returns, and then has the effect that it had
 * before there was a handler. */
static void handle(int signal, siginfo_t *info, void *context)
{
    static atomic_flag told = ATOMIC_FLAG_INIT;
    const struct sigaction *before =
        signal == SIGSEGV ? &before_segv : &before_bus;
    int error = errno;
    int number;
    size_t offset;
    const memheap_guard_t *g =
        info->si_code <= 0 ? NULL : guard_of(info->si_addr, &offset, &number);
    if (g == NULL) {
        chain(signal, info, context, before);
    } else {
        while (atomic_flag_test_and_set(&told))
            pause(); /* until the thread that was first ends the process */
        tell(g, info->si_addr, offset, number, context);
        sigaction(signal, before, NULL);
    }
    errno = error;
}

/* Behind a report of the sanitizer. */
static void tell_report(const void *address)
{
    int number;
    size_t offset;
    const memheap_guard_t *g = guard_of(address, &offset, &number);
    if (g == NULL)
        return;
    hit_t hit = {.guard = g, .offset = offset};
    find_block(&hit);
    say_hit(&hit, address, "the address is", number);
    say_sites(&hit);
}

static void install(void)
{
    struct sigaction action = {.sa_sigaction = handle,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &before_segv);
    sigaction(SIGBUS, &action, &before_bus);
}

/* Whoever came later knows of this handler, which then stays. */
static void remove_one(int signal, const struct sigaction *before)
{
    struct sigaction now;
    if (sigaction(signal, NULL, &now) == 0 &&
        (now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == handle)
        sigaction(signal, before, NULL);
}

static void enlist(memheap_guard_t *g)
{
    pthread_mutex_lock(&guards_lock);
    for (unsigned i = 0; i < GUARDS; i++) {
        if (atomic_load(&guards[i]) == NULL) {
            atomic_store(&guards[i], g);
            break;
        }
    }
    g->handles = g->pages;
    if (g->handles && with_pages++ == 0)
        install();
    if (g->asan)
        memheap_sanitizer_on_report(tell_report);
    pthread_mutex_unlock(&guards_lock);
}

static void delist(const memheap_guard_t *g)
{
    pthread_mutex_lock(&guards_lock);
    for (unsigned i = 0; i < GUARDS; i++) {
        if (atomic_load(&guards[i]) == g)
            atomic_store(&guards[i], NULL);
    }
    if (g->handles && --with_pages == 0) {
        remove_one(SIGSEGV, &before_segv);
        remove_one(SIGBUS, &before_bus);
    }
    pthread_mutex_unlock(&guards_lock);
}

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

bool memheap_has_memcheck(void)
{
    return memheap_sanitizer_is_memcheck();
}

bool memheap_has_sanitizer(void)
{
    return memheap_sanitizer_is_asan() || memheap_sanitizer_is_memcheck();
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
    enlist(g);
    *guard_p = g;
    return MEMHEAP_OK;
}

void memheap_guard_close(memheap_guard_t *g)
{
    if (g == NULL)
        return;
    delist(g);
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

void memheap_guard_sync(void)
{
    memheap_guard_unsynced = false;
    for (unsigned i = 0; i < GUARDS; i++) {
        const memheap_guard_t *g = atomic_load(&guards[i]);
        if (g != NULL && g->memcheck && g->windows.synced && !g->windows.alone)
            memheap_sanitizer_mark_set(g->base, g->reach);
    }
}

void memheap_probe_access(const void *address, size_t size, const char *call)
{
    bool reads = strstr(call, "get") != NULL || strstr(call, "fetch") != NULL ||
                 call[strlen(call) - 1] == 'g';
    memheap_sanitizer_probe(address, size, !reads);
}

/* Bytes between the first and the last of an object are in the block that has
 * both, or lie where a range of several blocks is not one object. */
void memheap_check_access(const void *address, size_t size, const char *call,
                          int pe)
{
    const volatile char *bytes = address;
    if (size == 0)
        return;
    memheap_probe_access(address, size, call);
    trying.pe = pe;
    trying.call = call;
    (void)bytes[0];
    (void)bytes[size - 1];
    trying.call = NULL;
}
