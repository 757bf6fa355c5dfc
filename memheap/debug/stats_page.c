/*
 * The writer of the stats page.
 */
#define _GNU_SOURCE /* memfd_create() */
#include "config.h"

#include "memheap/debug/stats_page.h"
#include "base/fork_guard.h"
#include "base/text.h"
#include "base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Create a memory file that cannot be made shorter.
 * @return its descriptor; -1, with errno set, if that fails */
static int make_file(void)
{
    struct rlimit limit;
    errno = EFBIG;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
        limit.rlim_cur < MEMHEAP_STATS_LIST_START)
        return -1;
    int fd = memfd_create(MEMHEAP_STATS_FILE, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -1;
    if (fchmod(fd, S_IRUSR | S_IWUSR) == 0 &&
        ftruncate(fd, MEMHEAP_STATS_LIST_START) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

memheap_stats_export_t *
memheap_stats_export_open(const memheap_stats_export_config_t *config)
{
    memheap_stats_export_t *export =
        memheap_memory_new(config->memory, sizeof(*export));
    errno = ENOMEM;
    if (export == NULL)
        goto err;
    export->fd = make_file();
    if (export->fd < 0)
        goto err_export;
    void *mapped = mmap(NULL, sizeof(*export->page), PROT_READ | PROT_WRITE,
                        MAP_SHARED, export->fd, 0);
    if (mapped == MAP_FAILED)
        goto err_file;
    export->owner = memheap_fork_guard_get();
    export->memory = config->memory;
    export->page = mapped;
    *export->page = (memheap_stats_page_t){.magic = MEMHEAP_STATS_MAGIC,
                                           .version = MEMHEAP_STATS_VERSION,
                                           .size = sizeof(*export->page),
                                           .pid = (int64_t)getpid(),
                                           .heap_fd = config->heap_fd,
                                           .base = (uintptr_t)config->base,
                                           .pe = -1,
                                           .pes = -1};
    snprintf(export->page->name, MEMHEAP_STATS_NAME_SIZE, "%s", config->name);
    snprintf(export->page->component, MEMHEAP_STATS_NAME_SIZE, "%s",
             config->component);
    return export;

err_file:
    close(export->fd);
err_export:
    memheap_memory_delete(config->memory, export, sizeof(*export));
err:
    memheap_log_write(
        config->log, config->level,
        "MEMHEAP_TOP: cannot export the statistics of heap \"%s\" "
        "(%s)",
        config->name, strerror(errno));
    return NULL;
}

void memheap_stats_export_close(memheap_stats_export_t *export)
{
    if (export == NULL)
        return;
    munmap(export->page, sizeof(*export->page));
    close(export->fd);
    memheap_memory_delete(export->memory, export, sizeof(*export));
}

void memheap_stats_export_wait(memheap_stats_export_t *export, const char *text,
                               uint64_t since_ns, uint64_t renewed_ns)
{
    memheap_stats_page_t *page = export->page;
    if (page->wait_since_ns != since_ns)
        memheap_text_copy(page->wait, sizeof(page->wait), text);
    __atomic_store_n(&page->wait_since_ns, since_ns, __ATOMIC_RELAXED);
    __atomic_store_n(&page->wait_renewed_ns, renewed_ns, __ATOMIC_RELEASE);
}

memheap_stats_kind_t
memheap_stats_export_list_begin(memheap_stats_export_t *export)
{
    struct rlimit limit;
    export->requested =
        __atomic_load_n(&export->page->list_requested, __ATOMIC_ACQUIRE);
    export->blocks = export->tags = export->sites = 0;
    export->file_end = MEMHEAP_STATS_LIST_START;
    export->error = 0;
    export->file_limit =
        getrlimit(RLIMIT_FSIZE, &limit) == 0 ? limit.rlim_cur : 0;
    return export->page->list_kind == MEMHEAP_STATS_SITES ? MEMHEAP_STATS_SITES
                                                          : MEMHEAP_STATS_ALL;
}

/* Write the buffer to the file. */
static void flush(memheap_stats_export_t *export)
{
    size_t done = 0;
    if (export->error == 0 &&
        export->file_limit - export->file_end < export->buffered)
        export->error = EFBIG;
    while (done < export->buffered && export->error == 0) {
        ssize_t size =
            pwrite(export->fd, export->buffer + done, export->buffered - done,
                   (off_t) export->file_end);
        if (size < 0 && errno != EINTR)
            export->error = errno;
        done += size < 0 ? 0 : (size_t)size;
        export->file_end += size < 0 ? 0 : (uint64_t)size;
    }
    export->buffered = 0;
}

/* Get space in the buffer for size more bytes of the list. */
static void *append(memheap_stats_export_t *export, size_t size)
{
    if (sizeof(export->buffer) - export->buffered < size)
        flush(export);
    export->buffered += size;
    return export->buffer + export->buffered - size;
}

void memheap_stats_export_list_add(memheap_stats_export_t *export,
                                   const memheap_stats_block_t *block)
{
    memcpy(append(export, sizeof(*block)), block, sizeof(*block));
    export->blocks++;
}

void memheap_stats_export_list_add_tag(memheap_stats_export_t *export,
                                       const char *tag)
{
    char *name = append(export, MEMHEAP_TAG_SIZE);
    snprintf(name, MEMHEAP_TAG_SIZE, "%s", tag);
    export->tags++;
}

void memheap_stats_export_list_add_site(memheap_stats_export_t *export,
                                        const memheap_stats_site_t *site)
{
    memcpy(append(export, sizeof(*site)), site, sizeof(*site));
    export->sites++;
}

void memheap_stats_export_list_end(memheap_stats_export_t *export)
{
    memheap_stats_page_t *page = export->page;
    flush(export);
    page->list_stats = page->stats;
    page->list_blocks = export->blocks;
    page->list_tags = export->tags;
    page->list_sites = export->sites;
    page->list_error = export->error;
    __atomic_store_n(&page->list_published, export->requested,
                     __ATOMIC_RELEASE);
}
