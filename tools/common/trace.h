/*
 * A recorded trace of allocations.
 *
 * In the file (plain or compressed by xz) an operation names a block by its
 * age. In memory it names a slot instead. The slot of a freed block is reused,
 * so a replay needs a table of only as many blocks as are live at once.
 *
 * Format: the five bytes "SHT1\n", or "SHT2\n" if the trace is labelled, then
 * unsigned LEB128 numbers. The first is the number of operations. Each
 * operation is a number v, in some cases followed by a number w:
 *
 *   v & 3   operation
 *   0       allocate v >> 2 bytes
 *   1       allocate v >> 2 bytes aligned to 2^w
 *   2       reallocate the block of age w to v >> 2 bytes
 *   3       free the block of age v >> 2
 *
 * The latest allocation has age 1. Size 0 counts as 1. In a labelled trace, the
 * numbers of the call site and of the tag follow each allocation; 0 stands for
 * an unknown call site and for no tag. Names follow the last operation: a
 * number n + 1, a number of bytes, and these bytes. They are the name of call
 * site n >> 1 if n is even (frames on lines of their own, the innermost first),
 * and of tag n >> 1 if n is odd. Zeros may follow the last name.
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

/** Where an allocation comes from: numbers from 1 on, in the order in which
 * they come in the trace. 0: not known, and no tag. */
typedef struct trace_label {
    uint32_t site, tag;
} trace_label_t;

/** Names by number, without control characters but for the end of a line. NULL:
 *  the trace does not have the name. */
typedef struct trace_names {
    char **name;
    size_t count; /* all numbers of labels are below it */
} trace_names_t;

typedef struct trace {
    char *name; /* the file name without folder and endings */
    trace_op_t *ops;
    trace_label_t *labels; /* of each operation; NULL: not labelled */
    size_t count;
    size_t slots;
    size_t peak; /* most live bytes, by requested sizes */
    trace_names_t sites, tags;
} trace_t;

/** What is counted of a group of blocks. Bytes are those that were
 *  requested. */
typedef struct trace_counts {
    uint64_t used, peak, bytes; /* now, at most, and so far */
    uint64_t allocations, live_blocks;
} trace_counts_t;

/** The group of a block that an operation has allocated or resized. before: its
 *  group until then; unspecified for a new block. */
typedef uint32_t (*trace_group_t)(const trace_t *trace, size_t op,
                                  uint32_t before);

/**
 * Read a trace.
 *
 * @param limit    maximum number of operations to read. Names are read if it
 *                 covers all operations
 * @param trace    uninitialized; call trace_free() if this call succeeds
 * @param message  receives the error, at most room bytes
 */
bool trace_load(trace_t *trace, const char *path, size_t limit, char *message,
                size_t room);

void trace_free(trace_t *trace);

enum {
    TRACE_SITE_TEXT = 32
};

/** The name of a call site. Without one, its number as a text. */
const char *trace_site_name(const trace_t *trace, uint32_t site,
                            char text[TRACE_SITE_TEXT]);

/** The group of blocks by call site: its number. */
uint32_t trace_site_of(const trace_t *trace, size_t op, uint32_t before);

/**
 * Count blocks up to an operation.
 *
 * @param counts  zeroed; one for each group
 * @return false if there is no memory
 */
bool trace_count(const trace_t *trace, size_t operations, trace_group_t group,
                 trace_counts_t *counts);

/** A block of a replay. Replays use a table with one entry for each slot. */
typedef struct block {
    char *address; /* NULL: not allocated, or the allocation failed */
    size_t size;   /* requested size */
    uint64_t seed; /* seed of the pattern in the block, if it has one */
} block_t;

#endif
