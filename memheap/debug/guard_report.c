/*
 * Reports of wrong accesses: the signal handlers, the search for the block that
 * an access hit, and the messages.
 *
 * A handler reports the first wrong access and restores the previous action of
 * the signal. Then the access repeats and has the effect that it has without a
 * guard. AddressSanitizer calls back after each report of its own.
 */
#define _GNU_SOURCE /* the registers of a signal's context */
#include "config.h"

#include "memheap/debug/guard_state.h"
#include "memheap/debug/sanitizer.h"
#include "base/text.h"
#include "base/util.h"

#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum {
    FRAMES_MAX = 24
};

_Atomic(memheap_guard_t *) memheap_guards[GUARDS_MAX];
static pthread_mutex_t guards_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned signal_users; /* guards that need the signal handlers */
static struct sigaction old_segv, old_bus;

/* Write a line of a report, in one system call. */
static void report(const memheap_guard_t *guard, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void report(const memheap_guard_t *guard, const char *format, ...)
{
    char line[1024];
    int length = guard->windows.count == 0
                     ? snprintf(line, sizeof(line), "memheap: ")
                     : snprintf(line, sizeof(line),
                                "memheap: PE %d: ", guard->windows.pe);
    size_t used = (size_t)length;
    va_list args;
    va_start(args, format);
    vsnprintf(line + used, sizeof(line) - used - 1, format, args);
    va_end(args);
    used = strlen(memheap_text_clean(line)); /* names of heaps and tags */
    line[used++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, used);
    (void)written; /* a failure cannot be reported */
}

/* The offset of an address in a heap or in a window. *window_p takes the number
 * of the window, or -1 for the heap.
 * @return SIZE_MAX if the address lies in neither */
static size_t offset_in(const memheap_guard_t *guard, const void *address,
                        int *window_p)
{
    const memheap_peer_windows_t *windows = &guard->windows;
    size_t offset = (size_t)((uintptr_t)address - (uintptr_t)guard->base);
    *window_p = -1;
    if (offset < guard->size)
        return offset;
    offset = (size_t)((uintptr_t)address - (uintptr_t)windows->base);
    if (windows->count == 0 ||
        offset >= windows->stride * (size_t)windows->count)
        return SIZE_MAX;
    *window_p = (int)(offset / windows->stride);
    return offset % windows->stride;
}

/* The guard of the memory at an address, or NULL. */
static memheap_guard_t *find_guard(const void *address, size_t *offset_p,
                                   int *window_p)
{
    for (unsigned i = 0; i < GUARDS_MAX; i++) {
        memheap_guard_t *guard = atomic_load(&memheap_guards[i]);
        if (guard != NULL) {
            *offset_p = offset_in(guard, address, window_p);
            if (*offset_p != SIZE_MAX)
                return guard;
        }
    }
    return NULL;
}

/* A search for the block that an access at an offset hit. */
typedef struct hit {
    const memheap_guard_t *guard;
    size_t offset;
    bool found;
    bool live; /* the block is not freed */
    freed_block_t block;
} hit_t;

/* Bytes before a block that are attributed to it. */
static size_t margin_before(const memheap_guard_t *guard, size_t start)
{
    return guard->uses_pages ? start % guard->page : 0;
}

/* Bytes behind a block that are attributed to it. */
static size_t margin_behind(const memheap_guard_t *guard)
{
    return guard->uses_pages ? guard->page : MEMHEAP_REDZONE;
}

static bool is_near(const memheap_guard_t *guard, size_t offset, size_t start,
                    size_t usable)
{
    return offset >= start - margin_before(guard, start) &&
           offset < start + usable + margin_behind(guard);
}

static bool visit_extent(void *context, const memheap_extent_t *extent)
{
    hit_t *hit = context;
    if (extent->live &&
        is_near(hit->guard, hit->offset, extent->offset, extent->size)) {
        hit->found = hit->live = true;
        hit->block = (freed_block_t){.offset = extent->offset,
                                     .usable = extent->size,
                                     .asked = extent->size};
        /* Behind the block: the offset may be inside the next one. */
        return hit->offset >= extent->offset + extent->size;
    }
    return extent->offset <= hit->offset;
}

static void find_block(hit_t *hit)
{
    const memheap_guard_t *guard = hit->guard;
    hit->found = false;
    guard->module->ops->walk(guard->module, visit_extent, hit);
    bool inside =
        hit->found && (guard->uses_pages ||
                       hit->offset < hit->block.offset + hit->block.usable);
    uint64_t count = memheap_min(guard->freed_count, FREED_MAX);
    for (uint64_t i = 1; i <= count && !inside; i++) {
        const freed_block_t *freed =
            &guard->freed[(guard->freed_count - i) % FREED_MAX];
        bool within = hit->offset >= freed->offset &&
                      hit->offset < freed->offset + freed->usable;
        if (within || (!hit->found && is_near(guard, hit->offset, freed->offset,
                                              freed->usable))) {
            hit->found = true;
            hit->live = false;
            hit->block = *freed;
            if (within)
                return;
        }
    }
    if (!hit->found || !hit->live)
        return;
    const memheap_record_t *record =
        memheap_records_find(guard->records, hit->block.offset);
    if (record != NULL) {
        hit->block.asked = record->asked;
        hit->block.number = record->number;
        hit->block.tag = record->tag;
        hit->block.alloc_site = record->site;
    }
}

/* Describe the offset relative to the block: "3 bytes behind". */
static void describe_distance(const hit_t *hit, char *text, size_t size)
{
    const freed_block_t *block = &hit->block;
    size_t end = block->offset + block->asked;
    if (hit->offset < block->offset)
        snprintf(text, size, "%zu bytes before", block->offset - hit->offset);
    else if (hit->offset >= end)
        snprintf(text, size, "%zu bytes behind", hit->offset - end);
    else
        snprintf(text, size, "%zu bytes into", hit->offset - block->offset);
}

/* Report which block an access hit. This line comes first, since call sites
 * take time to look up. */
static void report_hit(const hit_t *hit, const void *address,
                       const char *access, int window)
{
    const memheap_guard_t *guard = hit->guard;
    const freed_block_t *block = &hit->block;
    char distance[64];
    char where[64] = "";
    char tag[MEMHEAP_TAG_SIZE + 16] = "";
    const void *start = (const char *)address - hit->offset + hit->block.offset;
    if (memheap_access_attempt.call != NULL)
        snprintf(where, sizeof(where), " on PE %d", memheap_access_attempt.pe);
    else if (window >= 0)
        snprintf(where, sizeof(where), " on PE %d, through its window",
                 guard->windows.first_pe + window * guard->windows.pe_stride);
    if (!hit->found) {
        report(guard, "%s %p, in no block of heap \"%s\"%s", access, address,
               guard->name, where);
        return;
    }
    describe_distance(hit, distance, sizeof(distance));
    const char *name = memheap_records_tag(guard->records, block->tag)->name;
    if (name[0] != '\0')
        snprintf(tag, sizeof(tag), ", tag \"%s\"", name);
    report(guard,
           "%s %p, %s %s block of %zu bytes at %p of heap \"%s\"%s, allocation "
           "%llu%s",
           access, address, distance, hit->live ? "the" : "the freed",
           block->asked, start, guard->name, where,
           (unsigned long long)block->number, tag);
}

static void report_call_sites(const hit_t *hit)
{
    const memheap_guard_t *guard = hit->guard;
    const freed_block_t *block = &hit->block;
    char text[MEMHEAP_CALL_SITE_TEXT];
    if (!hit->found)
        return;
    memheap_call_site_describe(&guard->records->depot, block->alloc_site, text,
                               sizeof(text));
    report(guard, "the block was allocated from %s", text);
    if (hit->live)
        return;
    memheap_call_site_describe(&guard->records->depot, block->free_site, text,
                               sizeof(text));
    report(guard, "and %s from %s",
           block->moved ? "moved elsewhere by a resize" : "freed", text);
}

bool memheap_guard_describe_freed(const memheap_guard_t *guard, size_t offset,
                                  char *text, size_t room)
{
    char allocated[MEMHEAP_CALL_SITE_TEXT];
    char freed[MEMHEAP_CALL_SITE_TEXT];
    hit_t hit = {.guard = guard, .offset = offset};
    find_block(&hit);
    const freed_block_t *block = &hit.block;
    if (!hit.found || hit.live || offset < block->offset ||
        offset >= block->offset + block->usable)
        return false;
    const memheap_stack_depot_t *depot = &guard->records->depot;
    memheap_call_site_describe(depot, block->alloc_site, allocated,
                               sizeof(allocated));
    memheap_call_site_describe(depot, block->free_site, freed, sizeof(freed));
    snprintf(text, room,
             "%zu bytes into the block of %zu bytes that was allocated from %s "
             "and %s from %s",
             offset - block->offset, block->asked, allocated,
             block->moved ? "moved elsewhere by a resize" : "freed", freed);
    return true;
}

/* Report where the program made the access. pc is 0 if it is not known. */
static void report_access_site(const memheap_guard_t *guard, uintptr_t pc)
{
    char text[MEMHEAP_CALL_SITE_TEXT];
    void *frame[FRAMES_MAX];
    int count = backtrace(frame, FRAMES_MAX);
    int first = 0;
    while (first < count && pc != 0 && (uintptr_t)frame[first] != pc)
        first++;
    if (first < count && pc != 0) /* a frame is a return address */
        frame[first] = (void *)(pc + 1);
    memheap_frames_describe(frame + first, count - first, text, sizeof(text));
    report(guard, "the access is from %s", text);
}

/* The kind of an access, if the context tells it. */
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

/* Report an access that raised a signal. */
static void report_access(const memheap_guard_t *guard, const void *address,
                          size_t offset, int window, const ucontext_t *context)
{
    char access[64];
    hit_t hit = {.guard = guard, .offset = offset};
    if (memheap_access_attempt.call != NULL)
        snprintf(access, sizeof(access), "%s reaches",
                 memheap_access_attempt.call);
    else
        snprintf(access, sizeof(access), "%s", access_of(context));
    find_block(&hit);
    report_hit(&hit, address, access, window);
    report_access_site(guard, pc_of(context));
    report_call_sites(&hit);
}

/* Run the action that a signal had before. */
static void call_old_handler(int signal, siginfo_t *info, void *context,
                             const struct sigaction *before)
{
    if ((before->sa_flags & SA_SIGINFO) != 0) {
        before->sa_sigaction(signal, info, context);
    } else if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN) {
        before->sa_handler(signal);
    } else {
        sigaction(signal, before, NULL);
        if (info->si_code <= 0) /* sent by a process: not raised again */
            raise(signal);
    }
}

/* The signal handler. After it returns, the access repeats. */
static void handle_signal(int signal, siginfo_t *info, void *context)
{
    static atomic_flag reported = ATOMIC_FLAG_INIT;
    const struct sigaction *before = signal == SIGSEGV ? &old_segv : &old_bus;
    int error = errno;
    int window;
    size_t offset;
    const memheap_guard_t *guard =
        info->si_code <= 0 ? NULL : find_guard(info->si_addr, &offset, &window);
    if (guard == NULL) {
        call_old_handler(signal, info, context, before);
    } else {
        while (atomic_flag_test_and_set(&reported))
            pause(); /* another thread reports, and ends the process */
        report_access(guard, info->si_addr, offset, window, context);
        sigaction(signal, before, NULL);
    }
    errno = error;
}

/* Called after a report of AddressSanitizer. */
static void report_asan_address(const void *address)
{
    int window;
    size_t offset;
    const memheap_guard_t *guard = find_guard(address, &offset, &window);
    if (guard == NULL)
        return;
    hit_t hit = {.guard = guard, .offset = offset};
    find_block(&hit);
    report_hit(&hit, address, "the address is", window);
    report_call_sites(&hit);
}

static void install_handlers(void)
{
    struct sigaction action = {.sa_sigaction = handle_signal,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &old_segv);
    sigaction(SIGBUS, &action, &old_bus);
}

/* Restore the old action of a signal. If another handler was installed since,
 * it may call this one, which stays then. */
static void remove_handler(int signal, const struct sigaction *before)
{
    struct sigaction now;
    if (sigaction(signal, NULL, &now) == 0 && now.sa_sigaction == handle_signal)
        sigaction(signal, before, NULL);
}

void memheap_guard_register(memheap_guard_t *guard)
{
    pthread_mutex_lock(&guards_lock);
    for (unsigned i = 0; i < GUARDS_MAX; i++) {
        if (atomic_load(&memheap_guards[i]) == NULL) {
            atomic_store(&memheap_guards[i], guard);
            break;
        }
    }
    guard->uses_signals = guard->uses_pages;
    if (guard->uses_signals && signal_users++ == 0)
        install_handlers();
    if (guard->asan)
        memheap_sanitizer_on_report(report_asan_address);
    pthread_mutex_unlock(&guards_lock);
}

void memheap_guard_unregister(const memheap_guard_t *guard)
{
    pthread_mutex_lock(&guards_lock);
    for (unsigned i = 0; i < GUARDS_MAX; i++) {
        if (atomic_load(&memheap_guards[i]) == guard)
            atomic_store(&memheap_guards[i], NULL);
    }
    if (guard->uses_signals && --signal_users == 0) {
        remove_handler(SIGSEGV, &old_segv);
        remove_handler(SIGBUS, &old_bus);
    }
    pthread_mutex_unlock(&guards_lock);
}
