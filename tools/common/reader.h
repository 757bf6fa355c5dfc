/*
 * A file, byte by byte: as it stands, or unpacked if it is an .xz file, which
 * shows in its first bytes and not in its name.
 */
#ifndef MEMHEAP_TOOLS_COMMON_READER_H
#define MEMHEAP_TOOLS_COMMON_READER_H

#include <lzma.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    READER_BUFFER = 65536
};

typedef struct reader {
    FILE *file;
    bool compressed;
    lzma_stream xz;
    const uint8_t *next; /* what is unpacked and not read yet, */
    size_t left;         /* and how much */
    const char *problem; /* why it ended too early; NULL if it did not */
    uint8_t packed[READER_BUFFER];
    uint8_t plain[READER_BUFFER];
} reader_t;

/**
 * Open a file.
 *
 * @param reader  uninitialised; needs reader_close() if, and only if, the call
 *                succeeds
 * @return NULL, or why it cannot be read; lives until the next call of libc
 */
const char *reader_open(reader_t *reader, const char *path);

void reader_close(reader_t *reader);

/** Unpack more; false at the end and where problem is set. */
bool reader_fill(reader_t *reader);

/** The next byte; -1 at the end and where problem is set. */
static inline int reader_byte(reader_t *reader)
{
    if (reader->left == 0 && !reader_fill(reader))
        return -1;
    reader->left--;
    return *reader->next++;
}

#endif
