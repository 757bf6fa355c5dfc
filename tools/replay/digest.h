/*
 * A digest of a sequence of words. PEs compare digests instead of sequences.
 */
#ifndef MEMHEAP_TOOLS_REPLAY_DIGEST_H
#define MEMHEAP_TOOLS_REPLAY_DIGEST_H

#include <stdint.h>

/** Extend a digest by one word. The initial digest may be any number.
 *  Source: FNV-1a, applied to words; the shift mixes the high bits into the low
 *  bits. */
static inline uint64_t digest_add(uint64_t digest, uint64_t word)
{
    digest = (digest ^ word) * 0x100000001b3u;
    return digest ^ digest >> 32;
}

#endif
