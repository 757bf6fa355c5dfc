/*
 * The environment variables of the standard, and those of reaching other nodes.
 * The latter are listed in base/param.c too, for registries that lack them.
 *
 * Source: OpenSHMEM 1.6, environment variables; the SMA_ names are those of
 * version 1.3 and before.
 */
#include "config.h"

#include "shmem/params.h"

const memheap_param_def_t memheap_shmem_param_defs[] = {
    {.name = "SHMEM_SYMMETRIC_SIZE",
     .type = MEMHEAP_PARAM_SHARE,
     .unit = "bytes",
     .default_text = "",
     .help = "limit of the symmetric heap on each PE; as 8g/node or 50% that "
             "of all PEs of a node together; unset, it grows to this PE's "
             "share of the node's memory",
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
    {.name = "MEMHEAP_TRANSPORT",
     .type = MEMHEAP_PARAM_STRING,
     .unit = "",
     .default_text = "auto",
     .help = "auto: load and store within a node, UCX between nodes; ucx: UCX "
             "for every other PE"},
    {.name = "MEMHEAP_NODE_PES",
     .type = MEMHEAP_PARAM_INT,
     .unit = "PEs",
     .default_text = "0",
     .help = "PEs that share memory at most, the others count as of another "
             "node; 0: all of the machine",
     .minimum = 0,
     .maximum = 1 << 30},
    {.name = "MEMHEAP_NODE_TIMEOUT",
     .type = MEMHEAP_PARAM_INT,
     .unit = "seconds",
     .default_text = "15",
     .help =
         "a node of which nothing is heard for so long is lost, and the job "
         "ends; 0: nodes are not watched",
     .minimum = 0,
     .maximum = 86400},
    {.name = "MEMHEAP_PROGRESS_THREAD",
     .type = MEMHEAP_PARAM_BOOL,
     .unit = "",
     .default_text = "0",
     .help = "serve PEs of other nodes by a thread, also while the program "
             "computes"},
    {.name = "MEMHEAP_DEVICE_FOLDER",
     .type = MEMHEAP_PARAM_STRING,
     .unit = "",
     .default_text = "",
     .help = "folder of a file system whose memory is this PE's part of spaces "
             "of SHMEMX_DEVICE_FOLDER"},
    {.name = "MEMHEAP_MAP_NONBLOCK",
     .type = MEMHEAP_PARAM_BOOL,
     .unit = "",
     .default_text = "0",
     .help = "register memory for the network as it is touched, and not at "
             "once (UCP_MEM_MAP_NONBLOCK)"},
};

const size_t memheap_shmem_param_def_count =
    sizeof(memheap_shmem_param_defs) / sizeof(memheap_shmem_param_defs[0]);
