/*
 * Recording a trace: the calls of a heap, for memheap-replay(1).
 *
 * tools/common/trace.h has the file format. Each call is in the file when it
 * returns, in pages that the kernel keeps if the process dies. So the trace of
 * a program that crashed has all of its calls, and zeros behind them. Failed
 * calls are not recorded. If there is no memory for the number of a block, its
 * calls are left out and counted as lost. The caller holds the heap's lock.
 */
#ifndef MEMHEAP_DEBUG_TRACE_H
#define MEMHEAP_DEBUG_TRACE_H

#include <memheap/log.h>
#include <memheap/memory.h>

#include <stdint.h>

typedef struct memheap_trace memheap_trace_t;

/**
 * Create a trace file.
 *
 * @param path  %h stands for the name of the heap, %p for the process ID. If it
 *              ends in .xz, the file has no such suffix until xz(1) compresses
 *              it at the end
 * @param log   must outlive the trace
 * @return NULL, logged as a warning, if it fails
 */
memheap_trace_t *memheap_trace_open(const char *path, const char *name,
                                    const memheap_memory_t *memory,
                                    const memheap_log_t *log);

/** Complete the file. NULL is ignored. */
void memheap_trace_close(memheap_trace_t *trace);

/** Bytes of metadata in this process. */
size_t memheap_trace_size(const memheap_trace_t *trace);

/** A block was allocated. align is a power of two. */
void memheap_trace_alloc(memheap_trace_t *trace, size_t offset, size_t asked,
                         size_t align);

/** A block was freed. */
void memheap_trace_free(memheap_trace_t *trace, size_t offset);

/** A block was resized, and may have moved. */
void memheap_trace_move(memheap_trace_t *trace, size_t old_offset,
                        size_t offset, size_t asked);

#endif
