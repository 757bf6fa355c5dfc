/*
 * The file of gauge.h.
 */
#define _GNU_SOURCE /* memfd_create() */
#include "config.h"

#include "memheap/debug/stats_page.h"
#include "base/fork_guard.h"
#include "base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file that nobody can make shorter. -1, with errno set. */
static int make_file(void)
{
    struct rlimit limit;
    errno = EFBIG;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
        limit.rlim_cur < MEMHEAP_STATS_LIST)
        return -1;
    int fd = memfd_create(MEMHEAP_STATS_FILE, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -1;
    if (fchmod(fd, S_IRUSR | S_IWUSR) == 0 &&
        ftruncate(fd, MEMHEAP_STATS_LIST) == 0 &&
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
    memheap_stats_export_t *gauge =
        memheap_memory_new(config->memory, sizeof(*gauge));
    errno = ENOMEM;
    if (gauge == NULL)
        goto err;
    gauge->fd = make_file();
    if (gauge->fd < 0)
        goto err_gauge;
    void *mapped = mmap(NULL, sizeof(*gauge->page), PROT_READ | PROT_WRITE,
                        MAP_SHARED, gauge->fd, 0);
    if (mapped == MAP_FAILED)
        goto err_file;
    gauge->process = memheap_fork_guard_get();
    gauge->memory = config->memory;
    gauge->page = mapped;
    *gauge->page = (memheap_stats_page_t){.magic = MEMHEAP_STATS_MAGIC,
                                          .version = MEMHEAP_STATS_VERSION,
                                          .size = sizeof(*gauge->page),
                                          .process = (int64_t)getpid(),
                                          .file = config->file,
                                          .base = (uintptr_t)config->base,
                                          .pe = -1,
                                          .pes = -1};
    snprintf(gauge->page->name, MEMHEAP_STATS_NAME, "%s", config->name);
    snprintf(gauge->page->component, MEMHEAP_STATS_NAME, "%s",
             config->component);
    return gauge;

err_file:
    close(gauge->fd);
err_gauge:
    memheap_memory_delete(config->memory, gauge, sizeof(*gauge));
err:
    memheap_log_write(config->log, config->level,
                      "MEMHEAP_TOP: the figures of heap \"%s\" cannot be shown "
                      "(%s)",
                      config->name, strerror(errno));
    return NULL;
}

void memheap_stats_export_close(memheap_stats_export_t *gauge)
{
    if (gauge == NULL)
        return;
    munmap(gauge->page, sizeof(*gauge->page));
    close(gauge->fd);
    memheap_memory_delete(gauge->memory, gauge, sizeof(*gauge));
}

void memheap_stats_export_list_begin(memheap_stats_export_t *gauge)
{
    struct rlimit limit;
    gauge->asked = __atomic_load_n(&gauge->page->asked, __ATOMIC_RELAXED);
    gauge->blocks = gauge->tags = 0;
    gauge->end = MEMHEAP_STATS_LIST;
    gauge->used = 0;
    gauge->error = 0;
    gauge->limit = getrlimit(RLIMIT_FSIZE, &limit) == 0 ? limit.rlim_cur : 0;
}

static void flush(memheap_stats_export_t *gauge)
{
    size_t done = 0;
    if (gauge->error == 0 && gauge->limit - gauge->end < gauge->used)
        gauge->error = EFBIG;
    while (done < gauge->used && gauge->error == 0) {
        ssize_t size = pwrite(gauge->fd, gauge->bytes + done,
                              gauge->used - done, (off_t)gauge->end);
        if (size < 0 && errno != EINTR)
            gauge->error = errno;
        done += size < 0 ? 0 : (size_t)size;
        gauge->end += size < 0 ? 0 : (uint64_t)size;
    }
    gauge->used = 0;
}

static void *append(memheap_stats_export_t *gauge, size_t size)
{
    if (sizeof(gauge->bytes) - gauge->used < size)
        flush(gauge);
    gauge->used += size;
    return gauge->bytes + gauge->used - size;
}

void memheap_stats_export_list_add(memheap_stats_export_t *gauge,
                                   const memheap_stats_block_t *block)
{
    memcpy(append(gauge, sizeof(*block)), block, sizeof(*block));
    gauge->blocks++;
}

void memheap_stats_export_list_add_tag(memheap_stats_export_t *gauge,
                                       const char *tag)
{
    char *name = append(gauge, MEMHEAP_TAG_SIZE);
    snprintf(name, MEMHEAP_TAG_SIZE, "%s", tag);
    gauge->tags++;
}

void memheap_stats_export_list_end(memheap_stats_export_t *gauge)
{
    memheap_stats_page_t *page = gauge->page;
    flush(gauge);
    page->listed = page->stats;
    page->blocks = gauge->blocks;
    page->tags = gauge->tags;
    page->error = gauge->error;
    __atomic_store_n(&page->answered, gauge->asked, __ATOMIC_RELEASE);
}
