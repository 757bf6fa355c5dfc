/*
 * Records of live blocks.
 */
#include "config.h"

#include "memheap/debug/records.h"
#include "base/text.h"
#include "base/util.h"

#include <string.h>

enum {
    TAGS_MAX = 1 << 16
};

/* At most this number of blocks has records: 5 GiB of them. */
static const uint32_t records_max = UINT32_C(1) << 27;

static memheap_record_t *record_at(const memheap_records_t *records,
                                   uint64_t index)
{
    return (memheap_record_t *)(void *)records->entries.base + index;
}

static memheap_tag_stats_t *tag_at(const memheap_records_t *records,
                                   uint32_t index)
{
    return (memheap_tag_stats_t *)(void *)records->tags.base + index;
}

static memheap_site_counts_t *site_at(const memheap_records_t *records,
                                      memheap_call_site_t site)
{
    return (memheap_site_counts_t *)(void *)records->sites.base + site;
}

memheap_status_t memheap_records_open(memheap_records_t *records,
                                      const memheap_memory_t *memory)
{
    *records = (memheap_records_t){.tag_count = 1};
    memheap_status_t status = memheap_hashmap_open(&records->map, memory);
    if (status == MEMHEAP_OK)
        status = memheap_array_open(&records->entries, memory,
                                    records_max * sizeof(memheap_record_t));
    if (status == MEMHEAP_OK)
        status = memheap_array_open(&records->tags, memory,
                                    TAGS_MAX * sizeof(memheap_tag_stats_t));
    if (status == MEMHEAP_OK)
        status =
            memheap_array_ensure(&records->tags, sizeof(memheap_tag_stats_t));
    if (status == MEMHEAP_OK)
        status = memheap_array_open(&records->sites, memory,
                                    MEMHEAP_CALL_SITES *
                                        sizeof(memheap_site_counts_t));
    if (status == MEMHEAP_OK)
        status = memheap_stack_depot_open(&records->depot, memory);
    if (status != MEMHEAP_OK)
        memheap_records_close(records);
    return status;
}

void memheap_records_close(memheap_records_t *records)
{
    memheap_hashmap_close(&records->map);
    memheap_array_close(&records->entries);
    memheap_array_close(&records->tags);
    memheap_array_close(&records->sites);
    memheap_stack_depot_close(&records->depot);
    *records = (memheap_records_t){0};
}

size_t memheap_records_size(const memheap_records_t *records)
{
    return memheap_hashmap_size(&records->map) + records->entries.committed +
           records->tags.committed + records->sites.committed +
           memheap_stack_depot_size(&records->depot);
}

/* The index of the tag of this thread's calls. The search is linear, since tags
 * are few. Index 0, no tag, if there is no memory for a new one. */
static uint32_t current_tag(memheap_records_t *records)
{
    const char *name = memheap_current_tag();
    size_t length = memheap_text_fit(name, MEMHEAP_TAG_SIZE);
    for (uint32_t i = 0; i < records->tag_count; i++) {
        const char *other = tag_at(records, i)->name;
        if (memcmp(other, name, length) == 0 && other[length] == '\0')
            return i;
    }
    uint32_t index = records->tag_count;
    if (memheap_array_ensure(&records->tags,
                             (index + 1) * sizeof(memheap_tag_stats_t)) !=
        MEMHEAP_OK)
        return 0;
    memcpy(tag_at(records, index)->name, name, length);
    records->tag_count++;
    return index;
}

/* Give a call site counts. Without memory for them, it is "not known". */
static memheap_call_site_t site_with_counts(memheap_records_t *records,
                                            memheap_call_site_t site)
{
    if (site < records->site_count)
        return site;
    if (memheap_array_ensure(&records->sites,
                             ((size_t)site + 1) *
                                 sizeof(memheap_site_counts_t)) != MEMHEAP_OK)
        return 0;
    records->site_count = site + 1;
    return site;
}

static void count_block(memheap_records_t *records,
                        const memheap_record_t *record)
{
    memheap_tag_stats_t *tag = tag_at(records, record->tag);
    tag->used += record->usable;
    tag->live_blocks++;
    tag->peak = memheap_max(tag->peak, tag->used);
    if (record->site >= records->site_count)
        return;
    memheap_site_counts_t *site = site_at(records, record->site);
    site->used += record->usable;
    site->live_blocks++;
    site->peak = memheap_max(site->peak, site->used);
}

static void uncount_block(memheap_records_t *records,
                          const memheap_record_t *record)
{
    memheap_tag_stats_t *tag = tag_at(records, record->tag);
    tag->used -= record->usable;
    tag->live_blocks--;
    if (record->site >= records->site_count)
        return;
    memheap_site_counts_t *site = site_at(records, record->site);
    site->used -= record->usable;
    site->live_blocks--;
}

const memheap_record_t *memheap_records_add(memheap_records_t *records,
                                            size_t offset, uint64_t number,
                                            size_t asked, size_t usable)
{
    uint32_t index = records->free_list;
    if (memheap_hashmap_reserve(&records->map) != MEMHEAP_OK ||
        (index == 0 &&
         (records->entry_count + 2 > records_max ||
          memheap_array_ensure(&records->entries,
                               ((size_t)records->entry_count + 2) *
                                   sizeof(memheap_record_t)) != MEMHEAP_OK)))
        return NULL;
    if (index == 0)
        index = ++records->entry_count;
    else
        records->free_list = record_at(records, index)->tag;
    memheap_record_t *record = record_at(records, index);
    *record = (memheap_record_t){
        .number = number,
        .asked = asked,
        .usable = usable,
        .tag = current_tag(records),
        .site = site_with_counts(records,
                                 memheap_stack_depot_capture(&records->depot))};
    memheap_hashmap_put(&records->map, offset, index);
    tag_at(records, record->tag)->allocations++;
    if (record->site < records->site_count) {
        site_at(records, record->site)->allocations++;
        site_at(records, record->site)->bytes += usable;
    }
    count_block(records, record);
    return record;
}

void memheap_records_remove(memheap_records_t *records, size_t offset)
{
    uint64_t *index = memheap_hashmap_find(&records->map, offset);
    if (index == NULL)
        return;
    memheap_record_t *record = record_at(records, *index);
    uncount_block(records, record);
    record->tag = records->free_list;
    records->free_list = (uint32_t)*index;
    memheap_hashmap_remove(&records->map, index);
}

void memheap_records_move(memheap_records_t *records, size_t old_offset,
                          size_t offset, size_t asked, size_t usable)
{
    uint64_t *found = memheap_hashmap_find(&records->map, old_offset);
    if (found == NULL)
        return;
    uint64_t index = *found;
    memheap_record_t *record = record_at(records, index);
    uncount_block(records, record);
    if (record->site < records->site_count)
        site_at(records, record->site)->bytes +=
            usable - memheap_min(usable, record->usable);
    record->asked = asked;
    record->usable = usable;
    count_block(records, record);
    if (offset != old_offset) {
        memheap_hashmap_remove(&records->map, found);
        memheap_hashmap_put(&records->map, offset, index);
    }
}

const memheap_record_t *memheap_records_find(const memheap_records_t *records,
                                             size_t offset)
{
    const uint64_t *index = memheap_hashmap_find(&records->map, offset);
    return index == NULL ? NULL : record_at(records, *index);
}

const memheap_site_counts_t *
memheap_records_site(const memheap_records_t *records, memheap_call_site_t site)
{
    return site_at(records, site);
}

const memheap_tag_stats_t *memheap_records_tag(const memheap_records_t *records,
                                               uint32_t index)
{
    return tag_at(records, index);
}
