/*
 * The collective calls of OpenSHMEM, for the agreement and its messages.
 */
#ifndef MEMHEAP_SHMEM_CALL_DESCRIPTION_H
#define MEMHEAP_SHMEM_CALL_DESCRIPTION_H

#include "comm/call.h"

/** Kinds of calls, with their arguments. Addresses are heap addresses, which
 * are equal on all PEs. */
typedef enum memheap_call_kind {
    MEMHEAP_CALL_INIT,   /* digest of all parameters */
    MEMHEAP_CALL_CREATE, /* digest of the component's name */
    MEMHEAP_CALL_INIT_AGAIN,
    MEMHEAP_CALL_FINALIZE,
    MEMHEAP_CALL_BARRIER_ALL,
    MEMHEAP_CALL_SYNC_ALL,
    MEMHEAP_CALL_MALLOC,       /* size */
    MEMHEAP_CALL_MALLOC_HINTS, /* size, hints */
    MEMHEAP_CALL_CALLOC,       /* count, size */
    MEMHEAP_CALL_ALIGN,        /* alignment, size */
    MEMHEAP_CALL_REALLOC,      /* block, size */
    MEMHEAP_CALL_REALLOC_DONE, /* block, size */
    MEMHEAP_CALL_FREE,         /* block */
    MEMHEAP_CALL_MALLOC_BATCH, /* count, digest of the sizes */
    MEMHEAP_CALL_FREE_BATCH,   /* count, digest of the blocks */
    MEMHEAP_CALL_END_RELEASED,
    MEMHEAP_CALL_SAVE,
    MEMHEAP_CALL_LOAD,
    MEMHEAP_CALL_SPACE_CREATE, /* size, digest of the rest */
    MEMHEAP_CALL_SPACE_DESTROY,
    MEMHEAP_CALL_SPACE_POOL,
    MEMHEAP_CALL_REGISTER,      /* size */
    MEMHEAP_CALL_DEREGISTER,    /* segment id; 0: not registered */
    MEMHEAP_CALL_SPLIT_STRIDED, /* start, stride, size */
    MEMHEAP_CALL_SPLIT_2D,      /* xrange */
    MEMHEAP_CALL_TEAM_DESTROY,
    MEMHEAP_CALL_TEAM_SYNC,
    MEMHEAP_CALL_ALLTOALL,  /* bytes for each PE */
    MEMHEAP_CALL_ALLTOALLS, /* bytes for each PE, dst, sst */
    MEMHEAP_CALL_BROADCAST, /* bytes, root */
    MEMHEAP_CALL_COLLECT,
    MEMHEAP_CALL_FCOLLECT, /* bytes of each PE */
    MEMHEAP_CALL_REDUCE,   /* bytes of an element, elements, operation */
    MEMHEAP_CALL_SCAN,     /* bytes of an element, elements */
    MEMHEAP_CALL_SET,      /* digest of the name */
    MEMHEAP_CALL_STEP      /* a reduction of the library's own */
} memheap_call_kind_t;

/** Describe a call with its arguments. */
memheap_call_describe_t memheap_call_describe;

#endif
