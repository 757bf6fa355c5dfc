/*
 * Parsing of parameter values.
 */
#include "config.h"

#include "base/param_parse.h"
#include "base/numa.h"
#include "base/util.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A decimal number: whole + part / unit. */
typedef struct decimal {
    size_t whole;
    uint64_t part;
    uint64_t unit;
} decimal_t;

/* Parse the number that a text begins with. Digits of the fraction beyond the
 * 15th round it up. The locale has no effect.
 * @return the end of the number; NULL if there is none, or it is too large */
static const char *parse_decimal(const char *text, decimal_t *number)
{
    *number = (decimal_t){.unit = 1};
    size_t digits = 0;
    const char *c = text;
    for (; isdigit((unsigned char)*c); c++, digits++) {
        size_t digit = (size_t)(*c - '0');
        if (number->whole > (SIZE_MAX - digit) / 10)
            return NULL;
        number->whole = number->whole * 10 + digit;
    }
    bool more = false;
    if (*c == '.') {
        for (c++; isdigit((unsigned char)*c); c++, digits++) {
            if (number->unit < UINT64_C(1000000000000000)) {
                number->part = number->part * 10 + (uint64_t)(*c - '0');
                number->unit *= 10;
            } else {
                more = more || *c != '0';
            }
        }
    }
    number->part += more;
    return digits == 0 ? NULL : c;
}

memheap_status_t memheap_parse_size(const char *text, size_t *size_p)
{
    decimal_t number;
    const char *c = parse_decimal(text, &number);
    if (c == NULL)
        return MEMHEAP_ERR_BAD_PARAM;
    static const char letters[] = "kmgt";
    const char *letter =
        *c == '\0' ? NULL : strchr(letters, tolower((unsigned char)*c));
    if (*c != '\0' && letter == NULL)
        return MEMHEAP_ERR_BAD_PARAM;
    unsigned shift = letter == NULL ? 0 : 10 * (unsigned)(letter - letters + 1);
    if (number.whole > SIZE_MAX >> shift)
        return MEMHEAP_ERR_BAD_PARAM;
    size_t bytes = 0;
    for (unsigned bits = 0; bits < shift; bits += 10) {
        number.part *= 1024;
        bytes = bytes * 1024 + number.part / number.unit;
        number.part %= number.unit;
    }
    bytes += number.part > 0;
    if (bytes > SIZE_MAX - (number.whole << shift))
        return MEMHEAP_ERR_BAD_PARAM;
    *size_p = (number.whole << shift) + bytes;
    return MEMHEAP_OK;
}

/* Set a share of millionths to a percentage. */
static memheap_status_t set_percentage(const decimal_t *percent,
                                       memheap_share_t *share)
{
    if (percent->whole > 100 || (percent->whole == 100 && percent->part > 0))
        return MEMHEAP_ERR_BAD_PARAM;
    share->of_total = share->split = true;
    share->size = percent->whole * 10000 +
                  (percent->part * 10000 + percent->unit / 2) / percent->unit;
    return share->size > 0 ? MEMHEAP_OK : MEMHEAP_ERR_BAD_PARAM;
}

memheap_status_t memheap_parse_share(const char *text, memheap_share_t *share)
{
    decimal_t percent;
    const char *slash = strchr(text, '/');
    const char *end = parse_decimal(text, &percent);
    *share = (memheap_share_t){.split = slash != NULL &&
                                        strcasecmp(slash, "/node") == 0};
    if (end == NULL || (slash != NULL && !share->split))
        return MEMHEAP_ERR_BAD_PARAM;
    if (end[0] == '%' && (end[1] == '\0' || end + 1 == slash))
        return set_percentage(&percent, share);
    char number[64];
    size_t length = share->split ? (size_t)(slash - text) : strlen(text);
    if (length >= sizeof(number))
        return MEMHEAP_ERR_BAD_PARAM;
    memcpy(number, text, length);
    number[length] = '\0';
    return memheap_parse_size(number, &share->size);
}

size_t memheap_share_bytes(const memheap_share_t *share, size_t total,
                           size_t processes)
{
    const size_t whole = 1000000;
    size_t bytes = share->size;
    if (share->of_total)
        bytes = total / whole * bytes + total % whole * bytes / whole;
    return share->split ? bytes / processes : bytes;
}

static bool parse_integer(const char *text, long *value_p)
{
    char *end;
    errno = 0;
    *value_p = strtol(text, &end, 10);
    return *text != '\0' && *end == '\0' && errno == 0;
}

static bool parse_boolean(const char *text, bool *value_p)
{
    static const char *const yes[] = {"1", "yes", "on", "true"};
    static const char *const no[] = {"0", "no", "off", "false"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *value_p = strcasecmp(text, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

/* Whether text matches a word. A word that ends in :N matches the number of a
 * NUMA node there. */
static bool is_word(const char *word, const char *text)
{
    size_t length = strlen(word);
    if (length < 2 || strcmp(word + length - 2, ":N") != 0)
        return strcasecmp(word, text) == 0;
    if (strncasecmp(word, text, length - 1) != 0)
        return false;
    text += length - 1;
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && text[digits] == '\0' &&
           strtoul(text, NULL, 10) < MEMHEAP_NODE_MAX;
}

/* The word that equals text, or text itself if it matches a word with :N. NULL
 * if there is none; the words are then written to wanted. */
static const char *parse_word(const char *const *words, const char *text,
                              char *wanted, size_t room)
{
    size_t used = 0;
    for (; *words != NULL; words++) {
        if (is_word(*words, text))
            return strcasecmp(*words, text) == 0 ? *words : text;
        const char *link = used == 0 ? "" : words[1] == NULL ? " or " : ", ";
        used +=
            (size_t)snprintf(wanted + used, room - used, "%s%s", link, *words);
        used = memheap_min(used, room - 1);
    }
    return NULL;
}

bool memheap_parse_value(const memheap_param_def_t *def, const char *text,
                         memheap_value_t *value, char *wanted, size_t room)
{
    bool bounded = def->minimum != 0 || def->maximum != 0;
    bool empty = *text == '\0';
    bool good = true;
    memset(value, 0, sizeof(*value)); /* including padding: values are hashed */
    switch (def->type) {
    case MEMHEAP_PARAM_STRING:
        value->string = def->words == NULL
                            ? text
                            : parse_word(def->words, text, wanted, room);
        return value->string != NULL;
    case MEMHEAP_PARAM_INT:
        good = empty || parse_integer(text, &value->integer);
        if (good && bounded)
            good = value->integer >= (long)def->minimum &&
                   value->integer <= (long)def->maximum;
        snprintf(wanted, room, "a whole number");
        break;
    case MEMHEAP_PARAM_SIZE:
        good = empty || memheap_parse_size(text, &value->size) == MEMHEAP_OK;
        if (good && bounded)
            good = value->size >= def->minimum && value->size <= def->maximum;
        if (good && !empty && def->power_of_two)
            good = memheap_is_power_of_two(value->size);
        snprintf(wanted, room,
                 "a size such as 512, 64k, 3.1M, 2g or 1T (%sfrom %zu to %zu "
                 "bytes)",
                 def->power_of_two ? "a power of two " : "", def->minimum,
                 bounded ? def->maximum : SIZE_MAX);
        return good;
    case MEMHEAP_PARAM_SHARE:
        good = empty || memheap_parse_share(text, &value->share) == MEMHEAP_OK;
        snprintf(wanted, room,
                 "a size such as 64k, 3.1M or 2g, or a share of the machine "
                 "such as 8g/node or 50%%");
        return good;
    case MEMHEAP_PARAM_BOOL:
        good = empty || parse_boolean(text, &value->boolean);
        snprintf(wanted, room, "1, 0, yes, no, on, off, true or false");
        return good;
    case MEMHEAP_PARAM_FLAG:
        value->boolean = true;
        return true;
    }
    if (bounded)
        snprintf(wanted, room, "a whole number from %zu to %zu", def->minimum,
                 def->maximum);
    return good;
}
