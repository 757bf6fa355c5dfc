/*
 * Recording a trace: the calls of a heap, for memheap-replay(1).
 *
 * tools/common/trace.h has the file format. Each call is in the file when it
 * returns, in pages that the kernel keeps if the process dies. So the trace of
 * a program that crashed has all of its calls, and zeros behind them. Failed
 * calls are not recorded. If there is no memory for the number of a block, its
 * calls are left out and counted as lost. The caller holds the heap's lock.
 *
 * The trace of a heap with records is labelled: each allocation has the numbers
 * of its call site and its tag. What they mean follows the last operation, and
 * is written when the heap is destroyed.
 */
#ifndef MEMHEAP_DEBUG_TRACE_H
#define MEMHEAP_DEBUG_TRACE_H

#include <memheap/log.h>
#include <memheap/memory.h>

#include <stdbool.h>
#include <stdint.h>

typedef struct memheap_trace memheap_trace_t;

/** What the name of a number is behind the operations. */
typedef enum memheap_trace_name {
    MEMHEAP_TRACE_SITE, /* frames on lines of their own, the innermost first */
    MEMHEAP_TRACE_TAG
} memheap_trace_name_t;

/**
 * Create a trace file.
 *
 * @param path  %h stands for the name of the heap, %p for the process ID. If it
 *              ends in .xz, the file has no such suffix until xz(1) compresses
 *              it at the end
 * @param labelled  whether allocations have call sites and tags
 * @param log   must outlive the trace
 * @return NULL, logged as a warning, if it fails
 */
memheap_trace_t *memheap_trace_open(const char *path, const char *name,
                                    bool labelled,
                                    const memheap_memory_t *memory,
                                    const memheap_log_t *log);

/** Complete the file. NULL is ignored. */
void memheap_trace_close(memheap_trace_t *trace);

/** Bytes of metadata in this process. */
size_t memheap_trace_size(const memheap_trace_t *trace);

/** A block was allocated. align is a power of two. site and tag are not used if
 *  the trace is not labelled. */
void memheap_trace_alloc(memheap_trace_t *trace, size_t offset, size_t asked,
                         size_t align, uint32_t site, uint32_t tag);

/** A block was freed. */
void memheap_trace_free(memheap_trace_t *trace, size_t offset);

/** A block was resized, and may have moved. */
void memheap_trace_move(memheap_trace_t *trace, size_t old_offset,
                        size_t offset, size_t asked);

/** Whether names can be written: the trace is labelled, and neither complete
 *  nor that of a parent. */
bool memheap_trace_takes_names(const memheap_trace_t *trace);

/** Write the name of a call site or of a tag. No operation may follow. */
void memheap_trace_name(memheap_trace_t *trace, memheap_trace_name_t kind,
                        uint32_t number, const char *text);

#endif
