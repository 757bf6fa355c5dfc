/*
 * A record of a heap's calls, which memheap-replay(1) makes again.
 *
 * The file has the form that tools/replay/trace.h tells of. Every call is in it
 * when it returns, in memory that the kernel keeps if the process dies: the
 * file of a program that crashed can be read up to its last call, and has
 * zeros behind it. What could not be done is not there; a block of which there
 * is no memory to know the number is counted, and its end is not there either.
 * The heap's lock covers all calls.
 */
#ifndef MEMHEAP_DEBUG_TRACE_H
#define MEMHEAP_DEBUG_TRACE_H

#include <memheap/log.h>
#include <memheap/memory.h>

#include <stdint.h>

typedef struct memheap_trace memheap_trace_t;

/**
 * Begin a file.
 *
 * @param path  in which %h and %p stand for the name of the heap and for the
 *              process; where it ends in .xz, the file is without that until
 *              xz(1) compresses it in the end
 * @param log   must outlive the trace
 * @return NULL, logged as a warning, if there can be none
 */
memheap_trace_t *memheap_trace_open(const char *path, const char *name,
                                    const memheap_memory_t *memory,
                                    const memheap_log_t *log);

/** End the file. NULL is ignored. */
void memheap_trace_close(memheap_trace_t *trace);

/** Bytes that the trace takes in this process. */
size_t memheap_trace_size(const memheap_trace_t *trace);

/** A block was allocated; align is a power of two. */
void memheap_trace_alloc(memheap_trace_t *trace, size_t offset, size_t asked,
                         size_t align);

/** A block was freed. */
void memheap_trace_free(memheap_trace_t *trace, size_t offset);

/** A block was resized. */
void memheap_trace_move(memheap_trace_t *trace, size_t old_offset,
                        size_t offset, size_t asked);

#endif
