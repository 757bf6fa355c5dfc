/*
 * Creates the symmetric heap of a job: a common address range, a memory file
 * behind it, windows to the files of the node's other PEs, and the heap over
 * it. The PEs agree on the status after each step.
 */
#include "config.h"

#include "comm/symmetric.h"
#include "comm/range.h"
#include "memheap/debug/report.h"
#include "base/sysinfo.h"
#include "base/pages.h"
#include "base/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static void ignore(void *context, memheap_log_level_t level,
                   const char *message)
{
    (void)context;
    (void)level;
    (void)message;
}

static const memheap_log_t silent = {ignore, NULL, MEMHEAP_LOG_ERROR};

/* The warnings of one step. */
typedef struct warnings {
    const memheap_log_t *errors;
    char text[960];
} warnings_t;

static void collect(void *context, memheap_log_level_t level,
                    const char *message)
{
    warnings_t *warnings = context;
    size_t used = strlen(warnings->text);
    if (level != MEMHEAP_LOG_WARNING)
        memheap_log_write(warnings->errors, level, "%s", message);
    else
        snprintf(warnings->text + used, sizeof(warnings->text) - used, "%s%s",
                 used == 0 ? "" : "; ", message);
}

/* Request the pages of the memory policy. PEs may fall back to other pages; the
 * first PE that does so logs it. */
static memheap_status_t request_pages(const memheap_symmetric_config_t *config,
                                      memheap_status_t status,
                                      memheap_region_t *region)
{
    const memheap_memory_policy_t *policy = &config->policy;
    const memheap_log_t *errors = config->heap->log;
    warnings_t warnings = {errors, ""};
    memheap_log_t log = {collect, &warnings, errors->level};
    int pe;
    if (status == MEMHEAP_OK)
        status = memheap_pages_apply(region, policy, &log);
    if (policy->pages == MEMHEAP_PAGES_DEFAULT &&
        policy->numa == MEMHEAP_NUMA_DEFAULT)
        return status; /* no PE has a warning */
    if (memheap_job_min(config->job, warnings.text[0] == '\0', &pe) == 0 &&
        pe == config->job->rank)
        memheap_log_write(config->warnings, MEMHEAP_LOG_WARNING, "%s",
                          warnings.text);
    return status;
}

/* Create this PE's part. The first PE writes the reports of the job. With
 * several PEs, a collective call is slow enough to export the statistics. */
static memheap_status_t create(const memheap_symmetric_config_t *config,
                               unsigned flags, const memheap_region_t *region,
                               memheap_t **heap_p)
{
    const memheap_job_t *job = config->job;
    memheap_config_t heap = *config->heap;
    heap.flags |= flags;
    heap.flags |= job->rank == 0 ? MEMHEAP_JOB_LEADER : 0;
    heap.flags |= job->size > 1 ? MEMHEAP_STATS_EXPORTED : 0;
    memheap_status_t status = memheap_create_over(region, &heap, heap_p);
    if (status == MEMHEAP_OK)
        memheap_set_pe(*heap_p, job->rank, job->size);
    return status;
}

/* Let the heap's access checks cover the windows too. */
static void set_peer_windows(const memheap_symmetric_config_t *config,
                             memheap_t *heap, const memheap_windows_t *windows)
{
    const memheap_job_t *job = config->job;
    const memheap_node_t *node = &job->nodes[job->node_number];
    int stride = config->pe_stride == 0 ? 1 : config->pe_stride;
    memheap_peer_windows_t peers = {.base = windows->base,
                                    .stride = windows->stride,
                                    .count = windows->count,
                                    .pe = config->first_pe + job->rank * stride,
                                    .first_pe =
                                        config->first_pe + node->start * stride,
                                    .pe_stride = node->stride * stride,
                                    .synced = config->synced,
                                    .alone = job->size == 1};
    memheap_set_peer_windows(heap, &peers);
}

memheap_status_t
memheap_symmetric_open(const memheap_symmetric_config_t *config,
                       memheap_symmetric_t *symmetric)
{
    const memheap_job_t *job = config->job;
    const memheap_log_t *log = config->heap->log;
    memheap_windows_t windows = {.base = NULL};
    memheap_region_t region = {.fd = -1};
    memheap_t *heap;
    void *base;
    int fd = -1;
    memheap_status_t status =
        memheap_range_reserve(job, config->limit, log, &base);
    memheap_status_t worst = memheap_job_worst(job, status);
    if (worst != MEMHEAP_OK)
        return worst;
    status = memheap_memory_file_create("memheap", config->folder, 0, &fd, log);
    if (status == MEMHEAP_OK)
        status = memheap_region_share(&region, base, config->limit, fd,
                                      (unsigned)job->machine_size, log);
    status = request_pages(config, status, &region);
    if (region.fd >= 0)
        fd = region.fd;
    if (status == MEMHEAP_OK && config->committed)
        memheap_region_commit(&region, config->limit, &silent);
    worst = memheap_job_worst(job, status);
    if (worst != MEMHEAP_OK)
        goto err_file;
    status = memheap_windows_open(&windows, job, fd, 0, config->limit, log);
    worst = memheap_job_worst(job, status);
    if (worst != MEMHEAP_OK)
        goto err_windows;
    memheap_pages_advise(&region, windows.base,
                         windows.stride * (size_t)windows.count);
    /* If one PE has a sanitizer, all PEs add redzones to blocks. */
    bool checked = memheap_job_min(job, !memheap_has_sanitizer(), NULL) == 0;
    status = create(config, checked ? MEMHEAP_REDZONES : 0, &region, &heap);
    worst = memheap_job_worst(job, status);
    if (worst == MEMHEAP_OK) {
        set_peer_windows(config, heap, &windows);
        *symmetric = (memheap_symmetric_t){heap, base, config->limit, windows};
        return MEMHEAP_OK;
    }
    if (status == MEMHEAP_OK) {
        memheap_end(heap);
        memheap_windows_close(&windows);
        return worst;
    }

err_windows:
    memheap_windows_close(&windows);
err_file:
    munmap(base, config->limit);
    if (fd >= 0)
        close(fd);
    return worst;
}

/* Report the statistics of all PEs, on the first PE. */
static void report_stats(const memheap_job_t *job, memheap_t *heap)
{
    uint64_t mine[MEMHEAP_STAT_COUNT];
    uint64_t *all = NULL;
    memheap_status_t status = MEMHEAP_OK;
    memheap_stats_collect(heap, mine);
    if (job->rank == 0) {
        all = malloc((size_t)job->size * sizeof(mine));
        status = all == NULL ? MEMHEAP_ERR_NO_METADATA : MEMHEAP_OK;
    }
    status = memheap_job_worst(job, status);
    if (status == MEMHEAP_OK)
        memheap_job_gather(job, mine, sizeof(mine), all);
    if (status == MEMHEAP_OK && job->rank == 0) {
        memheap_report_t report = {
            .heap = heap, .pes = job->size, .values = all};
        memheap_report_by_param(&report, memheap_get_log(heap));
    }
    free(all);
}

bool memheap_symmetric_report(const memheap_job_t *job, memheap_t *heap)
{
    const memheap_params_t *params = memheap_get_params(heap);
    const char *how = memheap_params_find(params, "MEMHEAP_REPORT")->text;
    if (how[0] != '\0' && strcmp(how, "0") != 0)
        report_stats(job, heap);
    memheap_stats_t stats;
    memheap_get_stats(heap, &stats);
    if (!memheap_params_value(params, "MEMHEAP_LEAKS")->boolean ||
        stats.live_blocks == 0)
        return false;
    if (job->rank == 0)
        memheap_report_leaks(heap);
    return true;
}

void memheap_symmetric_close(memheap_symmetric_t *symmetric)
{
    memheap_windows_close(&symmetric->windows);
    if (symmetric->heap != NULL)
        memheap_end(symmetric->heap);
    *symmetric = (memheap_symmetric_t){.heap = NULL};
}

/* A PE's share of the machine's memory; or of its pool of huge pages, if the
 * policy asks for them and each PE gets some or huge pages are required. */
static size_t fair_share(const memheap_job_t *job,
                         const memheap_memory_policy_t *policy)
{
    size_t pes = (size_t)job->machine_size;
    size_t pool = memheap_pages_pool(policy);
    size_t total;
    size_t available;
    memheap_sysinfo_memory(&total, &available);
    if (pool != SIZE_MAX) {
        size_t share =
            memheap_align_down(pool / pes, memheap_pages_unit(policy));
        pool = memheap_job_min(job, share, NULL);
    }
    if (pool == 0 && policy->pages_mode == MEMHEAP_PREFERRED)
        pool = SIZE_MAX;
    return memheap_min(total / pes, pool);
}

/* Memcheck stores shadow memory for the range, and has less address space. */
static const size_t memcheck_share = MEMHEAP_GIB;

size_t memheap_symmetric_share(const memheap_job_t *job,
                               const memheap_memory_policy_t *policy)
{
    size_t unit = memheap_pages_unit(policy);
    size_t pes = (size_t)job->machine_size;
    size_t share = fair_share(job, policy);
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        share = memheap_min(share, limit.rlim_cur / 2 / (pes + 2));
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0)
        share = memheap_min(share, limit.rlim_cur);
    if (memheap_has_memcheck())
        share = memheap_min(share, memcheck_share);
    share = memheap_job_min(job, share, NULL);
    return memheap_max(memheap_align_down(share, unit), unit);
}
