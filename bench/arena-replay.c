/*
 * Replays a trace on one allocator. The allocator is a shared object with the
 * four functions of bench/arena.c. It gets one range of memory, or is unbounded
 * (a malloc, which obtains its own memory). A child process measures each
 * figure. So figures do not influence one another, and a crash costs one figure
 * only.
 *
 * Prints one line: the trace, its number of operations, its peak of live bytes,
 * the number of failed allocations, and the figures. "-" stands for a figure
 * that was not requested or could not be measured:
 *
 *   ns         CPU time per operation: the median of the passes after the
 *              first. Blocks that remain are freed between passes, outside the
 *              measured time. No pass touches the blocks
 *   footprint  the end of the highest block in the first pass. Unbounded: the
 *              growth of resident memory when every page of each block is
 *              touched
 *   smallest   the shortest range in which no call of the first pass fails,
 *              within half a percent
 *   worst      nanoseconds of the slowest allocation or free
 *   p9999      99.99th percentile of the nanoseconds of an allocation or free
 *
 * For the last two, each operation counts with its fastest pass, because a
 * disturbance of the machine rarely hits the same operation in all passes.
 */
#include "config.h"

#include "tools/common/trace.h"

#include "common/timing.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#include <x86intrin.h>
#endif

enum {
    MAX_PASSES = 100,
    PAGE = 4096
};

/* Address of the range: aligned as that of a heap, and rarely in use. */
#define RANGE_BASE ((uintptr_t)1 << 45)

typedef struct arena {
    int (*init)(void *base, size_t size);
    void *(*alloc)(size_t size, size_t align);
    void *(*realloc)(void *block, size_t size);
    void (*free)(void *block);
    bool unbounded;
} arena_t;

/* Results of a child process, in shared memory. */
typedef struct answer {
    bool ended;
    size_t failures;
    double ns;
    size_t footprint;
    double worst;
    double p9999;
} answer_t;

/* Results of the child that reads a trace, in shared memory. */
typedef struct loaded {
    trace_t trace;
    char name[64];
} loaded_t;

static const char *shim;
static trace_t trace;
static unsigned passes = 9;
static unsigned limit = 120;
static size_t factor = 4;  /* the range is at least factor * peak */
static bool second_thread; /* another thread exists */
static arena_t arena;
static char *base;
static void **slots;
static answer_t *answer;

static size_t align_of(const trace_op_t *op)
{
    return op->kind == TRACE_ALIGN ? (size_t)1 << op->align_order : 16;
}

/* Run the whole trace. Returns the number of failed allocations. */
static __attribute__((noinline)) size_t pass(void)
{
    const arena_t a = arena;
    const trace_op_t *end = trace.ops + trace.count;
    size_t failures = 0;
    for (const trace_op_t *op = trace.ops; op < end; op++) {
        void **slot = &slots[op->slot];
        if (op->kind == TRACE_FREE) {
            if (*slot != NULL)
                a.free(*slot);
            *slot = NULL;
        } else if (op->kind == TRACE_RESIZE && *slot != NULL) {
            void *moved = a.realloc(*slot, op->size);
            failures += moved == NULL;
            *slot = moved == NULL ? *slot : moved;
        } else {
            *slot = a.alloc(op->size, align_of(op));
            failures += *slot == NULL;
        }
    }
    return failures;
}

static void free_all(void)
{
    for (size_t i = 0; i < trace.slots; i++) {
        if (slots[i] != NULL)
            arena.free(slots[i]);
        slots[i] = NULL;
    }
}

/* CPU time of the process in nanoseconds. It excludes other processes. */
static double processor_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void measure_time(void)
{
    double times[MAX_PASSES];
    answer->failures = pass();
    free_all();
    for (unsigned i = 0; i < passes; i++) {
        double start = processor_time();
        answer->failures += pass();
        times[i] = (processor_time() - start) / (double)trace.count;
        free_all();
    }
    qsort(times, passes, sizeof(times[0]), compare);
    answer->ns = times[passes / 2];
}

/* Return a field of /proc/self/status in bytes. */
static size_t memory_of(const char *field)
{
    char line[256];
    size_t kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, field, strlen(field)) == 0)
            kib = strtoull(line + strlen(field), NULL, 10);
    }
    if (file != NULL)
        fclose(file);
    return kib * 1024;
}

static void touch(char *block, size_t size)
{
    for (size_t i = 0; i < size; i += PAGE)
        *(volatile char *)(block + i) = 1;
    *(volatile char *)(block + size - 1) = 1;
}

/* Run the first pass. If without_failure is set, return at the first failed
 * allocation. */
static void walk_through(bool without_failure)
{
    size_t before = memory_of("VmRSS:");
    for (size_t i = 0; i < trace.count; i++) {
        const trace_op_t *op = &trace.ops[i];
        char *block = slots[op->slot];
        if (op->kind == TRACE_FREE) {
            if (block != NULL)
                arena.free(block);
            slots[op->slot] = NULL;
            continue;
        }
        char *got = op->kind == TRACE_RESIZE && block != NULL
                        ? arena.realloc(block, op->size)
                        : arena.alloc(op->size, align_of(op));
        if (got == NULL) {
            answer->failures++;
            if (without_failure)
                return;
            continue;
        }
        slots[op->slot] = got;
        if (arena.unbounded)
            touch(got, op->size);
        else if ((size_t)(got - base) + op->size > answer->footprint)
            answer->footprint = (size_t)(got - base) + op->size;
    }
    if (arena.unbounded)
        answer->footprint = memory_of("VmHWM:") - before;
}

static void measure_space(void)
{
    walk_through(false);
}

static void try_range(void)
{
    walk_through(true);
}

/* Read a clock with a resolution of a few nanoseconds, in ticks, after all
 * preceding instructions are complete. */
static inline uint64_t stamp(void)
{
#if defined(__x86_64__) || defined(__i386__)
    _mm_lfence();
    uint64_t t = __rdtsc();
    _mm_lfence();
    return t;
#else
    return (uint64_t)now();
#endif
}

/* Return the nanoseconds of one tick of stamp(). */
static double tick_length(void)
{
    double start = now();
    uint64_t first = stamp();
    while (now() - start < 2e7)
        continue;
    return (now() - start) / (double)(stamp() - first);
}

static uint64_t empty_stamp(void)
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 10000; i++) {
        uint64_t start = stamp();
        uint64_t took = stamp() - start;
        least = took < least ? took : least;
    }
    return least;
}

/* Run one operation. Returns its time in ticks. */
static uint64_t stamped(const trace_op_t *op)
{
    void **slot = &slots[op->slot];
    size_t align = align_of(op);
    void *block = *slot;
    void *got = NULL;
    uint64_t start;
    uint64_t end;
    if (op->kind == TRACE_FREE) {
        start = stamp();
        arena.free(block);
        end = stamp();
    } else if (op->kind == TRACE_RESIZE) {
        start = stamp();
        got = arena.realloc(block, op->size);
        end = stamp();
    } else {
        start = stamp();
        got = arena.alloc(op->size, align);
        end = stamp();
    }
    *slot = got;
    return end - start;
}

/* Reallocations are not measured, because they may have to copy. */
static void measure_latency(void)
{
    double *least = malloc(trace.count * sizeof(*least));
    double length = tick_length();
    uint64_t empty = empty_stamp();
    size_t count = 0;
    answer->failures = pass();
    free_all();
    if (least == NULL || answer->failures > 0)
        _exit(1);
    for (unsigned n = 0; n < passes; n++) {
        count = 0;
        for (size_t i = 0; i < trace.count; i++) {
            uint64_t ticks = stamped(&trace.ops[i]);
            double took = ticks < empty ? 0 : (double)(ticks - empty) * length;
            if (trace.ops[i].kind == TRACE_RESIZE)
                continue;
            if (n == 0 || took < least[count])
                least[count] = took;
            count++;
        }
        free_all();
    }
    qsort(least, count, sizeof(least[0]), compare);
    if (count > 0) {
        answer->worst = least[count - 1];
        answer->p9999 = least[(size_t)((double)count * 0.9999)];
    }
    free(least);
}

static bool open_arena(size_t size)
{
    base =
        mmap((void *)RANGE_BASE, size, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
             -1, 0);
    if (base == MAP_FAILED)
        return false;
    void *library = dlopen(shim, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "arena-replay: %s\n", dlerror());
        return false;
    }
    *(void **)&arena.init = dlsym(library, "arena_init");
    *(void **)&arena.alloc = dlsym(library, "arena_alloc");
    *(void **)&arena.realloc = dlsym(library, "arena_realloc");
    *(void **)&arena.free = dlsym(library, "arena_free");
    arena.unbounded = dlsym(library, "arena_unbounded") != NULL;
    return arena.init != NULL && arena.alloc != NULL && arena.realloc != NULL &&
           arena.free != NULL && arena.init(base, size) == 0;
}

static void *sleep_forever(void *context)
{
    for (;;)
        pause();
    return context;
}

/* Create a thread that does nothing. A malloc, and a heap that has a lock, take
 * shorter ways in a process of one thread. */
static bool start_second_thread(void)
{
    pthread_t thread;
    return !second_thread ||
           pthread_create(&thread, NULL, sleep_forever, NULL) == 0;
}

/* Run measure() in a child process. Returns false if the child failed. */
static bool ask(void (*measure)(void), size_t size)
{
    *answer = (answer_t){.ended = false};
    fflush(stdout);
    pid_t child = fork();
    if (child < 0)
        return false;
    if (child == 0) {
        alarm(limit);
        if (!open_arena(size) || !start_second_thread())
            _exit(1);
        measure();
        answer->ended = true;
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    return answer->ended;
}

static bool fits(size_t size)
{
    return ask(try_range, size) && answer->failures == 0;
}

/* Return the shortest range in which the trace runs, within 1/200 of its
 * length, or 0 if there is none up to most. An allocator may pass in one range
 * and fail in a longer one. So the result is a range that passes, close above
 * one that fails. */
static size_t find_smallest(size_t footprint, size_t most)
{
    size_t low = trace.peak & ~(size_t)(PAGE - 1);
    size_t high = (footprint > low ? footprint : low) / PAGE * PAGE + PAGE;
    while (!fits(high)) {
        low = high;
        high += high / 16 / PAGE * PAGE + PAGE;
        if (high > most)
            return 0;
    }
    while (high - low > PAGE && high - low > high / 200) {
        size_t middle = low + (high - low) / 2 / PAGE * PAGE;
        if (fits(middle))
            high = middle;
        else
            low = middle;
    }
    return high;
}

static size_t range_for(size_t peak)
{
    size_t size = (size_t)64 << 20;
    while (size / factor < peak)
        size *= 2;
    return size;
}

/* Print a figure with digits decimals, or "-" if it is not known. */
static void print_figure(double value, bool known, int digits)
{
    if (known)
        printf(" %.*f", digits, value);
    else
        printf(" -");
}

static void report(const char *measures)
{
    size_t range = range_for(trace.peak);
    answer_t timed = {.ended = false};
    answer_t space = {.ended = false};
    answer_t slow = {.ended = false};
    size_t smallest = 0;
    if (strchr(measures, 't') != NULL && ask(measure_time, range))
        timed = *answer;
    if (strpbrk(measures, "fs") != NULL && ask(measure_space, range))
        space = *answer;
    if (strchr(measures, 'l') != NULL && ask(measure_latency, range))
        slow = *answer;
    if (strchr(measures, 's') != NULL && space.ended && !arena.unbounded)
        smallest = find_smallest(space.footprint, range);
    printf("%s %zu %zu %zu", trace.name, trace.count, trace.peak,
           timed.failures + space.failures + slow.failures);
    print_figure(timed.ns, timed.ended, 2);
    print_figure((double)space.footprint, space.ended, 0);
    print_figure((double)smallest, smallest > 0, 0);
    print_figure(slow.worst, slow.ended, 0);
    print_figure(slow.p9999, slow.ended, 0);
    printf("\n");
}

/* Runs in the child of load(): write the operations to the file, and the rest
 * of the trace to *loaded. */
static void read_trace(const char *path, size_t operations, loaded_t *loaded,
                       int file)
{
    char message[256];
    trace_t read;
    if (!trace_load(&read, path, operations, message, sizeof(message))) {
        fprintf(stderr, "arena-replay: %s\n", message);
        return;
    }
    size_t size = read.count * sizeof(*read.ops);
    size_t written = 0;
    while (written < size) {
        ssize_t part = write(file, (char *)read.ops + written, size - written);
        if (part <= 0)
            return;
        written += (size_t)part;
    }
    loaded->trace = read;
    snprintf(loaded->name, sizeof(loaded->name), "%s", read.name);
}

/* Map resident pages, so that they do not count as growth later. */
static void *resident(size_t size)
{
    char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return NULL;
    memset(pages, 0, size);
    return pages;
}

/* Read a trace. A child does it, so that the malloc of this process, which may
 * be the measured one, is not used before. */
static bool load(const char *path, size_t operations)
{
    static loaded_t *loaded;
    if (loaded == NULL)
        loaded = mmap(NULL, sizeof(*loaded), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int file = memfd_create("trace", 0);
    if (loaded == MAP_FAILED || file < 0)
        return false;
    loaded->trace.count = 0;
    pid_t child = fork();
    if (child == 0) {
        read_trace(path, operations, loaded, file);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    trace = loaded->trace;
    trace.name = loaded->name;
    size_t size = trace.count * sizeof(*trace.ops);
    trace.ops = size == 0 ? NULL : resident(size);
    slots = resident((trace.slots + 1) * sizeof(*slots));
    size_t done = 0;
    while (trace.ops != NULL && done < size) {
        ssize_t part =
            pread(file, (char *)trace.ops + done, size - done, (off_t)done);
        if (part <= 0)
            return false;
        done += (size_t)part;
    }
    close(file);
    return trace.ops != NULL && slots != NULL;
}

static void unload(void)
{
    munmap(trace.ops, trace.count * sizeof(*trace.ops));
    munmap(slots, (trace.slots + 1) * sizeof(*slots));
}

/* Report whether the allocator is unbounded. Runs in a child, so that this
 * process loads no allocator. */
static void look(void)
{
    answer->failures = arena.unbounded;
}

static void usage(void)
{
    fprintf(stderr, "usage: arena-replay [-m MEASURES] [-p PASSES] "
                    "[-n OPERATIONS] [-t SECONDS] [-x FACTOR] [-2] SHIM "
                    "TRACE...\n"
                    "-2: a second thread exists. MEASURES are letters: t time, "
                    "f footprint, s smallest "
                    "range, l latency\n");
    exit(2);
}

int main(int argc, char **argv)
{
    const char *measures = "tfsl";
    size_t operations = SIZE_MAX;
    int option;
    while ((option = getopt(argc, argv, "m:p:n:t:x:2")) != -1) {
        switch (option) {
        case 'm':
            measures = optarg;
            break;
        case 'p':
            passes = (unsigned)atoi(optarg);
            break;
        case 'n':
            operations = strtoull(optarg, NULL, 0);
            break;
        case 'x':
            factor = strtoull(optarg, NULL, 0);
            break;
        case '2':
            second_thread = true;
            break;
        case 't':
            limit = (unsigned)atoi(optarg);
            break;
        default:
            usage();
        }
    }
    if (argc - optind < 2 || passes == 0 || passes > MAX_PASSES || factor == 0)
        usage();
    shim = argv[optind];
    answer = mmap(NULL, sizeof(*answer), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (answer == MAP_FAILED || !ask(look, (size_t)1 << 20))
        return 1;
    arena.unbounded = answer->failures != 0;
    for (int i = optind + 1; i < argc; i++) {
        if (!load(argv[i], operations))
            return 1;
        report(measures);
        unload();
    }
    return 0;
}
