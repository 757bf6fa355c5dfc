/*
 * The hash table of hashmap.h.
 */
#include "config.h"

#include "base/hashmap.h"

enum {
    FIRST_ORDER = 8
};

static size_t slots_size(unsigned order)
{
    return sizeof(memheap_hashmap_slot_t) << order;
}

static memheap_status_t slots_new(memheap_hashmap_t *map,
                                  const memheap_memory_t *memory,
                                  unsigned order)
{
    void *slots = memheap_memory_new(memory, slots_size(order));
    if (slots == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    size_t room = ((size_t)1 << order) / 4 * 3;
    *map = (memheap_hashmap_t){
        .slots = slots, .order = order, .room = room, .memory = memory};
    return MEMHEAP_OK;
}

memheap_status_t memheap_hashmap_open(memheap_hashmap_t *map,
                                      const memheap_memory_t *memory)
{
    return slots_new(map, memory, FIRST_ORDER);
}

void memheap_hashmap_close(memheap_hashmap_t *map)
{
    if (map->slots != NULL)
        memheap_memory_delete(map->memory, map->slots, slots_size(map->order));
    *map = (memheap_hashmap_t){0};
}

memheap_status_t memheap_hashmap_extend(memheap_hashmap_t *map)
{
    memheap_hashmap_t wider;
    memheap_status_t status = slots_new(&wider, map->memory, map->order + 1);
    if (status != MEMHEAP_OK)
        return status;
    for (size_t i = 0; i < (size_t)1 << map->order; i++) {
        if (map->slots[i].key_plus_one != 0)
            memheap_hashmap_put(&wider, map->slots[i].key_plus_one - 1,
                                map->slots[i].value);
    }
    memheap_hashmap_close(map);
    *map = wider;
    return MEMHEAP_OK;
}

uint64_t *memheap_hashmap_find(const memheap_hashmap_t *map, uint64_t key)
{
    size_t mask = ((size_t)1 << map->order) - 1;
    for (size_t i = memheap_hashmap_home(map, key);; i = (i + 1) & mask) {
        if (map->slots[i].key_plus_one == key + 1)
            return &map->slots[i].value;
        if (map->slots[i].key_plus_one == 0)
            return NULL;
    }
}

void memheap_hashmap_put(memheap_hashmap_t *map, uint64_t key, uint64_t value)
{
    MEMHEAP_ASSERT(map->count < map->room);
    size_t mask = ((size_t)1 << map->order) - 1;
    size_t i = memheap_hashmap_home(map, key);
    while (map->slots[i].key_plus_one != 0)
        i = (i + 1) & mask;
    map->slots[i] = (memheap_hashmap_slot_t){key + 1, value};
    map->count++;
}

void memheap_hashmap_remove(memheap_hashmap_t *map, uint64_t *value)
{
    size_t mask = ((size_t)1 << map->order) - 1;
    size_t hole = (size_t)((char *)value - (char *)map->slots) /
                  sizeof(memheap_hashmap_slot_t);
    for (size_t i = (hole + 1) & mask; map->slots[i].key_plus_one != 0;
         i = (i + 1) & mask) {
        size_t home = memheap_hashmap_home(map, map->slots[i].key_plus_one - 1);
        /* An entry may move into the hole unless its home is behind the hole.
         */
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole] = (memheap_hashmap_slot_t){0};
    map->count--;
}
