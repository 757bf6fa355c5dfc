/*
 * The depot of site.h, and what addresses mean.
 *
 * The unwinder of libc finds the frames. Those of memheap's own libraries are
 * left out when a site is described, so what is named first is the line of the
 * program that called. The object that a frame lies in is asked of the dynamic
 * linker, function and line of addr2line(1), which runs as a process of its
 * own; where there is none, the object and the distance from its start remain.
 */
#define _GNU_SOURCE /* dladdr() */
#include "config.h"

#include "memheap/debug/stack_depot.h"
#include <memheap/memheap.h>
#include "base/util.h"

#include <dlfcn.h>
#include <elf.h>
#include <execinfo.h>
#include <link.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ENTRIES_MAX = 1 << 22,
    TEXT_MAX = 1 << 26,
    PROBES = 8
};

typedef struct entry {
    uint32_t file; /* where its name is in the text, plus one; 0: see frames */
    int line;
    int frames;
    void *frame[MEMHEAP_CALL_SITE_FRAMES];
} entry_t;

/* What the thread says of the call that it is in. */
static _Thread_local struct {
    const char *file;
    int line;
    const char *tag;
} here;

void memheap_at(const char *file, int line)
{
    here.file = file;
    here.line = line;
}

const char *memheap_set_tag(const char *tag)
{
    const char *before = here.tag;
    here.tag = tag;
    return before;
}

const char *memheap_current_tag(void)
{
    return here.tag == NULL ? "" : here.tag;
}

static entry_t *entry_at(const memheap_stack_depot_t *sites,
                         memheap_call_site_t site)
{
    return (entry_t *)(void *)sites->entries.base + site;
}

memheap_status_t memheap_stack_depot_open(memheap_stack_depot_t *sites,
                                          const memheap_memory_t *memory)
{
    void *frame[1];
    *sites = (memheap_stack_depot_t){0};
    memheap_status_t status = memheap_hashmap_open(&sites->map, memory);
    if (status == MEMHEAP_OK)
        status = memheap_array_open(&sites->entries, memory,
                                    ENTRIES_MAX * sizeof(entry_t));
    if (status == MEMHEAP_OK)
        status = memheap_array_open(&sites->text, memory, TEXT_MAX);
    if (status != MEMHEAP_OK)
        memheap_stack_depot_close(sites);
    else
        backtrace(frame, 1); /* loads the unwinder now, and not in a call */
    return status;
}

void memheap_stack_depot_close(memheap_stack_depot_t *sites)
{
    memheap_hashmap_close(&sites->map);
    memheap_array_close(&sites->entries);
    memheap_array_close(&sites->text);
    *sites = (memheap_stack_depot_t){0};
}

size_t memheap_stack_depot_size(const memheap_stack_depot_t *sites)
{
    return memheap_hashmap_size(&sites->map) + sites->entries.committed +
           sites->text.committed;
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

static bool is_same(const memheap_stack_depot_t *sites,
                    memheap_call_site_t site, const entry_t *entry,
                    const char *file)
{
    const entry_t *other = entry_at(sites, site);
    if (file == NULL)
        return other->file == 0 && other->frames == entry->frames &&
               memcmp(other->frame, entry->frame,
                      (size_t)entry->frames * sizeof(void *)) == 0;
    return other->file != 0 && other->line == entry->line &&
           strcmp(sites->text.base + other->file - 1, file) == 0;
}

/* Add an entry that is not there; 0 if there is no memory for it. */
static memheap_call_site_t add(memheap_stack_depot_t *sites, uint64_t digest,
                               entry_t *entry, const char *file)
{
    size_t length = file == NULL ? 0 : strlen(file) + 1;
    if (sites->count + 2 >= ENTRIES_MAX ||
        memheap_hashmap_reserve(&sites->map) != MEMHEAP_OK ||
        memheap_array_ensure(&sites->entries,
                             (sites->count + 2) * sizeof(entry_t)) !=
            MEMHEAP_OK ||
        memheap_array_ensure(&sites->text, sites->text_used + length) !=
            MEMHEAP_OK)
        return 0;
    if (file != NULL) {
        memcpy(sites->text.base + sites->text_used, file, length);
        entry->file = (uint32_t)sites->text_used + 1;
        sites->text_used += length;
    }
    memheap_call_site_t site = ++sites->count;
    *entry_at(sites, site) = *entry;
    memheap_hashmap_put(&sites->map, digest, site);
    return site;
}

memheap_call_site_t memheap_stack_depot_capture(memheap_stack_depot_t *sites)
{
    entry_t entry = {.line = here.line};
    const char *file = here.file;
    here.file = NULL;
    if (file == NULL)
        entry.frames = backtrace(entry.frame, MEMHEAP_CALL_SITE_FRAMES);
    uint64_t digest = digest_of(&entry, file);
    for (unsigned i = 0; i < PROBES; i++, digest++) {
        const uint64_t *site = memheap_hashmap_find(&sites->map, digest);
        if (site == NULL)
            return add(sites, digest, &entry, file);
        if (is_same(sites, (memheap_call_site_t)*site, &entry, file))
            return (memheap_call_site_t)*site;
    }
    return 0;
}

/* Whether a frame lies in one of memheap's own libraries, or in one that these
 * call, or a checker puts before them. */
static bool is_own(const char *object)
{
    static const char *const names[] = {
        "libmemheap.", "libmemheap_", "libc.",       "libuc",     "libmpi.",
        "libopen-",    "libasan.",    "libclang_rt", "vgpreload", "linux-vdso"};
    const char *name = strrchr(object, '/');
    name = name == NULL ? object : name + 1;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strncmp(name, names[i], strlen(names[i])) == 0)
            return true;
    }
    return false;
}

/* Whether a function is the unwinder, as a sanitizer puts it in a program. */
static bool is_unwinder(const char *name)
{
    return name != NULL && (strcmp(name, "backtrace") == 0 ||
                            strstr(name, "interceptor_backtrace") != NULL);
}

/* Where an address lies in the file of its object. */
static uintptr_t address_in(const Dl_info *object, uintptr_t address)
{
    const ElfW(Ehdr) *header = object->dli_fbase;
    return header->e_type == ET_EXEC ? address
                                     : address - (uintptr_t)object->dli_fbase;
}

/* The first line that a program prints; false if it prints none. */
static bool line_of(char *const argv[], char *line, size_t room)
{
    int ends[2];
    pid_t child;
    posix_spawn_file_actions_t actions;
    if (pipe(ends) != 0)
        return false;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", 1,
                                     0);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    extern char **environ;
    bool started =
        posix_spawnp(&child, argv[0], &actions, NULL, argv, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    size_t length = 0;
    ssize_t got = 1;
    char rest[256];
    while (started && got > 0) {
        bool full = length + 1 >= room;
        got = read(ends[0], full ? rest : line + length,
                   full ? sizeof(rest) : room - 1 - length);
        length += full || got < 0 ? 0 : (size_t)got;
    }
    close(ends[0]);
    if (started)
        waitpid(child, NULL, 0);
    line[length] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return line[0] != '\0';
}

/* Let a line of addr2line(1) be shorter: the file without its folders. False
 * if it tells nothing. */
static bool shorten(const char *line, char *text, size_t room)
{
    const char *at = strstr(line, " at ");
    if (line[0] == '?' || at == NULL || at[4] == '?')
        return false;
    const char *file = strrchr(at, '/');
    const char *end = strstr(at, " (discriminator");
    file = file == NULL ? at + 4 : file + 1;
    size_t length = end == NULL ? strlen(file) : (size_t)(end - file);
    snprintf(text, room, "%.*s at %.*s", (int)(at - line), line, (int)length,
             file);
    return true;
}

static char *describe_frame(const Dl_info *object, uintptr_t address,
                            char *text, size_t room)
{
    char number[32];
    char line[1024];
    char *path = (char *)(uintptr_t)object->dli_fname;
    uintptr_t place = address_in(object, address);
    snprintf(number, sizeof(number), "0x%zx", (size_t)place);
    /* The name of the program itself may be relative to another folder. */
    char self[] = "/proc/self/exe";
    char exe[1024];
    if (strchr(path, '/') == NULL || access(path, R_OK) != 0) {
        ssize_t length = readlink(self, exe, sizeof(exe) - 1);
        exe[length < 0 ? 0 : length] = '\0';
        path = exe;
    }
    char *const argv[] = {(char *)(uintptr_t) "addr2line",
                          (char *)(uintptr_t) "-fCpe", path, number, NULL};
    if (line_of(argv, line, sizeof(line)) && shorten(line, text, room))
        return text;
    const char *name = strrchr(path, '/');
    name = name == NULL ? path : name + 1;
    if (object->dli_sname != NULL)
        snprintf(text, room, "%s+0x%zx in %s", object->dli_sname,
                 (size_t)(address - (uintptr_t)object->dli_saddr), name);
    else
        snprintf(text, room, "%s+%s", name, number);
    return text;
}

char *memheap_call_site_describe(const memheap_stack_depot_t *sites,
                                 memheap_call_site_t site, char *text,
                                 size_t room)
{
    snprintf(text, room, "an unknown place");
    if (site == 0)
        return text;
    const entry_t *entry = entry_at(sites, site);
    if (entry->file != 0) {
        snprintf(text, room, "%s:%d", sites->text.base + entry->file - 1,
                 entry->line);
        return text;
    }
    return memheap_frames_describe(entry->frame, entry->frames, text, room);
}

char *memheap_frames_describe(void *const *frame, int count, char *text,
                              size_t room)
{
    snprintf(text, room, "an unknown place");
    for (int i = 0; i < count; i++) {
        Dl_info object;
        /* A frame returns to behind its call. */
        uintptr_t address = (uintptr_t)frame[i] - 1;
        if (dladdr((void *)address, &object) != 0 &&
            !is_own(object.dli_fname) && !is_unwinder(object.dli_sname))
            return describe_frame(&object, address, text, room);
    }
    return text;
}
