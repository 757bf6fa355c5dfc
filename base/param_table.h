/*
 * Definitions of all parameters except those of components.
 */
#ifndef MEMHEAP_BASE_PARAM_TABLE_H
#define MEMHEAP_BASE_PARAM_TABLE_H

#include <memheap/param.h>

/** MEMHEAP_PARAM_FILE, which is read before all others. */
extern const memheap_param_def_t memheap_param_file_def;

/** Parameters of every heap. */
extern const memheap_param_def_t memheap_heap_params[];
extern const size_t memheap_heap_param_count;

/** Parameters of jobs. */
extern const memheap_param_def_t memheap_job_params[];
extern const size_t memheap_job_param_count;

/** The priority parameter of each component; its default is the component's. */
extern const memheap_param_def_t memheap_priority_def;

#endif
