/*
 * The environment variables of the standard.
 *
 * Source: OpenSHMEM 1.6, environment variables; the SMA_ names are those of
 * version 1.3 and before.
 */
#include "config.h"

#include "shmem/params.h"

const memheap_param_def_t memheap_shmem_param_defs[] = {
    {.name = "SHMEM_SYMMETRIC_SIZE",
     .type = MEMHEAP_PARAM_SIZE,
     .unit = "bytes",
     .default_text = "",
     .help = "limit of the symmetric heap on each PE; unset, it grows to this "
             "PE's share of the node's memory",
     .old_name = "SMA_SYMMETRIC_SIZE"},
    {.name = "SHMEM_VERSION",
     .type = MEMHEAP_PARAM_FLAG,
     .unit = "",
     .default_text = "",
     .help = "print the version at start",
     .old_name = "SMA_VERSION"},
    {.name = "SHMEM_INFO",
     .type = MEMHEAP_PARAM_FLAG,
     .unit = "",
     .default_text = "",
     .help = "print all parameters at start",
     .old_name = "SMA_INFO"},
    {.name = "SHMEM_DEBUG",
     .type = MEMHEAP_PARAM_FLAG,
     .unit = "",
     .default_text = "",
     .help = "print what the library decides",
     .old_name = "SMA_DEBUG"},
};

const size_t memheap_shmem_param_def_count =
    sizeof(memheap_shmem_param_defs) / sizeof(memheap_shmem_param_defs[0]);
