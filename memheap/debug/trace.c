/*
 * Writing a trace file.
 *
 * The file is written through two mappings. One has the first page with the
 * count of operations: 5 bytes of LEB128, incremented in place. The other is a
 * window at the end of the file, and moves along.
 *
 *     | magic | count | op op op ... | op op op ...  | names | zeros |
 *     |  first page   |              |        window         |
 *
 * Invariants:
 *   - an operation is in the file before it is counted;
 *   - pages of the file are allocated before they are mapped, so a full disk is
 *     an error and not a signal;
 *   - the file is locked while it is written, so two heaps never write one
 * file;
 *   - a forked child, which has the mappings too, writes nothing.
 */
#include "config.h"

#include "memheap/debug/trace.h"
#include <memheap/component.h>
#include "base/child.h"
#include "base/hashmap.h"
#include "base/output.h"
#include "base/path.h"
#include "base/fork_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAGIC_SIZE = 5,
    COUNT_SIZE = 5,
    NUMBER_SIZE = 10,             /* at most, of a number */
    OP_SIZE = 4 * NUMBER_SIZE,    /* at most, of an operation */
    WINDOW_SIZE = 256 * 1024 + 1, /* rounded up to pages */
    /* Kinds of operations, in the two lowest bits of the first number. */
    ALLOC = 0,
    ALIGN = 1,
    RESIZE = 2,
    FREE = 3
};

/* The limit of readers. */
static const uint64_t operations_max = UINT32_MAX - 1;

struct memheap_trace {
    memheap_fork_guard_t process;
    int fd;         /* -1: the file is complete */
    uint8_t *count; /* of operations; in the first page */
    uint8_t *window;
    size_t window_start; /* its offset in the file */
    size_t window_size;
    size_t used;               /* bytes of the window with operations */
    uint64_t operations;       /* number of operations in the file */
    uint64_t allocations;      /* number of allocations in the file */
    uint64_t lost;             /* allocations left out for lack of memory */
    memheap_hashmap_t numbers; /* offset to number of allocation */
    const memheap_memory_t *memory;
    const memheap_log_t *log;
    bool labelled;
    bool compress;
    char path[PATH_MAX]; /* without .xz */
};

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static void warn(const memheap_trace_t *trace, const char *what)
{
    memheap_log_write(trace->log, MEMHEAP_LOG_WARNING,
                      "MEMHEAP_TRACE: cannot write %s: %s", trace->path, what);
}

/* Cut the file behind the last operation, and close it. */
static void end_file(memheap_trace_t *trace)
{
    size_t page = page_size();
    if (trace->fd < 0)
        return;
    if (memheap_fork_guard_holds(trace->process) &&
        ftruncate(trace->fd, (off_t)(trace->window_start + trace->used)) != 0)
        warn(trace, strerror(errno)); /* harmless: readers stop at the zeros */
    if (trace->window != NULL)
        munmap(trace->window, trace->window_size);
    if (trace->count != NULL)
        munmap(trace->count - MAGIC_SIZE, page);
    close(trace->fd);
    trace->fd = -1;
}

/* Allocate pages for a part of the file, and map it.
 * @return NULL, with errno set, if that fails */
static uint8_t *map_part(const memheap_trace_t *trace, size_t start,
                         size_t size)
{
    struct rlimit limit;
    errno = EFBIG;
    /* Writing beyond the limit would raise a signal. */
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < start + size)
        return NULL;
    errno = posix_fallocate(trace->fd, (off_t)start, (off_t)size);
    if (errno != 0)
        return NULL;
    void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
                        trace->fd, (off_t)start);
    return mapped == MAP_FAILED ? NULL : mapped;
}

/* Move the window to the end of the file. @return false if that fails; the
 * trace is complete then */
static MEMHEAP_NOINLINE bool move_window(memheap_trace_t *trace)
{
    size_t page = page_size();
    size_t end = trace->window_start + trace->used;
    size_t start = memheap_align_down(end, page);
    size_t size = memheap_align_up(WINDOW_SIZE, page);
    uint8_t *window = map_part(trace, start, size);
    if (window == NULL) {
        warn(trace, strerror(errno));
        end_file(trace);
        return false;
    }
    if (trace->window != NULL)
        munmap(trace->window, trace->window_size);
    trace->window = window;
    trace->window_start = start;
    trace->window_size = size;
    trace->used = end - start;
    return true;
}

/* Make space for an operation. @return false if the trace is complete */
static bool is_ready(memheap_trace_t *trace)
{
    if (MEMHEAP_UNLIKELY(trace->fd < 0 ||
                         !memheap_fork_guard_holds(trace->process)))
        return false;
    if (MEMHEAP_UNLIKELY(trace->operations == operations_max)) {
        warn(trace, "a trace has no more than 4 billion operations");
        end_file(trace);
        return false;
    }
    return MEMHEAP_LIKELY(trace->window_size - trace->used >= OP_SIZE) ||
           move_window(trace);
}

static void put_number(memheap_trace_t *trace, uint64_t number)
{
    uint8_t *at = trace->window + trace->used;
    for (; number >= 128; number >>= 7)
        *at++ = (uint8_t)(number | 128);
    *at++ = (uint8_t)number;
    trace->used = (size_t)(at - trace->window);
}

/* Count an operation that was written. In LEB128, all bytes but the last have
 * the highest bit set. */
static void count_operation(memheap_trace_t *trace)
{
    uint8_t *byte = trace->count;
    trace->operations++;
    __atomic_signal_fence(__ATOMIC_RELEASE);
    while (MEMHEAP_UNLIKELY(*byte == 0xFF))
        *byte++ = 0x80;
    ++*byte;
}

void memheap_trace_alloc(memheap_trace_t *trace, size_t offset, size_t asked,
                         size_t align, uint32_t site, uint32_t tag)
{
    if (!is_ready(trace))
        return;
    if (memheap_hashmap_reserve(&trace->numbers) != MEMHEAP_OK) {
        trace->lost++;
        return;
    }
    memheap_hashmap_put(&trace->numbers, offset, trace->allocations++);
    bool aligned = align > MEMHEAP_MIN_ALIGN;
    put_number(trace, (uint64_t)asked << 2 | (aligned ? ALIGN : ALLOC));
    if (aligned)
        put_number(trace, memheap_log2_floor(align));
    if (trace->labelled) {
        put_number(trace, site);
        put_number(trace, tag);
    }
    count_operation(trace);
}

void memheap_trace_free(memheap_trace_t *trace, size_t offset)
{
    uint64_t *number = memheap_hashmap_find(&trace->numbers, offset);
    if (number == NULL || !is_ready(trace))
        return;
    put_number(trace, (trace->allocations - *number) << 2 | FREE);
    memheap_hashmap_remove(&trace->numbers, number);
    count_operation(trace);
}

void memheap_trace_move(memheap_trace_t *trace, size_t old_offset,
                        size_t offset, size_t asked)
{
    uint64_t *found = memheap_hashmap_find(&trace->numbers, old_offset);
    if (found == NULL || !is_ready(trace))
        return;
    uint64_t number = *found;
    put_number(trace, (uint64_t)asked << 2 | RESIZE);
    put_number(trace, trace->allocations - number);
    count_operation(trace);
    if (offset != old_offset) {
        memheap_hashmap_remove(&trace->numbers, found);
        memheap_hashmap_put(&trace->numbers, offset, number);
    }
}

bool memheap_trace_takes_names(const memheap_trace_t *trace)
{
    return trace->labelled && trace->fd >= 0 &&
           memheap_fork_guard_holds(trace->process);
}

void memheap_trace_name(memheap_trace_t *trace, memheap_trace_name_t kind,
                        uint32_t number, const char *text)
{
    size_t length = strlen(text);
    if (!is_ready(trace))
        return;
    put_number(trace, ((uint64_t)number << 1 | kind) + 1);
    put_number(trace, length);
    for (size_t part; length > 0; length -= part, text += part) {
        if (trace->used == trace->window_size && !move_window(trace))
            return;
        part = memheap_min(length, trace->window_size - trace->used);
        memcpy(trace->window + trace->used, text, part);
        trace->used += part;
    }
}

size_t memheap_trace_size(const memheap_trace_t *trace)
{
    return sizeof(*trace) + memheap_hashmap_size(&trace->numbers);
}

/* Open and lock the file. */
static bool open_file(memheap_trace_t *trace)
{
    const uint8_t version = trace->labelled ? '2' : '1';
    const uint8_t head[MAGIC_SIZE + COUNT_SIZE] = {
        'S', 'H', 'T', version, '\n', 0x80, 0x80, 0x80, 0x80, 0};
    struct stat file;
    const char *problem;
    trace->fd = memheap_output_open(trace->path, O_RDWR, &problem);
    if (trace->fd < 0) {
        warn(trace, problem);
        return false;
    }
    if (fstat(trace->fd, &file) != 0)
        problem = strerror(errno);
    else if (!S_ISREG(file.st_mode))
        problem = "it is not a regular file";
    else if (flock(trace->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        problem = "another heap writes it; use %h (the heap) and %p (the "
                  "process) in the name";
    else if (ftruncate(trace->fd, 0) != 0)
        problem = strerror(errno);
    if (problem != NULL) {
        warn(trace, problem);
        close(trace->fd);
        trace->fd = -1;
        return false;
    }
    uint8_t *first = map_part(trace, 0, page_size());
    if (first == NULL) {
        warn(trace, strerror(errno));
        end_file(trace);
        return false;
    }
    memcpy(first, head, sizeof(head));
    trace->count = first + MAGIC_SIZE;
    trace->used = sizeof(head);
    return move_window(trace);
}

memheap_trace_t *memheap_trace_open(const char *path, const char *name,
                                    bool labelled,
                                    const memheap_memory_t *memory,
                                    const memheap_log_t *log)
{
    memheap_trace_t *trace = memheap_memory_new(memory, sizeof(*trace));
    if (trace == NULL ||
        memheap_hashmap_open(&trace->numbers, memory) != MEMHEAP_OK) {
        memheap_log_write(log, MEMHEAP_LOG_WARNING,
                          "MEMHEAP_TRACE: no memory for a trace");
        goto err_trace;
    }
    trace->process = memheap_fork_guard_get();
    trace->memory = memory;
    trace->log = log;
    trace->labelled = labelled;
    memheap_path_expand(path, name, trace->path, sizeof(trace->path));
    size_t length = strlen(trace->path);
    trace->compress =
        length > 3 && strcmp(trace->path + length - 3, ".xz") == 0;
    if (trace->compress)
        trace->path[length - 3] = '\0';
    if (open_file(trace))
        return trace;
    memheap_hashmap_close(&trace->numbers);

err_trace:
    if (trace != NULL)
        memheap_memory_delete(memory, trace, sizeof(*trace));
    return NULL;
}

/* Compress the file with xz(1), which removes the original only on success.
 * That tells the outcome even if the program reaps all children. Its path is
 * fixed, as that of addr2line (frames.c). */
static void compress(const memheap_trace_t *trace)
{
    char *const no_environment[] = {NULL};
    char *const arguments[] = {
        (char *)(uintptr_t)MEMHEAP_XZ, (char *)(uintptr_t) "-qf",
        (char *)(uintptr_t) "--", (char *)(uintptr_t)trace->path, NULL};
    pid_t child;
    int error = posix_spawn(&child, arguments[0], NULL, NULL, arguments,
                            no_environment);
    if (error == 0) {
        memheap_child_wait(child);
        if (access(trace->path, F_OK) != 0)
            return;
    }
    memheap_log_write(trace->log, MEMHEAP_LOG_WARNING,
                      "MEMHEAP_TRACE: %s is not compressed: xz(1) %s%s%s",
                      trace->path, error == 0 ? "fails" : "cannot be started (",
                      error == 0 ? "" : strerror(error), error == 0 ? "" : ")");
}

void memheap_trace_close(memheap_trace_t *trace)
{
    if (trace == NULL)
        return;
    bool whole = trace->fd >= 0 && memheap_fork_guard_holds(trace->process);
    end_file(trace);
    if (trace->lost > 0)
        memheap_log_write(trace->log, MEMHEAP_LOG_WARNING,
                          "MEMHEAP_TRACE: %s lacks %llu allocations, for lack "
                          "of memory",
                          trace->path, (unsigned long long)trace->lost);
    if (whole && trace->compress)
        compress(trace);
    memheap_hashmap_close(&trace->numbers);
    memheap_memory_delete(trace->memory, trace, sizeof(*trace));
}
