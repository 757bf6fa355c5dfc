/*
 * The stack depot, and the meaning of return addresses.
 *
 * libc's backtrace() finds the frames. The description of a call site leaves
 * out frames in memheap's own libraries, so it names the line of the program
 * that made the call. dladdr() finds the object of a frame; addr2line(1), run
 * as a process, finds function and line. Without addr2line, the description has
 * the object and the offset in it. Its path is fixed when the library is
 * configured: the caller's PATH may lead elsewhere.
 */
#define _GNU_SOURCE /* dladdr() */
#include "config.h"

#include "memheap/debug/stack_depot.h"
#include <memheap/memheap.h>
#include "base/util.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    TEXT_MAX = 1 << 26,
    PROBES_MAX = 8
};

typedef struct entry {
    uint32_t file_at; /* 1 + offset of the file name; 0: use the frames */
    int line;
    int frames; /* number of return addresses */
    void *frame[MEMHEAP_CALL_SITE_FRAMES];
} entry_t;

/* What the program states about the current call of this thread. */
static _Thread_local struct {
    memheap_stated_site_t site;
    const char *tag;
} current_call;

void memheap_at(const char *file, int line)
{
    current_call.site = (memheap_stated_site_t){file, line};
}

memheap_stated_site_t memheap_stated_site(void)
{
    return current_call.site;
}

const char *memheap_set_tag(const char *tag)
{
    const char *before = current_call.tag;
    current_call.tag = tag;
    return before;
}

const char *memheap_current_tag(void)
{
    return current_call.tag == NULL ? "" : current_call.tag;
}

static entry_t *entry_at(const memheap_stack_depot_t *depot,
                         memheap_call_site_t site)
{
    return (entry_t *)(void *)depot->entries.base + site;
}

memheap_status_t memheap_stack_depot_open(memheap_stack_depot_t *depot,
                                          const memheap_memory_t *memory)
{
    void *frame[1];
    *depot = (memheap_stack_depot_t){0};
    memheap_status_t status = memheap_hashmap_open(&depot->map, memory);
    if (status == MEMHEAP_OK)
        status = memheap_array_open(&depot->entries, memory,
                                    MEMHEAP_CALL_SITES * sizeof(entry_t));
    if (status == MEMHEAP_OK)
        status = memheap_array_open(&depot->text, memory, TEXT_MAX);
    backtrace(frame, 1); /* load the unwinder now, and not in a call */
    return status;
}

void memheap_stack_depot_close(memheap_stack_depot_t *depot)
{
    memheap_hashmap_close(&depot->map);
    memheap_array_close(&depot->entries);
    memheap_array_close(&depot->text);
    *depot = (memheap_stack_depot_t){0};
}

size_t memheap_stack_depot_size(const memheap_stack_depot_t *depot)
{
    return memheap_hashmap_size(&depot->map) + depot->entries.committed +
           depot->text.committed;
}

static uint64_t mix(uint64_t digest, uint64_t word)
{
    digest = (digest ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return digest ^ digest >> 29;
}

static uint64_t digest_of(const entry_t *entry, const char *file)
{
    uint64_t digest = 1;
    if (file != NULL) {
        for (const char *c = file; *c != '\0'; c++)
            digest = mix(digest, (unsigned char)*c);
        return mix(digest, (uint64_t)entry->line) >> 1;
    }
    for (int i = 0; i < entry->frames; i++)
        digest = mix(digest, (uintptr_t)entry->frame[i]);
    return digest >> 1;
}

static bool is_same(const memheap_stack_depot_t *depot,
                    memheap_call_site_t site, const entry_t *entry,
                    const char *file)
{
    const entry_t *other = entry_at(depot, site);
    if (file == NULL)
        return other->file_at == 0 && other->frames == entry->frames &&
               memcmp(other->frame, entry->frame,
                      (size_t)entry->frames * sizeof(void *)) == 0;
    return other->file_at != 0 && other->line == entry->line &&
           strcmp(depot->text.base + other->file_at - 1, file) == 0;
}

/* Add an entry. @return 0 if there is no memory for it */
static memheap_call_site_t add(memheap_stack_depot_t *depot, uint64_t digest,
                               entry_t *entry, const char *file)
{
    size_t length = file == NULL ? 0 : strlen(file) + 1;
    if (depot->count + 2 >= MEMHEAP_CALL_SITES ||
        memheap_hashmap_reserve(&depot->map) != MEMHEAP_OK ||
        memheap_array_ensure(&depot->entries,
                             (depot->count + 2) * sizeof(entry_t)) !=
            MEMHEAP_OK ||
        memheap_array_ensure(&depot->text, depot->text_used + length) !=
            MEMHEAP_OK)
        return 0;
    if (file != NULL) {
        memcpy(depot->text.base + depot->text_used, file, length);
        entry->file_at = (uint32_t)depot->text_used + 1;
        depot->text_used += length;
    }
    memheap_call_site_t site = ++depot->count;
    *entry_at(depot, site) = *entry;
    memheap_hashmap_put(&depot->map, digest, site);
    return site;
}

memheap_call_site_t memheap_stack_depot_capture(memheap_stack_depot_t *depot)
{
    entry_t entry = {.line = current_call.site.line};
    const char *file = current_call.site.file;
    current_call.site.file = NULL;
    if (file == NULL)
        entry.frames = backtrace(entry.frame, MEMHEAP_CALL_SITE_FRAMES);
    uint64_t digest = digest_of(&entry, file);
    for (unsigned i = 0; i < PROBES_MAX; i++, digest++) {
        const uint64_t *site = memheap_hashmap_find(&depot->map, digest);
        if (site == NULL)
            return add(depot, digest, &entry, file);
        if (is_same(depot, (memheap_call_site_t)*site, &entry, file))
            return (memheap_call_site_t)*site;
    }
    return 0;
}

bool memheap_call_site_is_library(const char *object)
{
    static const char *const names[] = {
        "libmemheap.", "libmemheap_", "libc.",      "libuc",
        "libmpi.",     "libopen-",    "liboshmem.", "mca_memheap",
        "libasan.",    "libclang_rt", "vgpreload",  "linux-vdso"};
    const char *name = strrchr(object, '/');
    name = name == NULL ? object : name + 1;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strncmp(name, names[i], strlen(names[i])) == 0)
            return true;
    }
    return false;
}

/* Whether a function is the unwinder that a sanitizer links into a program. */
static bool is_unwinder(const char *name)
{
    return name != NULL && (strcmp(name, "backtrace") == 0 ||
                            strstr(name, "interceptor_backtrace") != NULL);
}

/* An address as addr2line expects it: relative to the object's file. */
static uintptr_t file_address(const Dl_info *object, uintptr_t address)
{
    const ElfW(Ehdr) *header = object->dli_fbase;
    return header->e_type == ET_EXEC ? address
                                     : address - (uintptr_t)object->dli_fbase;
}

/* Run a program and read the first line of its output. @return false if it
 * prints nothing */
static bool read_first_line(char *const argv[], char *line, size_t size)
{
    int pipe_fds[2];
    pid_t child;
    posix_spawn_file_actions_t actions;
    if (pipe(pipe_fds) != 0)
        return false;
    char *const no_environment[] = {NULL};
    bool has_actions = posix_spawn_file_actions_init(&actions) == 0;
    bool started =
        has_actions &&
        posix_spawn_file_actions_adddup2(&actions, pipe_fds[1],
                                         STDOUT_FILENO) == 0 &&
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
                                         1, 0) == 0 &&
        posix_spawn_file_actions_addclose(&actions, pipe_fds[0]) == 0 &&
        posix_spawn(&child, argv[0], &actions, NULL, argv, no_environment) == 0;
    if (has_actions)
        posix_spawn_file_actions_destroy(&actions);
    close(pipe_fds[1]);
    size_t length = 0;
    ssize_t count = 1;
    char discarded[256];
    while (started && (count > 0 || (count < 0 && errno == EINTR))) {
        bool full = length + 1 >= size;
        count = read(pipe_fds[0], full ? discarded : line + length,
                     full ? sizeof(discarded) : size - 1 - length);
        length += full || count < 0 ? 0 : (size_t)count;
    }
    close(pipe_fds[0]);
    while (started && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
    line[length] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return line[0] != '\0';
}

bool memheap_call_site_shorten(const char *line, char *text, size_t size)
{
    const char *at = strstr(line, " at ");
    if (line[0] == '?' || at == NULL || at[4] == '?')
        return false;
    const char *file = strrchr(at, '/');
    const char *end = strstr(at, " (discriminator");
    file = file == NULL ? at + 4 : file + 1;
    size_t length = end == NULL ? strlen(file) : (size_t)(end - file);
    snprintf(text, size, "%.*s at %.*s", (int)(at - line), line, (int)length,
             file);
    return true;
}

static char *describe_frame(const Dl_info *object, uintptr_t address,
                            char *text, size_t size)
{
    char hex[32];
    char line[1024];
    char *path = (char *)(uintptr_t)object->dli_fname;
    uintptr_t file_offset = file_address(object, address);
    snprintf(hex, sizeof(hex), "0x%zx", (size_t)file_offset);
    /* The path of the executable may be relative to another folder. */
    char self[] = "/proc/self/exe";
    char exe[1024];
    if (strchr(path, '/') == NULL || access(path, R_OK) != 0) {
        ssize_t length = readlink(self, exe, sizeof(exe) - 1);
        exe[length < 0 ? 0 : length] = '\0';
        path = exe;
    }
    char *const argv[] = {(char *)(uintptr_t)MEMHEAP_ADDR2LINE,
                          (char *)(uintptr_t) "-fCpe", path, hex, NULL};
    if (read_first_line(argv, line, sizeof(line)) &&
        memheap_call_site_shorten(line, text, size))
        return text;
    const char *name = strrchr(path, '/');
    name = name == NULL ? path : name + 1;
    if (object->dli_sname != NULL)
        snprintf(text, size, "%s+0x%zx in %s", object->dli_sname,
                 (size_t)(address - (uintptr_t)object->dli_saddr), name);
    else
        snprintf(text, size, "%s+%s", name, hex);
    return text;
}

/* The text of a call site that is no return addresses. @return NULL if it is */
static char *describe_stated(const memheap_stack_depot_t *depot,
                             memheap_call_site_t site, char *text, size_t size)
{
    const entry_t *entry = entry_at(depot, site);
    if (site != 0 && entry->file_at == 0 && entry->frames > 0)
        return NULL;
    if (site != 0 && entry->file_at != 0)
        snprintf(text, size, "%s:%d", depot->text.base + entry->file_at - 1,
                 entry->line);
    else
        snprintf(text, size, "an unknown call site");
    return text;
}

int memheap_call_site_copy(const memheap_stack_depot_t *depot,
                           memheap_call_site_t site,
                           uint64_t frame[MEMHEAP_CALL_SITE_FRAMES], char *text,
                           size_t size)
{
    if (describe_stated(depot, site, text, size) != NULL)
        return 0;
    const entry_t *entry = entry_at(depot, site);
    for (int i = 0; i < entry->frames; i++)
        frame[i] = (uintptr_t)entry->frame[i];
    return entry->frames;
}

char *memheap_call_site_describe(const memheap_stack_depot_t *depot,
                                 memheap_call_site_t site, char *text,
                                 size_t size)
{
    if (describe_stated(depot, site, text, size) != NULL)
        return text;
    const entry_t *entry = entry_at(depot, site);
    return memheap_frames_describe(entry->frame, entry->frames, text, size);
}

char *memheap_frames_describe(void *const *frame, int count, char *text,
                              size_t size)
{
    snprintf(text, size, "an unknown call site");
    for (int i = 0; i < count; i++) {
        Dl_info object;
        /* A return address is behind the call instruction. */
        uintptr_t address = (uintptr_t)frame[i] - 1;
        if (dladdr((void *)address, &object) != 0 &&
            !memheap_call_site_is_library(object.dli_fname) &&
            !is_unwinder(object.dli_sname))
            return describe_frame(&object, address, text, size);
    }
    return text;
}
