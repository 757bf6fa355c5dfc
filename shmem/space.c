/*
 * Spaces: symmetric heaps beside the default one, each with its own size, kind
 * of memory and team.
 *
 * All PEs create a space together; the PEs that have the device become its
 * members. The members form a job of their own, with a communicator. Its nodes
 * are the members on each node of the world job, so two PEs on one node are so
 * in both jobs. A space agrees through its team, whose agreement stays when the
 * program destroys the team. The space has a segment, whose id is free on all
 * members; the transport knows the memory by that id.
 */
#include "config.h"

#include "shmem/space.h"
#include "shmem/memory.h"
#include "shmem/mistakes.h"
#include "memheap/dependents.h"
#include "shmem/access.h"
#include "shmem/call_description.h"
#include "shmem/remote_registration.h"
#include "base/pages.h"
#include "base/util.h"
#include "comm/symmetric.h"

#include <pshmem.h>
#include <shmemx.h>
#include <shmemx_pools.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A space that the program created. */
typedef struct user_space {
    memheap_space_t space; /* first: the handle is its address */
    memheap_segment_t segment;
    memheap_job_t job;
    memheap_symmetric_t symmetric;
    int device;
    char name[48];
} user_space_t;

static user_space_t *user_space_of(shmemx_space_t space)
{
    return (user_space_t *)(void *)space;
}

/* Find the folder of a device; NULL for main memory. False if this PE does not
 * have the device. */
static bool find_device(int device, const char **folder_p)
{
    struct stat file;
    const memheap_params_t *params = memheap_runtime.params;
    const char *folder =
        memheap_params_value(params, "MEMHEAP_DEVICE_FOLDER")->string;
    *folder_p = device == SHMEMX_DEVICE_FOLDER ? folder : NULL;
    return device == SHMEMX_DEVICE_HOST ||
           (device == SHMEMX_DEVICE_FOLDER && folder[0] != '\0' &&
            stat(folder, &file) == 0 && S_ISDIR(file.st_mode) &&
            access(folder, W_OK | X_OK) == 0);
}

/* The maximum size of a space on each PE. */
static size_t limit_of(const user_space_t *made,
                       const shmemx_space_config_t *config,
                       const memheap_memory_policy_t *policy)
{
    size_t unit = memheap_pages_unit(policy);
    if (config->size == 0)
        return memheap_symmetric_share(&made->job, policy);
    size_t size = memheap_align_up(config->size, unit);
    return size < config->size ? memheap_align_down(SIZE_MAX, unit) : size;
}

/* Create the heap of a space, and make it accessible to its members. Collective
 * over them. @return the same on all members */
static memheap_status_t space_open(user_space_t *made,
                                   const shmemx_space_config_t *config,
                                   const char *folder)
{
    memheap_runtime_t *rt = &memheap_runtime;
    memheap_config_t heap = {.name = made->name,
                             .flags = MEMHEAP_JOB_HEAP |
                                      (rt->thread_level == SHMEM_THREAD_MULTIPLE
                                           ? MEMHEAP_ORDERED
                                           : MEMHEAP_SINGLE_THREADED),
                             .log = &rt->log};
    memheap_memory_policy_t policy = config->policy;
    memheap_pages_resolve(rt->params, &policy);
    bool committed = (config->flags & SHMEMX_SPACE_BACKED) != 0;
    memheap_symmetric_config_t wanted = {
        .job = &made->job,
        .limit = limit_of(made, config, &policy),
        .committed = committed || (rt->transport != NULL && config->size > 0),
        .policy = policy,
        .folder = folder,
        .heap = &heap,
        .first_pe = made->segment.members.start,
        .pe_stride = made->segment.members.stride,
        .synced = true,
        .warnings = &memheap_runtime_warnings};
    memheap_segment_id_t id = memheap_segment_unused_id(&made->job);
    if (id == 0) {
        memheap_log_write(&rt->log, MEMHEAP_LOG_ERROR,
                          "there are %d spaces and registrations already, "
                          "which is the maximum; end one first",
                          MEMHEAP_SEGMENTS - MEMHEAP_SEGMENT_MORE);
        return MEMHEAP_ERR_NO_MEMORY;
    }
    if (config->name == NULL)
        snprintf(made->name, sizeof(made->name), "space %u",
                 id - MEMHEAP_SEGMENT_MORE + 1);
    else
        snprintf(made->name, sizeof(made->name), "%s", config->name);
    made->segment.id = id;
    memheap_status_t status = memheap_symmetric_open(&wanted, &made->symmetric);
    if (status != MEMHEAP_OK)
        return status;
    made->space.heap = made->symmetric.heap;
    memheap_releases_open(&made->space.releases);
    made->segment.base = made->symmetric.base;
    made->segment.windows = made->symmetric.windows;
    made->segment.access_checked = memheap_is_access_checked(made->space.heap);
    made->segment.accessible = memheap_high_water(made->space.heap);
    if (rt->transport != NULL)
        memheap_pin_pages(made->space.heap);
    memheap_stats_t stats;
    memheap_get_stats(made->space.heap, &stats);
    if (committed && stats.committed < wanted.limit) {
        memheap_log_write(&rt->log, MEMHEAP_LOG_ERROR,
                          "the node has no memory for %zu bytes on each PE; "
                          "create the space smaller, or without "
                          "SHMEMX_SPACE_BACKED",
                          wanted.limit);
        status = MEMHEAP_ERR_NO_MEMORY;
    }
    status = memheap_job_worst(&made->job, status);
    if (status == MEMHEAP_OK)
        status = memheap_register_space(&made->space, 0);
    return status;
}

/* Free what this PE has of a space, also after space_open() has failed halfway.
 * The struct is freed when the library stops, because another thread may be
 * searching all spaces for an address of its own. */
static void space_close(user_space_t *made)
{
    memheap_runtime_t *rt = &memheap_runtime;
    if (rt->transport != NULL && made->segment.id != 0)
        memheap_transport_deregister(rt->transport, made->segment.id);
    memheap_releases_close(&made->space.releases);
    memheap_symmetric_close(&made->symmetric);
    memheap_job_close(&made->job);
    made->segment.accessible = 0;
    pthread_mutex_lock(&rt->lists_lock);
    made->space.next = rt->ended_spaces;
    rt->ended_spaces = &made->space;
    pthread_mutex_unlock(&rt->lists_lock);
}

/* Form the members of a space: the PEs that have the device. *made_p takes the
 * new space, without memory; it is NULL on other PEs. Collective over all PEs.
 * @return the same on all PEs */
static memheap_status_t space_form(bool takes_part, memheap_subset_t *part,
                                   user_space_t **made_p)
{
    memheap_runtime_t *rt = &memheap_runtime;
    memheap_status_t status = memheap_job_subset(&rt->job, takes_part, part);
    if (status != MEMHEAP_OK) {
        memheap_log_write(&rt->log, MEMHEAP_LOG_ERROR,
                          "the PEs that have the device are not the same "
                          "distance apart, as those of a team must be");
        memheap_job_subset_end(part);
        return status;
    }
    user_space_t *made = takes_part ? calloc(1, sizeof(*made)) : NULL;
    if (takes_part && made == NULL)
        status = MEMHEAP_ERR_NO_METADATA;
    status = memheap_job_worst(&rt->job, status);
    if (status == MEMHEAP_OK && made != NULL) {
        memheap_job_open(&made->job, part->comm, rt->job.node_number);
        made->job.wait = rt->job.wait;
        status = memheap_job_form_nodes(&made->job, SIZE_MAX);
        made->segment.members =
            (memheap_members_t){&made->job, part->start, part->stride};
        made->space.segment = &made->segment;
        *made_p = made;
    } else {
        free(made);
    }
    memheap_job_subset_end(part);
    return status;
}

/* Publish a space on this PE. */
static void space_publish(user_space_t *made, shmem_team_t team)
{
    memheap_space_t *space = &made->space;
    space->team = team;
    space->agree = team->agree;
    space->teams = 1;
    team->space = space;
    memheap_runtime.spaces[made->segment.id] = space;
    __atomic_store_n(&memheap_runtime.segments[made->segment.id],
                     &made->segment, __ATOMIC_RELEASE);
}

static void space_unpublish(user_space_t *made)
{
    __atomic_store_n(&memheap_runtime.segments[made->segment.id], NULL,
                     __ATOMIC_RELEASE);
    memheap_runtime.spaces[made->segment.id] = NULL;
}

int pshmemx_space_create(const shmemx_space_config_t *config,
                         shmemx_space_t *space)
{
    memheap_runtime_t *rt = &memheap_runtime;
    memheap_runtime_begin("shmemx_space_create");
    *space = SHMEMX_SPACE_INVALID;
    const uint64_t words[] = {
        (uint64_t)config->device, (uint64_t)config->flags,
        config->policy.pages,     config->policy.pages_mode,
        config->policy.numa,      config->policy.numa_node,
        config->policy.numa_mode};
    memheap_call_t call = {
        .kind = MEMHEAP_CALL_SPACE_CREATE,
        .argument = {config->size,
                     memheap_digest_bytes(0, words, sizeof(words)), 0}};
    memheap_runtime_barrier(&rt->agree, &call);
    const char *folder;
    bool takes_part = find_device(config->device, &folder);
    memheap_subset_t part;
    user_space_t *made = NULL;
    shmem_team_t team = SHMEM_TEAM_INVALID;
    int pe;
    memheap_status_t status = space_form(takes_part, &part, &made);
    if (status == MEMHEAP_OK && made != NULL) {
        made->device = config->device;
        made->space.has_limit = config->size > 0;
        status = space_open(made, config, folder);
    }
    memheap_status_t worst =
        memheap_runtime_agree(&rt->agree, &call, status, 0, NULL);
    if (worst == MEMHEAP_OK &&
        memheap_team_make(SHMEM_TEAM_WORLD, &call, part.start, part.stride,
                          part.size, part.rank, &team) != 0)
        worst = MEMHEAP_ERR_NO_METADATA;
    if (worst != MEMHEAP_OK) {
        /* All PEs have the status, but the message is on one of them. */
        memheap_job_min(&rt->job, rt->message[0] == '\0', &pe);
        if (pe == rt->job.rank)
            memheap_runtime_error(
                "shmemx_space_create: %s%s%s", memheap_status_string(worst),
                rt->message[0] == '\0' ? "" : ": ", rt->message);
        if (made != NULL)
            space_close(made);
        return -1;
    }
    if (made != NULL) {
        space_publish(made, team);
        *space = &made->space;
    }
    /* No PE returns before all PEs have published the space. */
    memheap_runtime_barrier(&rt->agree, &call);
    return 0;
}
MEMHEAP_PROFILED(shmemx_space_create)

/* Check that a space is unused: no team was split from its own, and no context,
 * cache or proximity uses it. */
static memheap_status_t check_unused(const user_space_t *made)
{
    const memheap_space_t *space = &made->space;
    const memheap_log_t *log = &memheap_runtime.log;
    if (space->teams > (space->team_ended ? 0 : 1)) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "%s is in use by a team that was split from its "
                          "own; destroy that first",
                          made->name);
        return MEMHEAP_ERR_BUSY;
    }
    return memheap_dependents_check(&space->dependents, "space", made->name,
                                    log);
}

void memheap_space_report(memheap_space_t *space)
{
    memheap_space_collect(space);
    if (memheap_symmetric_report(space->segment->members.job, space->heap))
        memheap_runtime_set_exit_status("MEMHEAP_LEAKS_STATUS");
}

int pshmemx_space_destroy(shmemx_space_t space)
{
    memheap_runtime_t *rt = &memheap_runtime;
    memheap_call_t call = {.kind = MEMHEAP_CALL_SPACE_DESTROY};
    int pe;
    if (memheap_runtime_has_ended("shmemx_space_destroy"))
        return -1;
    memheap_runtime_begin("shmemx_space_destroy");
    if (space == SHMEMX_SPACE_INVALID)
        return 0;
    if (space == SHMEMX_SPACE_DEFAULT) {
        memheap_mistake_survived(
            MEMHEAP_DESTROYS_DEFAULT_SPACE,
            "shmemx_space_destroy: SHMEMX_SPACE_DEFAULT cannot be destroyed");
        return -1;
    }
    user_space_t *made = user_space_of(space);
    /* Two agreements: after the first, all PEs are quiet; after the second, no
     * PE accesses the space any more. */
    pshmem_quiet();
    memheap_status_t worst =
        memheap_runtime_agree(space->agree, &call, check_unused(made), 0, &pe);
    if (worst != MEMHEAP_OK) {
        if (pe == rt->job.rank)
            memheap_runtime_error("shmemx_space_destroy: %s", rt->message);
        return -1;
    }
    memheap_space_report(space);
    memheap_runtime_barrier(space->agree, &call);
    space_unpublish(made);
    shmem_team_t team = space->team;
    space_close(made);
    memheap_team_end(team);
    return 0;
}
MEMHEAP_PROFILED(shmemx_space_destroy)

void memheap_spaces_report(void)
{
    for (unsigned id = MEMHEAP_SEGMENT_MORE; id < MEMHEAP_SEGMENTS; id++) {
        if (memheap_runtime.spaces[id] != NULL)
            memheap_space_report(memheap_runtime.spaces[id]);
    }
}

void memheap_spaces_stop(void)
{
    for (unsigned id = MEMHEAP_SEGMENT_MORE; id < MEMHEAP_SEGMENTS; id++) {
        memheap_space_t *space = memheap_runtime.spaces[id];
        if (space == NULL)
            continue;
        space_unpublish(user_space_of(space));
        space_close(user_space_of(space));
    }
    while (memheap_runtime.ended_spaces != NULL) {
        memheap_space_t *space = memheap_runtime.ended_spaces;
        memheap_runtime.ended_spaces = space->next;
        free(user_space_of(space));
    }
}

/* Begin a call. False if it has nothing to do: the space is invalid, or the
 * size is 0. */
static bool begin(const char *name, shmemx_space_t space, size_t size)
{
    memheap_runtime_begin(name);
    return space != SHMEMX_SPACE_INVALID && size > 0;
}

void *pshmemx_space_malloc(shmemx_space_t space, size_t size)
{
    if (!begin("shmemx_space_malloc", space, size))
        return NULL;
    memheap_call_t call = {.kind = MEMHEAP_CALL_MALLOC,
                           .argument = {size, 0, 0},
                           .name = "shmemx_space_malloc"};
    return memheap_space_alloc(memheap_space_of(space), &call, 1, size);
}
MEMHEAP_PROFILED(shmemx_space_malloc)

void *pshmemx_space_malloc_with_hints(shmemx_space_t space, size_t size,
                                      long hints)
{
    if (!begin("shmemx_space_malloc_with_hints", space, size))
        return NULL;
    memheap_call_t call = {.kind = MEMHEAP_CALL_MALLOC_HINTS,
                           .argument = {size, (uint64_t)hints, 0},
                           .name = "shmemx_space_malloc_with_hints"};
    return memheap_space_alloc(memheap_space_of(space), &call, 1, size);
}
MEMHEAP_PROFILED(shmemx_space_malloc_with_hints)

void *pshmemx_space_calloc(shmemx_space_t space, size_t count, size_t size)
{
    if (!begin("shmemx_space_calloc", space, count) || size == 0)
        return NULL;
    memheap_call_t call = {.kind = MEMHEAP_CALL_CALLOC,
                           .argument = {count, size, 0},
                           .name = "shmemx_space_calloc"};
    return memheap_space_alloc_zeroed(memheap_space_of(space), &call, count,
                                      size);
}
MEMHEAP_PROFILED(shmemx_space_calloc)

void *pshmemx_space_align(shmemx_space_t space, size_t alignment, size_t size)
{
    if (!begin("shmemx_space_align", space, size))
        return NULL;
    memheap_call_t call = {.kind = MEMHEAP_CALL_ALIGN,
                           .argument = {alignment, size, 0},
                           .name = "shmemx_space_align"};
    return memheap_space_alloc(memheap_space_of(space), &call, alignment, size);
}
MEMHEAP_PROFILED(shmemx_space_align)

void *pshmemx_space_realloc(shmemx_space_t space, void *ptr, size_t size)
{
    memheap_runtime_begin("shmemx_space_realloc");
    if (space == SHMEMX_SPACE_INVALID)
        return NULL;
    return memheap_space_resize(memheap_space_of(space), "shmemx_space_realloc",
                                ptr, size);
}
MEMHEAP_PROFILED(shmemx_space_realloc)

static memheap_status_t release(memheap_space_t *space, void *ptr)
{
    memheap_call_t call = {.kind = MEMHEAP_CALL_FREE,
                           .argument = {(uintptr_t)ptr, 0, 0},
                           .name = "shmemx_space_free"};
    return memheap_space_free(space, &call, ptr);
}

void pshmemx_space_free(shmemx_space_t space, void *ptr)
{
    if (memheap_runtime_has_ended("shmemx_space_free"))
        return;
    memheap_runtime_begin("shmemx_space_free");
    if (space != SHMEMX_SPACE_INVALID && ptr != NULL)
        release(memheap_space_of(space), ptr);
}
MEMHEAP_PROFILED(shmemx_space_free)

shmem_team_t pshmemx_space_get_team(shmemx_space_t space)
{
    memheap_runtime_begin("shmemx_space_get_team");
    if (space == SHMEMX_SPACE_INVALID || memheap_space_of(space)->team_ended)
        return SHMEM_TEAM_INVALID;
    return memheap_space_of(space)->team;
}
MEMHEAP_PROFILED(shmemx_space_get_team)

int pshmemx_space_get_caps(shmemx_space_t space, long *caps)
{
    memheap_runtime_begin("shmemx_space_get_caps");
    *caps = 0;
    if (space == SHMEMX_SPACE_INVALID)
        return -1;
    const memheap_job_t *job = memheap_space_of(space)->segment->members.job;
    *caps = SHMEMX_CAP_RMA | SHMEMX_CAP_COLLECTIVES | SHMEMX_CAP_ATOMICS |
            SHMEMX_CAP_IDENTICAL_ADDRESSES;
    if (job->node_count == 1)
        *caps |= SHMEMX_CAP_DIRECT_ACCESS;
    if (job->size == memheap_runtime.job.size)
        *caps |= SHMEMX_CAP_WORLD_ACCESS;
    return 0;
}
MEMHEAP_PROFILED(shmemx_space_get_caps)

size_t pshmemx_space_size(shmemx_space_t space)
{
    memheap_stats_t stats;
    memheap_runtime_begin("shmemx_space_size");
    if (space == SHMEMX_SPACE_INVALID)
        return 0;
    memheap_get_stats(memheap_space_of(space)->heap, &stats);
    return stats.size;
}
MEMHEAP_PROFILED(shmemx_space_size)

int pshmemx_space_placement(shmemx_space_t space,
                            memheap_placement_t *placement)
{
    memheap_runtime_begin("shmemx_space_placement");
    if (space == SHMEMX_SPACE_INVALID)
        return -1;
    memheap_status_t status =
        memheap_get_placement(memheap_space_of(space)->heap, placement);
    if (status != MEMHEAP_OK)
        memheap_runtime_error("shmemx_space_placement: %s",
                              memheap_runtime.message);
    return status == MEMHEAP_OK ? 0 : -1;
}
MEMHEAP_PROFILED(shmemx_space_placement)

memheap_space_t *memheap_space_at(const void *address)
{
    memheap_runtime_t *rt = &memheap_runtime;
    const memheap_segment_t *segment = memheap_segment_at(address, 1);
    if (segment == &rt->heap_segment)
        return &rt->space;
    return segment == NULL || segment->id < MEMHEAP_SEGMENT_MORE
               ? NULL
               : rt->spaces[segment->id];
}

shmemx_space_t pshmemx_space_of_ptr(const void *ptr)
{
    memheap_runtime_begin("shmemx_space_of_ptr");
    memheap_space_t *space = memheap_space_at(ptr);
    return space == &memheap_runtime.space ? SHMEMX_SPACE_DEFAULT : space;
}
MEMHEAP_PROFILED(shmemx_space_of_ptr)

shmemx_space_t pshmemx_space_of_team(shmem_team_t team)
{
    memheap_runtime_begin("shmemx_space_of_team");
    if (team == SHMEM_TEAM_INVALID)
        return SHMEMX_SPACE_INVALID;
    return team->space == NULL ? SHMEMX_SPACE_DEFAULT : team->space;
}
MEMHEAP_PROFILED(shmemx_space_of_team)

static memheap_status_t pop(void *state, size_t align, size_t size,
                            void **block_p)
{
    void *block = pshmemx_space_align(state, align, size);
    if (block == NULL)
        return size == 0 ? MEMHEAP_ERR_BAD_ARGUMENT : MEMHEAP_ERR_NO_MEMORY;
    *block_p = block;
    return MEMHEAP_OK;
}

static memheap_status_t push(void *state, void *block)
{
    memheap_runtime_begin("shmemx_space_free");
    return release(memheap_space_of(state), block);
}

static memheap_status_t getsize(void *state, const void *block, size_t *size_p)
{
    return memheap_find_block(memheap_space_of(state)->heap, block, size_p);
}

static memheap_status_t agree(void *state, memheap_status_t mine)
{
    memheap_call_t call = {.kind = MEMHEAP_CALL_SPACE_POOL};
    memheap_runtime_begin("shmemx_space_pool");
    return memheap_runtime_agree(memheap_space_of(state)->agree, &call, mine, 0,
                                 NULL);
}

memheap_pool_t pshmemx_space_pool(shmemx_space_t space)
{
    memheap_runtime_begin("shmemx_space_pool");
    return (memheap_pool_t){.pop = pop,
                            .push = push,
                            .getsize = getsize,
                            .state = space,
                            .agree = agree,
                            .dependents = &memheap_space_of(space)->dependents};
}
MEMHEAP_PROFILED(shmemx_space_pool)
