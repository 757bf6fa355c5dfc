/*
 * Finds source lines by /proc/PID/maps and addr2line(1).
 */
#define _GNU_SOURCE /* tdestroy() */
#include "config.h"

#include "tools/common/places.h"
#include "base/child.h"
#include "base/text.h"

#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <link.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ADDRESSES = 512 /* of one run of addr2line */
};

/* A mapping of an object file in the process. */
typedef struct mapping {
    uint64_t start, end;
    uint64_t base; /* where the object file starts; 0: addresses are absolute */
    uint64_t device, inode;
    bool is_library, is_memheap;
    char *path;
} mapping_t;

typedef struct mappings {
    mapping_t *mapping;
    size_t count, room;
    bool failed; /* for lack of memory */
} mappings_t;

/* A text, or the address of a call in an object file and its text. */
typedef struct place {
    uint64_t device, inode, address;
    const char *text;
    size_t number; /* SIZE_MAX: not known yet */
} place_t;

/* A call site that is searched for. */
typedef struct search {
    const mapping_t *mapping;
    place_t *place;
} search_t;

static int compare_texts(const void *a, const void *b)
{
    return strcmp(((const place_t *)a)->text, ((const place_t *)b)->text);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_addresses(const void *a, const void *b)
{
    const place_t *x = a;
    const place_t *y = b;
    int order = compare_numbers(x->inode, y->inode);
    if (order == 0)
        order = compare_numbers(x->device, y->device);
    return order != 0 ? order : compare_numbers(x->address, y->address);
}

/* Find a place in a tree, or add it. Returns NULL if memory is short. */
static place_t *enter(void **tree, const place_t *key,
                      int (*compare)(const void *, const void *))
{
    place_t **node = tfind(key, tree, compare);
    if (node != NULL)
        return *node;
    place_t *place = malloc(sizeof(*place));
    if (place == NULL)
        return NULL;
    *place = *key;
    if (tsearch(place, tree, compare) != NULL)
        return place;
    free(place);
    return NULL;
}

size_t places_number(places_t *places, const char *text)
{
    const place_t key = {.text = text, .number = places->count};
    place_t **node = tfind(&key, &places->by_text, compare_texts);
    if (node != NULL)
        return (*node)->number;
    if (places->count == places->room) {
        size_t room = places->room == 0 ? 64 : 2 * places->room;
        void *more = reallocarray(places->text, room, sizeof(*places->text));
        if (more == NULL)
            return SIZE_MAX;
        places->text = more;
        places->room = room;
    }
    char *copy = strdup(text);
    if (copy == NULL)
        return SIZE_MAX;
    const place_t own = {.text = copy, .number = places->count};
    if (enter(&places->by_text, &own, compare_texts) == NULL) {
        free(copy);
        return SIZE_MAX;
    }
    places->text[places->count] = copy;
    return places->count++;
}

/* Whether the addresses of an object file are those of the process. */
static bool is_absolute(pid_t pid, const char *path)
{
    char name[PATH_MAX + 64];
    ElfW(Half) header[1 + offsetof(ElfW(Ehdr), e_type) / sizeof(ElfW(Half))];
    snprintf(name, sizeof(name), "/proc/%ld/root%s", (long)pid, path);
    int fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    bool absolute = fd >= 0 &&
                    pread(fd, header, sizeof(header), 0) == sizeof(header) &&
                    header[sizeof(header) / sizeof(header[0]) - 1] == ET_EXEC;
    if (fd >= 0)
        close(fd);
    return absolute;
}

/* Add a line of /proc/PID/maps. The mappings of an object file follow each
 * other, from its start on. */
static void add_mapping(mappings_t *all, pid_t pid, const char *line)
{
    unsigned major;
    unsigned minor;
    int path_at = 0;
    mapping_t new = {.start = 0};
    const mapping_t *last =
        all->count == 0 ? NULL : &all->mapping[all->count - 1];
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %x:%x %" SCNu64 " %n",
               &new.start, &new.end, &major, &minor, &new.inode,
               &path_at) != 5 ||
        path_at == 0 || line[path_at] != '/')
        return;
    const char *path = line + path_at;
    new.device = (uint64_t)major << 32 | minor;
    if (last != NULL && last->inode == new.inode && last->device == new.device)
        new.base = last->base;
    else
        new.base = is_absolute(pid, path) ? 0 : new.start;
    const char *name = strrchr(path, '/') + 1;
    new.is_library = memheap_call_site_is_library(path);
    new.is_memheap = strncmp(name, "libmemheap", strlen("libmemheap")) == 0;
    if (all->count == all->room) {
        size_t room = all->room == 0 ? 64 : 2 * all->room;
        void *more = reallocarray(all->mapping, room, sizeof(*all->mapping));
        if (more == NULL) {
            all->failed = true;
            return;
        }
        all->mapping = more;
        all->room = room;
    }
    new.path = strdup(path);
    all->failed = new.path == NULL;
    if (!all->failed)
        all->mapping[all->count++] = new;
}

static void read_mappings(mappings_t *all, pid_t pid)
{
    char path[64];
    char *line = NULL;
    size_t room = 0;
    snprintf(path, sizeof(path), "/proc/%ld/maps", (long)pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && !all->failed && getline(&line, &room, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        add_mapping(all, pid, line);
    }
    free(line);
    if (file != NULL)
        fclose(file);
}

static void free_mappings(mappings_t *all)
{
    for (size_t i = 0; i < all->count; i++)
        free(all->mapping[i].path);
    free(all->mapping);
}

static const mapping_t *mapping_of(const mappings_t *all, uint64_t address)
{
    size_t low = 0;
    size_t high = all->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const mapping_t *mapping = &all->mapping[middle];
        if (address >= mapping->start && address < mapping->end)
            return mapping;
        if (address < mapping->start)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* Find the first return address in the program. A sanitizer may have its
 * unwinder there too, which calls no library of memheap. */
static const mapping_t *find_frame(const mappings_t *all,
                                   const memheap_stats_site_t *site,
                                   uint64_t *address_p)
{
    const mapping_t *found = NULL;
    bool entered = false;
    for (size_t i = 0; i < site->frames && !(entered && found != NULL); i++) {
        /* A return address is behind the call instruction. */
        uint64_t address = site->place.frame[i] - 1;
        const mapping_t *mapping = mapping_of(all, address);
        if (mapping != NULL && mapping->is_memheap && !entered) {
            entered = true;
            found = NULL;
        } else if (mapping != NULL && !mapping->is_library && found == NULL) {
            found = mapping;
            *address_p = address - mapping->base;
        }
    }
    return found;
}

/* Describe a place by a line of addr2line, or without one. */
static void describe(const search_t *search, const char *line, char *text,
                     size_t size)
{
    if (memheap_call_site_shorten(line, text, size))
        return;
    const char *name = strrchr(search->mapping->path, '/') + 1;
    const char *at = strstr(line, " at ");
    if (at != NULL && line[0] != '?')
        snprintf(text, size, "%.*s in %s+0x%" PRIx64, (int)(at - line), line,
                 name, search->place->address);
    else
        snprintf(text, size, "%s+0x%" PRIx64, name, search->place->address);
}

/* Start addr2line. Returns its output, or NULL. */
static FILE *start(pid_t pid, const search_t *search, size_t count,
                   pid_t *child_p)
{
    char path[PATH_MAX + 64];
    char address[ADDRESSES][24];
    char *argv[ADDRESSES + 4] = {(char *)(uintptr_t)MEMHEAP_ADDR2LINE,
                                 (char *)(uintptr_t) "-fCpe", path};
    snprintf(path, sizeof(path), "/proc/%ld/root%s", (long)pid,
             search[0].mapping->path);
    for (size_t i = 0; i < count; i++) {
        snprintf(address[i], sizeof(address[i]), "0x%" PRIx64,
                 search[i].place->address);
        argv[3 + i] = address[i];
    }
    int fd = memheap_child_start(argv, child_p);
    FILE *output = fd < 0 ? NULL : fdopen(fd, "r");
    if (fd >= 0 && output == NULL) {
        close(fd);
        memheap_child_wait(*child_p);
    }
    return output;
}

/* Describe new places of one object file. */
static bool describe_all(places_t *places, pid_t pid, const search_t *search,
                         size_t count, bool is_own)
{
    pid_t child = 0;
    bool good = true;
    char *line = NULL;
    size_t room = 0;
    FILE *output = is_own ? start(pid, search, count, &child) : NULL;
    for (size_t i = 0; i < count; i++) {
        char text[MEMHEAP_STATS_SITE_SIZE];
        bool is_read = output != NULL && getline(&line, &room, output) > 0;
        if (is_read)
            line[strcspn(line, "\n")] = '\0';
        describe(&search[i], is_read ? line : "?", text, sizeof(text));
        search[i].place->number =
            places_number(places, memheap_text_clean(text));
        good = good && search[i].place->number != SIZE_MAX;
    }
    free(line);
    if (output != NULL) {
        fclose(output);
        memheap_child_wait(child);
    }
    return good;
}

static int compare_searches(const void *a, const void *b)
{
    const search_t *x = a;
    const search_t *y = b;
    return compare_addresses(x->place, y->place);
}

/* Describe the places that have no number yet. */
static bool describe_new(places_t *places, pid_t pid, search_t *fresh,
                         size_t count)
{
    char folder[64];
    struct stat process;
    bool good = true;
    snprintf(folder, sizeof(folder), "/proc/%ld", (long)pid);
    bool is_own = stat(folder, &process) == 0 && process.st_uid == geteuid();
    if (count > 0)
        qsort(fresh, count, sizeof(*fresh), compare_searches);
    for (size_t i = 0, next; i < count; i = next) {
        for (next = i + 1;
             next < count && next - i < ADDRESSES &&
             fresh[next].mapping->inode == fresh[i].mapping->inode &&
             fresh[next].mapping->device == fresh[i].mapping->device;
             next++)
            continue;
        good = describe_all(places, pid, &fresh[i], next - i, is_own) && good;
    }
    return good;
}

bool places_find(places_t *places, pid_t pid, const memheap_stats_site_t *sites,
                 size_t count, size_t *number)
{
    mappings_t all = {.count = 0};
    search_t *searches = calloc(count + 1, sizeof(*searches));
    search_t *fresh = calloc(count + 1, sizeof(*fresh));
    size_t fresh_count = 0;
    bool good = searches != NULL && fresh != NULL;
    if (good)
        read_mappings(&all, pid);
    for (size_t i = 0; i < count && good; i++) {
        place_t key = {.number = SIZE_MAX};
        search_t *search = &searches[i];
        search->mapping = find_frame(&all, &sites[i], &key.address);
        if (search->mapping == NULL) {
            number[i] = places_number(places, sites[i].frames == 0
                                                  ? sites[i].place.text
                                                  : "an unknown call site");
            good = number[i] != SIZE_MAX;
            continue;
        }
        key.device = search->mapping->device;
        key.inode = search->mapping->inode;
        search->place = enter(&places->by_address, &key, compare_addresses);
        good = search->place != NULL;
        if (good && search->place->number == SIZE_MAX) {
            search->place->number = SIZE_MAX - 1;
            fresh[fresh_count++] = *search;
        }
    }
    good = good && !all.failed && describe_new(places, pid, fresh, fresh_count);
    for (size_t i = 0; i < count && good; i++) {
        if (searches[i].place != NULL)
            number[i] = searches[i].place->number;
    }
    free_mappings(&all);
    free(fresh);
    free(searches);
    return good;
}

void places_free(places_t *places)
{
    tdestroy(places->by_text, free);
    tdestroy(places->by_address, free);
    for (size_t i = 0; i < places->count; i++)
        free(places->text[i]);
    free(places->text);
    *places = (places_t){.text = NULL};
}
