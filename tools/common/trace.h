/*
 * A recorded trace of allocations, ready to be replayed.
 *
 * A file of the form SHT1, plain or compressed by xz, numbers its allocations;
 * here each lies in a slot, and the slot of a freed one is used again, so a
 * table of blocks is no longer than the most blocks that live at once.
 *
 * Format: the five bytes "SHT1\n" and unsigned LEB128 numbers: the count of
 * operations, then each as v and sometimes w. v & 3 says which:
 *   0  allocate v >> 2 bytes
 *   1  allocate v >> 2 bytes aligned to 2^w
 *   2  reallocate to v >> 2 bytes the allocation of age w
 *   3  free the allocation of age v >> 2
 * The age of an allocation is 1 for the latest. Size 0 counts as 1. Zeros may
 * follow the last operation.
 */
#ifndef MEMHEAP_TOOLS_COMMON_TRACE_H
#define MEMHEAP_TOOLS_COMMON_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum trace_kind {
    TRACE_ALLOC,
    TRACE_ALIGN,
    TRACE_RESIZE,
    TRACE_FREE
} trace_kind_t;

typedef struct trace_op {
    size_t size;
    uint32_t slot;
    uint8_t kind;        /* a trace_kind_t */
    uint8_t align_order; /* of TRACE_ALIGN */
} trace_op_t;

typedef struct trace {
    char *name; /* of the file, without its folder and endings */
    trace_op_t *ops;
    size_t count;
    size_t slots;
    size_t peak; /* most bytes that live at once, as they were asked for */
} trace_t;

/**
 * Read a trace.
 *
 * @param limit    operations to read at most
 * @param trace    uninitialised; needs trace_free() if the call succeeds
 * @param message  takes what is wrong with the file, in room bytes at most
 */
bool trace_load(trace_t *trace, const char *path, size_t limit, char *message,
                size_t room);

void trace_free(trace_t *trace);

/** A block of a replay; a table of them has one for each slot. */
typedef struct block {
    char *address; /* NULL: none, or the allocation failed */
    size_t size;   /* as asked for */
    uint64_t seed; /* of the pattern in it, where there is one */
} block_t;

#endif
