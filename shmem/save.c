/*
 * Saving the symmetric heap, and loading it: each PE has a file of its own.
 *
 * The files of one save have one random number, by which all PEs see that their
 * files belong together before they read blocks.
 */
#include "config.h"

#include "shmem/call_description.h"
#include "shmem/memory.h"
#include "shmem/remote_registration.h"
#include "memheap/save.h"

#include <pshmem.h>
#include <shmemx.h>

#include <stdio.h>
#include <sys/random.h>
#include <time.h>

/* A number that no other save has, the same on all PEs. Collective, and a
 * barrier. */
static uint64_t new_number(const memheap_call_t *call)
{
    memheap_runtime_t *rt = &memheap_runtime;
    uint64_t number = 0;
    if (rt->job.rank == 0 &&
        getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number)) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        number = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    }
    return memheap_runtime_reduce(&rt->agree, call, number, memheap_agree_max);
}

/* Agree on the outcome, and print the error of the PE that has it.
 * @return 0 or -1, the same on all PEs */
static int agree(const char *name, const memheap_call_t *call,
                 memheap_status_t mine, uint64_t result)
{
    memheap_runtime_t *rt = &memheap_runtime;
    int pe;
    memheap_status_t worst =
        memheap_runtime_agree(&rt->agree, call, mine, result, &pe);
    if (worst == MEMHEAP_OK)
        return 0;
    if (pe == rt->job.rank)
        memheap_runtime_error("%s: %s", name,
                              rt->message[0] == '\0'
                                  ? memheap_status_string(worst)
                                  : rt->message);
    return -1;
}

int pshmemx_heap_save(const void *root, int fd)
{
    memheap_runtime_t *rt = &memheap_runtime;
    const char *name = "shmemx_heap_save";
    memheap_call_t call = {.kind = MEMHEAP_CALL_SAVE, .name = name};
    memheap_runtime_begin(name);
    pshmem_quiet();
    memheap_save_info_t info = {.number = new_number(&call),
                                .pe = (uint32_t)rt->job.rank,
                                .pes = (uint32_t)rt->job.size,
                                .root = (uintptr_t)root};
    memheap_space_collect(&rt->space);
    memheap_status_t mine = memheap_save_part(rt->space.heap, &info, fd);
    return agree(name, &call, mine, 0);
}
MEMHEAP_PROFILED(shmemx_heap_save)

/* Check that this PE wrote the file. */
static memheap_status_t check_info(const memheap_save_info_t *info)
{
    const memheap_runtime_t *rt = &memheap_runtime;
    if (info->pe == (uint32_t)rt->job.rank &&
        info->pes == (uint32_t)rt->job.size)
        return MEMHEAP_OK;
    memheap_log_write(&rt->log, MEMHEAP_LOG_ERROR,
                      "the file has the heap of PE %u of %u, and this is PE %d "
                      "of %d",
                      info->pe, info->pes, rt->job.rank, rt->job.size);
    return MEMHEAP_ERR_BAD_ARGUMENT;
}

/* Whether all PEs have files of one save. Collective. */
static bool is_one_save(const memheap_call_t *call, uint64_t number)
{
    memheap_runtime_t *rt = &memheap_runtime;
    uint64_t most =
        memheap_runtime_reduce(&rt->agree, call, number, memheap_agree_max);
    uint64_t least =
        ~memheap_runtime_reduce(&rt->agree, call, ~number, memheap_agree_max);
    return most == least;
}

/* Make the loaded blocks accessible to all PEs. Collective. */
static memheap_status_t publish(memheap_space_t *space)
{
    space->segment->accessible = memheap_high_water(space->heap);
    return memheap_register_space(space, space->segment->accessible);
}

int pshmemx_heap_load(int fd, void **root)
{
    memheap_runtime_t *rt = &memheap_runtime;
    const char *name = "shmemx_heap_load";
    memheap_call_t call = {.kind = MEMHEAP_CALL_LOAD, .name = name};
    memheap_save_info_t info = {.number = 0};
    memheap_runtime_begin(name);
    memheap_status_t mine = memheap_load_info(fd, &info, &rt->log);
    if (mine == MEMHEAP_OK)
        mine = check_info(&info);
    if (agree(name, &call, mine, 0) != 0)
        return -1;
    if (!is_one_save(&call, info.number)) {
        if (rt->job.rank == 0)
            memheap_runtime_error("%s: the files of the PEs are of different "
                                  "saves",
                                  name);
        return -1;
    }
    mine = memheap_load_blocks(rt->space.heap, &info, fd);
    bool loaded = mine == MEMHEAP_OK;
    int result = agree(name, &call, mine, 0);
    if (result == 0)
        result = agree(name, &call, publish(&rt->space), 0);
    if (result != 0 && loaded)
        memheap_unload(rt->space.heap);
    else if (result != 0)
        memheap_normalize(rt->space.heap);
    if (result == 0 && root != NULL)
        *root = (void *)(uintptr_t)info.root;
    return result;
}
MEMHEAP_PROFILED(shmemx_heap_load)
