/*
 * Applies memory policies (pages.h) and reads them back.
 *
 * Each function that tries a kind of pages writes the cause of a failure as
 * text. report_unavailable() alone decides whether that is a warning or an
 * error.
 */
#include "config.h"

#include "base/huge_pages.h"
#include "base/pages.h"
#include "base/sysinfo.h"
#include "base/numa.h"
#include "base/util.h"

#include <errno.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE /* libc's headers may be older than 5.14 */
#define MADV_POPULATE_WRITE 23
#endif

enum {
    CAUSE_SIZE = 320,
    HUGE_SHIFT = 26, /* position of a page size's log2 in the flags of mmap() */
    WORD_SIZE = 64
};

static const char mandatory[] = "mandatory:";

/* The values of MEMHEAP_PAGES. */
static const char *const page_words[] = {
    [MEMHEAP_PAGES_UNSET] = "", [MEMHEAP_PAGES_DEFAULT] = "default",
    [MEMHEAP_PAGES_4K] = "4k",  [MEMHEAP_PAGES_THP] = "thp",
    [MEMHEAP_PAGES_2M] = "2m",  [MEMHEAP_PAGES_1G] = "1g"};
/* The values of MEMHEAP_PLACE, without a node's number. */
static const char *const numa_words[] = {[MEMHEAP_NUMA_UNSET] = "",
                                         [MEMHEAP_NUMA_DEFAULT] = "none",
                                         [MEMHEAP_NUMA_LOCAL] = "local",
                                         [MEMHEAP_NUMA_INTERLEAVE] =
                                             "interleave",
                                         [MEMHEAP_NUMA_NODE] = "node:"};

/* Parse a "mandatory:" prefix. Returns the text behind it. */
static const char *parse_mode(const char *text, memheap_policy_mode_t *mode)
{
    size_t length = sizeof(mandatory) - 1;
    bool is = strncasecmp(text, mandatory, length) == 0;
    *mode = is ? MEMHEAP_MANDATORY : MEMHEAP_PREFERRED;
    return is ? text + length : text;
}

/* Index of the word with which a text starts; one does. */
static unsigned find_word(const char *const *words, unsigned count,
                          const char *text)
{
    unsigned i = 1;
    while (i + 1 < count && strncasecmp(words[i], text, strlen(words[i])) != 0)
        i++;
    return i;
}

void memheap_pages_resolve(const memheap_params_t *params,
                           memheap_memory_policy_t *policy)
{
    const char *word;
    /* Huge pages cannot be protected in parts. */
    if (memheap_params_value(params, "MEMHEAP_GUARD")->boolean) {
        policy->pages = MEMHEAP_PAGES_DEFAULT;
        policy->pages_mode = MEMHEAP_PREFERRED;
    }
    if (policy->pages == MEMHEAP_PAGES_UNSET) {
        word = parse_mode(memheap_params_value(params, "MEMHEAP_PAGES")->string,
                          &policy->pages_mode);
        policy->pages = (memheap_page_kind_t)find_word(
            page_words, sizeof(page_words) / sizeof(page_words[0]), word);
    }
    if (policy->numa == MEMHEAP_NUMA_UNSET) {
        word = parse_mode(memheap_params_value(params, "MEMHEAP_PLACE")->string,
                          &policy->numa_mode);
        policy->numa = (memheap_numa_policy_t)find_word(
            numa_words, sizeof(numa_words) / sizeof(numa_words[0]), word);
        if (policy->numa == MEMHEAP_NUMA_NODE) {
            word += strlen(numa_words[MEMHEAP_NUMA_NODE]);
            policy->numa_node = (unsigned)strtoul(word, NULL, 10);
        }
    }
}

const char *memheap_pages_word(memheap_page_kind_t kind)
{
    return page_words[kind];
}

/* Bytes of a page of the huge page pool; 0 for other kinds. */
static size_t hugetlb_page(memheap_page_kind_t kind)
{
    return kind == MEMHEAP_PAGES_2M   ? 2 * MEMHEAP_MIB
           : kind == MEMHEAP_PAGES_1G ? MEMHEAP_GIB
                                      : 0;
}

size_t memheap_pages_unit(const memheap_memory_policy_t *policy)
{
    return memheap_max(hugetlb_page(policy->pages), memheap_page_size());
}

size_t memheap_pages_pool(const memheap_memory_policy_t *policy)
{
    size_t page = hugetlb_page(policy->pages);
    size_t total;
    size_t unused;
    if (page == 0)
        return SIZE_MAX;
    memheap_sysinfo_huge_pages(page, &total, &unused);
    return unused * page;
}

static const char *pages_text(memheap_page_kind_t kind)
{
    static const char *const text[] = {[MEMHEAP_PAGES_UNSET] = "pages",
                                       [MEMHEAP_PAGES_DEFAULT] = "pages",
                                       [MEMHEAP_PAGES_4K] = "small pages",
                                       [MEMHEAP_PAGES_THP] =
                                           "transparent huge pages",
                                       [MEMHEAP_PAGES_2M] = "pages of 2 MiB",
                                       [MEMHEAP_PAGES_1G] = "pages of 1 GiB"};
    return text[kind];
}

static const char *numa_text(const memheap_memory_policy_t *policy, char *text)
{
    if (policy->numa == MEMHEAP_NUMA_NODE)
        snprintf(text, WORD_SIZE, "pages on NUMA node %u", policy->numa_node);
    else if (policy->numa == MEMHEAP_NUMA_INTERLEAVE)
        snprintf(text, WORD_SIZE, "pages on all NUMA nodes in turn");
    else
        snprintf(text, WORD_SIZE, "pages on the node that touches them");
    return text;
}

/* Report that something is not available, and what is used instead. */
static memheap_status_t report_unavailable(const memheap_log_t *log,
                                           const char *what,
                                           memheap_policy_mode_t mode,
                                           const char *cause,
                                           const char *instead)
{
    if (mode == MEMHEAP_MANDATORY)
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "%s are mandatory for a heap, but not available: %s",
                          what, cause);
    else
        memheap_log_write(log, MEMHEAP_LOG_WARNING,
                          "%s are preferred for a heap, but not available: %s; "
                          "using %s",
                          what, cause, instead);
    return mode == MEMHEAP_MANDATORY ? MEMHEAP_ERR_UNSUPPORTED : MEMHEAP_OK;
}

/* Map over a region's range. On failure the range stays reserved. */
static bool map_over(const memheap_region_t *region, int flags, int fd)
{
    if (mmap(region->base, region->size, PROT_NONE, MAP_FIXED | flags, fd, 0) !=
        MAP_FAILED)
        return true;
    int error = errno;
    /* Some kernels unmap the old mapping before they fail. */
    (void)mmap(region->base, region->size, PROT_NONE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
                   MAP_FIXED_NOREPLACE,
               -1, 0);
    errno = error;
    return false;
}

/* Explain why the huge page pool cannot provide a region. */
static void explain_hugetlb(const memheap_region_t *region, size_t page,
                            int error, char *cause)
{
    char folder[96];
    char size[MEMHEAP_SIZE_TEXT];
    size_t total;
    size_t unused;
    snprintf(folder, sizeof(folder), "/sys/kernel/mm/hugepages/hugepages-%zukB",
             page / MEMHEAP_KIB);
    memheap_sysinfo_huge_pages(page, &total, &unused);
    if (access(folder, F_OK) != 0)
        snprintf(cause, CAUSE_SIZE, "the kernel has no such pages (no %s)",
                 folder);
    else
        snprintf(
            cause, CAUSE_SIZE,
            "%s takes %zu of them, and of the %zu in the pool %zu are free "
            "and not reserved (%s); %s/nr_hugepages sets how many there "
            "are",
            memheap_format_size(size, region->size), region->size / page, total,
            unused, strerror(error), folder);
}

/* Back a private region with pages of the pool. */
static bool hugetlb_private(const memheap_region_t *region, int order)
{
    return map_over(
        region, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | order << HUGE_SHIFT,
        -1);
}

/* Replace a shared region's file by one in pages of the pool. */
static bool hugetlb_shared(memheap_region_t *region, int order)
{
    unsigned flags = MFD_CLOEXEC | MFD_HUGETLB;
    int fd = memfd_create("memheap", flags | (unsigned)order << HUGE_SHIFT);
    if (fd < 0)
        return false;
    if (fchmod(fd, S_IRUSR | S_IWUSR) == 0 &&
        ftruncate(fd, (off_t)region->size) == 0 &&
        map_over(region, MAP_SHARED, fd)) {
        close(region->fd);
        region->fd = fd;
        return true;
    }
    int error = errno;
    close(fd);
    map_over(region, MAP_SHARED | MAP_NORESERVE, region->fd);
    errno = error;
    return false;
}

/* Return to the system's default pages. */
static void use_default(memheap_region_t *region)
{
    region->unit = memheap_page_size();
    region->hugetlb = false;
    region->policy.pages = MEMHEAP_PAGES_DEFAULT;
}

static bool use_hugetlb(memheap_region_t *region, char *cause)
{
    size_t page = hugetlb_page(region->policy.pages);
    int order = (int)memheap_log2_floor(page);
    bool done = region->kind == MEMHEAP_REGION_SHARED
                    ? hugetlb_shared(region, order)
                    : hugetlb_private(region, order);
    if (!done) {
        explain_hugetlb(region, page, errno, cause);
        return false;
    }
    region->unit = page;
    region->hugetlb = true;
    return true;
}

/* Whether the system's settings let a first touch take a huge page. */
static bool thp_allowed(const char *word)
{
    return strcmp(word, "never") != 0 && strcmp(word, "deny") != 0 &&
           strcmp(word, "unknown") != 0;
}

/* A memory file gets huge pages on request too, whatever the settings say. */
static bool use_thp(memheap_region_t *region, char *cause)
{
    bool shared = region->kind == MEMHEAP_REGION_SHARED;
    const char *word = shared ? memheap_sysinfo_transparent_huge_files()
                              : memheap_sysinfo_transparent_huge();
    char size[MEMHEAP_SIZE_TEXT];
    size_t huge = memheap_sysinfo_transparent_huge_size();
    bool allowed = thp_allowed(word);
    int error = allowed || !shared ? 0 : memheap_huge_pages_try();
    if (prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1)
        snprintf(cause, CAUSE_SIZE,
                 "this process has them disabled (PR_SET_THP_DISABLE)");
    else if (!allowed && (!shared || error != 0))
        snprintf(cause, CAUSE_SIZE,
                 "/sys/kernel/mm/transparent_hugepage/%s is %s%s%s%s",
                 shared ? "shmem_enabled" : "enabled", word,
                 shared ? ", and the kernel has none on request (" : "",
                 shared ? strerror(error) : "", shared ? ")" : "");
    else if (region->size < huge)
        snprintf(cause, CAUSE_SIZE, "a heap below %s has room for none",
                 memheap_format_size(size, huge));
    else if (allowed && madvise(region->base, region->size, MADV_HUGEPAGE) != 0)
        snprintf(cause, CAUSE_SIZE, "the kernel rejects them (%s)",
                 strerror(errno));
    else
        return true;
    return false;
}

/* A kernel without transparent huge pages returns EINVAL, and has small pages
 * only. */
static bool use_small(memheap_region_t *region, char *cause)
{
    if (madvise(region->base, region->size, MADV_NOHUGEPAGE) == 0 ||
        errno == EINVAL)
        return true;
    snprintf(cause, CAUSE_SIZE, "the kernel rejects the advice (%s)",
             strerror(errno));
    return false;
}

static memheap_status_t apply_pages(memheap_region_t *region,
                                    const memheap_log_t *log)
{
    char cause[CAUSE_SIZE];
    char instead[2 * WORD_SIZE];
    bool done = true;
    memheap_memory_policy_t policy = region->policy;
    switch (policy.pages) {
    case MEMHEAP_PAGES_UNSET:
    case MEMHEAP_PAGES_DEFAULT:
        break;
    case MEMHEAP_PAGES_4K:
        done = use_small(region, cause);
        break;
    case MEMHEAP_PAGES_THP:
        done = use_thp(region, cause);
        break;
    case MEMHEAP_PAGES_2M:
    case MEMHEAP_PAGES_1G:
        done = use_hugetlb(region, cause);
        break;
    }
    if (!done)
        use_default(region);
    if (region->policy.pages == MEMHEAP_PAGES_DEFAULT ||
        region->policy.pages == MEMHEAP_PAGES_THP)
        memheap_huge_pages_enable(region);
    if (done)
        return MEMHEAP_OK;
    snprintf(instead, sizeof(instead),
             "the system's pages (%zu bytes; transparent huge ones: %s)",
             memheap_page_size(),
             region->kind == MEMHEAP_REGION_SHARED
                 ? memheap_sysinfo_transparent_huge_files()
                 : memheap_sysinfo_transparent_huge());
    return report_unavailable(log, pages_text(policy.pages), policy.pages_mode,
                              cause, instead);
}

int memheap_pages_populate(char *address, size_t size)
{
    return madvise(address, size, MADV_POPULATE_WRITE) == 0 ? 0 : errno;
}

/* Populate a region in the pool that one node shall provide: the reservation
 * does not name the node. */
static int populate_all(const memheap_region_t *region)
{
    int error = ENOMEM;
    if (mprotect(region->base, region->size, PROT_READ | PROT_WRITE) == 0)
        error = memheap_pages_populate(region->base, region->size);
    mprotect(region->base, region->size, PROT_NONE);
    return error;
}

/* Populate from a mandatory node, if it has enough pages of the pool. */
static bool populate_on_node(const memheap_region_t *region, char *cause)
{
    unsigned node = region->policy.numa_node;
    size_t unused = memheap_numa_huge_pages(node, region->unit);
    size_t needed = region->size / region->unit;
    int error = unused < needed ? ENOMEM : populate_all(region);
    if (error == 0)
        return true;
    char size[MEMHEAP_SIZE_TEXT];
    snprintf(cause, CAUSE_SIZE,
             "%zu pages of %s are needed there, and %zu are free (%s)", needed,
             memheap_format_size(size, region->unit), unused, strerror(error));
    return false;
}

static memheap_status_t apply_numa(memheap_region_t *region,
                                   const memheap_log_t *log)
{
    memheap_memory_policy_t *policy = &region->policy;
    memheap_nodes_t nodes;
    char cause[CAUSE_SIZE];
    char what[WORD_SIZE];
    char list[128];
    if (policy->numa == MEMHEAP_NUMA_UNSET ||
        policy->numa == MEMHEAP_NUMA_DEFAULT)
        return MEMHEAP_OK;
    memheap_numa_nodes(&nodes);
    if (policy->numa == MEMHEAP_NUMA_NODE &&
        !memheap_nodes_has(&nodes, policy->numa_node)) {
        snprintf(cause, sizeof(cause),
                 "the system has no node %u for this process (it has: %s)",
                 policy->numa_node,
                 memheap_numa_text(&nodes, list, sizeof(list)));
    } else {
        int error = memheap_numa_set(region->base, region->size, policy->numa,
                                     policy->numa_node, policy->numa_mode);
        if (error != 0)
            snprintf(cause, sizeof(cause), "the kernel rejects the policy (%s)",
                     strerror(error));
        else if (!region->hugetlb || policy->numa != MEMHEAP_NUMA_NODE ||
                 policy->numa_mode != MEMHEAP_MANDATORY ||
                 populate_on_node(region, cause))
            return MEMHEAP_OK;
    }
    numa_text(policy, what);
    memheap_policy_mode_t mode = policy->numa_mode;
    policy->numa = MEMHEAP_NUMA_DEFAULT;
    policy->numa_mode = MEMHEAP_PREFERRED;
    return report_unavailable(log, what, mode, cause, "the system's placement");
}

memheap_status_t memheap_pages_apply(memheap_region_t *region,
                                     const memheap_memory_policy_t *policy,
                                     const memheap_log_t *log)
{
    region->policy = *policy;
    memheap_status_t status = apply_pages(region, log);
    return status == MEMHEAP_OK ? apply_numa(region, log) : status;
}

void memheap_pages_advise(const memheap_region_t *region, void *mapping,
                          size_t size)
{
    if (region->policy.pages == MEMHEAP_PAGES_THP)
        madvise(mapping, size, MADV_HUGEPAGE);
    else if (region->policy.pages == MEMHEAP_PAGES_4K)
        madvise(mapping, size, MADV_NOHUGEPAGE);
}

/* Add a counter of one mapping: "Name: 123 kB". */
static void add_counter(const char *line, size_t *resident_p, size_t *huge_p)
{
    static const char *const huge[] = {
        "AnonHugePages:", "ShmemPmdMapped:", "FilePmdMapped:",
        "Shared_Hugetlb:", "Private_Hugetlb:"};
    const char *colon = strchr(line, ':');
    if (colon == NULL)
        return;
    size_t bytes = (size_t)strtoull(colon + 1, NULL, 10) * MEMHEAP_KIB;
    size_t length = (size_t)(colon + 1 - line);
    for (size_t i = 0; i < sizeof(huge) / sizeof(huge[0]); i++) {
        if (strncmp(line, huge[i], length) == 0)
            *huge_p += bytes;
    }
    /* The kernel does not count pages of the pool as resident. */
    if (strncmp(line, "Rss:", length) == 0 ||
        strncmp(line, "Shared_Hugetlb:", length) == 0 ||
        strncmp(line, "Private_Hugetlb:", length) == 0)
        *resident_p += bytes;
}

/* Read the kind of pages from a line about the first mapping of a range. */
static void read_kind(const char *line, memheap_placement_t *placement)
{
    if (strncmp(line, "KernelPageSize:", 15) == 0)
        placement->page_size =
            (size_t)strtoull(line + 15, NULL, 10) * MEMHEAP_KIB;
    if (strncmp(line, "VmFlags:", 8) != 0)
        return;
    if (strstr(line, " ht") != NULL)
        placement->pages = placement->page_size == MEMHEAP_GIB
                               ? MEMHEAP_PAGES_1G
                               : MEMHEAP_PAGES_2M;
    else if (strstr(line, " hg") != NULL)
        placement->pages = MEMHEAP_PAGES_THP;
    else if (strstr(line, " nh") != NULL)
        placement->pages = MEMHEAP_PAGES_4K;
}

memheap_status_t memheap_pages_query(const memheap_region_t *region,
                                     size_t bytes, const void *windows,
                                     size_t windows_size,
                                     memheap_placement_t *placement,
                                     const memheap_log_t *log)
{
    FILE *maps = fopen("/proc/self/smaps", "re");
    if (maps == NULL) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "cannot read the mappings of this process "
                          "(/proc/self/smaps: %s)",
                          strerror(errno));
        return MEMHEAP_ERR_SYSTEM;
    }
    *placement = (memheap_placement_t){.pages = MEMHEAP_PAGES_DEFAULT};
    size_t start = (size_t)region->base;
    char line[512];
    size_t low = 0;
    size_t high = 0;
    while (fgets(line, sizeof(line), maps) != NULL) {
        char dash;
        size_t from;
        size_t to;
        if (sscanf(line, "%zx%c%zx ", &from, &dash, &to) == 3 && dash == '-') {
            low = from;
            high = to;
        } else if (low < start + region->size && high > start) {
            add_counter(line, &placement->resident, &placement->huge);
            if (low <= start)
                read_kind(line, placement);
        } else if (low < (size_t)windows + windows_size &&
                   high > (size_t)windows) {
            add_counter(line, &placement->windows_resident,
                        &placement->windows_huge);
        }
    }
    fclose(maps);
    /* Huge pages on request have no flag, and advice is given by default too.
     */
    if (region->huge.unit > 0)
        placement->pages = region->policy.pages == MEMHEAP_PAGES_THP
                               ? MEMHEAP_PAGES_THP
                               : MEMHEAP_PAGES_DEFAULT;
    memheap_numa_get(region->base, memheap_min(bytes, region->committed),
                     placement);
    return MEMHEAP_OK;
}
