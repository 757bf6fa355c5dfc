/*
 * Messages and the default log. It writes each message by one system call, so
 * that lines of several processes do not mix. A message is one line, and cannot
 * control a terminal, whatever the names in it are.
 */
#include "config.h"

#include <memheap/log.h>

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum {
    MESSAGE_SIZE = 1024
};

/* The sink of memheap_log_stderr. */
static void stderr_sink(void *context, memheap_log_level_t level,
                        const char *message)
{
    (void)context;
    char line[MESSAGE_SIZE + 32];
    int length =
        snprintf(line, sizeof(line), "memheap: %s%s\n",
                 level == MEMHEAP_LOG_WARNING ? "warning: " : "", message);
    if (length > 0) {
        ssize_t written = write(STDERR_FILENO, line, (size_t)length);
        (void)written; /* an error here cannot be reported */
    }
}

const memheap_log_t memheap_log_stderr = {stderr_sink, NULL,
                                          MEMHEAP_LOG_WARNING};

void memheap_log_write(const memheap_log_t *log, memheap_log_level_t level,
                       const char *format, ...)
{
    if (level > log->level)
        return;
    char message[MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    log->sink(log->context, level, memheap_text_clean(message));
}

char *memheap_format_size(char *text, size_t size)
{
    static const char *const unit[] = {"KiB", "MiB", "GiB",
                                       "TiB", "PiB", "EiB"};
    if (size < 1024) {
        snprintf(text, MEMHEAP_SIZE_TEXT, "%zu byte%s", size,
                 size == 1 ? "" : "s");
        return text;
    }
    unsigned step = 0;
    while (step < 5 && size >> (10 * (step + 2)) != 0)
        step++;
    size_t one = (size_t)1 << (10 * (step + 1));
    if (size % one == 0)
        snprintf(text, MEMHEAP_SIZE_TEXT, "%zu %s", size / one, unit[step]);
    else
        snprintf(text, MEMHEAP_SIZE_TEXT, "%.2f %s", (double)size / (double)one,
                 unit[step]);
    return text;
}
