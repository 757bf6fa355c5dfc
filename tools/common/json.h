/*
 * Writes JSON, the same in every locale.
 *
 * Commas and brackets come by themselves: a value follows what was written
 * before it. Inside an object, each has a key; inside an array, the key is
 * NULL. Bytes that are not UTF-8 become '?', since a reader would refuse them.
 */
#ifndef MEMHEAP_TOOLS_COMMON_JSON_H
#define MEMHEAP_TOOLS_COMMON_JSON_H

#include <memheap/memheap.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    JSON_DEPTH = 8
};

typedef struct json {
    FILE *file;
    unsigned depth;
    char closing[JSON_DEPTH]; /* brackets of what is open */
    bool begun;               /* a value stands before the next one */
} json_t;

void json_object(json_t *json, const char *key);
void json_array(json_t *json, const char *key);

/** End the innermost object or array; a line ends with the outermost one. */
void json_end(json_t *json);

void json_string(json_t *json, const char *key, const char *text);
void json_number(json_t *json, const char *key, uint64_t number);
void json_bool(json_t *json, const char *key, bool value);
void json_null(json_t *json, const char *key);

/** Write a number with the given number of decimals, at most 9. Writes null if
 * the number is not finite, or would have more than 19 digits. */
void json_real(json_t *json, const char *key, double number, unsigned decimals);

/** The statistics of a heap, by their names, as members of an object. */
void json_stats(json_t *json, const memheap_stats_t *stats);

#endif
