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
    LINE_SIZE = 1100, /* of a line: longer ones are cut */
    CHUNK = 256,      /* bytes that are read in one step */
    PATH_SIZE = 1200
};

/* Reads a file line by line. A heap may grow inside malloc(), and on a small
 * stack, so this takes neither memory nor a large buffer. */
typedef struct reader {
    int fd; /* -1: no file */
    size_t used, at;
    char chunk[CHUNK];
} reader_t;

static reader_t read_begin(const char *path)
{
    return (reader_t){.fd = open(path, O_RDONLY | O_CLOEXEC)};
}

static void read_end(reader_t *reader)
{
    if (reader->fd >= 0)
        close(reader->fd);
}

/* The next byte; -1 at the end of the file. */
static int next_byte(reader_t *reader)
{
    if (reader->at == reader->used && reader->fd >= 0) {
        ssize_t size = read(reader->fd, reader->chunk, CHUNK);
        reader->at = 0;
        reader->used = size > 0 ? (size_t)size : 0;
    }
    return reader->at < reader->used
               ? (unsigned char)reader->chunk[reader->at++]
               : -1;
}

/* Read a line, without its end. Returns false at the end of the file. */
static bool next_line(reader_t *reader, char *line, size_t size)
{
    size_t used = 0;
    int byte = next_byte(reader);
    if (byte < 0)
        return false;
    for (; byte >= 0 && byte != '\n'; byte = next_byte(reader)) {
        if (used + 1 < size)
            line[used++] = (char)byte;
    }
    line[used] = '\0';
    return true;
}

/* The number behind a key at the start of a line; `fallback` if there is none.
 * An empty key is the start of the file. */
static size_t number_in(const char *path, const char *key, size_t fallback)
{
    char line[128];
    size_t length = strlen(key);
    size_t number = fallback;
    reader_t reader = read_begin(path);
    while (next_line(&reader, line, sizeof(line))) {
        if (strncmp(line, key, length) != 0)
            continue;
        char *end;
        unsigned long long value = strtoull(line + length, &end, 10);
        number = end == line + length ? fallback : (size_t)value;
        break;
    }
    read_end(&reader);
    return number;
}

/* The same, for a file of a folder. The path of the folder is extended in place
 * and has PATH_SIZE bytes. */
static size_t number_in_file(char *folder, const char *name, const char *key,
                             size_t fallback)
{
    size_t length = strlen(folder);
    snprintf(folder + length, PATH_SIZE - length, "/%s", name);
    size_t number = number_in(folder, key, fallback);
    folder[length] = '\0';
    return number;
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
    char folder[PATH_SIZE];
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
    char line[LINE_SIZE];
    reader_t reader = read_begin("/proc/self/cgroup");
    while (next_line(&reader, line, sizeof(line))) {
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
    read_end(&reader);
}

void memheap_sysinfo_memory(size_t *total_p, size_t *available_p)
{
    static const char path[] = "/proc/meminfo";
    const size_t unit = 1024;
    size_t total = number_in(path, "MemTotal:", 0) * unit;
    if (total == 0) /* the file cannot be read */
        total = (size_t)sysconf(_SC_PHYS_PAGES) * memheap_page_size();
    size_t available = number_in(path, "MemAvailable:", total / unit) * unit;
    apply_groups(&total, &available);
    *total_p = total;
    *available_p = memheap_min(available, total);
}

size_t memheap_sysinfo_threads(void)
{
    return number_in("/proc/self/status", "Threads:", 0);
}

size_t memheap_sysinfo_pinned(void)
{
    return number_in("/proc/self/status", "VmPin:", 0) * MEMHEAP_KIB;
}

void memheap_sysinfo_huge_pages(size_t page_size, size_t *total_p,
                                size_t *free_p)
{
    char folder[PATH_SIZE];
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
    char text[256];
    char wanted[32];
    reader_t reader = read_begin(path);
    bool found = next_line(&reader, text, sizeof(text));
    read_end(&reader);
    for (; found && *words != NULL; words++) {
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
    return number_in("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "",
                     2 * MEMHEAP_MIB);
}
