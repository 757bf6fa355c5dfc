/*
 * Placeholders in paths (path.h).
 */
#include "config.h"

#include "base/path.h"

#include <stdio.h>
#include <unistd.h>

/* Write the name of a heap as a part of a file name: without blanks, slashes
 * and control characters. Returns the bytes that it has. */
static size_t put_name(char *text, size_t room, const char *name)
{
    size_t used = 0;
    for (; name[used] != '\0' && used + 1 < room; used++)
        text[used] = (unsigned char)name[used] <= ' ' || name[used] == '/'
                         ? '_'
                         : name[used];
    text[used] = '\0';
    return used;
}

char *memheap_path_expand(const char *path, const char *name, char *text,
                          size_t room)
{
    size_t used = 0;
    text[0] = '\0';
    for (const char *c = path; *c != '\0' && used + 1 < room; c++) {
        if (c[0] == '%' && c[1] == 'h')
            used += put_name(text + used, room - used, name);
        else if (c[0] == '%' && c[1] == 'p')
            used += (size_t)snprintf(text + used, room - used, "%ld",
                                     (long)getpid());
        else
            used += (size_t)snprintf(text + used, room - used, "%c", *c);
        c += c[0] == '%' && (c[1] == 'h' || c[1] == 'p');
    }
    return text;
}
