/*
 * The known names that are nearest to a misspelt one.
 *
 * The distance is the number of letters to insert, delete or replace, without
 * case. Source: R. A. Wagner and M. J. Fischer, "The string-to-string
 * correction problem", J. ACM 21(1), 1974.
 */
#include "config.h"

#include "base/nearest.h"
#include "base/util.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* A word may lack this. */
static const char prefix[] = "MEMHEAP_";

enum {
    LONGEST = 127 /* letters of a word; others have no near name */
};

static size_t distance(const char *word, size_t size, const char *name)
{
    size_t row[LONGEST + 1]; /* [i]: from word's first i letters to name's */
    for (size_t i = 0; i <= size; i++)
        row[i] = i;
    for (; *name != '\0'; name++) {
        size_t diagonal = row[0]++;
        for (size_t i = 1; i <= size; i++) {
            bool differ = toupper((unsigned char)word[i - 1]) !=
                          toupper((unsigned char)*name);
            size_t least = memheap_min(row[i], row[i - 1]) + 1;
            least = memheap_min(least, diagonal + differ);
            diagonal = row[i];
            row[i] = least;
        }
    }
    return row[size];
}

void memheap_nearest_offer(memheap_nearest_t *nearest, const char *name)
{
    if (nearest->size > LONGEST)
        return;
    size_t d = distance(nearest->word, nearest->size, name);
    if (strncmp(name, prefix, sizeof(prefix) - 1) == 0)
        d = memheap_min(d, distance(nearest->word, nearest->size,
                                    name + sizeof(prefix) - 1));
    if (d > nearest->best || d > nearest->size / 3)
        return;
    size_t used = d < nearest->best ? 0 : strlen(nearest->text);
    snprintf(nearest->text + used, sizeof(nearest->text) - used, "%s%s",
             used == 0 ? "" : ", ", name);
    nearest->best = d;
}
