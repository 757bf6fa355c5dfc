/*
 * Moves the executable's data segment from private memory into a memory file,
 * and back.
 *
 * The data segment is the executable's writable load segment, without the part
 * that the loader makes read-only (RELRO), rounded to pages. Zero pages are not
 * written to the file, and holes of the file are not read: an array that the
 * program has not touched takes no memory in either direction.
 */
#include "config.h"

#include "comm/data_segment.h"
#include "comm/call.h"
#include "comm/window.h"
#include "base/util.h"

#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* Callback of dl_iterate_phdr(), for the first object: the executable. */
static int find_executable(struct dl_phdr_info *info, size_t size,
                           void *context)
{
    memheap_data_segment_t *data = context;
    size_t start = 0;
    size_t end = 0;
    size_t read_only = 0;
    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        size_t first = header->p_vaddr;
        size_t last = first + header->p_memsz;
        const uint64_t words[] = {header->p_type, first, last};
        data->digest = memheap_digest_bytes(data->digest, words, sizeof(words));
        if (header->p_type == PT_LOAD && (header->p_flags & PF_W) != 0) {
            start = first;
            end = last;
        }
        if (header->p_type == PT_GNU_RELRO)
            read_only = last;
    }
    if (read_only > start && read_only <= end)
        start = read_only;
    start = memheap_align_down(info->dlpi_addr + start, page_size());
    end = memheap_align_up(info->dlpi_addr + end, page_size());
    if (start < end) {
        data->base = (char *)start;
        data->size = end - start;
    }
    return 1;
}

void memheap_data_segment_find(memheap_data_segment_t *data)
{
    *data = (memheap_data_segment_t){.fd = -1};
    dl_iterate_phdr(find_executable, data);
}

/* Copy all nonzero pages. Word by word and without sanitizers, because it also
 * reads the redzones between variables. */
__attribute__((no_sanitize("address", "thread"))) static void
copy_pages(char *dest, const char *source, size_t size)
{
    size_t words = page_size() / sizeof(uint64_t);
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

/* Copy the data of the memory file, without its holes: reading a hole would
 * allocate a page for variables that the program may never have used. */
static void copy_file(char *dest, const memheap_data_segment_t *data)
{
    off_t size = (off_t)data->size;
    off_t end = 0;
    while (end < size) {
        off_t start = lseek(data->fd, end, SEEK_DATA);
        if (start < 0 && errno == ENXIO)
            return; /* only a hole is left */
        if (start < 0)
            start = end;
        end = lseek(data->fd, start, SEEK_HOLE);
        if (end < 0 || end > size)
            end = size;
        copy_pages(dest + start, data->base + start, (size_t)(end - start));
    }
}

memheap_status_t memheap_data_segment_share(memheap_data_segment_t *data,
                                            const memheap_log_t *log)
{
    int fd;
    size_t size = data->size;
    memheap_status_t status =
        memheap_memory_file_create("memheap-data", NULL, size, &fd, log);
    if (status != MEMHEAP_OK)
        return status;
    char *file = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (file == MAP_FAILED)
        goto err_file;
    copy_pages(file, data->base, size);
    if (mmap(data->base, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
             fd, 0) == MAP_FAILED)
        goto err_map;
    munmap(file, size);
    data->fd = fd;
    return MEMHEAP_OK;

err_map:
    munmap(file, size);
err_file:
    memheap_log_write(log, MEMHEAP_LOG_ERROR,
                      "cannot move the program's variables (%zu bytes) to a "
                      "memory file (%s)",
                      size, strerror(errno));
    close(fd);
    return MEMHEAP_ERR_SYSTEM;
}

void memheap_data_segment_unshare(memheap_data_segment_t *data)
{
    if (data->fd < 0)
        return;
    char *copy = mmap(NULL, data->size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (copy == MAP_FAILED)
        return; /* the pages stay shared, which is harmless */
    copy_file(copy, data);
    /* Not mremap(): UCX replaces it by a wrapper that drops the new address. */
    syscall(SYS_mremap, copy, data->size, data->size,
            MREMAP_MAYMOVE | MREMAP_FIXED, data->base);
    close(data->fd);
    data->fd = -1;
}
