/*
 * A short stand-in for a long sequence of words, to compare between PEs.
 */
#ifndef MEMHEAP_TOOLS_REPLAY_DIGEST_H
#define MEMHEAP_TOOLS_REPLAY_DIGEST_H

#include <stdint.h>

/** The digest of a sequence with one more word. That of none is any number.
 *  Source: FNV-1a, here over words; the shift brings high bits down. */
static inline uint64_t digest_add(uint64_t digest, uint64_t word)
{
    digest = (digest ^ word) * 0x100000001b3u;
    return digest ^ digest >> 32;
}

#endif
