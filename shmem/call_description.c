/*
 * Describes collective calls as text.
 */
#include "config.h"

#include "shmem/call_description.h"
#include "shmem/runtime.h"

#include <stdio.h>

/* List the parameters that are not at their defaults, as a user sets them. */
static void describe_init(char *text, size_t room)
{
    const memheap_params_t *params = memheap_runtime.params;
    size_t used = (size_t)snprintf(text, room, "shmem_init");
    bool any = false;
    for (size_t i = 0; i < params->count && used < room; i++) {
        const memheap_param_t *param = &params->param[i];
        if (param->source == MEMHEAP_SOURCE_DEFAULT)
            continue;
        used +=
            (size_t)snprintf(text + used, room - used, "%s%s=%s",
                             any ? " " : " with ", param->name, param->text);
        any = true;
    }
    if (!any && used < room)
        snprintf(text + used, room - used, " with no parameter set");
}

/* The name of the routine, if several routines make calls of this kind. */
static const char *name_of(const memheap_call_t *call, const char *usual)
{
    return call->name == NULL ? usual : call->name;
}

/* Describe a call with an address outside of the heap. The message of this PE
 * has the address. @return false if the call has none */
static bool describe_foreign(const memheap_call_t *call, char *text,
                             size_t room)
{
    const char *usual = call->kind == MEMHEAP_CALL_REALLOC ? "shmem_realloc"
                        : call->kind == MEMHEAP_CALL_FREE  ? "shmem_free"
                                                           : NULL;
    if (usual == NULL || call->argument[0] != MEMHEAP_CALL_FOREIGN)
        return false;
    snprintf(text, room, "%s of a foreign address: %s", name_of(call, usual),
             memheap_runtime.message);
    return true;
}

void memheap_call_describe(const memheap_call_t *call, char *text, size_t room)
{
    size_t a = (size_t)call->argument[0];
    size_t b = (size_t)call->argument[1];
    if (describe_foreign(call, text, room))
        return;
    switch ((memheap_call_kind_t)call->kind) {
    case MEMHEAP_CALL_INIT:
        describe_init(text, room);
        break;
    case MEMHEAP_CALL_CREATE:
        snprintf(text, room, "shmem_init, which selected component %s",
                 memheap_component_name(memheap_runtime.space.heap));
        break;
    case MEMHEAP_CALL_INIT_AGAIN:
        snprintf(text, room, "shmem_init once more");
        break;
    case MEMHEAP_CALL_FINALIZE:
        snprintf(text, room, "%s", name_of(call, "shmem_finalize"));
        break;
    case MEMHEAP_CALL_BARRIER_ALL:
        snprintf(text, room, "shmem_barrier_all");
        break;
    case MEMHEAP_CALL_SYNC_ALL:
        snprintf(text, room, "shmem_sync_all");
        break;
    case MEMHEAP_CALL_MALLOC:
        snprintf(text, room, "%s(%zu)", name_of(call, "shmem_malloc"), a);
        break;
    case MEMHEAP_CALL_MALLOC_HINTS:
        snprintf(text, room, "%s(%zu, %#zx)",
                 name_of(call, "shmem_malloc_with_hints"), a, b);
        break;
    case MEMHEAP_CALL_CALLOC:
        snprintf(text, room, "%s(%zu, %zu)", name_of(call, "shmem_calloc"), a,
                 b);
        break;
    case MEMHEAP_CALL_ALIGN:
        snprintf(text, room, "%s(%zu, %zu)", name_of(call, "shmem_align"), a,
                 b);
        break;
    case MEMHEAP_CALL_REALLOC:
    case MEMHEAP_CALL_REALLOC_DONE:
        snprintf(text, room, "%s(%#zx, %zu)", name_of(call, "shmem_realloc"), a,
                 b);
        break;
    case MEMHEAP_CALL_FREE:
        snprintf(text, room, "%s(%#zx)", name_of(call, "shmem_free"), a);
        break;
    case MEMHEAP_CALL_MALLOC_BATCH:
        snprintf(text, room, "shmemx_malloc_batch of %zu blocks (sizes %#zx)",
                 a, b);
        break;
    case MEMHEAP_CALL_FREE_BATCH:
        snprintf(text, room, "shmemx_free_batch of %zu blocks (%#zx)", a, b);
        break;
    case MEMHEAP_CALL_SPACE_CREATE:
        snprintf(text, room, "shmemx_space_create of %zu bytes (%#zx)", a, b);
        break;
    case MEMHEAP_CALL_SPACE_DESTROY:
        snprintf(text, room, "shmemx_space_destroy");
        break;
    case MEMHEAP_CALL_SPACE_POOL:
        snprintf(text, room, "an allocation from shmemx_space_pool");
        break;
    case MEMHEAP_CALL_REGISTER:
        snprintf(text, room, "shmemx_register of %zu bytes", a);
        break;
    case MEMHEAP_CALL_DEREGISTER:
        if (a == 0)
            snprintf(text, room,
                     "shmemx_deregister of memory that is not registered");
        else
            snprintf(text, room, "shmemx_deregister of registration %zu",
                     a - MEMHEAP_SEGMENT_MORE + 1);
        break;
    case MEMHEAP_CALL_SPLIT_STRIDED:
        snprintf(text, room, "shmem_team_split_strided(%d, %d, %d)", (int)a,
                 (int)b, (int)call->argument[2]);
        break;
    case MEMHEAP_CALL_SPLIT_2D:
        snprintf(text, room, "shmem_team_split_2d(%d)", (int)a);
        break;
    case MEMHEAP_CALL_TEAM_DESTROY:
        snprintf(text, room, "shmem_team_destroy");
        break;
    case MEMHEAP_CALL_TEAM_SYNC:
        snprintf(text, room, "shmem_team_sync");
        break;
    case MEMHEAP_CALL_ALLTOALLS:
        snprintf(text, room, "%s of %zu bytes with strides %zu and %zu",
                 call->name, a, b, (size_t)call->argument[2]);
        break;
    case MEMHEAP_CALL_ALLTOALL:
    case MEMHEAP_CALL_FCOLLECT:
        snprintf(text, room, "%s of %zu bytes", call->name, a);
        break;
    case MEMHEAP_CALL_BROADCAST:
        snprintf(text, room, "%s of %zu bytes from PE %d",
                 call->name == NULL ? "a broadcast" : call->name, a, (int)b);
        break;
    case MEMHEAP_CALL_END_RELEASED:
    case MEMHEAP_CALL_SAVE:
    case MEMHEAP_CALL_LOAD:
    case MEMHEAP_CALL_COLLECT:
    case MEMHEAP_CALL_SET:
        snprintf(text, room, "%s", call->name);
        break;
    case MEMHEAP_CALL_STEP:
        snprintf(text, room, "a step of the library");
        break;
    case MEMHEAP_CALL_REDUCE:
    case MEMHEAP_CALL_SCAN:
        snprintf(text, room, "%s of %zu elements", call->name, b);
        break;
    }
}
