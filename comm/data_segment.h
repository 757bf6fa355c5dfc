/*
 * The data segment: the program's global and static variables, in memory that
 * other processes can map.
 *
 * It spans the writable pages of the executable, from the first to the last.
 * These are a few ranges; pages between them are read-only, and no part of it:
 *
 *     executable  | code | RELRO | .data .bss | .lrodata | .ldata .lbss |
 *     ranges                     |     0      |          |      1       |
 *     offsets                    0            from .. to             size
 */
#ifndef MEMHEAP_COMM_DATA_SEGMENT_H
#define MEMHEAP_COMM_DATA_SEGMENT_H

#include <memheap/log.h>
#include <memheap/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
    /** Maximum number of ranges. Variables in further ones are not symmetric;
     *  linkers make one range, or two or three. */
    MEMHEAP_DATA_RANGES = 16
};

/** Whole pages, by their offsets from the base. */
typedef struct memheap_data_range {
    size_t from, to;
    int protection; /* as for mmap() */
} memheap_data_range_t;

/** The pages of the executable's data segment. */
typedef struct memheap_data_segment {
    char *base;  /* NULL: no data segment */
    size_t size; /* bytes from the first range to the end of the last */
    int count;
    memheap_data_range_t range[MEMHEAP_DATA_RANGES];
    int moved; /* number of ranges that lie in the memory file */
    int fd;    /* the memory file, or -1 */
    /** Where in the file the base is. Addresses and positions in the file of a
     *  large data segment are equal modulo the size of a huge page. */
    size_t lead;
    dev_t device;
    ino_t inode;
} memheap_data_segment_t;

/** Find the data segment. Local. */
void memheap_data_segment_find(memheap_data_segment_t *data);

/** Whether size bytes at an address are in one range. */
bool memheap_data_segment_contains(const memheap_data_segment_t *data,
                                   const void *address, size_t size);

/**
 * Move the data segment into a new memory file, in place: every variable keeps
 * its address and value. No other thread may write to variables meanwhile.
 * Local.
 * @return MEMHEAP_ERR_SYSTEM, logged; variables keep their values all the same
 */
memheap_status_t memheap_data_segment_move(memheap_data_segment_t *data,
                                           const memheap_log_t *log);

/** Back the pages of a large data segment with huge pages, from now on or as
 *  far as the kernel has some. They take memory at once. */
void memheap_data_segment_back(const memheap_data_segment_t *data);

/** Whether the whole data segment is in a memory file of this process, which
 *  the program has not closed. */
bool memheap_data_segment_is_moved(const memheap_data_segment_t *data);

/**
 * What a fork needs, in this order. The parent copies the variables to private
 * memory before the fork. After it, the parent drops the copy, and the child
 * uses it as its variables; they are private to it.
 *
 * @return the copy; NULL if nothing has moved, so that none is needed;
 *         MAP_FAILED if there is no memory
 */
void *memheap_data_segment_copy(const memheap_data_segment_t *data);
void memheap_data_segment_drop_copy(const memheap_data_segment_t *data,
                                    void *copy);
void memheap_data_segment_use_copy(memheap_data_segment_t *data, void *copy);

#endif
