/*
 * A recorded trace of allocations.
 *
 * In the file (SHT1, plain or compressed by xz) an operation names a block by
 * its age. In memory it names a slot instead. The slot of a freed block is
 * reused, so a replay needs a table of only as many blocks as are live at once.
 *
 * Format: the five bytes "SHT1\n", then unsigned LEB128 numbers. The first is
 * the number of operations. Each operation is a number v, in some cases
 * followed by a number w:
 *
 *   v & 3   operation
 *   0       allocate v >> 2 bytes
 *   1       allocate v >> 2 bytes aligned to 2^w
 *   2       reallocate the block of age w to v >> 2 bytes
 *   3       free the block of age v >> 2
 *
 * The latest allocation has age 1. Size 0 counts as 1. Zeros may follow the
 * last operation.
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
    uint8_t align_order; /* log2 of the alignment, for TRACE_ALIGN */
} trace_op_t;

typedef struct trace {
    char *name; /* the file name without folder and endings */
    trace_op_t *ops;
    size_t count;
    size_t slots;
    size_t peak; /* most live bytes, by requested sizes */
} trace_t;

/**
 * Read a trace.
 *
 * @param limit    maximum number of operations to read
 * @param trace    uninitialized; call trace_free() if this call succeeds
 * @param message  receives the error, at most room bytes
 */
bool trace_load(trace_t *trace, const char *path, size_t limit, char *message,
                size_t room);

void trace_free(trace_t *trace);

/** A block of a replay. Replays use a table with one entry for each slot. */
typedef struct block {
    char *address; /* NULL: not allocated, or the allocation failed */
    size_t size;   /* requested size */
    uint64_t seed; /* seed of the pattern in the block, if it has one */
} block_t;

#endif
