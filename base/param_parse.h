/*
 * Parsing of parameter values.
 */
#ifndef MEMHEAP_BASE_PARAM_PARSE_H
#define MEMHEAP_BASE_PARAM_PARSE_H

#include <memheap/param.h>
#include <memheap/status.h>

/**
 * Parse a value.
 *
 * @param text    empty text is 0 or "", except for a choice of words
 * @param wanted  receives the expected form if text is not valid
 * @return whether text is valid
 */
bool memheap_parse_value(const memheap_param_def_t *def, const char *text,
                         memheap_value_t *value, char *wanted, size_t room);

/**
 * Parse a size: a decimal number, with an optional fraction, and at most one of
 * the letters k, m, g, t in either case, for powers of 1024. Anything after the
 * letter is ignored. Fractions of a byte are rounded up.
 *
 * @return MEMHEAP_ERR_BAD_PARAM if text is not a size, or exceeds SIZE_MAX.
 *     Source: OpenSHMEM 1.6, environment variable SHMEM_SYMMETRIC_SIZE.
 */
memheap_status_t memheap_parse_size(const char *text, size_t *size_p);

/**
 * Parse a size, or a share of a node that its processes divide: "8g/node" is a
 * number of bytes for all of them, "50%" a part of the node's memory, with an
 * optional fraction.
 *
 * @return MEMHEAP_ERR_BAD_PARAM if text is neither, or not within (0, 100]%
 */
memheap_status_t memheap_parse_share(const char *text, memheap_share_t *share);

/** Bytes of a share for one of `processes` on a node with `total` bytes. */
size_t memheap_share_bytes(const memheap_share_t *share, size_t total,
                           size_t processes);

#endif
