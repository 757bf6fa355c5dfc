/*
 * The default source of metadata memory: anonymous pages of this process.
 */
#include "config.h"

#include <memheap/memory.h>

#include "base/util.h"

#include <sys/mman.h>

static void *system_reserve(const memheap_memory_t *self, size_t size)
{
    (void)self;
    void *address = mmap(NULL, size, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return address == MAP_FAILED ? NULL : address;
}

static bool system_commit(const memheap_memory_t *self, void *address,
                          size_t size)
{
    (void)self;
    return mprotect(address, size, PROT_READ | PROT_WRITE) == 0;
}

static void system_release(const memheap_memory_t *self, void *address,
                           size_t size)
{
    (void)self;
    munmap(address, size);
}

const memheap_memory_t memheap_memory_system = {system_reserve, system_commit,
                                                system_release};

void *memheap_memory_new(const memheap_memory_t *memory, size_t size)
{
    size_t rounded = memheap_page_round(size);
    void *address = memory->reserve(memory, rounded);
    if (address == NULL)
        return NULL;
    if (!memory->commit(memory, address, rounded)) {
        memory->release(memory, address, rounded);
        return NULL;
    }
    return address;
}

void memheap_memory_delete(const memheap_memory_t *memory, void *address,
                           size_t size)
{
    memory->release(memory, address, memheap_page_round(size));
}
