/*
 * Writes values of JSON one after another.
 */
#include "config.h"

#include "tools/common/json.h"
#include "memheap/debug/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The length of the character that text begins with, or 0 if those bytes are
 * none of UTF-8: too long a form, half a pair of UTF-16, or beyond U+10FFFF. */
static size_t character(const unsigned char *text)
{
    unsigned char least = 0x80; /* of the second byte */
    unsigned char most = 0xbf;
    size_t length = text[0] < 0x80                       ? 1
                    : text[0] >= 0xc2 && text[0] <= 0xdf ? 2
                    : (text[0] & 0xf0) == 0xe0           ? 3
                    : text[0] >= 0xf0 && text[0] <= 0xf4 ? 4
                                                         : 0;
    if (text[0] == 0xe0)
        least = 0xa0;
    else if (text[0] == 0xf0)
        least = 0x90;
    else if (text[0] == 0xed)
        most = 0x9f;
    else if (text[0] == 0xf4)
        most = 0x8f;
    if (length > 1 && (text[1] < least || text[1] > most))
        return 0;
    for (size_t i = 2; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    }
    return length;
}

/* What stands before a value. */
static void begin(json_t *json, const char *key)
{
    if (json->begun)
        fputs(", ", json->file);
    json->begun = true;
    if (key != NULL)
        fprintf(json->file, "\"%s\": ", key);
}

static void open_bracket(json_t *json, const char *key, char opening,
                         char closing)
{
    begin(json, key);
    putc(opening, json->file);
    json->closing[json->depth++] = closing;
    json->begun = false;
}

void json_object(json_t *json, const char *key)
{
    open_bracket(json, key, '{', '}');
}

void json_array(json_t *json, const char *key)
{
    open_bracket(json, key, '[', ']');
}

void json_end(json_t *json)
{
    putc(json->closing[--json->depth], json->file);
    json->begun = json->depth > 0;
    if (json->depth == 0)
        putc('\n', json->file);
}

void json_string(json_t *json, const char *key, const char *text)
{
    begin(json, key);
    char *clean = strdup(text);
    for (char *c = clean; c != NULL && *c != '\0';) {
        size_t length = character((const unsigned char *)c);
        if (length == 0)
            *c = '?';
        c += length == 0 ? 1 : length;
    }
    memheap_json_string(json->file, clean == NULL ? "" : clean);
    free(clean);
}

void json_number(json_t *json, const char *key, uint64_t number)
{
    begin(json, key);
    fprintf(json->file, "%" PRIu64, number);
}

void json_bool(json_t *json, const char *key, bool value)
{
    begin(json, key);
    fputs(value ? "true" : "false", json->file);
}

void json_null(json_t *json, const char *key)
{
    begin(json, key);
    fputs("null", json->file);
}

void json_real(json_t *json, const char *key, double number, unsigned decimals)
{
    /* By whole numbers: printf() writes the point of the locale. */
    uint64_t power = 1;
    for (unsigned i = 0; i < decimals; i++)
        power *= 10;
    double scaled = (number < 0 ? -number : number) * (double)power + 0.5;
    if (!(scaled < 1e19)) {
        json_null(json, key);
        return;
    }
    uint64_t whole = (uint64_t)scaled;
    begin(json, key);
    fprintf(json->file, "%s%" PRIu64, number < 0 && whole > 0 ? "-" : "",
            whole / power);
    if (decimals > 0)
        fprintf(json->file, ".%0*" PRIu64, (int)decimals, whole % power);
}

void json_stats(json_t *json, const memheap_stats_t *stats)
{
    for (unsigned i = 0; i < MEMHEAP_STAT_COUNT; i++) {
        const memheap_stat_t *figure = &memheap_stat_table[i];
        if (figure->unit == MEMHEAP_UNIT_PPM)
            json_real(json, figure->name, (double)figure->of(stats) / 1e6, 6);
        else
            json_number(json, figure->name, figure->of(stats));
    }
}
