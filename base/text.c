/*
 * Text of unknown origin (text.h).
 */
#include "config.h"

#include "base/text.h"

#include <string.h>

/* Not UTF-8: overlong, a surrogate, beyond U+10FFFF, or cut. Source: RFC 3629,
 * section 4. */
size_t memheap_text_char(const char *text)
{
    const unsigned char *bytes = (const unsigned char *)text;
    unsigned char lead = bytes[0];
    unsigned char min = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char max = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    size_t length = lead < 0x80                   ? 1
                    : lead >= 0xc2 && lead < 0xe0 ? 2
                    : (lead & 0xf0) == 0xe0       ? 3
                    : lead >= 0xf0 && lead < 0xf5 ? 4
                                                  : 0;
    for (size_t i = 1; i < length; i++) {
        if (bytes[i] < min || bytes[i] > max)
            return 0;
        min = 0x80;
        max = 0xbf;
    }
    return length;
}

/* U+0000 to U+001F, and U+007F to U+009F. */
bool memheap_text_is_control(const char *text)
{
    const unsigned char *bytes = (const unsigned char *)text;
    return bytes[0] < 0x20 || bytes[0] == 0x7f ||
           (bytes[0] == 0xc2 && bytes[1] >= 0x80 && bytes[1] < 0xa0);
}

char *memheap_text_clean(char *text)
{
    for (char *c = text; *c != '\0';) {
        size_t length = memheap_text_char(c);
        if (length == 0 || memheap_text_is_control(c)) {
            *c = '?';
            length = 1;
        }
        c += length;
    }
    return text;
}

size_t memheap_text_fit(const char *text, size_t room)
{
    enum {
        MASK = 0xc0,
        INNER = 0x80 /* a byte that is not the first of its character */
    };
    size_t size = strnlen(text, room);
    if (size < room)
        return size;
    size = room - 1;
    while (size > 0 && ((unsigned char)text[size] & MASK) == INNER)
        size--;
    return size;
}

void memheap_text_copy(char *to, size_t room, const char *text)
{
    size_t size = memheap_text_fit(text, room);
    memcpy(to, text, size);
    to[size] = '\0';
}
