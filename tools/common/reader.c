/*
 * Decompresses with the stream decoder of liblzma, one buffer at a time, so
 * that memory use does not depend on the size of the file.
 */
#include "config.h"

#include "tools/common/reader.h"

#include <errno.h>
#include <string.h>

/* The first bytes of every .xz file. Source: the .xz file format, 2.1.1.1. */
static const uint8_t xz_magic[6] = {0xFD, '7', 'z', 'X', 'Z', 0};

/* The presets up to -9 need 65 MiB to decompress. A file that needs much more
 * is not a trace. */
static const uint64_t xz_memory = (uint64_t)256 << 20;

const char *reader_open(reader_t *reader, const char *path)
{
    reader->file = fopen(path, "rb");
    if (reader->file == NULL)
        return strerror(errno);
    errno = 0;
    size_t size = fread(reader->packed, 1, READER_BUFFER, reader->file);
    if (ferror(reader->file)) {
        int error = errno;
        fclose(reader->file);
        return strerror(error);
    }
    reader->problem = NULL;
    reader->compressed =
        size >= sizeof(xz_magic) &&
        memcmp(reader->packed, xz_magic, sizeof(xz_magic)) == 0;
    reader->next = reader->packed;
    reader->left = reader->compressed ? 0 : size;
    if (!reader->compressed)
        return NULL;
    reader->xz = (lzma_stream)LZMA_STREAM_INIT;
    if (lzma_stream_decoder(&reader->xz, xz_memory, LZMA_CONCATENATED) !=
        LZMA_OK) {
        fclose(reader->file);
        return "liblzma cannot start";
    }
    reader->xz.next_in = reader->packed;
    reader->xz.avail_in = size;
    return NULL;
}

void reader_close(reader_t *reader)
{
    if (reader->compressed)
        lzma_end(&reader->xz);
    fclose(reader->file);
}

/* Read more of the file into packed. Returns the number of bytes. */
static size_t read_packed(reader_t *reader)
{
    size_t size = fread(reader->packed, 1, READER_BUFFER, reader->file);
    if (ferror(reader->file))
        reader->problem = strerror(errno);
    return size;
}

static const char *explain(lzma_ret code)
{
    switch (code) {
    case LZMA_MEM_ERROR:
    case LZMA_MEMLIMIT_ERROR:
        return "unpacking it takes too much memory";
    case LZMA_OPTIONS_ERROR:
        return "it is compressed in a way that this liblzma does not know";
    case LZMA_BUF_ERROR:
        return "the compressed file ends too early";
    default:
        return "the compressed data are damaged";
    }
}

static size_t unpack(reader_t *reader)
{
    lzma_stream *xz = &reader->xz;
    lzma_ret code = LZMA_OK;
    xz->next_out = reader->plain;
    xz->avail_out = READER_BUFFER;
    while (code == LZMA_OK && xz->avail_out > 0 && reader->problem == NULL) {
        if (xz->avail_in == 0) {
            xz->next_in = reader->packed;
            xz->avail_in = read_packed(reader);
        }
        code = lzma_code(xz, xz->avail_in == 0 ? LZMA_FINISH : LZMA_RUN);
    }
    if (code != LZMA_OK && code != LZMA_STREAM_END && reader->problem == NULL)
        reader->problem = explain(code);
    return READER_BUFFER - xz->avail_out;
}

bool reader_fill(reader_t *reader)
{
    if (reader->problem != NULL)
        return false;
    reader->next = reader->compressed ? reader->plain : reader->packed;
    reader->left = reader->compressed ? unpack(reader) : read_packed(reader);
    return reader->left > 0;
}
