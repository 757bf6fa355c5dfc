/*
 * A file that is written or read in order.
 */
#include "config.h"

#include "memheap/stream.h"
#include "base/util.h"

#include <memheap/memory.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

void stream_digest(stream_t *stream, const void *data, size_t size)
{
    uint64_t digest = stream->digest;
    for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, (const char *)data + i,
               memheap_min(size - i, sizeof(word)));
        digest = (digest ^ word) * UINT64_C(0x9E3779B97F4A7C15);
        digest ^= digest >> 32;
    }
    stream->digest = digest;
}

static void write_all(stream_t *stream, const char *data, size_t size)
{
    while (size > 0 && stream->error == 0) {
        ssize_t done = write(stream->fd, data, size);
        if (done < 0 && errno != EINTR)
            stream->error = errno;
        if (done <= 0)
            continue;
        data += done;
        size -= (size_t)done;
    }
}

void stream_flush(stream_t *stream)
{
    write_all(stream, stream->buffer, stream->count);
    stream->count = 0;
}

static void put_bytes(stream_t *stream, const void *data, size_t size)
{
    if (size > STREAM_BUFFER - stream->count)
        stream_flush(stream);
    if (size > STREAM_BUFFER) {
        write_all(stream, data, size);
        return;
    }
    memcpy(stream->buffer + stream->count, data, size);
    stream->count += size;
}

/* Write bytes, filled up to a word. */
void stream_put(stream_t *stream, const void *data, size_t size)
{
    static const char zeros[sizeof(uint64_t)];
    stream_digest(stream, data, size);
    put_bytes(stream, data, size);
    put_bytes(stream, zeros, -size % sizeof(uint64_t));
}

void stream_put_digest(stream_t *stream)
{
    uint64_t digest = stream->digest;
    stream_put(stream, &digest, sizeof(digest));
}

/* Read at most size bytes. @return their number; 0 at the end or on an error */
size_t stream_read(stream_t *stream, char *to, size_t size)
{
    ssize_t done;
    do {
        done = read(stream->fd, to, size);
    } while (done < 0 && errno == EINTR);
    if (done < 0)
        stream->error = errno;
    else if (done == 0)
        stream->ends = true;
    return done <= 0 ? 0 : (size_t)done;
}

static void get_bytes(stream_t *stream, char *to, size_t size)
{
    while (size > 0) {
        size_t part = memheap_min(size, stream->count - stream->next);
        memcpy(to, stream->buffer + stream->next, part);
        stream->next += part;
        if (part == 0 && size >= STREAM_BUFFER) {
            part = stream_read(stream, to, size);
        } else if (part == 0) {
            stream->next = 0;
            stream->count = stream_read(stream, stream->buffer, STREAM_BUFFER);
        }
        if (stream->error != 0 || stream->ends)
            return;
        to += part;
        size -= part;
    }
}

void stream_get(stream_t *stream, void *to, size_t size)
{
    char filler[sizeof(uint64_t)];
    get_bytes(stream, to, size);
    get_bytes(stream, filler, -size % sizeof(uint64_t));
    if (stream->error == 0 && !stream->ends)
        stream_digest(stream, to, size);
}

/* Read a digest. Whether it is that of the words before it, and the file was
 * readable up to here. */
bool stream_get_digest(stream_t *stream)
{
    uint64_t wanted = stream->digest;
    uint64_t digest = ~wanted;
    stream_get(stream, &digest, sizeof(digest));
    return stream->error == 0 && !stream->ends && digest == wanted;
}

/* Log why a stream cannot be read. @return the status */
memheap_status_t stream_unreadable(const stream_t *stream,
                                   const memheap_log_t *log)
{
    if (stream->error != 0) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "cannot read the saved heap (%s)",
                          strerror(stream->error));
        return MEMHEAP_ERR_SYSTEM;
    }
    memheap_log_write(log, MEMHEAP_LOG_ERROR, "the saved heap is damaged: %s",
                      stream->ends ? "the file ends too early"
                                   : "its contents have changed");
    return MEMHEAP_ERR_CORRUPT;
}

stream_t *stream_new(memheap_status_t *status_p, int fd,
                     const memheap_log_t *log)
{
    stream_t *stream =
        memheap_memory_new(&memheap_memory_system, sizeof(*stream));
    *status_p = stream == NULL ? MEMHEAP_ERR_NO_METADATA : MEMHEAP_OK;
    if (stream == NULL)
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "no memory for a buffer of %zu bytes",
                          sizeof(*stream));
    else
        stream->fd = fd;
    return stream;
}

void stream_delete(stream_t *stream)
{
    memheap_memory_delete(&memheap_memory_system, stream, sizeof(*stream));
}
