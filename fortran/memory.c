/*
 * SHPALLOC, SHPDEALLC and SHPCLMOVE: blocks of the symmetric heap, in words
 * of 32 bits. The routines return codes for wrong addresses, and the calls of C
 * do not, so the blocks of these routines are listed here.
 *
 * Source: OpenSHMEM 1.4, chapters 9.3.2 to 9.3.4.
 */
#include "config.h"

#include "fortran/fortran.h"

#include <shmemx.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORD = 4,
    /* The codes of the standard. */
    BAD_LENGTH = -1,
    NO_MEMORY = -2,
    NOT_IN_HEAP = -3,
    IS_FREE = -4,
    NOT_AT_START = -5,
    MOVED = 1
};

typedef struct block {
    char *start;
    size_t size;
} block_t;

/* The blocks, the newest last. */
static struct {
    block_t *block;
    size_t count;
    size_t room;
} blocks;

void memheap_fortran_end(const char *format, ...)
{
    char message[256];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    fprintf(stderr, "memheap: PE %d: %s\n", shmem_my_pe(), message);
    shmem_global_exit(EXIT_FAILURE);
}

/* Return the code of an error, or end the job if the program wants that. */
static int failed(const char *call, int code, int ends)
{
    static const char *const texts[] = {
        "",
        "the length is not greater than 0",
        "there is no memory",
        "the address is not in the symmetric heap",
        "the address is in no block of SHPALLOC: it may be free already",
        "the address is not at the start of its block"};
    if (ends != 0)
        memheap_fortran_end("%s: %s", call, texts[-code]);
    return code;
}

static void add(void *start, size_t size)
{
    if (blocks.count == blocks.room) {
        size_t room = 2 * blocks.room + 16;
        block_t *larger = realloc(blocks.block, room * sizeof(*larger));
        if (larger == NULL)
            memheap_fortran_end("shpalloc: %s",
                                "there is no memory for the list of blocks");
        blocks.block = larger;
        blocks.room = room;
    }
    blocks.block[blocks.count++] = (block_t){start, size};
}

/* The place of a block in the list.
 *
 * @return 0, or the code of the error */
static int find(const void *address, size_t *place_p)
{
    const char *wanted = address;
    for (size_t i = blocks.count; i-- > 0;) {
        const block_t *block = &blocks.block[i];
        if (wanted >= block->start && wanted < block->start + block->size) {
            *place_p = i;
            return wanted == block->start ? 0 : NOT_AT_START;
        }
    }
    return shmemx_space_of_ptr(address) == SHMEMX_SPACE_DEFAULT ? IS_FREE
                                                                : NOT_IN_HEAP;
}

void memheap_fortran_shpalloc(void **block_p, int words, int *error, int ends)
{
    if (words <= 0) {
        *error = failed("shpalloc", BAD_LENGTH, ends);
        return;
    }
    size_t size = (size_t)words * WORD;
    void *block = shmem_malloc(size);
    if (block == NULL) {
        *error = failed("shpalloc", NO_MEMORY, ends);
        return;
    }
    add(block, size);
    *block_p = block;
    *error = 0;
}

void memheap_fortran_shpdeallc(void *block, int *error, int ends)
{
    size_t place;
    int code = find(block, &place);
    if (code != 0) {
        *error = failed("shpdeallc", code, ends);
        return;
    }
    blocks.count--;
    memmove(&blocks.block[place], &blocks.block[place + 1],
            (blocks.count - place) * sizeof(blocks.block[0]));
    shmem_free(block);
    *error = 0;
}

void memheap_fortran_shpclmove(void **block_p, int words, int *status, int ends)
{
    size_t place;
    int code = words <= 0 ? BAD_LENGTH : find(*block_p, &place);
    if (code != 0) {
        *status = failed("shpclmove", code, ends);
        return;
    }
    size_t size = (size_t)words * WORD;
    void *moved = shmem_realloc(*block_p, size);
    if (moved == NULL) {
        *status = failed("shpclmove", NO_MEMORY, ends);
        return;
    }
    blocks.block[place] = (block_t){moved, size};
    *status = moved == *block_p ? 0 : MOVED;
    *block_p = moved;
}

/* The end of the library frees all blocks. */
void memheap_fortran_finalize(void)
{
    int is_running;
    shmem_finalize();
    shmem_query_initialized(&is_running);
    if (!is_running)
        blocks.count = 0;
}

/* Fortran pads with blanks, without a 0. */
void memheap_fortran_info_get_name(char *name, size_t room)
{
    char text[SHMEM_MAX_NAME_LEN];
    shmem_info_get_name(text);
    size_t length = strlen(text);
    memset(name, ' ', room);
    memcpy(name, text, length < room ? length : room);
}
