/*
 * The memory of the node's PEs, for load and store.
 *
 * Memory files have no name that others could open: a PE reaches another's
 * through /proc, which the kernel grants to the same user alone. Nothing is
 * left behind when a PE dies.
 */
#ifndef MEMHEAP_COMM_WINDOW_H
#define MEMHEAP_COMM_WINDOW_H

#include "comm/job.h"

#include <stddef.h>

/** The windows of all PEs of the node, one behind the other. */
typedef struct memheap_windows {
    char *base;    /* that of the PE of number n on the node begins */
    size_t stride; /* at base + n * stride */
    int count;
} memheap_windows_t;

/**
 * A memory file of size bytes, for this user alone.
 *
 * @param folder  whose file system is to have the file, without a name; NULL:
 *                the machine's memory
 * @return MEMHEAP_ERR_SYSTEM, logged
 */
memheap_status_t memheap_memory_file_create(const char *name,
                                            const char *folder, size_t size,
                                            int *fd_p,
                                            const memheap_log_t *log);

/**
 * Map each PE's memory file. Collective over the node's PEs.
 *
 * @param fd    this PE's file; -1 if it has none, which fails on every PE
 * @param size  bytes of each file from its start, the same on every PE
 * @return MEMHEAP_ERR_SYSTEM, logged, where a file could not be had; the
 *         outcome is this PE's own, and the PEs have to agree on it
 */
memheap_status_t memheap_windows_open(memheap_windows_t *windows,
                                      const memheap_job_t *job, int fd,
                                      size_t size, const memheap_log_t *log);

/** Unmap all. Local; windows of zeros may be closed too. */
void memheap_windows_close(memheap_windows_t *windows);

/** Map the memory file of the node's first PE, which is the only one to have
 *  one, as memheap_windows_open() does. Collective over the node's PEs. */
memheap_status_t memheap_window_open_first(const memheap_job_t *job, int fd,
                                           size_t size,
                                           const memheap_log_t *log,
                                           void **address_p);

#endif
