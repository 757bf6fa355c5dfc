/*
 * Reads /proc and /sys.
 *
 * A missing file imposes no limit. Control groups of both versions are read,
 * each group up to the root, because a limit applies to all groups below.
 */
#include "config.h"

#include "base/sysinfo.h"
#include "base/util.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FILE_SIZE = 8192
};

/* Read the start of a file as a string. Returns false on failure. */
static bool read_text(const char *path, char *text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t size = read(fd, text, FILE_SIZE - 1);
    close(fd);
    if (size < 0)
        return false;
    text[size] = '\0';
    return true;
}

/* The number behind a key at the start of a line; `fallback` if there is none.
 * An empty key is the start of the text. */
static size_t number_of(const char *text, const char *key, size_t fallback)
{
    size_t length = strlen(key);
    for (const char *line = text; line != NULL;) {
        if (strncmp(line, key, length) == 0) {
            char *end;
            unsigned long long value = strtoull(line + length, &end, 10);
            return end == line + length ? fallback : (size_t)value;
        }
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return fallback;
}

static size_t number_in_file(const char *folder, const char *name,
                             const char *key, size_t fallback)
{
    char path[1400];
    char text[FILE_SIZE];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return read_text(path, text) ? number_of(text, key, fallback) : fallback;
}

/* File names of one version of control groups. */
typedef struct group_files {
    const char *root;
    const char *limit;
    const char *usage;
    const char *cache_key;
} group_files_t;

/* Apply the limits of a group and of all groups above it. Cached file pages
 * count as used there, but the kernel frees them on demand. */
static void apply_group(const group_files_t *files, const char *group,
                        size_t *total_p, size_t *available_p)
{
    char folder[1200];
    snprintf(folder, sizeof(folder), "%s%s", files->root, group);
    for (;;) {
        size_t limit = number_in_file(folder, files->limit, "", SIZE_MAX);
        size_t usage = number_in_file(folder, files->usage, "", 0);
        size_t cache =
            number_in_file(folder, "memory.stat", files->cache_key, 0);
        usage -= memheap_min(usage, cache);
        *total_p = memheap_min(*total_p, limit);
        *available_p =
            memheap_min(*available_p, limit - memheap_min(limit, usage));
        char *slash = strrchr(folder, '/');
        if (slash == NULL || strlen(folder) <= strlen(files->root))
            return;
        *slash = '\0';
    }
}

/* Find the groups of this process: "0::/path" is version 2, "N:memory:/path"
 * the memory controller of version 1. */
static void apply_groups(size_t *total_p, size_t *available_p)
{
    static const group_files_t version2 = {"/sys/fs/cgroup", "memory.max",
                                           "memory.current", "inactive_file "};
    static const group_files_t version1 = {
        "/sys/fs/cgroup/memory", "memory.limit_in_bytes",
        "memory.usage_in_bytes", "total_inactive_file "};
    char text[FILE_SIZE];
    if (!read_text("/proc/self/cgroup", text))
        return;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *controllers = strchr(line, ':');
        char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
        if (group == NULL || strlen(group) > 1024)
            continue;
        *group++ = '\0';
        if (strcmp(line, "0:") == 0)
            apply_group(&version2, group, total_p, available_p);
        else if (strstr(controllers, "memory") != NULL)
            apply_group(&version1, group, total_p, available_p);
    }
}

void memheap_sysinfo_memory(size_t *total_p, size_t *available_p)
{
    char text[FILE_SIZE];
    size_t total = SIZE_MAX;
    size_t available = SIZE_MAX;
    if (read_text("/proc/meminfo", text)) {
        size_t unit = 1024;
        total = number_of(text, "MemTotal:", SIZE_MAX / unit) * unit;
        available = number_of(text, "MemAvailable:", total / unit) * unit;
    }
    apply_groups(&total, &available);
    *total_p = total;
    *available_p = memheap_min(available, total);
}

size_t memheap_sysinfo_threads(void)
{
    return number_in_file("/proc/self", "status", "Threads:", 0);
}

void memheap_sysinfo_huge_pages(size_t page_size, size_t *total_p,
                                size_t *free_p)
{
    char folder[96];
    snprintf(folder, sizeof(folder), "/sys/kernel/mm/hugepages/hugepages-%zukB",
             page_size / MEMHEAP_KIB);
    *total_p = number_in_file(folder, "nr_hugepages", "", 0);
    size_t unused = number_in_file(folder, "free_hugepages", "", 0);
    size_t promised = number_in_file(folder, "resv_hugepages", "", 0);
    *free_p = unused - memheap_min(unused, promised);
}

/* The word in brackets in a file, of a list terminated by NULL. */
static const char *chosen_word(const char *path, const char *const *words)
{
    char text[FILE_SIZE];
    char wanted[32];
    if (!read_text(path, text))
        return "unknown";
    for (; *words != NULL; words++) {
        snprintf(wanted, sizeof(wanted), "[%s]", *words);
        if (strstr(text, wanted) != NULL)
            return *words;
    }
    return "unknown";
}

const char *memheap_sysinfo_transparent_huge(void)
{
    static const char *const words[] = {"always", "madvise", "never", NULL};
    return chosen_word("/sys/kernel/mm/transparent_hugepage/enabled", words);
}

const char *memheap_sysinfo_transparent_huge_files(void)
{
    static const char *const words[] = {
        "always", "within_size", "advise", "never", "deny", "force", NULL};
    return chosen_word("/sys/kernel/mm/transparent_hugepage/shmem_enabled",
                       words);
}

size_t memheap_sysinfo_transparent_huge_size(void)
{
    return number_in_file("/sys/kernel/mm/transparent_hugepage",
                          "hpage_pmd_size", "", 2 * MEMHEAP_MIB);
}
