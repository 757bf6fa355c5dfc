/*
 * Releases of blocks by one PE; comm/releases.h says how a block ends.
 */
#include "config.h"

#include "shmem/memory.h"
#include "shmem/call_description.h"
#include "shmem/mistakes.h"
#include "shmem/space.h"

#include <pshmem.h>
#include <shmemx.h>

#include <stdio.h>

/* Print why a block cannot be released. Other threads may be in calls, so the
 * text is not in memheap_runtime.message. */
static void report(const memheap_space_t *space, const void *ptr,
                   memheap_status_t status)
{
    char text[512];
    char place[MEMHEAP_CALL_SITE_TEXT];
    if (status == MEMHEAP_ERR_BUSY)
        snprintf(text, sizeof(text), "this PE has released it before");
    else if (status != MEMHEAP_ERR_BAD_ADDRESS)
        snprintf(text, sizeof(text), "%s", memheap_status_string(status));
    else if (space != NULL)
        memheap_describe(space->heap, ptr, text, sizeof(text));
    else
        memheap_describe(memheap_runtime.space.heap, ptr, text, sizeof(text));
    if (status != MEMHEAP_ERR_NO_METADATA)
        memheap_runtime_set_exit_status("MEMHEAP_WRONG_FREE_STATUS");
    memheap_runtime_error("shmemx_release(%p): %s; the call is from %s, and "
                          "has no effect",
                          ptr, text, memheap_call_place(place));
}

int pshmemx_release(void *ptr)
{
    const memheap_runtime_t *rt = &memheap_runtime;
    if (rt->depth == 0 && rt->ended_by != NULL)
        return 0; /* the heap has ended, and the block with it */
    if (rt->depth == 0)
        memheap_runtime_not_running("shmemx_release");
    if (ptr == NULL)
        return 0;
    memheap_space_t *space = memheap_space_at(ptr);
    memheap_status_t status =
        space == NULL
            ? MEMHEAP_ERR_BAD_ADDRESS
            : memheap_releases_add(&space->releases, space->heap, ptr);
    if (status != MEMHEAP_OK)
        report(space, ptr, status);
    return status == MEMHEAP_OK ? 0 : -1;
}
MEMHEAP_PROFILED(shmemx_release)

static size_t collect(const char *name, memheap_space_t *space)
{
    memheap_call_t call = {.kind = MEMHEAP_CALL_END_RELEASED, .name = name};
    memheap_runtime_agree(space->agree, &call, MEMHEAP_OK, 0, NULL);
    return memheap_space_collect(space);
}

size_t pshmemx_heap_collect(void)
{
    memheap_runtime_begin("shmemx_heap_collect");
    return collect("shmemx_heap_collect", &memheap_runtime.space);
}
MEMHEAP_PROFILED(shmemx_heap_collect)

size_t pshmemx_space_collect(shmemx_space_t space)
{
    memheap_runtime_begin("shmemx_space_collect");
    if (space == SHMEMX_SPACE_INVALID)
        return 0;
    return collect("shmemx_space_collect", memheap_space_of(space));
}
MEMHEAP_PROFILED(shmemx_space_collect)

size_t pshmemx_heap_released(void)
{
    memheap_runtime_begin("shmemx_heap_released");
    return memheap_runtime.space.releases.bytes;
}
MEMHEAP_PROFILED(shmemx_heap_released)

size_t pshmemx_space_released(shmemx_space_t space)
{
    memheap_runtime_begin("shmemx_space_released");
    return space == SHMEMX_SPACE_INVALID
               ? 0
               : memheap_space_of(space)->releases.bytes;
}
MEMHEAP_PROFILED(shmemx_space_released)
