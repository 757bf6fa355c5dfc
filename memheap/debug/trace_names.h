/*
 * The names behind the operations of a trace: what its numbers of call sites
 * and of tags mean.
 */
#ifndef MEMHEAP_DEBUG_TRACE_NAMES_H
#define MEMHEAP_DEBUG_TRACE_NAMES_H

#include <memheap/memheap.h>
#include "memheap/debug/trace.h"

/** Write the names of a heap's call sites and tags, if the trace is labelled.
 *  No operation may follow. May run addr2line(1), which takes a while. */
void memheap_trace_write_names(memheap_trace_t *trace, memheap_t *heap);

#endif
