/*
 * The program's global and static variables, as memory that others can map.
 */
#ifndef MEMHEAP_COMM_DATA_SEGMENT_H
#define MEMHEAP_COMM_DATA_SEGMENT_H

#include <memheap/log.h>
#include <memheap/status.h>

#include <stddef.h>
#include <stdint.h>

/** The pages of the executable's writable data. */
typedef struct memheap_data_segment {
    char *base; /* NULL: there are none */
    size_t size;
    uint64_t digest; /* the same for the same executable on all PEs */
    int fd;          /* the memory file they are moved to, or -1 */
} memheap_data_segment_t;

/** Find them. Local. */
void memheap_data_segment_find(memheap_data_segment_t *data);

/**
 * Move them to a memory file, in place: every variable keeps its address and
 * value. No other thread of the program may write to them meanwhile. Local.
 * @return MEMHEAP_ERR_SYSTEM, logged; they are where they were then
 */
memheap_status_t memheap_data_segment_share(memheap_data_segment_t *data,
                                            const memheap_log_t *log);

/** Move them back to memory of this process alone, in place. Local; for a child
 *  of a fork too, which must not write to its parent's variables. */
void memheap_data_segment_unshare(memheap_data_segment_t *data);

#endif
