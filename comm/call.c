/*
 * Digests of arguments that are longer than a word, by the FNV-1a step.
 *
 * Source: G. Fowler, L. C. Noll, K.-P. Vo, "The FNV non-cryptographic hash
 * algorithm".
 */
#include "config.h"

#include "comm/call.h"

#include <string.h>

#define FNV_PRIME UINT64_C(0x100000001B3)

uint64_t memheap_digest_bytes(uint64_t digest, const void *data, size_t size)
{
    const unsigned char *byte = data;
    for (size_t i = 0; i < size; i++)
        digest = (digest ^ byte[i]) * FNV_PRIME;
    return digest;
}

uint64_t memheap_digest_words(const void *words, size_t count)
{
    const char *at = words;
    uint64_t digest = 0;
    for (size_t i = 0; i < count; i++) {
        size_t word;
        memcpy(&word, at + i * sizeof(word), sizeof(word));
        digest = (digest ^ word) * FNV_PRIME;
        digest ^= digest >> 32; /* a product carries upwards only */
    }
    return digest;
}
