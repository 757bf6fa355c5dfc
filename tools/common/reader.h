/*
 * Reads a file byte by byte, and decompresses it if it is an .xz file. The
 * first bytes decide, not the file name.
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
    const uint8_t *next; /* the first unread byte */
    size_t left;         /* the number of unread bytes */
    const char *problem; /* the error that ended reading; NULL if none */
    uint8_t packed[READER_BUFFER];
    uint8_t plain[READER_BUFFER];
} reader_t;

/**
 * Open a file.
 *
 * @param reader  uninitialized; call reader_close() only if this call succeeds
 * @return NULL, or an error message that is valid until the next call of libc
 */
const char *reader_open(reader_t *reader, const char *path);

void reader_close(reader_t *reader);

/** Fill the buffer. Returns false at the end of the file and on an error, which
 *  sets problem. */
bool reader_fill(reader_t *reader);

/** Get the next byte, which stays unread. Otherwise as reader_byte(). */
static inline int reader_peek(reader_t *reader)
{
    return reader->left == 0 && !reader_fill(reader) ? -1 : *reader->next;
}

/** Get the next byte. Returns -1 at the end of the file and on an error, which
 *  sets problem. */
static inline int reader_byte(reader_t *reader)
{
    if (reader->left == 0 && !reader_fill(reader))
        return -1;
    reader->left--;
    return *reader->next++;
}

#endif
