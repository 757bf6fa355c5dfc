/*
 * What an access to closed memory hit: the messages and the signal handlers.
 */
#define _GNU_SOURCE /* the registers of a signal's context */
#include "config.h"

#include "memheap/debug/guard_internal.h"
#include "memheap/debug/sanitizer.h"
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
    FRAMES = 24
};

_Atomic(memheap_guard_t *) memheap_guards[GUARDS];
static pthread_mutex_t guards_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned with_pages; /* that the handlers are installed for */
static struct sigaction before_segv, before_bus;

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
        memheap_guard_t *g = atomic_load(&memheap_guards[i]);
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
    if (memheap_access_attempt.call != NULL)
        snprintf(where, sizeof(where), " on PE %d", memheap_access_attempt.pe);
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
    if (memheap_access_attempt.call != NULL)
        snprintf(access, sizeof(access), "%s reaches",
                 memheap_access_attempt.call);
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

void memheap_guard_register(memheap_guard_t *g)
{
    pthread_mutex_lock(&guards_lock);
    for (unsigned i = 0; i < GUARDS; i++) {
        if (atomic_load(&memheap_guards[i]) == NULL) {
            atomic_store(&memheap_guards[i], g);
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

void memheap_guard_unregister(const memheap_guard_t *g)
{
    pthread_mutex_lock(&guards_lock);
    for (unsigned i = 0; i < GUARDS; i++) {
        if (atomic_load(&memheap_guards[i]) == g)
            atomic_store(&memheap_guards[i], NULL);
    }
    if (g->handles && --with_pages == 0) {
        remove_one(SIGSEGV, &before_segv);
        remove_one(SIGBUS, &before_bus);
    }
    pthread_mutex_unlock(&guards_lock);
}
