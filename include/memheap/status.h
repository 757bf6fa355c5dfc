/*
 * The outcomes of a call that can fail. Success is 0, every failure negative,
 * so the worst of several outcomes is the least of them.
 */
#ifndef MEMHEAP_STATUS_H
#define MEMHEAP_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum memheap_status {
    MEMHEAP_OK = 0,
    /** No free space of the wanted size and alignment, or no memory for it. */
    MEMHEAP_ERR_NO_MEMORY = -1,
    /** An address (or offset) at which no live block starts. */
    MEMHEAP_ERR_BAD_ADDRESS = -2,
    /** The wanted place is in use. */
    MEMHEAP_ERR_BUSY = -3,
    /** An argument that no state of the heap could make good. */
    MEMHEAP_ERR_BAD_ARGUMENT = -4,
    /** The system gave no memory for what the heap keeps about its blocks. */
    MEMHEAP_ERR_NO_METADATA = -5,
    /** What the heap keeps about its blocks breaks one of its own rules. */
    MEMHEAP_ERR_CORRUPT = -6,
    /** No component is left that can serve the region. */
    MEMHEAP_ERR_NO_COMPONENT = -7,
    /** A parameter that nobody knows, or whose value cannot be used. */
    MEMHEAP_ERR_BAD_PARAM = -8,
    /** This component, build or machine does not offer the operation. */
    MEMHEAP_ERR_UNSUPPORTED = -9,
    /** The operating system refused; the message says what and why. */
    MEMHEAP_ERR_SYSTEM = -10,
    /** Processes that must call alike did not. */
    MEMHEAP_ERR_DIVERGED = -11,
    /** No source of memory is as reachable as was asked for. */
    MEMHEAP_ERR_UNREACHABLE = -12
} memheap_status_t;

/** The meaning of a status in a few words; never NULL, never to be freed. */
const char *memheap_status_string(memheap_status_t status);

#ifdef __cplusplus
}
#endif

#endif
