/*
 * What the machine under this process offers.
 */
#ifndef MEMHEAP_BASE_SYSINFO_H
#define MEMHEAP_BASE_SYSINFO_H

#include <stddef.h>

/**
 * Memory of this node as far as this process may use it: the least of what
 * the kernel and every control group above the process allow.
 *
 * @param total_p      bytes that there are
 * @param available_p  bytes that can be had now without swapping
 */
void memheap_sysinfo_memory(size_t *total_p, size_t *available_p);

/** Pages of a size in bytes that the huge page pool holds, and how many of
 *  them are free and promised to nobody. Both are 0 where the kernel has no
 *  such size. */
void memheap_sysinfo_huge_pages(size_t page_size, size_t *total_p,
                                size_t *free_p);

/** The kernel's policy for transparent huge pages: "always", "madvise",
 *  "never", or "unknown". */
const char *memheap_sysinfo_transparent_huge(void);

/** The same for memory files: "always", "within_size", "advise", "never",
 *  "deny", "force", or "unknown". */
const char *memheap_sysinfo_transparent_huge_files(void);

/** Bytes of a transparent huge page. */
size_t memheap_sysinfo_transparent_huge_size(void);

#endif
