/*
 * The meaning of return addresses: function, file and line.
 */
#ifndef MEMHEAP_DEBUG_FRAMES_H
#define MEMHEAP_DEBUG_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

enum {
    MEMHEAP_FRAME_TEXT = 512 /* enough to describe most frames */
};

/** A return address, and what it means. */
typedef struct memheap_frame {
    void *address;
    /* "main at heat.c:42", or "heat+0x1139" if there is no debug information;
     * and a line for each function that the former one is inlined in. */
    char text[MEMHEAP_FRAME_TEXT];
} memheap_frame_t;

/** Whether an object file is one of memheap's libraries, one that they call or
 *  that calls them for the program, or one that a sanitizer preloads. */
bool memheap_call_site_is_library(const char *object);

/** Strip the folders from a line of addr2line(1). @return false if the line has
 *  no location */
bool memheap_call_site_shorten(const char *line, char *text, size_t size);

/**
 * Describe frames. Runs addr2line(1), which takes a while: once for up to 64
 * frames in a row that are in one object file.
 */
void memheap_frames_resolve(memheap_frame_t *frames, size_t count);

/**
 * Find the part of a stack that is the program's: from the call of memheap,
 * or of a library that calls memheap for the program, out to main() or to the
 * start of the thread.
 *
 * @param frames   return addresses, the innermost one first
 * @param count_p  their number, and then the number of those in the part; 0 if
 *                 no frame is in the program
 * @return the first frame of the part
 */
void *const *memheap_frames_of_program(void *const *frames, int *count_p);

/** Describe the first of some return addresses that is in the program. */
char *memheap_frames_describe(void *const *frames, int count, char *text,
                              size_t size);

#endif
