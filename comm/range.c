/*
 * Agrees on an address range by trying.
 *
 * All PEs know the same list of candidates, spread over the address space and
 * not overlapping. Each reserves those that are free, without replacing
 * anything; the bit sets of successes are reduced by AND, and the lowest common
 * candidate is kept. So one reduction finds a candidate under any randomisation
 * of addresses, if there is one in the list. Where there is none, the list is
 * shifted and tried again a few times, before all give up together.
 */
#include "config.h"

#include "comm/range.h"
#include "base/region.h"
#include "base/util.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum {
    CANDIDATES = 64,
    ROUNDS = 8
};

/* Where candidates may lie on 64-bit Linux: above what executables and
 * sanitizers take at the low end, below the stack and libraries. */
static const size_t span_start = (size_t)1 << 44;
static const size_t span_end = (size_t)0x7e << 40;

/* The list of candidates of one round. */
typedef struct candidates {
    size_t size; /* of the range, in whole alignments */
    size_t first;
    size_t stride;
    unsigned count;
} candidates_t;

static candidates_t candidates_of(size_t size, unsigned round)
{
    size_t span = span_end - span_start;
    candidates_t candidates = {
        .size = memheap_align_up(size, MEMHEAP_REGION_ALIGN)};
    if (size > span)
        return candidates;
    candidates.count =
        (unsigned)memheap_min(CANDIDATES, span / candidates.size);
    candidates.stride =
        memheap_align_down(span / candidates.count, MEMHEAP_REGION_ALIGN);
    candidates.first =
        span_start + memheap_align_down(candidates.stride / ROUNDS * round,
                                        MEMHEAP_REGION_ALIGN);
    return candidates;
}

static void *candidate_at(const candidates_t *candidates, unsigned i)
{
    return (void *)(candidates->first + i * candidates->stride);
}

/* Reserve a candidate unless something lies there. Old kernels take the address
 * for a hint, and put the mapping elsewhere. */
static bool reserve_candidate(void *candidate, size_t size)
{
    if ((size_t)candidate + size > span_end)
        return false;
    void *mapped =
        mmap(candidate, size, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
             -1, 0);
    if (mapped == MAP_FAILED)
        return false;
    if (mapped != candidate)
        munmap(mapped, size);
    return mapped == candidate;
}

/* Say which mapping of this process is in the way of the first candidate that
 * could not be had. */
static void report_obstacle(const memheap_log_t *log,
                            const candidates_t *candidates, uint64_t reserved,
                            size_t size)
{
    char text[MEMHEAP_SIZE_TEXT];
    unsigned i = 0;
    while (i + 1 < candidates->count && (reserved >> i & 1) != 0)
        i++;
    size_t start =
        candidates->count == 0 ? 0 : (size_t)candidate_at(candidates, i);
    char line[512];
    char obstacle[512] = "no mapping, but the limits of this process";
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        size_t low;
        size_t high;
        if (sscanf(line, "%zx-%zx", &low, &high) == 2 &&
            low < start + candidates->size && high > start) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(obstacle, sizeof(obstacle), "%s", line);
            break;
        }
    }
    if (maps != NULL)
        fclose(maps);
    memheap_log_write(log, MEMHEAP_LOG_ERROR,
                      "no address range of %s is free on all PEs; here, at "
                      "%#zx, this is in the way: %s. A smaller "
                      "SHMEM_SYMMETRIC_SIZE may help",
                      memheap_format_size(text, size), start, obstacle);
}

memheap_status_t memheap_range_reserve(const memheap_job_t *job, size_t size,
                                       const memheap_log_t *log, void **base_p)
{
    candidates_t candidates;
    uint64_t reserved = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        candidates = candidates_of(size, round);
        reserved = 0;
        for (unsigned i = 0; i < candidates.count; i++) {
            if (reserve_candidate(candidate_at(&candidates, i),
                                  candidates.size))
                reserved |= (uint64_t)1 << i;
        }
        uint64_t common = memheap_job_and(job, reserved);
        unsigned chosen =
            common == 0 ? CANDIDATES : (unsigned)__builtin_ctzll(common);
        for (unsigned i = 0; i < candidates.count; i++) {
            if (i != chosen && (reserved >> i & 1) != 0)
                munmap(candidate_at(&candidates, i), candidates.size);
        }
        if (common != 0) {
            char *base = candidate_at(&candidates, chosen);
            if (candidates.size > size)
                munmap(base + size, candidates.size - size);
            *base_p = base;
            return MEMHEAP_OK;
        }
    }
    int pe;
    memheap_job_min(job, (size_t)__builtin_popcountll(reserved), &pe);
    if (pe == job->rank)
        report_obstacle(log, &candidates, reserved, size);
    return MEMHEAP_ERR_SYSTEM;
}
