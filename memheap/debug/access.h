/*
 * Checks of accesses to heaps, for the layers that access them on behalf of a
 * program.
 */
#ifndef MEMHEAP_DEBUG_ACCESS_H
#define MEMHEAP_DEBUG_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

/** The windows of this process on the equal heaps of other PEs of its node.
 *  Window i starts at base + i * stride and shows the heap of PE
 *  first_pe + i * pe_stride. */
typedef struct memheap_peer_windows {
    char *base;
    size_t stride;
    int count;
    int pe; /* of this process */
    int first_pe;
    int pe_stride;
    bool alone;  /* no other process writes to the heap */
    bool synced; /* memheap_guard_sync() is called after other PEs wrote */
} memheap_peer_windows_t;

/** Whether memcheck checks this process. */
bool memheap_has_memcheck(void);

/** Whether memcheck or AddressSanitizer checks this process. */
bool memheap_has_sanitizer(void);

/**
 * Access the first and the last byte of an object on this PE's own heap, as a
 * check before the access to the same object of another PE. A wrong access ends
 * the process with a message.
 *
 * @param call  the routine of the program
 * @param pe    the PE that owns the object
 */
void memheap_check_access(const void *address, size_t size, const char *call,
                          int pe);

/** Let AddressSanitizer check an access that this library makes through a
 *  window for a routine of the program. */
void memheap_probe_access(const void *address, size_t size, const char *call);

/** Whether other PEs may have written to a heap since memheap_guard_sync(). */
extern bool memheap_guard_unsynced;

/** Tell memcheck that other PEs may have initialized the memory of heaps. */
void memheap_guard_sync(void);

#endif
