/*
 * Writes the progress line. The line ends in a carriage return, so that the
 * next line or message overwrites it. It is written in one piece, because the
 * launcher interleaves the output of the PEs.
 */
#include "config.h"

#include "tools/replay/progress.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum {
    LINE_WIDTH = 78
};

static bool enabled;

void progress_enable(bool always)
{
    enabled = always || isatty(STDERR_FILENO) == 1;
}

void progress_show(const char *format, ...)
{
    if (!enabled)
        return;
    char text[LINE_WIDTH + 1];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fprintf(stderr, "%-*s\r", LINE_WIDTH, memheap_text_clean(text));
    fflush(stderr);
}

void progress_clear(void)
{
    progress_show("%s", "");
}
