/*
 * Contexts: communication with its own ordering, on a team.
 */
#ifndef MEMHEAP_SHMEM_CTX_H
#define MEMHEAP_SHMEM_CTX_H

#include "shmem/team.h"

#include <stdbool.h>
#include <stdint.h>

/** Size of a context, in bytes. The default context is copied into executables
 *  that are not position-independent, so the size must not change. */
enum {
    MEMHEAP_CTX_SIZE = 64
};

/** A context. Without a transport, all its operations are complete on return.
 */
struct shmemx_ctx {
    struct shmemx_team *team;
    long options;
    struct shmemx_ctx *next; /* in the team's list */
    uint64_t issued;         /* operations issued through the transport */
    uint64_t completed;      /* of these, known to be complete */
    char reserved[24];
};
_Static_assert(sizeof(struct shmemx_ctx) == MEMHEAP_CTX_SIZE,
               "the size of a context is part of the ABI");

/** Count an operation of a context. Call it after issuing the operation, so
 * that a quiet of another thread does not count it as complete. */
static inline void memheap_ctx_note_issued(shmem_ctx_t ctx)
{
    __atomic_fetch_add(&ctx->issued, 1, __ATOMIC_RELEASE);
}

/** Whether all operations of a context are complete. */
static inline bool memheap_ctx_is_quiet(shmem_ctx_t ctx)
{
    return __atomic_load_n(&ctx->issued, __ATOMIC_ACQUIRE) ==
           __atomic_load_n(&ctx->completed, __ATOMIC_ACQUIRE);
}

/** Complete the operations of all contexts of a team. Local. */
void memheap_ctx_quiet_all(struct shmemx_team *team);

/** Free the contexts of a team. A private context belongs to its thread: unless
 *  with_private is set, it stays, and moves to the world team. The caller holds
 *  lists_lock, or is the only thread. */
void memheap_ctx_end_all(struct shmemx_team *team, bool with_private);

#endif
