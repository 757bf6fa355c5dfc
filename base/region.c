/*
 * Reserves, commits and releases regions (region.h).
 *
 * A step commits at least a quarter of the present size, so a heap that grows
 * to n bytes makes O(log n) system calls. If memory is short, a step commits
 * only what is needed.
 */
#include "config.h"

#include "base/sysinfo.h"
#include "base/numa.h"
#include "base/pages.h"
#include "base/region.h"
#include "base/util.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* The smallest step, so that a small heap commits only once. */
static const size_t min_step = (size_t)16 << 20;

void memheap_region_wrap(memheap_region_t *region, void *base, size_t size)
{
    *region = (memheap_region_t){.kind = MEMHEAP_REGION_FOREIGN,
                                 .base = base,
                                 .size = size,
                                 .committed = size,
                                 .fd = -1,
                                 .sharers = 1,
                                 .unit = memheap_page_size()};
}

static memheap_status_t reserve_failed(const memheap_log_t *log, size_t size)
{
    char text[MEMHEAP_SIZE_TEXT];
    memheap_log_write(log, MEMHEAP_LOG_ERROR,
                      "cannot reserve %s of address space (%s); a smaller "
                      "heap, or a higher limit (ulimit -v), may help",
                      memheap_format_size(text, size), strerror(errno));
    return MEMHEAP_ERR_SYSTEM;
}

/* The private region of reserved addresses. */
static memheap_region_t private_region(char *base, size_t size)
{
    return (memheap_region_t){.kind = MEMHEAP_REGION_PRIVATE,
                              .base = base,
                              .size = size,
                              .fd = -1,
                              .sharers = 1,
                              .unit = memheap_page_size()};
}

memheap_status_t memheap_region_reserve(memheap_region_t *region, size_t size,
                                        const memheap_log_t *log)
{
    size_t rounded = memheap_page_round(size);
    size_t span = rounded + MEMHEAP_REGION_ALIGN;
    if (rounded < size || span < rounded) {
        errno = ENOMEM;
        return reserve_failed(log, size);
    }
    char *start = mmap(NULL, span, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED)
        return reserve_failed(log, size);
    size_t lead =
        memheap_align_up((size_t)start, MEMHEAP_REGION_ALIGN) - (size_t)start;
    if (lead > 0)
        munmap(start, lead);
    munmap(start + lead + rounded, span - lead - rounded);
    *region = private_region(start + lead, rounded);
    return MEMHEAP_OK;
}

memheap_status_t memheap_region_reserve_at(memheap_region_t *region,
                                           void *place, size_t size,
                                           const memheap_log_t *log)
{
    size_t rounded = memheap_page_round(size);
    char *start =
        mmap(place, rounded, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
             -1, 0);
    if (start == place) {
        *region = private_region(start, rounded);
        return MEMHEAP_OK;
    }
    if (start != MAP_FAILED) { /* by an old kernel */
        munmap(start, rounded);
        errno = EEXIST;
    }
    memheap_status_t status =
        errno == EEXIST ? MEMHEAP_ERR_BUSY : MEMHEAP_ERR_SYSTEM;
    memheap_log_write(
        log, MEMHEAP_LOG_ERROR,
        "cannot reserve %zu bytes of address space at %p (%s)", size, place,
        status == MEMHEAP_ERR_BUSY ? "the range is taken" : strerror(errno));
    return status;
}

memheap_status_t memheap_region_share(memheap_region_t *region, void *base,
                                      size_t size, int fd, unsigned sharers,
                                      const memheap_log_t *log)
{
    char text[MEMHEAP_SIZE_TEXT];
    struct rlimit limit;
    /* Above this limit, ftruncate() would raise a signal. */
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < size) {
        memheap_log_write(
            log, MEMHEAP_LOG_ERROR,
            "the limit on file sizes (ulimit -f) is below a heap of %s; raise "
            "it, or set a smaller SHMEM_SYMMETRIC_SIZE",
            memheap_format_size(text, size));
        return MEMHEAP_ERR_SYSTEM;
    }
    if (ftruncate(fd, (off_t)size) != 0 ||
        mmap(base, size, PROT_NONE, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd,
             0) == MAP_FAILED) {
        memheap_log_write(
            log, MEMHEAP_LOG_ERROR, "cannot map a memory file of %s at %p (%s)",
            memheap_format_size(text, size), base, strerror(errno));
        return MEMHEAP_ERR_SYSTEM;
    }
    *region = (memheap_region_t){.kind = MEMHEAP_REGION_SHARED,
                                 .base = base,
                                 .size = size,
                                 .fd = fd,
                                 .sharers = sharers,
                                 .unit = memheap_page_size()};
    return MEMHEAP_OK;
}

/* Bytes that a shared region's file takes; `fallback` if unknown. */
static size_t file_resident(const memheap_region_t *region, size_t fallback)
{
    struct stat info;
    return region->fd >= 0 && fstat(region->fd, &info) == 0
               ? (size_t)info.st_blocks * 512
               : fallback;
}

/* Memory that the node must still provide if this region and those that grow
 * in step with it are committed to target and touched everywhere. */
static size_t demand(const memheap_region_t *region, size_t target)
{
    size_t present = file_resident(region, region->committed);
    present += region->unused;
    size_t missing = target - memheap_min(target, present);
    size_t all;
    return __builtin_mul_overflow(missing, region->sharers, &all) ? SIZE_MAX
                                                                  : all;
}

static memheap_status_t no_memory(const memheap_log_t *log,
                                  const memheap_region_t *region, size_t size,
                                  size_t available)
{
    char heap[MEMHEAP_SIZE_TEXT];
    char wanted[MEMHEAP_SIZE_TEXT];
    char left[MEMHEAP_SIZE_TEXT];
    memheap_log_write(
        log, MEMHEAP_LOG_ERROR,
        "growing to %s would take %s more of this node's memory (%u heap%s), "
        "and %s are left; use fewer processes or smaller blocks, or set "
        "MEMHEAP_OVERCOMMIT=1 if most of it stays untouched",
        memheap_format_size(heap, size),
        memheap_format_size(wanted, demand(region, size)), region->sharers,
        region->sharers == 1 ? "" : "s", memheap_format_size(left, available));
    return MEMHEAP_ERR_NO_MEMORY;
}

/* Memory available to a region. */
static size_t available_memory(const memheap_region_t *region)
{
    const memheap_memory_policy_t *policy = &region->policy;
    memheap_nodes_t nodes;
    size_t total;
    size_t available;
    if (region->overcommit || region->hugetlb)
        return SIZE_MAX;
    memheap_sysinfo_memory(&total, &available);
    if (policy->numa == MEMHEAP_NUMA_NODE &&
        policy->numa_mode == MEMHEAP_MANDATORY &&
        memheap_numa_nodes(&nodes) > 1)
        available =
            memheap_min(available, memheap_numa_available(policy->numa_node));
    return available;
}

/* Make the region accessible up to target. Sets errno on failure. */
static bool make_usable(const memheap_region_t *region, size_t target)
{
    char *start = region->base + region->committed;
    size_t size = target - region->committed;
    if (region->guarded)
        return true;
    if (mprotect(start, size, PROT_READ | PROT_WRITE) != 0)
        return false;
    int error = region->hugetlb ? memheap_pages_populate(start, size) : 0;
    if (error == 0 || error == EINVAL)
        return true;
    mprotect(start, size, PROT_NONE);
    errno = error;
    return false;
}

memheap_status_t memheap_region_commit(memheap_region_t *region, size_t size,
                                       const memheap_log_t *log)
{
    if (size <= region->committed)
        return MEMHEAP_OK;
    if (size > region->size)
        return MEMHEAP_ERR_NO_MEMORY;
    size_t step = memheap_max(min_step, region->committed / 4);
    size_t needed = memheap_align_up(size, region->unit);
    size_t target = memheap_align_up(region->committed + step, region->unit);
    target = memheap_max(needed, target);
    needed = memheap_min(needed, region->size);
    target = memheap_min(target, region->size);

    size_t available = available_memory(region);
    if (demand(region, target) > available)
        target = needed;
    if (demand(region, target) > available)
        return no_memory(log, region, needed, available);
    if (!make_usable(region, target)) {
        char text[MEMHEAP_SIZE_TEXT];
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "the system cannot commit a heap of %s (%s)%s",
                          memheap_format_size(text, target), strerror(errno),
                          region->hugetlb ? "; a control group may allow fewer "
                                            "huge pages than are free"
                                          : "");
        return MEMHEAP_ERR_NO_MEMORY;
    }
    region->committed = target;
    return MEMHEAP_OK;
}

/* Both kinds of advice notify libraries that registered the memory;
 * fallocate() would not. */
memheap_status_t memheap_region_purge(const memheap_region_t *region,
                                      size_t from, size_t to, size_t least,
                                      const memheap_log_t *log)
{
    size_t start = memheap_page_round(from);
    size_t end = memheap_align_down(to, memheap_page_size());
    int advice =
        region->kind == MEMHEAP_REGION_SHARED ? MADV_REMOVE : MADV_DONTNEED;
    if (region->hugetlb || start >= end || end - start < least)
        return MEMHEAP_OK;
    if (madvise(region->base + start, end - start, advice) == 0)
        return MEMHEAP_OK;
    memheap_log_write(log, MEMHEAP_LOG_ERROR,
                      "cannot give pages of the heap back to the system (%s); "
                      "pages locked in memory cannot be given back",
                      strerror(errno));
    return MEMHEAP_ERR_SYSTEM;
}

size_t memheap_region_resident(const memheap_region_t *region, size_t end_used)
{
    if (region->kind == MEMHEAP_REGION_SHARED)
        return file_resident(region, 0);
    enum {
        PAGES = 1024
    };
    unsigned char present[PAGES];
    size_t page = memheap_page_size();
    uintptr_t end =
        (uintptr_t)region->base + memheap_min(end_used, region->committed);
    size_t pages = 0;
    for (uintptr_t at = memheap_align_down((uintptr_t)region->base, page);
         at < end; at += PAGES * page) {
        size_t count = memheap_align_up(end - at, page) / page;
        count = memheap_min(count, PAGES);
        if (mincore((void *)at, count * page, present) != 0)
            continue; /* a caller's range, not entirely mapped */
        for (size_t i = 0; i < count; i++)
            pages += present[i] & 1;
    }
    return pages * page;
}

void memheap_region_release(memheap_region_t *region)
{
    if (region->kind != MEMHEAP_REGION_FOREIGN && region->base != NULL)
        munmap(region->base, region->size);
    if (region->fd >= 0)
        close(region->fd);
    *region = (memheap_region_t){.fd = -1};
}
