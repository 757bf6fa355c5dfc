/*
 * Writing JSON values one after another.
 */
#include "config.h"

#include "base/json.h"
#include "base/text.h"

#include <inttypes.h>

/* Write the comma and the key that precede a value. */
static void begin(memheap_json_t *json, const char *key)
{
    if (json->has_value)
        fputs(", ", json->file);
    json->has_value = true;
    if (key != NULL)
        fprintf(json->file, "\"%s\": ", key);
}

static void open_bracket(memheap_json_t *json, const char *key, char opening,
                         char closing)
{
    begin(json, key);
    putc(opening, json->file);
    json->closing[json->depth++] = closing;
    json->has_value = false;
}

void memheap_json_object(memheap_json_t *json, const char *key)
{
    open_bracket(json, key, '{', '}');
}

void memheap_json_array(memheap_json_t *json, const char *key)
{
    open_bracket(json, key, '[', ']');
}

void memheap_json_end(memheap_json_t *json)
{
    putc(json->closing[--json->depth], json->file);
    json->has_value = json->depth > 0;
    if (json->depth == 0)
        putc('\n', json->file);
}

void memheap_json_string(memheap_json_t *json, const char *key,
                         const char *text)
{
    FILE *file = json->file;
    begin(json, key);
    putc('"', file);
    while (*text != '\0') {
        size_t length = memheap_text_char(text);
        if (length == 0)
            putc('?', file);
        else if (*text == '"' || *text == '\\')
            fprintf(file, "\\%c", *text);
        else if (memheap_text_is_control(text)) /* 0xc2 leads U+0080 to 9F */
            fprintf(file, "\\u%04x", (unsigned char)text[length - 1]);
        else
            fwrite(text, 1, length, file);
        text += length == 0 ? 1 : length;
    }
    putc('"', file);
}

void memheap_json_number(memheap_json_t *json, const char *key, uint64_t number)
{
    begin(json, key);
    fprintf(json->file, "%" PRIu64, number);
}

void memheap_json_bool(memheap_json_t *json, const char *key, bool value)
{
    begin(json, key);
    fputs(value ? "true" : "false", json->file);
}

void memheap_json_null(memheap_json_t *json, const char *key)
{
    begin(json, key);
    fputs("null", json->file);
}

void memheap_json_real(memheap_json_t *json, const char *key, double number,
                       unsigned decimals)
{
    /* As integers: %f writes the decimal point of the locale. */
    uint64_t power = 1;
    for (unsigned i = 0; i < decimals; i++)
        power *= 10;
    double scaled = (number < 0 ? -number : number) * (double)power + 0.5;
    if (!(scaled < 1e19)) {
        memheap_json_null(json, key);
        return;
    }
    uint64_t whole = (uint64_t)scaled;
    begin(json, key);
    fprintf(json->file, "%s%" PRIu64, number < 0 && whole > 0 ? "-" : "",
            whole / power);
    if (decimals > 0)
        fprintf(json->file, ".%0*" PRIu64, (int)decimals, whole % power);
}
