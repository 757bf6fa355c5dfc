/*
 * The known names that are nearest to a misspelt one.
 */
#ifndef MEMHEAP_BASE_NEAREST_H
#define MEMHEAP_BASE_NEAREST_H

#include <stddef.h>

/** A search; begin with .word, .size and .best = SIZE_MAX. */
typedef struct memheap_nearest {
    const char *word;
    size_t size;    /* of word */
    size_t best;    /* the distance of the names so far */
    char text[256]; /* takes these names, separated by commas; "": none */
} memheap_nearest_t;

/** Offer a name. It is left out if more than a third of the word differs. */
void memheap_nearest_offer(memheap_nearest_t *nearest, const char *name);

#endif
