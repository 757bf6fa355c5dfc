/*
 * Finds an address range that is free on all PEs, by trying.
 *
 * All PEs know the same list of candidates, which do not overlap and are spread
 * over the address space. Each PE reserves the first, which is nearly always
 * free on all PEs. If it is not, each PE reserves those that are free there.
 * The bit sets of successes are reduced by AND, and the lowest common candidate
 * is kept. So one reduction finds a common range under any address
 * randomization, if the list has one. If it has none, the list is shifted, for
 * a few rounds.
 */
#include "config.h"

#include "comm/range.h"
#include "base/region.h"
#include "base/util.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum {
    CANDIDATES = 64,
    ROUNDS = 8
};

/* The part of the address space for candidates, on 64-bit Linux: above the
 * executable and the sanitizers, below the stack and the libraries. */
static const size_t span_start = (size_t)1 << 44;
static const size_t span_end = (size_t)0x7e << 40;
static const size_t addressable = (size_t)128 << 40;

/* The candidates of one round. */
typedef struct candidates {
    size_t size; /* of the range, aligned */
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

/* Reserve a candidate if it is free. Old kernels ignore MAP_FIXED_NOREPLACE and
 * take the address as a hint. */
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

/* Log which mapping of this process is in the way of the first candidate that
 * is not free. */
static void report_obstacle(const memheap_log_t *log,
                            const candidates_t *candidates, uint64_t reserved,
                            size_t size)
{
    char text[MEMHEAP_SIZE_TEXT];
    char other[MEMHEAP_SIZE_TEXT];
    struct rlimit limit;
    unsigned i = 0;
    if (candidates->count == 0) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "no address range of %s is free on all PEs: the "
                          "machine can address %s, and a heap a part of that; "
                          "set a smaller SHMEM_SYMMETRIC_SIZE",
                          memheap_format_size(text, size),
                          memheap_format_size(other, addressable));
        return;
    }
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "no address range of %s is free on all PEs: a "
                          "process may have %s of address space, and a heap "
                          "takes its size, or 1 GiB if that is more, for each "
                          "PE of the node; raise the limit (ulimit -v)",
                          memheap_format_size(text, size),
                          memheap_format_size(other, limit.rlim_cur));
        return;
    }
    while (i + 1 < candidates->count && (reserved >> i & 1) != 0)
        i++;
    size_t start = (size_t)candidate_at(candidates, i);
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
    for (unsigned step = 0; step <= ROUNDS; step++) {
        candidates = candidates_of(size, step == 0 ? 0 : step - 1);
        if (step == 0)
            candidates.count = candidates.count > 0;
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
