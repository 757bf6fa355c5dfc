/*
 * Moves pages into a memory file and back, and copies them for a forked child.
 *
 * Zero pages are not written to the file, and holes of the file are not read:
 * an array that the program has not touched takes no memory in either
 * direction.
 */
#include "config.h"

#include "comm/moved_pages.h"
#include "comm/window.h"
#include "base/huge_pages.h"
#include "base/sysinfo.h"
#include "base/util.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

bool memheap_moved_pages_contains(const memheap_moved_pages_t *pages,
                                  const void *address, size_t size)
{
    size_t offset = (size_t)((uintptr_t)address - (uintptr_t)pages->base);
    for (int i = 0; i < pages->count; i++) {
        const memheap_page_range_t *range = &pages->range[i];
        if (offset >= range->from && offset < range->to)
            return size <= range->to - offset;
    }
    return false;
}

/* Copy all nonzero pages. Word by word and without sanitizers, because it also
 * reads the redzones between variables. */
__attribute__((no_sanitize("address", "thread"))) static void
copy_pages(char *dest, const char *source, size_t size)
{
    size_t words = memheap_page_size() / sizeof(uint64_t);
    volatile uint64_t *to = (volatile uint64_t *)(void *)dest;
    const volatile uint64_t *from =
        (const volatile uint64_t *)(const void *)source;
    for (size_t page = 0; page < size / sizeof(uint64_t); page += words) {
        size_t i = 0;
        while (i < words && from[page + i] == 0)
            i++;
        for (; i < words; i++)
            to[page + i] = from[page + i];
    }
}

/* Whether the memory file is open: the program may have closed it, and may have
 * got its number for another file. */
static bool is_open(const memheap_moved_pages_t *pages)
{
    struct stat file;
    return pages->fd >= 0 && fstat(pages->fd, &file) == 0 &&
           file.st_dev == pages->device && file.st_ino == pages->inode;
}

/* Copy a range of the memory file, without its holes: reading a hole would
 * allocate a page for variables that the program may never have used. */
static void copy_range(char *dest, const memheap_moved_pages_t *pages,
                       const memheap_page_range_t *range)
{
    off_t lead = (off_t)pages->lead;
    off_t to = lead + (off_t)range->to;
    off_t end = lead + (off_t)range->from;
    bool open = is_open(pages);
    while (end < to) {
        off_t start = open ? lseek(pages->fd, end, SEEK_DATA) : end;
        if (start < 0 && errno == ENXIO)
            return; /* only a hole is left */
        if (start < 0)
            start = end;
        end = open ? lseek(pages->fd, start, SEEK_HOLE) : to;
        if (end < 0 || end > to)
            end = to;
        if (start < end)
            copy_pages(dest + start - lead, pages->base + start - lead,
                       (size_t)(end - start));
    }
}

/* Copy all ranges to a new file, and map it in their place. */
static memheap_status_t move_to(memheap_moved_pages_t *pages, int fd)
{
    char *file = mmap(NULL, pages->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                      (off_t)pages->lead);
    if (file == MAP_FAILED)
        return MEMHEAP_ERR_SYSTEM;
    memheap_status_t status = MEMHEAP_OK;
    for (int i = 0; i < pages->count && status == MEMHEAP_OK; i++) {
        const memheap_page_range_t *range = &pages->range[i];
        char *start = pages->base + range->from;
        size_t size = range->to - range->from;
        copy_pages(file + range->from, start, size);
        if (mmap(start, size, range->protection, MAP_SHARED | MAP_FIXED, fd,
                 (off_t)(pages->lead + range->from)) == MAP_FAILED)
            status = MEMHEAP_ERR_SYSTEM;
        else if (pages->moved == i)
            pages->moved++;
    }
    munmap(file, pages->size);
    return status;
}

memheap_status_t memheap_moved_pages_move(memheap_moved_pages_t *pages,
                                          const memheap_log_t *log)
{
    int fd;
    struct stat file = {0};
    sigset_t all;
    sigset_t before;
    size_t huge = memheap_sysinfo_transparent_huge_size();
    pages->lead = pages->size < huge ? 0 : (size_t)pages->base % huge;
    memheap_status_t status = memheap_memory_file_create(
        "memheap-data", NULL, pages->lead + pages->size, &fd, log);
    if (status != MEMHEAP_OK)
        return status;
    /* A signal handler may write to variables. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = fstat(fd, &file) == 0 ? move_to(pages, fd) : MEMHEAP_ERR_SYSTEM;
    int error = errno;
    if (is_open(pages))
        close(pages->fd);
    pages->fd = fd;
    pages->device = file.st_dev;
    pages->inode = file.st_ino;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status == MEMHEAP_OK)
        return MEMHEAP_OK;
    close(fd);
    pages->fd = -1;
    memheap_log_write(log, MEMHEAP_LOG_ERROR,
                      "cannot move %s (%zu bytes) to a memory file (%s)",
                      pages->name, pages->size, strerror(error));
    return status;
}

memheap_status_t memheap_moved_pages_restore(memheap_moved_pages_t *pages,
                                             const memheap_log_t *log)
{
    void *copy = memheap_moved_pages_copy(pages);
    if (copy == MAP_FAILED) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "there is no memory to move %s (%zu bytes) back",
                          pages->name, pages->size);
        return MEMHEAP_ERR_SYSTEM;
    }
    /* UCX watches mmap(), and forgets what it knows of the file's pages. The
     * calls that put the copy in their place are not seen. */
    for (int i = 0; i < pages->moved; i++) {
        const memheap_page_range_t *range = &pages->range[i];
        if (mmap(pages->base + range->from, range->to - range->from,
                 range->protection,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
                 0) == MAP_FAILED) {
            memheap_log_write(log, MEMHEAP_LOG_ERROR,
                              "cannot move %s (%zu bytes) back (%s)",
                              pages->name, pages->size, strerror(errno));
            memheap_moved_pages_drop_copy(pages, copy);
            return MEMHEAP_ERR_SYSTEM;
        }
    }
    if (copy != NULL)
        memheap_moved_pages_use_copy(pages, copy);
    return MEMHEAP_OK;
}

void memheap_moved_pages_back(const memheap_moved_pages_t *pages)
{
    size_t huge = memheap_sysinfo_transparent_huge_size();
    for (int i = 0; i < pages->moved; i++) {
        size_t base = (size_t)pages->base;
        size_t first = memheap_align_up(base + pages->range[i].from, huge);
        size_t last = memheap_align_down(base + pages->range[i].to, huge);
        if (first < last)
            memheap_huge_pages_collapse((char *)first, last - first, huge);
    }
}

bool memheap_moved_pages_is_moved(const memheap_moved_pages_t *pages)
{
    return pages->count > 0 && pages->moved == pages->count && is_open(pages);
}

/* Around a fork, memory is mapped by system calls: UCX replaces the functions
 * by wrappers, which take locks that another thread may hold. */
void *memheap_moved_pages_copy(const memheap_moved_pages_t *pages)
{
    if (pages->moved == 0)
        return NULL;
    char *copy =
        (char *)syscall(SYS_mmap, NULL, pages->size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);
    for (int i = 0; i < pages->moved && copy != MAP_FAILED; i++)
        copy_range(copy, pages, &pages->range[i]);
    return copy;
}

void memheap_moved_pages_drop_copy(const memheap_moved_pages_t *pages,
                                   void *copy)
{
    if (copy != NULL && copy != MAP_FAILED)
        syscall(SYS_munmap, copy, pages->size);
}

void memheap_moved_pages_use_copy(memheap_moved_pages_t *pages, void *copy)
{
    for (int i = 0; i < pages->moved; i++) {
        const memheap_page_range_t *range = &pages->range[i];
        char *start = pages->base + range->from;
        size_t size = range->to - range->from;
        syscall(SYS_mremap, (char *)copy + range->from, size, size,
                MREMAP_MAYMOVE | MREMAP_FIXED, start);
        if ((range->protection & PROT_EXEC) != 0)
            mprotect(start, size, range->protection);
    }
    syscall(SYS_munmap, copy, pages->size); /* what lies between the ranges */
    if (is_open(pages))
        close(pages->fd);
    pages->moved = 0;
    pages->fd = -1;
}
