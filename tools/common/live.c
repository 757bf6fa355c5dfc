/*
 * Finds heaps through /proc.
 */
#include "config.h"

#include "tools/common/live.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    READ_TRIES = 10000, /* attempts to read a page while it is being written */
    WAIT_ENDS_S = 2     /* a wait that was not renewed for longer has ended */
};

/* Get the number of a process in its own PID namespace, which may differ from
 * ours. */
static pid_t own_number(pid_t pid)
{
    char path[64];
    char line[256];
    long own = pid;
    snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "NSpid:", 6) != 0)
            continue;
        char *end = line + 6;
        for (char *next = end; isspace((unsigned char)*end); end = next) {
            long number = strtol(end, &next, 10);
            if (next == end)
                break;
            own = number;
        }
    }
    if (file != NULL)
        fclose(file);
    return (pid_t)own;
}

/* Whether an error means that a process, or what it had open, is not there any
 * more. */
static bool means_ended(int error)
{
    return error == ENOENT || error == ESRCH;
}

/* Copy the stats page. Returns 0; EAGAIN if every attempt met a write in
 * progress, as with a process that was stopped in the middle of one; EINVAL if
 * this is no stats page; or why it cannot be read. */
static int read_page(int fd, memheap_stats_page_t *page)
{
    uint64_t after = 1;
    for (int i = 0; i < READ_TRIES; i++) {
        ssize_t size = pread(fd, page, sizeof(*page), 0);
        if (size == (ssize_t)sizeof(*page))
            size = pread(fd, &after, sizeof(after),
                         (off_t)offsetof(memheap_stats_page_t, sequence));
        if (size != (ssize_t)sizeof(after))
            return size < 0 ? errno : EINVAL;
        if (page->sequence == after && after % 2 == 0)
            break;
        sched_yield();
    }
    page->name[MEMHEAP_STATS_NAME_SIZE - 1] = '\0';
    page->component[MEMHEAP_STATS_NAME_SIZE - 1] = '\0';
    page->wait[MEMHEAP_STATS_WAIT_SIZE - 1] = '\0';
    if (memcmp(page->magic, MEMHEAP_STATS_MAGIC, sizeof(MEMHEAP_STATS_MAGIC)) !=
        0)
        return EINVAL;
    return page->sequence == after && after % 2 == 0 ? 0 : EAGAIN;
}

double live_wait(const live_heap_t *heap)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double now_s = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
    if (heap->page.wait_renewed_ns == 0 ||
        now_s - (double)heap->page.wait_renewed_ns / 1e9 > WAIT_ENDS_S)
        return 0;
    double waits = now_s - (double)heap->page.wait_since_ns / 1e9;
    return waits > 0 ? waits : 0;
}

static bool is_known(const live_t *live, const struct stat *file)
{
    for (size_t i = 0; i < live->count; i++) {
        if (live->heap[i].device == file->st_dev &&
            live->heap[i].inode == file->st_ino)
            return true;
    }
    return false;
}

/* Add the heap of a descriptor. Skip heaps of other users, and heaps that the
 * process inherited through fork(). */
static void add_heap(live_t *live, pid_t pid, int number)
{
    char path[64];
    struct stat file;
    live_heap_t heap = {.pid = pid, .number = number};
    snprintf(path, sizeof(path), "/proc/%ld/fd/%d", (long)pid, number);
    if (stat(path, &file) != 0) {
        live->error = means_ended(errno) ? live->error : errno;
        return;
    }
    if (!S_ISREG(file.st_mode) ||
        (file.st_uid != geteuid() && geteuid() != 0) || is_known(live, &file))
        return;
    heap.fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (heap.fd < 0) {
        live->error = means_ended(errno) ? live->error : errno;
        return;
    }
    heap.device = file.st_dev;
    heap.inode = file.st_ino;
    int error = read_page(heap.fd, &heap.page);
    bool good = error == 0;
    if (good && (heap.page.version != MEMHEAP_STATS_VERSION ||
                 heap.page.size != sizeof(heap.page))) {
        live->strange++;
        good = false;
    }
    if (good && live->count == live->room) {
        size_t room = live->room == 0 ? 16 : live->room * 2;
        void *more = reallocarray(live->heap, room, sizeof(*live->heap));
        good = more != NULL;
        error = good ? 0 : ENOMEM;
        live->heap = good ? more : live->heap;
        live->room = good ? room : live->room;
    }
    if (good && heap.page.pid == own_number(pid))
        live->heap[live->count++] = heap;
    else
        close(heap.fd);
    if (error != 0 && error != EINVAL && error != EAGAIN)
        live->error = error;
}

/* Add all heaps of a process. Returns 0 or an error number. */
static int add_process(live_t *live, pid_t pid)
{
    static const char wanted[] = "/memfd:" MEMHEAP_STATS_FILE;
    char path[64];
    snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return errno == ENOENT ? ESRCH : errno;
    const struct dirent *entry;
    while ((errno = 0, entry = readdir(folder)) != NULL) {
        char target[sizeof(wanted)] = "";
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, target,
                                    sizeof(target) - 1);
        if (length < 0 && errno != EINVAL && !means_ended(errno))
            live->error = errno; /* EINVAL: it is . or .. */
        else if (strcmp(target, wanted) == 0)
            add_heap(live, pid, atoi(entry->d_name));
    }
    int error = means_ended(errno) ? 0 : errno;
    closedir(folder);
    return error;
}

static pid_t parent_of(pid_t pid)
{
    char path[64];
    char line[512];
    int parent = 0;
    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    /* The process name may contain parentheses, so search for the last one. */
    const char *end =
        fgets(line, sizeof(line), file) == NULL ? NULL : strrchr(line, ')');
    if (end == NULL || sscanf(end, ") %*c %d", &parent) != 1)
        parent = 0;
    fclose(file);
    return parent;
}

static bool descends(pid_t pid, const pid_t *roots, size_t count)
{
    for (int depth = 0; pid > 1 && depth < 64; depth++) {
        for (size_t i = 0; i < count; i++) {
            if (pid == roots[i])
                return true;
        }
        pid = parent_of(pid);
    }
    return false;
}

int live_find(live_t *live, live_scope_t scope, const pid_t *pids, size_t count,
              pid_t *bad_p)
{
    live->strange = 0;
    live->error = 0;
    for (size_t i = 0; i < count; i++) {
        int error = add_process(live, pids[i]);
        if (error != 0) {
            *bad_p = pids[i];
            return error;
        }
    }
    if (scope == LIVE_PROCESSES)
        return 0;
    DIR *folder = opendir("/proc");
    if (folder == NULL)
        return errno;
    const struct dirent *entry;
    while ((errno = 0, entry = readdir(folder)) != NULL) {
        struct stat process;
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (pid > 0 && (scope == LIVE_USER || descends(pid, pids, count)) &&
            fstatat(dirfd(folder), entry->d_name, &process, 0) == 0 &&
            process.st_uid == geteuid())
            add_process(live, pid);
    }
    live->error = errno == 0 ? live->error : errno;
    closedir(folder);
    return 0;
}

void live_forget(live_t *live, size_t index)
{
    close(live->heap[index].fd);
    live->count--;
    memmove(&live->heap[index], &live->heap[index + 1],
            (live->count - index) * sizeof(*live->heap));
}

void live_close(live_t *live)
{
    while (live->count > 0)
        live_forget(live, live->count - 1);
    free(live->heap);
    *live = (live_t){.heap = NULL};
}

bool live_read(live_heap_t *heap)
{
    char path[64];
    struct stat file;
    memheap_stats_page_t page;
    snprintf(path, sizeof(path), "/proc/%ld/fd/%d", (long)heap->pid,
             heap->number);
    if (heap->gone)
        return false;
    errno = ENOENT; /* if it is another file now */
    if (stat(path, &file) != 0 || file.st_dev != heap->device ||
        file.st_ino != heap->inode) {
        heap->gone = true;
        heap->error = means_ended(errno) ? 0 : errno;
        return false;
    }
    int error = read_page(heap->fd, &page);
    if (error == 0)
        heap->page = page;
    heap->gone = error != 0 && error != EAGAIN;
    heap->error = error == EINVAL ? 0 : error;
    return !heap->gone;
}

/* Get the resident bytes of an address range of a process. */
static size_t resident_in(pid_t pid, uint64_t base, size_t size)
{
    char path[64];
    char line[512];
    uint64_t overlap = 0;
    size_t sum = 0;
    snprintf(path, sizeof(path), "/proc/%ld/smaps", (long)pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        uint64_t start;
        uint64_t end;
        size_t kib;
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &start, &end) == 2) {
            uint64_t from = start > base ? start : base;
            uint64_t to = end - base < size ? end : base + size;
            overlap = to > from && end > base ? to - from : 0;
        } else if (overlap > 0 && sscanf(line, "Rss: %zu", &kib) == 1) {
            sum += memheap_min(kib * MEMHEAP_KIB, overlap);
        }
    }
    if (file != NULL)
        fclose(file);
    return sum;
}

void live_complete(memheap_stats_t *stats)
{
    stats->free = stats->size - memheap_min(stats->used, stats->size);
    stats->largest_free = memheap_min(stats->largest_free, stats->free);
    stats->frees = stats->allocations - stats->live_blocks;
    stats->fragmentation = stats->free == 0 ? 0
                                            : 1 - (double)stats->largest_free /
                                                      (double)stats->free;
}

void live_stats(const live_heap_t *heap, memheap_stats_t *stats)
{
    char path[64];
    struct stat file;
    *stats = heap->page.stats;
    live_complete(stats);
    snprintf(path, sizeof(path), "/proc/%ld/fd/%ld", (long)heap->pid,
             (long)heap->page.heap_fd);
    if (heap->gone)
        stats->resident = 0;
    else if (heap->page.heap_fd >= 0 && stat(path, &file) == 0)
        stats->resident = (size_t)file.st_blocks * 512;
    else
        stats->resident =
            resident_in(heap->pid, heap->page.base, stats->high_water);
}

int live_pe(const live_t *live, const live_heap_t *heap)
{
    const memheap_stats_page_t *page = &heap->page;
    for (size_t i = 0; i < live->count; i++) {
        const live_heap_t *other = &live->heap[i];
        if (other->pid == heap->pid && other->page.pes > page->pes)
            page = &other->page;
    }
    return (int)page->pe;
}
