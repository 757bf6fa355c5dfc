/*
 * Memory of the machine, as the system reports it.
 */
#ifndef MEMHEAP_BASE_SYSINFO_H
#define MEMHEAP_BASE_SYSINFO_H

#include <stddef.h>

/**
 * Memory of this node that this process may use: the minimum of what the kernel
 * and each enclosing control group allow.
 *
 * @param total_p      bytes in total
 * @param available_p  bytes available now without swapping
 */
void memheap_sysinfo_memory(size_t *total_p, size_t *available_p);

/** The number of threads of this process; 0 if the system does not tell. */
size_t memheap_sysinfo_threads(void);

/** Bytes of this process's memory that devices have pinned. */
size_t memheap_sysinfo_pinned(void);

/** Pages of a size in the huge page pool, and those that are free and not
 *  reserved. Both are 0 if the kernel has no such size. */
void memheap_sysinfo_huge_pages(size_t page_size, size_t *total_p,
                                size_t *free_p);

/** The kernel's setting for transparent huge pages: "always", "madvise",
 *  "never", or "unknown". */
const char *memheap_sysinfo_transparent_huge(void);

/** The same for memory files: "always", "within_size", "advise", "never",
 *  "deny", "force", or "unknown". */
const char *memheap_sysinfo_transparent_huge_files(void);

/** Bytes of a transparent huge page. */
size_t memheap_sysinfo_transparent_huge_size(void);

#endif
