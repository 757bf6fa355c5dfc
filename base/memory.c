/*
 * Metadata memory out of anonymous pages, and tables on top of any source.
 *
 * A table grows by at least an eighth of what it has, so growing to n bytes
 * costs O(log n) calls of the source, and what is committed stays near what is
 * used.
 */
#include "config.h"

#include "base/memory.h"
#include "base/util.h"

#include <sys/mman.h>
#include <unistd.h>

enum {
    LEAST_STEP = 16384
};

static size_t page_round(size_t size)
{
    return memheap_align_up(size, (size_t)sysconf(_SC_PAGESIZE));
}

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
    size_t rounded = page_round(size);
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
    memory->release(memory, address, page_round(size));
}

memheap_status_t memheap_table_open(memheap_table_t *table,
                                    const memheap_memory_t *memory,
                                    size_t max_size)
{
    size_t reserved = page_round(max_size);
    char *base = reserved < max_size ? NULL : memory->reserve(memory, reserved);
    if (base == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    *table =
        (memheap_table_t){.base = base, .reserved = reserved, .memory = memory};
    return MEMHEAP_OK;
}

void memheap_table_close(memheap_table_t *table)
{
    if (table->base != NULL)
        table->memory->release(table->memory, table->base, table->reserved);
    *table = (memheap_table_t){0};
}

memheap_status_t memheap_table_extend(memheap_table_t *table, size_t size)
{
    if (size > table->reserved)
        return MEMHEAP_ERR_NO_METADATA;
    size_t step = memheap_max(table->committed / 8, LEAST_STEP);
    size_t target = page_round(memheap_max(size, table->committed + step));
    target = memheap_min(target, table->reserved);
    if (!table->memory->commit(table->memory, table->base + table->committed,
                               target - table->committed))
        return MEMHEAP_ERR_NO_METADATA;
    table->committed = target;
    return MEMHEAP_OK;
}
