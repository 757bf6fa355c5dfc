/*
 * Moves the executable's data segment from private memory into a memory file,
 * and copies it for a forked child.
 *
 * Each writable load segment of the executable, without the part that the
 * loader makes read-only (RELRO), rounded to pages, is a range. Zero pages are
 * not written to the file, and holes of the file are not read: an array that
 * the program has not touched takes no memory in either direction.
 */
#include "config.h"

#include "comm/data_segment.h"
#include "comm/window.h"
#include "base/huge_pages.h"
#include "base/sysinfo.h"
#include "base/util.h"

#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Add the pages of [start, end) as a range. Ranges come in ascending order; a
 * page that two of them share belongs to the first. */
static void add_range(memheap_data_segment_t *data, size_t start, size_t end,
                      int protection)
{
    start = memheap_align_down(start, memheap_page_size());
    end = memheap_page_round(end);
    if (data->base == NULL)
        data->base = (char *)start;
    size_t from = memheap_max(start - (size_t)data->base, data->size);
    size_t to = end - (size_t)data->base;
    if (from >= to || data->count == MEMHEAP_DATA_RANGES)
        return;
    data->range[data->count++] = (memheap_data_range_t){from, to, protection};
    data->size = to;
}

/* Callback of dl_iterate_phdr(), for the first object: the executable. */
static int find_executable(struct dl_phdr_info *info, size_t size,
                           void *context)
{
    memheap_data_segment_t *data = context;
    const size_t page = memheap_page_size();
    size_t hidden = 0; /* the range that the loader makes read-only */
    size_t hidden_end = 0;
    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        size_t first = header->p_vaddr;
        size_t last = first + header->p_memsz;
        if (header->p_type == PT_GNU_RELRO) {
            hidden = memheap_align_down(info->dlpi_addr + first, page);
            hidden_end = memheap_align_down(info->dlpi_addr + last, page);
        }
    }
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        size_t start = info->dlpi_addr + header->p_vaddr;
        size_t end = start + header->p_memsz;
        int protection = PROT_READ | PROT_WRITE |
                         ((header->p_flags & PF_X) != 0 ? PROT_EXEC : 0);
        if (header->p_type != PT_LOAD || (header->p_flags & PF_W) == 0)
            continue;
        if (start < hidden_end && hidden < end) {
            if (start < hidden)
                add_range(data, start, hidden, protection);
            start = hidden_end;
        }
        if (start < end)
            add_range(data, start, end, protection);
    }
    return 1;
}

void memheap_data_segment_find(memheap_data_segment_t *data)
{
    *data = (memheap_data_segment_t){.fd = -1};
    dl_iterate_phdr(find_executable, data);
}

bool memheap_data_segment_contains(const memheap_data_segment_t *data,
                                   const void *address, size_t size)
{
    size_t offset = (size_t)((uintptr_t)address - (uintptr_t)data->base);
    for (int i = 0; i < data->count; i++) {
        const memheap_data_range_t *range = &data->range[i];
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
static bool is_open(const memheap_data_segment_t *data)
{
    struct stat file;
    return data->fd >= 0 && fstat(data->fd, &file) == 0 &&
           file.st_dev == data->device && file.st_ino == data->inode;
}

/* Copy a range of the memory file, without its holes: reading a hole would
 * allocate a page for variables that the program may never have used. */
static void copy_range(char *dest, const memheap_data_segment_t *data,
                       const memheap_data_range_t *range)
{
    off_t lead = (off_t)data->lead;
    off_t to = lead + (off_t)range->to;
    off_t end = lead + (off_t)range->from;
    bool open = is_open(data);
    while (end < to) {
        off_t start = open ? lseek(data->fd, end, SEEK_DATA) : end;
        if (start < 0 && errno == ENXIO)
            return; /* only a hole is left */
        if (start < 0)
            start = end;
        end = open ? lseek(data->fd, start, SEEK_HOLE) : to;
        if (end < 0 || end > to)
            end = to;
        if (start < end)
            copy_pages(dest + start - lead, data->base + start - lead,
                       (size_t)(end - start));
    }
}

/* Copy all ranges to a new file, and map it in their place. */
static memheap_status_t move_to(memheap_data_segment_t *data, int fd)
{
    char *file = mmap(NULL, data->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                      (off_t)data->lead);
    if (file == MAP_FAILED)
        return MEMHEAP_ERR_SYSTEM;
    memheap_status_t status = MEMHEAP_OK;
    for (int i = 0; i < data->count && status == MEMHEAP_OK; i++) {
        const memheap_data_range_t *range = &data->range[i];
        char *start = data->base + range->from;
        size_t size = range->to - range->from;
        copy_pages(file + range->from, start, size);
        if (mmap(start, size, range->protection, MAP_SHARED | MAP_FIXED, fd,
                 (off_t)(data->lead + range->from)) == MAP_FAILED)
            status = MEMHEAP_ERR_SYSTEM;
        else if (data->moved == i)
            data->moved++;
    }
    munmap(file, data->size);
    return status;
}

memheap_status_t memheap_data_segment_move(memheap_data_segment_t *data,
                                           const memheap_log_t *log)
{
    int fd;
    struct stat file = {0};
    sigset_t all;
    sigset_t before;
    size_t huge = memheap_sysinfo_transparent_huge_size();
    data->lead = data->size < huge ? 0 : (size_t)data->base % huge;
    memheap_status_t status = memheap_memory_file_create(
        "memheap-data", NULL, data->lead + data->size, &fd, log);
    if (status != MEMHEAP_OK)
        return status;
    /* A signal handler may write to variables. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = fstat(fd, &file) == 0 ? move_to(data, fd) : MEMHEAP_ERR_SYSTEM;
    int error = errno;
    if (is_open(data))
        close(data->fd);
    data->fd = fd;
    data->device = file.st_dev;
    data->inode = file.st_ino;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status == MEMHEAP_OK)
        return MEMHEAP_OK;
    close(fd);
    data->fd = -1;
    memheap_log_write(log, MEMHEAP_LOG_ERROR,
                      "cannot move the program's variables (%zu bytes) to a "
                      "memory file (%s)",
                      data->size, strerror(error));
    return status;
}

void memheap_data_segment_back(const memheap_data_segment_t *data)
{
    size_t huge = memheap_sysinfo_transparent_huge_size();
    for (int i = 0; i < data->moved; i++) {
        size_t base = (size_t)data->base;
        size_t first = memheap_align_up(base + data->range[i].from, huge);
        size_t last = memheap_align_down(base + data->range[i].to, huge);
        if (first < last)
            memheap_huge_pages_collapse((char *)first, last - first, huge);
    }
}

bool memheap_data_segment_is_moved(const memheap_data_segment_t *data)
{
    return data->count > 0 && data->moved == data->count && is_open(data);
}

/* Around a fork, memory is mapped by system calls: UCX replaces the functions
 * by wrappers, which take locks that another thread may hold. */
void *memheap_data_segment_copy(const memheap_data_segment_t *data)
{
    if (data->moved == 0)
        return NULL;
    char *copy =
        (char *)syscall(SYS_mmap, NULL, data->size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);
    for (int i = 0; i < data->moved && copy != MAP_FAILED; i++)
        copy_range(copy, data, &data->range[i]);
    return copy;
}

void memheap_data_segment_drop_copy(const memheap_data_segment_t *data,
                                    void *copy)
{
    if (copy != NULL && copy != MAP_FAILED)
        syscall(SYS_munmap, copy, data->size);
}

void memheap_data_segment_use_copy(memheap_data_segment_t *data, void *copy)
{
    for (int i = 0; i < data->moved; i++) {
        const memheap_data_range_t *range = &data->range[i];
        char *start = data->base + range->from;
        size_t size = range->to - range->from;
        syscall(SYS_mremap, (char *)copy + range->from, size, size,
                MREMAP_MAYMOVE | MREMAP_FIXED, start);
        if ((range->protection & PROT_EXEC) != 0)
            mprotect(start, size, range->protection);
    }
    syscall(SYS_munmap, copy, data->size); /* what lies between the ranges */
    if (is_open(data))
        close(data->fd);
    data->moved = 0;
    data->fd = -1;
}
