/*
 * A collective call, as the PEs compare it.
 *
 * PEs that make the same call have equal digests of it; the digests of two
 * different calls are equal by chance only.
 */
#ifndef MEMHEAP_COMM_CALL_H
#define MEMHEAP_COMM_CALL_H

#include <stddef.h>
#include <stdint.h>

/** A call and its arguments. */
typedef struct memheap_call {
    uint64_t kind;        /* the kind of call, an enum of the caller */
    uint64_t argument[3]; /* equal on all PEs */
    /** The routine's name, for messages; not compared. NULL for the usual name
     *  of this kind, and in a call that was read from a flag line. */
    const char *name;
} memheap_call_t;

/** Stands in a call for an address outside of the heap. Such addresses differ
 *  between PEs that make the same mistake: those of stacks, for example. No
 *  block has this address. */
#define MEMHEAP_CALL_FOREIGN 1

/** Size of the buffer for the text of a call, in bytes. */
#define MEMHEAP_CALL_TEXT 448

/** Write a call as text into a buffer of `room` bytes. */
typedef void memheap_call_describe_t(const memheap_call_t *call, char *text,
                                     size_t room);

/** Digest of a call. The terms of the sum can be computed in parallel; the
 *  factors are random odd numbers. */
static inline uint64_t memheap_call_digest(const memheap_call_t *call)
{
    return call->kind * UINT64_C(0x9E3779B97F4A7C15) +
           call->argument[0] * UINT64_C(0xC2B2AE3D27D4EB4F) +
           call->argument[1] * UINT64_C(0x165667B19E3779F9) +
           call->argument[2] * UINT64_C(0xD6E8FEB86659FD93);
}

/** Add bytes to a digest, which starts as 0: for an argument that is longer
 *  than a word. */
uint64_t memheap_digest_bytes(uint64_t digest, const void *data, size_t size);

/** Digest of count sizes or addresses. */
uint64_t memheap_digest_words(const void *words, size_t count);

#endif
