/*
 * Describes what lies at an address: by the loader for the program and its
 * libraries, whose variables may have moved to another mapping, and by the
 * kernel's list of mappings for the rest.
 */
#define _GNU_SOURCE /* dladdr1() */
#include "config.h"

#include "base/address.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

bool memheap_address_find_mapping(const void *address,
                                  memheap_mapping_t *mapping)
{
    char line[512];
    bool found = false;
    uintptr_t here = (uintptr_t)&line;
    uintptr_t at = (uintptr_t)address;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps != NULL && !found && fgets(line, sizeof(line), maps) != NULL) {
        *mapping = (memheap_mapping_t){.low = 0};
        found = sscanf(line, "%zx-%zx %4s %lx %*s %lu %255[^\n]", &mapping->low,
                       &mapping->high, mapping->protection,
                       (unsigned long *)&mapping->position,
                       (unsigned long *)&mapping->inode, mapping->name) >= 5 &&
                at >= mapping->low && at < mapping->high;
    }
    if (maps != NULL)
        fclose(maps);
    mapping->shared = mapping->protection[3] == 's';
    mapping->is_stack = strcmp(mapping->name, "[stack]") == 0 ||
                        (here >= mapping->low && here < mapping->high);
    return found;
}

/* The loaded object that has an address; NULL if there is none. */
static const struct link_map *object_at(const void *address)
{
    Dl_info info;
    void *object = NULL;
    return dladdr1(address, &info, &object, RTLD_DL_LINKMAP) == 0 ? NULL
                                                                  : object;
}

char *memheap_address_describe(const void *address, char *text, size_t room)
{
    memheap_mapping_t mapping;
    if (!memheap_address_find_mapping(address, &mapping)) {
        snprintf(text, room, "in no mapped memory");
        return text;
    }
    const struct link_map *object = object_at(address);
    const char *part = strchr(mapping.protection, 'x') != NULL   ? "code"
                       : strchr(mapping.protection, 'w') != NULL ? "variables"
                                                                 : "constants";
    if (object != NULL && object->l_name[0] == '\0')
        snprintf(text, room, "in the %s of the program", part);
    else if (object != NULL)
        snprintf(text, room, "in the %s of %s", part, object->l_name);
    else if (mapping.is_stack)
        snprintf(text, room, "on the stack");
    else if (strcmp(mapping.name, "[heap]") == 0)
        snprintf(text, room, "in the memory of malloc()");
    else if (strncmp(mapping.name, "/memfd:memheap", 14) == 0)
        snprintf(text, room, "in other memory that PEs share");
    else if (mapping.name[0] == '\0')
        snprintf(text, room, "in memory of malloc() or mmap()");
    else
        snprintf(text, room, "in a mapping of %s", mapping.name);
    return text;
}
