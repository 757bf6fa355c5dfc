/*
 * Status codes. Success is 0 and errors are negative, so the minimum of several
 * codes is an error if any of them is.
 */
#ifndef MEMHEAP_STATUS_H
#define MEMHEAP_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

/** Result of a call. */
typedef enum memheap_status {
    /** Success. */
    MEMHEAP_OK = 0,
    /** No free space of that size and alignment, or no memory for it. */
    MEMHEAP_ERR_NO_MEMORY = -1,
    /** No live block starts at the address or offset. */
    MEMHEAP_ERR_BAD_ADDRESS = -2,
    /** The range is in use. */
    MEMHEAP_ERR_BUSY = -3,
    /** The argument is invalid in any state of the heap. */
    MEMHEAP_ERR_BAD_ARGUMENT = -4,
    /** No memory for metadata. */
    MEMHEAP_ERR_NO_METADATA = -5,
    /** An invariant of the metadata is violated. */
    MEMHEAP_ERR_CORRUPT = -6,
    /** No component can serve the region. */
    MEMHEAP_ERR_NO_COMPONENT = -7,
    /** Unknown parameter, or invalid value. */
    MEMHEAP_ERR_BAD_PARAM = -8,
    /** Not supported by the component, the build or the machine. */
    MEMHEAP_ERR_UNSUPPORTED = -9,
    /** The operating system reported an error; the message tells which. */
    MEMHEAP_ERR_SYSTEM = -10,
    /** Processes made different calls where the same ones are required. */
    MEMHEAP_ERR_DIVERGED = -11,
    /** No source of memory has the requested reachability. */
    MEMHEAP_ERR_UNREACHABLE = -12
} memheap_status_t;

/** A short description of a status. A static string, never NULL. Thread-safe.
 */
const char *memheap_status_string(memheap_status_t status);

#ifdef __cplusplus
}
#endif

#endif
