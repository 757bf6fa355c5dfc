/*
 * From the text of a parameter to its value.
 */
#ifndef MEMHEAP_BASE_PARAM_PARSE_H
#define MEMHEAP_BASE_PARAM_PARSE_H

#include <memheap/param.h>
#include <memheap/status.h>

/**
 * Read a value.
 *
 * @param text    the empty text is 0 or "", but for a choice of words
 * @param wanted  takes the form that the definition wants, if text lacks it
 * @return whether text is a value of the definition
 */
bool memheap_parse_value(const memheap_param_def_t *def, const char *text,
                         memheap_value_t *value, char *wanted, size_t room);

/**
 * Read a size: a decimal number, with a fraction or without, and at most one
 * of the letters k, m, g, t in either case, for powers of 1024. What follows
 * the letter is ignored. A fraction of a byte counts as one.
 *
 * @return MEMHEAP_ERR_BAD_PARAM if the text is none, or past SIZE_MAX.
 * Source: OpenSHMEM 1.6, environment variable SHMEM_SYMMETRIC_SIZE.
 */
memheap_status_t memheap_parse_size(const char *text, size_t *size_p);

/**
 * Read a size, or a share of a machine that its processes split: "8g/node" is
 * so many bytes for all of them, "50%" a part of its memory, which may have a
 * fraction.
 *
 * @return MEMHEAP_ERR_BAD_PARAM if the text is none, or no part of 100.
 */
memheap_status_t memheap_parse_share(const char *text, memheap_share_t *share);

/** The bytes that a share is for one of `processes` on a machine. */
size_t memheap_share_bytes(const memheap_share_t *share, size_t total,
                           size_t processes);

#endif
