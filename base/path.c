/*
 * Placeholders in paths (path.h).
 */
#include "config.h"

#include "base/path.h"

#include <stdio.h>
#include <unistd.h>

char *memheap_path_expand(const char *path, const char *name, char *text,
                          size_t room)
{
    size_t used = 0;
    text[0] = '\0';
    for (const char *c = path; *c != '\0' && used + 1 < room; c++) {
        if (c[0] == '%' && c[1] == 'h')
            used += (size_t)snprintf(text + used, room - used, "%s", name);
        else if (c[0] == '%' && c[1] == 'p')
            used += (size_t)snprintf(text + used, room - used, "%ld",
                                     (long)getpid());
        else
            used += (size_t)snprintf(text + used, room - used, "%c", *c);
        c += c[0] == '%' && (c[1] == 'h' || c[1] == 'p');
    }
    return text;
}
