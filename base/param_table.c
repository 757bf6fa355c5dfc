/*
 * Definitions of all parameters except those of components.
 *
 * Source of the SHMEM_ names: OpenSHMEM 1.6, environment variables. The SMA_
 * names are those of version 1.3 and earlier.
 */
#include "config.h"

#include "base/param_table.h"

const memheap_param_def_t memheap_param_file_def = {
    .name = "MEMHEAP_PARAM_FILE",
    .type = MEMHEAP_PARAM_STRING,
    .unit = "",
    .flags = MEMHEAP_PARAM_PROCESS | MEMHEAP_PARAM_PER_PE,
    .default_text = "",
    .help = "file of lines NAME = VALUE; the environment takes precedence"};

static const char *const top_choices[] = {"job", "all", "none", NULL};

static const char *const page_choices[] = {
    "default",       "4k",           "thp",          "2m", "1g", "mandatory:4k",
    "mandatory:thp", "mandatory:2m", "mandatory:1g", NULL};
static const char *const place_choices[] = {"none",
                                            "local",
                                            "interleave",
                                            "node:N",
                                            "mandatory:local",
                                            "mandatory:interleave",
                                            "mandatory:node:N",
                                            NULL};

const memheap_param_def_t memheap_heap_params[] = {
    {.name = "MEMHEAP_PLUGIN_PATH",
     .type = MEMHEAP_PARAM_STRING,
     .unit = "",
     .flags = MEMHEAP_PARAM_PROCESS | MEMHEAP_PARAM_PER_PE,
     .default_text = "",
     .help = "folders and shared objects with more components, separated by :"},
    {.name = "MEMHEAP_COMPONENT",
     .type = MEMHEAP_PARAM_STRING,
     .unit = "",
     .default_text = "",
     .help = "the component to use, or a list (a,b) to choose from, or ^ and a "
             "list to exclude"},
    {.name = "MEMHEAP_CHECK",
     .type = MEMHEAP_PARAM_BOOL,
     .unit = "",
     .default_text = "0",
     .help = "check all metadata after every operation; fill new blocks with "
             "0xA5 and freed ones with 0xDD"},
    {.name = "MEMHEAP_CHECKERS",
     .type = MEMHEAP_PARAM_BOOL,
     .unit = "",
     .default_text = "1",
     .help = "report blocks to valgrind's memcheck or AddressSanitizer if one "
             "of them is active"},
    {.name = "MEMHEAP_GUARD",
     .type = MEMHEAP_PARAM_BOOL,
     .unit = "",
     .default_text = "0",
     .help =
         "put each block on pages of its own, with an inaccessible page behind "
         "it; make freed blocks inaccessible; report wrong accesses"},
    {.name = "MEMHEAP_RECORDS",
     .type = MEMHEAP_PARAM_BOOL,
     .unit = "",
     .default_text = "0",
     .help = "keep a record of each block: requested size, call, call site and "
             "tag"},
    {.name = "MEMHEAP_LEAKS",
     .type = MEMHEAP_PARAM_BOOL,
     .unit = "",
     .default_text = "0",
     .help = "keep records, and report each block that is still live when the "
             "heap ends"},
    {.name = "MEMHEAP_LEAKS_STATUS",
     .type = MEMHEAP_PARAM_INT,
     .unit = "",
     .default_text = "0",
     .help = "exit status of a PE whose symmetric heap still has blocks when "
             "it ends, with MEMHEAP_LEAKS; 0: the program's own",
     .minimum = 0,
     .maximum = 255},
    {.name = "MEMHEAP_REPORT",
     .type = MEMHEAP_PARAM_STRING,
     .unit = "",
     .default_text = "",
     .help = "1: print the statistics of a heap when it ends; otherwise a file "
             "to write them to as JSON, with %h for the heap's name and %p for "
             "the process ID"},
    {.name = "MEMHEAP_TRACE",
     .type = MEMHEAP_PARAM_STRING,
     .unit = "",
     .flags = MEMHEAP_PARAM_PER_PE,
     .default_text = "",
     .help = "file to record the calls of a heap in, for memheap-replay; with "
             "MEMHEAP_RECORDS, also their call sites and tags; %h "
             "stands for the heap's name and %p for the process ID; a name "
             "that ends in .xz is compressed"},
    {.name = "MEMHEAP_TOP",
     .type = MEMHEAP_PARAM_STRING,
     .unit = "",
     .flags = MEMHEAP_PARAM_PER_PE,
     .default_text = "job",
     .help = "heaps that memheap-top and memheap-map can inspect: those of a "
             "job, all, or none",
     .words = top_choices},
    {.name = "MEMHEAP_OVERCOMMIT",
     .type = MEMHEAP_PARAM_BOOL,
     .unit = "",
     .default_text = "0",
     .help = "let a heap grow beyond the available memory of the node, and "
             "take memory for a block only as it is touched"},
    {.name = "MEMHEAP_TRIM",
     .type = MEMHEAP_PARAM_SIZE,
     .unit = "bytes",
     .default_text = "0",
     .help = "give pages of free space back to the system whenever this many "
             "bytes, and an eighth of those in use, were freed; 0: only on "
             "request"},
    {.name = "MEMHEAP_PAGES",
     .type = MEMHEAP_PARAM_STRING,
     .unit = "",
     .default_text = "default",
     .help = "pages of heaps: default (huge where blocks fill huge pages), 4k "
             "(smallest only), thp (transparent huge wherever a block is), 2m "
             "or 1g (from the huge page pool); with the prefix mandatory: an "
             "error if not available",
     .words = page_choices},
    {.name = "MEMHEAP_PLACE",
     .type = MEMHEAP_PARAM_STRING,
     .unit = "",
     .default_text = "none",
     .help = "NUMA nodes of heaps: none (the system's default), local (of the "
             "thread that touches first), interleave (all in turn) or node:N; "
             "with the prefix mandatory: an error if not available",
     .words = place_choices},
};
const size_t memheap_heap_param_count =
    sizeof(memheap_heap_params) / sizeof(memheap_heap_params[0]);

const memheap_param_def_t memheap_job_params[] = {
    {.name = "SHMEM_SYMMETRIC_SIZE",
     .type = MEMHEAP_PARAM_SHARE,
     .unit = "bytes",
     .flags = MEMHEAP_PARAM_JOB,
     .default_text = "",
     .help = "size limit of the symmetric heap on each PE: a decimal number "
             "such as 1000, 3.1 or .5, without sign and exponent, and then at "
             "most one letter k, m, g or t in either case, for a power of "
             "1024; fractions of a byte are rounded up, and text behind the "
             "letter is ignored, so 20kk is 20k; 8g/node or 50% is the limit "
             "for all PEs of a node together; if unset, this PE's share of "
             "the node's memory",
     .old_name = "SMA_SYMMETRIC_SIZE SHMEM_SYMMETRIC_HEAP_SIZE"},
    {.name = "SHMEM_VERSION",
     .type = MEMHEAP_PARAM_FLAG,
     .unit = "",
     .flags = MEMHEAP_PARAM_JOB | MEMHEAP_PARAM_PER_PE,
     .default_text = "",
     .help = "print the version at start",
     .old_name = "SMA_VERSION"},
    {.name = "SHMEM_INFO",
     .type = MEMHEAP_PARAM_FLAG,
     .unit = "",
     .flags = MEMHEAP_PARAM_JOB | MEMHEAP_PARAM_PER_PE,
     .default_text = "",
     .help = "print all parameters at start",
     .old_name = "SMA_INFO"},
    {.name = "SHMEM_DEBUG",
     .type = MEMHEAP_PARAM_FLAG,
     .unit = "",
     .flags = MEMHEAP_PARAM_JOB | MEMHEAP_PARAM_PER_PE,
     .default_text = "",
     .help = "print decisions of the library",
     .old_name = "SMA_DEBUG"},
    {.name = "MEMHEAP_TRANSPORT",
     .type = MEMHEAP_PARAM_STRING,
     .unit = "",
     .flags = MEMHEAP_PARAM_JOB,
     .default_text = "auto",
     .help = "auto: load and store within a node, UCX between nodes; ucx: UCX "
             "for every other PE"},
    {.name = "MEMHEAP_NODE_PES",
     .type = MEMHEAP_PARAM_INT,
     .unit = "PEs",
     .flags = MEMHEAP_PARAM_JOB,
     .default_text = "0",
     .help = "most PEs that share memory; others count as PEs of another node; "
             "0: all of the machine",
     .minimum = 0,
     .maximum = 1 << 30},
    {.name = "MEMHEAP_NODE_TIMEOUT",
     .type = MEMHEAP_PARAM_INT,
     .unit = "seconds",
     .flags = MEMHEAP_PARAM_JOB,
     .default_text = "15",
     .help = "a node that does not answer for this time is lost, and the job "
             "ends; 0: nodes are not monitored",
     .minimum = 0,
     .maximum = 86400},
    {.name = "MEMHEAP_PROGRESS_THREAD",
     .type = MEMHEAP_PARAM_BOOL,
     .unit = "",
     .flags = MEMHEAP_PARAM_JOB,
     .default_text = "1",
     .help = "serve PEs of other nodes by a thread while the program makes no "
             "call"},
    {.name = "MEMHEAP_WAIT_REPORT",
     .type = MEMHEAP_PARAM_INT,
     .unit = "seconds",
     .flags = MEMHEAP_PARAM_JOB,
     .default_text = "60",
     .help = "when a PE has waited for this time, print once what the PEs wait "
             "for; 0: never",
     .minimum = 0,
     .maximum = 1 << 30},
    {.name = "MEMHEAP_WRONG_FREE_STATUS",
     .type = MEMHEAP_PARAM_INT,
     .unit = "",
     .flags = MEMHEAP_PARAM_JOB,
     .default_text = "0",
     .help =
         "exit status of a PE after a wrong shmem_free() or shmem_realloc(), "
         "of an address at which no block starts; 0: the program's own",
     .minimum = 0,
     .maximum = 255},
    {.name = "MEMHEAP_DEVICE_FOLDER",
     .type = MEMHEAP_PARAM_STRING,
     .unit = "",
     .flags = MEMHEAP_PARAM_JOB | MEMHEAP_PARAM_PER_PE,
     .default_text = "",
     .help = "folder of a file system that provides this PE's memory of spaces "
             "with SHMEMX_DEVICE_FOLDER"},
    {.name = "MEMHEAP_MAP_NONBLOCK",
     .type = MEMHEAP_PARAM_BOOL,
     .unit = "",
     .flags = MEMHEAP_PARAM_JOB,
     .default_text = "0",
     .help = "register memory with the network when it is touched, not in "
             "advance (UCP_MEM_MAP_NONBLOCK)"},
};
const size_t memheap_job_param_count =
    sizeof(memheap_job_params) / sizeof(memheap_job_params[0]);

const memheap_param_def_t memheap_priority_def = {
    .name = "priority",
    .type = MEMHEAP_PARAM_INT,
    .unit = "",
    .default_text = "",
    .help = "the usable component with the highest priority is selected",
    .minimum = 0,
    .maximum = 100};
