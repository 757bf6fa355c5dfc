/*
 * Writing JSON, the same in every locale.
 *
 * The writer adds commas and brackets. Each value has a key inside an object;
 * inside an array its key is NULL. A byte that is not UTF-8 becomes '?', since
 * a reader would refuse it; a control character is escaped.
 */
#ifndef MEMHEAP_BASE_JSON_H
#define MEMHEAP_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    MEMHEAP_JSON_DEPTH = 8
};

/** A writer. Zero but for `file`, it is ready. */
typedef struct memheap_json {
    FILE *file;
    unsigned depth;                   /* of open objects and arrays */
    char closing[MEMHEAP_JSON_DEPTH]; /* their closing brackets */
    bool has_value;                   /* the next value needs a comma */
} memheap_json_t;

/** Open an object, and an array. */
void memheap_json_object(memheap_json_t *json, const char *key);
void memheap_json_array(memheap_json_t *json, const char *key);

/** Close the innermost object or array. The outermost one ends the line. */
void memheap_json_end(memheap_json_t *json);

void memheap_json_string(memheap_json_t *json, const char *key,
                         const char *text);
void memheap_json_number(memheap_json_t *json, const char *key,
                         uint64_t number);
void memheap_json_bool(memheap_json_t *json, const char *key, bool value);
void memheap_json_null(memheap_json_t *json, const char *key);

/** Write a number with up to 9 decimals. null if it is not finite, or has more
 *  than 19 digits. */
void memheap_json_real(memheap_json_t *json, const char *key, double number,
                       unsigned decimals);

#endif
