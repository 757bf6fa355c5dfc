/*
 * The data segment: the program's global and static variables, in memory that
 * other processes can map.
 */
#ifndef MEMHEAP_COMM_DATA_SEGMENT_H
#define MEMHEAP_COMM_DATA_SEGMENT_H

#include <memheap/log.h>
#include <memheap/status.h>

#include <stddef.h>
#include <stdint.h>

/** The pages of the executable's data segment. */
typedef struct memheap_data_segment {
    char *base; /* NULL: no data segment */
    size_t size;
    uint64_t
        digest; /* of the program headers: equal executables have equal ones */
    int fd;     /* the memory file, or -1 before memheap_data_segment_share() */
} memheap_data_segment_t;

/** Find the data segment. Local. */
void memheap_data_segment_find(memheap_data_segment_t *data);

/**
 * Move the data segment into a memory file, in place: every variable keeps its
 * address and value. No other thread may write to variables meanwhile. Local.
 * @return MEMHEAP_ERR_SYSTEM, logged; nothing has moved then
 */
memheap_status_t memheap_data_segment_share(memheap_data_segment_t *data,
                                            const memheap_log_t *log);

/** Move the data segment back into private memory, in place. Local. The child
 * of a fork calls this too, so as not to write to its parent's variables. */
void memheap_data_segment_unshare(memheap_data_segment_t *data);

#endif
