/*
 * The stack depot: entries in an array, found by a digest of the file and line
 * or of the frames. libc's backtrace() finds the frames.
 */
#include "config.h"

#include "memheap/debug/stack_depot.h"
#include <memheap/memheap.h>
#include "base/util.h"

#include <execinfo.h>
#include <stdio.h>
#include <string.h>

enum {
    TEXT_MAX = 1 << 26,
    FRAMES_MAX = 1 << 26,
    PROBES_MAX = 8
};

typedef struct entry {
    uint32_t file_at; /* 1 + offset of the file name; 0: use the frames */
    int line;
    uint32_t frames_at; /* index of the first return address */
    int frames;         /* number of return addresses */
} entry_t;

/* A call site that is looked for. */
typedef struct place {
    const char *file; /* NULL: use the frames */
    int line, frames;
    void *frame[MEMHEAP_CALL_SITE_FRAMES];
} place_t;

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
        status = memheap_array_open(&depot->frames, memory,
                                    FRAMES_MAX * sizeof(void *));
    if (status == MEMHEAP_OK)
        status = memheap_array_open(&depot->text, memory, TEXT_MAX);
    backtrace(frame, 1); /* load the unwinder now, and not in a call */
    return status;
}

void memheap_stack_depot_close(memheap_stack_depot_t *depot)
{
    memheap_hashmap_close(&depot->map);
    memheap_array_close(&depot->entries);
    memheap_array_close(&depot->frames);
    memheap_array_close(&depot->text);
    *depot = (memheap_stack_depot_t){0};
}

size_t memheap_stack_depot_size(const memheap_stack_depot_t *depot)
{
    return memheap_hashmap_size(&depot->map) + depot->entries.committed +
           depot->frames.committed + depot->text.committed;
}

static uint64_t mix(uint64_t digest, uint64_t word)
{
    digest = (digest ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return digest ^ digest >> 29;
}

static uint64_t digest_of(const place_t *place)
{
    uint64_t digest = 1;
    if (place->file != NULL) {
        for (const char *c = place->file; *c != '\0'; c++)
            digest = mix(digest, (unsigned char)*c);
        return mix(digest, (uint64_t)place->line) >> 1;
    }
    for (int i = 0; i < place->frames; i++)
        digest = mix(digest, (uintptr_t)place->frame[i]);
    return digest >> 1;
}

static void **frames_of(const memheap_stack_depot_t *depot,
                        const entry_t *entry)
{
    return (void **)(void *)depot->frames.base + entry->frames_at;
}

static bool is_same(const memheap_stack_depot_t *depot,
                    memheap_call_site_t site, const place_t *place)
{
    const entry_t *entry = entry_at(depot, site);
    if (place->file == NULL)
        return entry->file_at == 0 && entry->frames == place->frames &&
               memcmp(frames_of(depot, entry), place->frame,
                      (size_t)place->frames * sizeof(void *)) == 0;
    return entry->file_at != 0 && entry->line == place->line &&
           strcmp(depot->text.base + entry->file_at - 1, place->file) == 0;
}

/* Add an entry. @return 0 if there is no memory for it */
static memheap_call_site_t add(memheap_stack_depot_t *depot, uint64_t digest,
                               const place_t *place)
{
    size_t length = place->file == NULL ? 0 : strlen(place->file) + 1;
    size_t frames = (size_t)place->frames;
    if (depot->count + 2 >= MEMHEAP_CALL_SITES ||
        memheap_hashmap_reserve(&depot->map) != MEMHEAP_OK ||
        memheap_array_ensure(&depot->entries,
                             (depot->count + 2) * sizeof(entry_t)) !=
            MEMHEAP_OK ||
        memheap_array_ensure(&depot->frames,
                             (depot->frames_used + frames) * sizeof(void *)) !=
            MEMHEAP_OK ||
        memheap_array_ensure(&depot->text, depot->text_used + length) !=
            MEMHEAP_OK)
        return 0;
    memheap_call_site_t site = ++depot->count;
    entry_t *entry = entry_at(depot, site);
    *entry = (entry_t){.line = place->line,
                       .frames_at = depot->frames_used,
                       .frames = place->frames};
    if (length > 0) {
        memcpy(depot->text.base + depot->text_used, place->file, length);
        entry->file_at = (uint32_t)depot->text_used + 1;
        depot->text_used += length;
    } else {
        memcpy(frames_of(depot, entry), place->frame, frames * sizeof(void *));
        depot->frames_used += (uint32_t)frames;
    }
    memheap_hashmap_put(&depot->map, digest, site);
    return site;
}

memheap_call_site_t memheap_stack_depot_capture(memheap_stack_depot_t *depot)
{
    place_t place; /* not zeroed: frames are many */
    place.file = current_call.site.file;
    place.line = current_call.site.line;
    place.frames = 0;
    current_call.site.file = NULL;
    if (place.file == NULL)
        place.frames = backtrace(place.frame, MEMHEAP_CALL_SITE_FRAMES);
    uint64_t digest = digest_of(&place);
    for (unsigned i = 0; i < PROBES_MAX; i++, digest++) {
        const uint64_t *site = memheap_hashmap_find(&depot->map, digest);
        if (site == NULL)
            return add(depot, digest, &place);
        if (is_same(depot, (memheap_call_site_t)*site, &place))
            return (memheap_call_site_t)*site;
    }
    return 0;
}

void *const *memheap_call_site_frames(const memheap_stack_depot_t *depot,
                                      memheap_call_site_t site, int *count_p)
{
    const entry_t *entry = entry_at(depot, site);
    *count_p = 0;
    if (site == 0 || entry->file_at != 0)
        return NULL;
    *count_p = entry->frames;
    return frames_of(depot, entry);
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
    int count;
    void *const *frames = memheap_call_site_frames(depot, site, &count);
    for (int i = 0; i < count; i++)
        frame[i] = (uintptr_t)frames[i];
    return count;
}

char *memheap_call_site_describe(const memheap_stack_depot_t *depot,
                                 memheap_call_site_t site, char *text,
                                 size_t size)
{
    if (describe_stated(depot, site, text, size) != NULL)
        return text;
    const entry_t *entry = entry_at(depot, site);
    return memheap_frames_describe(frames_of(depot, entry), entry->frames, text,
                                   size);
}
