/*
 * Backs regions with transparent huge pages (huge_pages.h).
 */
#include "config.h"

#include "base/huge_pages.h"
#include "base/pages.h"
#include "base/region.h"
#include "base/sysinfo.h"
#include "base/util.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_COLLAPSE /* libc's headers may be older than 6.1 */
#define MADV_COLLAPSE 25
#endif

enum {
    SHARE = 8,    /* one part of this many in use backs a unit */
    AHEAD = 16,   /* and one part more is backed for small blocks to come */
    PATIENCE = 4, /* failures in sequence */
    MOST_PAGES = 1024
};

void memheap_huge_pages_enable(memheap_region_t *region)
{
    bool asked = region->policy.pages == MEMHEAP_PAGES_THP;
    size_t unit = memheap_sysinfo_transparent_huge_size();
    if (unit == 0 || region->size < unit)
        return;
    region->huge =
        (memheap_huge_pages_t){.unit = unit, .least = asked ? 1 : unit / SHARE};
    region->huge.next = region->huge.least;
    region->unit = unit;
}

int memheap_huge_pages_collapse(char *start, size_t size, size_t unit)
{
    for (size_t at = 0; at < size; at += unit) {
        int error = memheap_pages_populate(start + at, 1);
        if (error != 0)
            return error;
    }
    return madvise(start, size, MADV_COLLAPSE) == 0 ? 0 : errno;
}

/* Whether a region is to get no huge page now. A guarded heap protects pages
 * one by one. With MEMHEAP_OVERCOMMIT, most memory stays untouched. */
static bool is_excluded(const memheap_region_t *region)
{
    return region->guarded ||
           (region->overcommit && region->kind == MEMHEAP_REGION_SHARED &&
            region->policy.pages != MEMHEAP_PAGES_THP);
}

/* Back [start, end), whole units. */
static memheap_status_t back_units(memheap_region_t *region, size_t start,
                                   size_t end, const memheap_log_t *log)
{
    memheap_huge_pages_t *pages = &region->huge;
    char *address = region->base + start;
    if (start >= end || pages->failures >= PATIENCE || is_excluded(region))
        return MEMHEAP_OK;
    int error = 0;
    if (region->kind == MEMHEAP_REGION_SHARED)
        error = memheap_huge_pages_collapse(address, end - start, pages->unit);
    else if (madvise(address, end - start, MADV_HUGEPAGE) != 0)
        error = errno;
    if (error == 0)
        pages->failures = 0;
    else if (error != EAGAIN) /* a few pages are in use by a device */
        pages->failures++;
    if (error == 0 || region->policy.pages != MEMHEAP_PAGES_THP)
        return MEMHEAP_OK;
    bool mandatory = region->policy.pages_mode == MEMHEAP_MANDATORY;
    char text[MEMHEAP_SIZE_TEXT];
    if (mandatory)
        pages->failures = 0; /* the next block is to fail too */
    if (mandatory || pages->failures == 1)
        memheap_log_write(
            log, mandatory ? MEMHEAP_LOG_ERROR : MEMHEAP_LOG_WARNING,
            "transparent huge pages are %s for a heap, but the kernel has none "
            "for %s of it (%s)",
            mandatory ? "mandatory" : "preferred",
            memheap_format_size(text, end - start), strerror(error));
    return mandatory ? MEMHEAP_ERR_NO_MEMORY : MEMHEAP_OK;
}

/* How far to back when small blocks have grown to an end: a part of the stretch
 * ahead, because each request makes the kernel interrupt all processors. */
static size_t ahead(const memheap_huge_pages_t *pages, size_t end)
{
    return memheap_align_down(end + (end - pages->start) / AHEAD, pages->unit);
}

/* Growth reached `next`: back the units that have enough bytes in blocks. */
static memheap_status_t back_growth(memheap_region_t *region, size_t offset,
                                    size_t end, const memheap_log_t *log)
{
    memheap_huge_pages_t *pages = &region->huge;
    const size_t unit = pages->unit;
    if (offset > pages->next) {
        pages->start = offset; /* the block passed over free space */
        pages->has_gaps = true;
    }
    size_t from = memheap_max(pages->start, pages->end);
    size_t first = memheap_align_down(from, unit);
    size_t last = memheap_align_up(end, unit);
    if (memheap_min(end, first + unit) - from < pages->least) {
        pages->has_gaps = true;
        first += unit;
        if (first <= end)
            pages->start = first;
    }
    if (last > first && end - (last - unit) < pages->least)
        last -= unit;
    if (end - offset < unit)
        last = memheap_max(last, ahead(pages, end));
    last = memheap_min(last, memheap_align_down(region->committed, unit));
    memheap_status_t status = back_units(region, first, last, log);
    if (status != MEMHEAP_OK)
        return status;
    if (first < last)
        pages->end = last;
    pages->next = memheap_max(pages->start, pages->end) + pages->least;
    pages->next = memheap_max(pages->next, end + 1);
    return MEMHEAP_OK;
}

/* Whether the kernel would rather copy a unit than clear it: more than one part
 * in SHARE has memory. A unit that is a huge page has too. */
static bool is_resident(const char *start, size_t unit)
{
    unsigned char present[MOST_PAGES];
    size_t page = memheap_page_size();
    size_t count = 0;
    if (unit / page > MOST_PAGES ||
        mincore((void *)(uintptr_t)start, unit, present) != 0)
        return true;
    for (size_t i = 0; i < unit / page; i++)
        count += present[i] & 1;
    return count > unit / page / SHARE;
}

/* Back the units of a block below `next` that have small pages or none. */
static memheap_status_t back_gaps(memheap_region_t *region, size_t offset,
                                  size_t end, const memheap_log_t *log)
{
    const size_t unit = region->huge.unit;
    memheap_status_t status = MEMHEAP_OK;
    size_t last = memheap_align_down(end, unit);
    for (size_t at = memheap_align_up(offset, unit);
         at < last && status == MEMHEAP_OK; at += unit) {
        if (!is_resident(region->base + at, unit))
            status = back_units(region, at, at + unit, log);
    }
    return status;
}

memheap_status_t memheap_huge_pages_back(memheap_region_t *region,
                                         size_t offset, size_t end,
                                         const memheap_log_t *log)
{
    const memheap_huge_pages_t *pages = &region->huge;
    bool grows = end >= pages->next;
    size_t known = grows ? memheap_max(pages->start, pages->end) : end;
    memheap_status_t status = MEMHEAP_OK;
    if (pages->has_gaps)
        status = back_gaps(region, offset, memheap_min(end, known), log);
    return grows && status == MEMHEAP_OK ? back_growth(region, offset, end, log)
                                         : status;
}

void memheap_huge_pages_clip(const memheap_region_t *region, size_t *start_p,
                             size_t *end_p)
{
    const size_t unit = region->huge.unit;
    size_t start = *start_p;
    size_t end = memheap_min(*end_p, region->huge.end);
    if (unit == 0 || start >= end)
        return;
    size_t first = memheap_align_up(start, unit);
    size_t last = memheap_align_down(end, unit);
    if (memheap_min(first, end) - start < unit / 2)
        *start_p = memheap_min(first, end);
    if (*end_p == end && end - memheap_max(last, *start_p) < unit / 2)
        *end_p = memheap_max(last, *start_p);
}

int memheap_huge_pages_try(void)
{
    size_t unit = memheap_sysinfo_transparent_huge_size();
    if (unit == 0)
        return ENOSYS;
    int fd = memfd_create("memheap-try", MFD_CLOEXEC);
    if (fd < 0)
        return errno;
    int error = 0;
    char *range = mmap(NULL, 2 * unit, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED) {
        error = errno;
        close(fd);
        return error;
    }
    char *start = (char *)memheap_align_up((size_t)range, unit);
    if (ftruncate(fd, (off_t)unit) != 0 ||
        mmap(start, unit, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
             0) == MAP_FAILED)
        error = errno;
    else
        error = memheap_huge_pages_collapse(start, unit, unit);
    munmap(range, 2 * unit);
    close(fd);
    return error;
}
