/*
 * Saving a heap to a file, and loading it at the same addresses.
 *
 * The file is a stream of 64-bit words:
 *
 *     magic | info | digest | blocks | digest | contents | digest
 *
 * For each block, `blocks` has an entry_t. Blocks come by ascending address,
 * and their contents in the same order. The contents of a block are runs until
 * its bytes are complete: the number of zero bytes, the number of bytes that
 * follow in the file, and those, filled up to a whole word. So memory that was
 * never touched takes neither memory nor a place in the file.
 *
 * Each digest is that of all words before it. What is read is used only after
 * its digest was compared, except for the contents, which are read in place.
 *
 * To load, each block is reserved where it was (memheap_reserve()); every
 * component can do that in an empty heap for the blocks of its own.
 */
#include "config.h"

#include "memheap/save.h"
#include "memheap/stream.h"
#include "memheap/block_ops.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAGIC UINT64_C(0x014D454D48454150)

enum {
    RUN = 1 << 16 /* zero bytes are looked for in parts of this size */
};

typedef struct entry {
    uint64_t offset, size; /* bytes, with what the component adds */
    uint64_t length;       /* bytes that the caller asked for, as far as known:
                              the contents */
    char tag[MEMHEAP_TAG_SIZE];
} entry_t;

/* Collects the live blocks of a heap. */
typedef struct table {
    const memheap_t *heap;
    entry_t *entries;
    size_t count, room;
} table_t;

static bool add_entry(void *context, const memheap_extent_t *extent)
{
    table_t *table = context;
    const memheap_events_t *events = table->heap->events;
    if (!extent->live)
        return true;
    if (table->count < table->room) {
        entry_t *entry = &table->entries[table->count];
        *entry = (entry_t){extent->offset, extent->size, extent->size, ""};
        const memheap_record_t *record =
            events == NULL
                ? NULL
                : memheap_records_find(&events->records, extent->offset);
        if (record != NULL) {
            entry->length = record->asked;
            memheap_text_copy(
                entry->tag, sizeof(entry->tag),
                memheap_records_tag(&events->records, record->tag)->name);
        }
    }
    table->count++;
    return true;
}

/* Collect the blocks. The caller holds the lock, and deletes the table. */
static memheap_status_t table_of(const memheap_t *heap, table_t *table)
{
    const memheap_module_ops_t *ops = heap->module->ops;
    *table = (table_t){.heap = heap};
    ops->walk(heap->module, add_entry, table);
    table->room = table->count;
    table->count = 0;
    if (table->room == 0)
        return MEMHEAP_OK;
    table->entries = memheap_memory_new(&memheap_memory_system,
                                        table->room * sizeof(entry_t));
    if (table->entries == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    ops->walk(heap->module, add_entry, table);
    return MEMHEAP_OK;
}

static void table_delete(table_t *table)
{
    if (table->entries != NULL)
        memheap_memory_delete(&memheap_memory_system, table->entries,
                              table->room * sizeof(entry_t));
}

/* Bytes from an offset on that the memory file of the heap has no page for. */
static size_t hole_at(const memheap_t *heap, size_t offset)
{
    if (heap->region.kind != MEMHEAP_REGION_SHARED)
        return 0;
    off_t data = lseek(heap->region.fd, (off_t)offset, SEEK_DATA);
    if (data < 0)
        return errno == ENXIO ? SIZE_MAX : 0;
    return (size_t)data - offset;
}

static bool is_zero(const char *data, size_t size)
{
    return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

/* How many bytes of the contents are zero, from `at` on, in whole parts. */
static size_t zeros_at(const memheap_t *heap, size_t at, size_t end)
{
    size_t start = at;
    while (at < end) {
        size_t part = memheap_min(end - at, RUN);
        size_t hole = hole_at(heap, at);
        if (hole == 0 && !is_zero(heap->base + at, part))
            break;
        at = hole < end - at ? at + memheap_max(hole, part) : end;
    }
    return memheap_min(at, end) - start;
}

static void put_contents(stream_t *stream, const memheap_t *heap,
                         const entry_t *entry)
{
    size_t at = entry->offset;
    size_t end = at + entry->length;
    while (at < end && stream->error == 0) {
        uint64_t run[2] = {zeros_at(heap, at, end), 0};
        size_t data = at + run[0];
        while (data + run[1] < end && zeros_at(heap, data + run[1], end) == 0)
            run[1] += memheap_min(end - data - run[1], RUN);
        stream_put(stream, run, sizeof(run));
        stream_put(stream, heap->base + data, run[1]);
        at = data + run[1];
    }
}

static memheap_status_t save(memheap_t *heap, memheap_save_info_t *info,
                             stream_t *stream)
{
    const uint64_t magic = MAGIC;
    table_t table;
    memheap_thread_caches_empty(heap);
    memheap_status_t status = table_of(heap, &table);
    if (status != MEMHEAP_OK) {
        memheap_log_write(heap->log, MEMHEAP_LOG_ERROR,
                          "no memory for a list of the blocks of heap \"%s\"",
                          heap->name);
        return status;
    }
    info->blocks = table.count;
    stream_put(stream, &magic, sizeof(magic));
    stream_put(stream, info, sizeof(*info));
    stream_put_digest(stream);
    for (size_t i = 0; i < table.count; i++)
        stream_put(stream, &table.entries[i], sizeof(entry_t));
    stream_put_digest(stream);
    for (size_t i = 0; i < table.count && stream->error == 0; i++)
        put_contents(stream, heap, &table.entries[i]);
    stream_put_digest(stream);
    stream_flush(stream);
    table_delete(&table);
    if (stream->error == 0)
        return MEMHEAP_OK;
    memheap_log_write(heap->log, MEMHEAP_LOG_ERROR,
                      "cannot save heap \"%s\" (%s)", heap->name,
                      strerror(stream->error));
    return MEMHEAP_ERR_SYSTEM;
}

memheap_status_t memheap_save_part(memheap_t *heap,
                                   const memheap_save_info_t *info, int fd)
{
    memheap_status_t status = memheap_dependents_check(
        &heap->dependents, "heap", heap->name, heap->log);
    if (status != MEMHEAP_OK)
        return status;
    memheap_save_info_t all = *info;
    all.base = (uintptr_t)heap->base;
    memheap_text_copy(all.component, sizeof(all.component),
                      heap->framework.selected->name);
    stream_t *stream = stream_new(&status, fd, heap->log);
    if (stream == NULL)
        return status;
    heap_lock(heap);
    all.size = heap->module->size;
    status = save(heap, &all, stream);
    heap_leave(heap);
    stream_delete(stream);
    return status;
}

memheap_status_t memheap_save(memheap_t *heap, const void *root, int fd)
{
    memheap_save_info_t info = {.pes = 1, .root = (uintptr_t)root};
    return memheap_save_part(heap, &info, fd);
}

/* The words before the blocks are few: they are read without a buffer, so that
 * the blocks can be read by another call. */
memheap_status_t memheap_load_info(int fd, memheap_save_info_t *info,
                                   const memheap_log_t *log)
{
    memheap_status_t status;
    stream_t *stream = stream_new(&status, fd, log);
    if (stream == NULL)
        return status;
    struct {
        uint64_t magic;
        memheap_save_info_t info;
        uint64_t digest;
    } head = {.magic = 0};
    size_t got = 0;
    while (got < sizeof(head)) {
        size_t part =
            stream_read(stream, (char *)&head + got, sizeof(head) - got);
        if (part == 0)
            break;
        got += part;
    }
    if (got >= sizeof(head.magic) && head.magic != MAGIC) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "the file is no saved heap, or one of another "
                          "version or kind of machine");
        stream_delete(stream);
        return MEMHEAP_ERR_CORRUPT;
    }
    stream_digest(stream, &head.magic, sizeof(head.magic));
    stream_digest(stream, &head.info, sizeof(head.info));
    if (stream->error != 0 || stream->ends || head.digest != stream->digest)
        status = stream_unreadable(stream, log);
    *info = head.info;
    info->component[sizeof(info->component) - 1] = '\0';
    stream_delete(stream);
    return status;
}

/* Whether the heap is like the one that was saved. If not, log how it differs.
 */
static memheap_status_t check_heap(const memheap_t *heap,
                                   const memheap_save_info_t *info)
{
    const char *component = heap->framework.selected->name;
    char text[160] = "";
    memheap_status_t status = MEMHEAP_ERR_BAD_ARGUMENT;
    if (heap->region.guarded || heap->module->ops->reserve == NULL) {
        snprintf(text, sizeof(text),
                 heap->region.guarded
                     ? "a heap with MEMHEAP_GUARD cannot be loaded"
                     : "component %s cannot load a heap",
                 component);
        status = MEMHEAP_ERR_UNSUPPORTED;
    } else if (strcmp(info->component, component) != 0) {
        snprintf(text, sizeof(text),
                 "the heap was saved with component %s, and this one has %s; "
                 "set MEMHEAP_COMPONENT=%s",
                 info->component, component, info->component);
    } else if (info->base != (uintptr_t)heap->base) {
        snprintf(text, sizeof(text),
                 "the heap was saved at %#llx, and this one is at %p",
                 (unsigned long long)info->base, (void *)heap->base);
    } else if (heap->module->used > 0) {
        snprintf(text, sizeof(text), "the heap has blocks already");
        status = MEMHEAP_ERR_BUSY;
    } else {
        return MEMHEAP_OK;
    }
    memheap_log_write(heap->log, MEMHEAP_LOG_ERROR, "heap \"%s\": %s",
                      heap->name, text);
    return status;
}

/* Reserve a block. *dirty_p takes how many of its bytes may not be zero. */
static memheap_status_t place(memheap_t *heap, const entry_t *entry,
                              size_t *dirty_p)
{
    memheap_module_t *module = heap->module;
    size_t range = module->size;
    if (entry->offset >= range || entry->size > range - entry->offset)
        return MEMHEAP_ERR_NO_MEMORY;
    size_t used = module->used;
    memheap_status_t status =
        module->ops->reserve(module, entry->offset, entry->size);
    if (status == MEMHEAP_OK)
        status = memheap_settle(heap, entry->offset, entry->size,
                                module->used - used, dirty_p);
    heap->peak = memheap_max(heap->peak, module->used);
    return status;
}

/* Read the contents of a block. */
static void get_contents(stream_t *stream, memheap_t *heap,
                         const entry_t *entry, size_t dirty)
{
    char *start = heap->base + entry->offset;
    size_t at = 0;
    while (at < entry->length && stream->error == 0 && !stream->ends) {
        uint64_t run[2] = {0, 0};
        size_t left = entry->length - at;
        stream_get(stream, run, sizeof(run));
        if (run[0] > left || run[1] > left - run[0] ||
            (run[0] == 0 && run[1] == 0)) {
            stream->ends = true; /* as if nothing followed */
            return;
        }
        if (at < dirty)
            memset(start + at, 0, memheap_min(run[0], dirty - at));
        stream_get(stream, start + at + run[0], run[1]);
        at += run[0] + run[1];
    }
}

/* Free the first blocks of a table, and normalize. */
static void free_entries(memheap_t *heap, const entry_t *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        heap_release(heap, false, heap->base + entries[i].offset);
    if (heap->module->ops->normalize != NULL)
        heap->module->ops->normalize(heap->module);
}

/* Give the blocks records, as if they had been allocated now. */
static void count_entries(memheap_t *heap, const entry_t *entries, size_t count)
{
    const char *before = memheap_set_tag(NULL);
    for (size_t i = 0; i < count; i++) {
        memheap_set_tag(entries[i].tag);
        heap_count_alloc(heap, entries[i].offset,
                         entries[i].length + heap->padding, MEMHEAP_MIN_ALIGN);
    }
    memheap_set_tag(before);
}

static memheap_status_t load(memheap_t *heap, stream_t *stream,
                             entry_t *entries, size_t count)
{
    bool fits = true;
    for (size_t i = 0; i < count; i++) {
        stream_get(stream, &entries[i], sizeof(entry_t));
        entries[i].tag[MEMHEAP_TAG_SIZE - 1] = '\0';
        fits = fits && entries[i].length <= entries[i].size;
    }
    if (!stream_get_digest(stream) || !fits)
        return stream_unreadable(stream, heap->log);
    size_t placed = 0;
    memheap_status_t status = MEMHEAP_OK;
    for (; placed < count; placed++) {
        size_t dirty;
        status = place(heap, &entries[placed], &dirty);
        if (status != MEMHEAP_OK)
            break;
        get_contents(stream, heap, &entries[placed], dirty);
    }
    if (status != MEMHEAP_OK)
        memheap_log_write(heap->log, MEMHEAP_LOG_ERROR,
                          "heap \"%s\": no place for a block of %llu bytes at "
                          "offset %#llx (%s)",
                          heap->name, (unsigned long long)entries[placed].size,
                          (unsigned long long)entries[placed].offset,
                          memheap_status_string(status));
    else if (!stream_get_digest(stream))
        status = stream_unreadable(stream, heap->log);
    if (status != MEMHEAP_OK)
        free_entries(heap, entries, placed);
    else
        count_entries(heap, entries, count);
    return status;
}

memheap_status_t memheap_load_blocks(memheap_t *heap,
                                     const memheap_save_info_t *info, int fd)
{
    const uint64_t magic = MAGIC;
    memheap_status_t status;
    stream_t *stream = stream_new(&status, fd, heap->log);
    if (stream == NULL)
        return status;
    /* The digest goes on from what memheap_load_info() has read. */
    stream_digest(stream, &magic, sizeof(magic));
    stream_digest(stream, info, sizeof(*info));
    uint64_t digest = stream->digest;
    stream_digest(stream, &digest, sizeof(digest));
    size_t bytes = 0;
    entry_t *entries = NULL;
    if (__builtin_mul_overflow(info->blocks, sizeof(entry_t), &bytes))
        status = MEMHEAP_ERR_NO_METADATA;
    else if (bytes > 0)
        entries = memheap_memory_new(&memheap_memory_system, bytes);
    heap_lock(heap);
    memheap_thread_caches_empty(heap);
    if (bytes > 0 && entries == NULL) {
        status = MEMHEAP_ERR_NO_METADATA;
        memheap_log_write(heap->log, MEMHEAP_LOG_ERROR,
                          "no memory for a list of %llu blocks",
                          (unsigned long long)info->blocks);
    }
    if (status == MEMHEAP_OK)
        status = check_heap(heap, info);
    if (status == MEMHEAP_OK)
        status = load(heap, stream, entries, (size_t)info->blocks);
    heap_unlock(heap);
    if (entries != NULL)
        memheap_memory_delete(&memheap_memory_system, entries, bytes);
    stream_delete(stream);
    return status;
}

void memheap_unload(memheap_t *heap)
{
    table_t table;
    heap_lock(heap);
    memheap_thread_caches_empty(heap);
    if (table_of(heap, &table) == MEMHEAP_OK) {
        for (size_t i = 0; i < table.count; i++)
            heap_free_block(heap, false, heap->base + table.entries[i].offset);
        free_entries(heap, NULL, 0);
    }
    table_delete(&table);
    heap_unlock(heap);
}

memheap_status_t memheap_load(const memheap_config_t *config, int fd,
                              memheap_t **heap_p, void **root_p)
{
    const memheap_log_t *log =
        config->log == NULL ? &memheap_log_stderr : config->log;
    memheap_save_info_t info;
    memheap_t *heap = NULL;
    memheap_config_t wanted = *config;
    memheap_status_t status = memheap_load_info(fd, &info, log);
    if (status != MEMHEAP_OK)
        return status;
    if (info.pes != 1) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "the file has the heap of PE %u of %u; "
                          "shmemx_heap_load() loads it",
                          info.pe, info.pes);
        return MEMHEAP_ERR_BAD_ARGUMENT;
    }
    if (wanted.base == NULL && wanted.size == 0)
        wanted.size = (size_t)info.size;
    status =
        wanted.base != NULL
            ? memheap_create(&wanted, &heap)
            : memheap_create_at((void *)(uintptr_t)info.base, &wanted, &heap);
    if (status != MEMHEAP_OK)
        return status;
    status = memheap_load_blocks(heap, &info, fd);
    if (status != MEMHEAP_OK) {
        memheap_end(heap);
        return status;
    }
    if (root_p != NULL)
        *root_p = (void *)(uintptr_t)info.root;
    *heap_p = heap;
    return MEMHEAP_OK;
}
