/*
 * Windows: this process's mappings of the memory of the node's PEs.
 *
 * Memory files have no name in the file system. A PE opens another PE's file
 * through /proc, which the kernel allows to the same user only. The files
 * disappear with their processes.
 */
#ifndef MEMHEAP_COMM_WINDOW_H
#define MEMHEAP_COMM_WINDOW_H

#include "comm/job.h"

#include <stddef.h>

/** The windows of all PEs of a node: that of the PE with rank i on the node is
 * at base + i * stride. */
typedef struct memheap_windows {
    char *base;
    size_t stride;
    int count;
    size_t lead; /* reserved bytes below the base */
} memheap_windows_t;

/**
 * Create a memory file of size bytes, accessible to this user only. Local.
 *
 * @param folder  folder on the file system for the file, which has no name
 *                there; NULL: main memory
 * @return MEMHEAP_ERR_SYSTEM, logged
 */
memheap_status_t memheap_memory_file_create(const char *name,
                                            const char *folder, size_t size,
                                            int *fd_p,
                                            const memheap_log_t *log);

/**
 * Map the memory files of all PEs of the node. Collective over the node.
 *
 * @param fd        this PE's file; -1 if it has none, which fails on every PE
 * @param position  where in this PE's file the window starts, in whole pages.
 *                  The window has huge pages where the file has, if its PE has
 *                  the same position as this one, modulo their size
 * @param size      bytes of each window, the same on every PE
 * @return MEMHEAP_ERR_SYSTEM, logged. The status is this PE's own; the caller
 *         agrees on it with the other PEs
 */
memheap_status_t memheap_windows_open(memheap_windows_t *windows,
                                      const memheap_job_t *job, int fd,
                                      size_t position, size_t size,
                                      const memheap_log_t *log);

/** Unmap all windows. Local; zeroed windows may be closed too. */
void memheap_windows_close(memheap_windows_t *windows);

/** Map the memory file of the node's first PE, anywhere. fd is ignored on the
 *  other PEs. Collective over the node.
 *  @return as memheap_windows_open() */
memheap_status_t memheap_window_open_first(const memheap_job_t *job, int fd,
                                           size_t size,
                                           const memheap_log_t *log,
                                           void **address_p);

#endif
