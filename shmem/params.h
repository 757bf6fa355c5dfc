/*
 * The parameters of the OpenSHMEM layer. Needs no MPI, so that memheap-info
 * can show them.
 */
#ifndef MEMHEAP_SHMEM_PARAMS_H
#define MEMHEAP_SHMEM_PARAMS_H

#include "base/params.h"

extern const memheap_param_def_t memheap_shmem_param_defs[];
extern const size_t memheap_shmem_param_def_count;

#endif
