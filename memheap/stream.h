/*
 * A file that is written or read in order, in words of 64 bits, with a digest
 * of what was written or read so far.
 *
 * An error ends the stream: later calls do nothing, and its user looks at
 * `error` and `ends` when it suits.
 */
#ifndef MEMHEAP_MEMHEAP_STREAM_H
#define MEMHEAP_MEMHEAP_STREAM_H

#include <memheap/log.h>
#include <memheap/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STREAM_BUFFER = 1 << 16
};

typedef struct stream {
    int fd;
    int error; /* errno of the first error; 0: none */
    bool ends; /* the file ended too early */
    uint64_t digest;
    size_t next, count; /* in the buffer */
    char buffer[STREAM_BUFFER];
} stream_t;

#pragma GCC visibility push(hidden)

/** Make a stream of an open file. @return NULL, logged, if memory is short */
stream_t *stream_new(memheap_status_t *status_p, int fd,
                     const memheap_log_t *log);
void stream_delete(stream_t *stream);

/** Add bytes to the digest, as if they had been written or read. */
void stream_digest(stream_t *stream, const void *data, size_t size);

/** Write bytes, filled up to a word. */
void stream_put(stream_t *stream, const void *data, size_t size);
/** Write the digest. */
void stream_put_digest(stream_t *stream);
/** Write what is in the buffer. */
void stream_flush(stream_t *stream);

/** Read bytes, filled up to a word. */
void stream_get(stream_t *stream, void *to, size_t size);
/** Read a digest. @return whether it is that of the words before it, and the
 *  file was readable up to here */
bool stream_get_digest(stream_t *stream);
/** Read at most size bytes, without the buffer and the digest.
 *  @return their number; 0 at the end or on an error */
size_t stream_read(stream_t *stream, char *to, size_t size);

/** Log why a stream cannot be read. @return the status */
memheap_status_t stream_unreadable(const stream_t *stream,
                                   const memheap_log_t *log);

#pragma GCC visibility pop

#endif
