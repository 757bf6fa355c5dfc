/*
 * Messages for people.
 *
 * Whoever finds a cause says it, once, through the log that it was given; a
 * log is an object, so a runtime can collect the messages of a collective step
 * and print one for the whole job.
 */
#ifndef MEMHEAP_LOG_H
#define MEMHEAP_LOG_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum memheap_log_level {
    /** What the user asked to be told: a line of a report. Always passed on. */
    MEMHEAP_LOG_REPORT = -1,
    MEMHEAP_LOG_ERROR,
    MEMHEAP_LOG_WARNING,
    MEMHEAP_LOG_DEBUG
} memheap_log_level_t;

/** Where messages go. A message is one line, without prefix or newline. */
typedef struct memheap_log {
    /** Take one message. May be called by several threads at once. */
    void (*sink)(void *context, memheap_log_level_t level, const char *message);
    void *context;
    /** The last level that is passed to the sink. */
    memheap_log_level_t level;
} memheap_log_t;

/** Writes "memheap: MESSAGE" to standard error; errors and warnings. */
extern const memheap_log_t memheap_log_stderr;

/** Format a message and hand it to the log, cut at 1023 bytes. */
void memheap_log_write(const memheap_log_t *log, memheap_log_level_t level,
                       const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/** Room for any number of bytes as memheap_format_size() writes it. */
#define MEMHEAP_SIZE_TEXT 40

/**
 * Write a number of bytes as people read it: "64 bytes", "3.10 MiB", "4 GiB".
 * The text needs MEMHEAP_SIZE_TEXT bytes, and is returned.
 */
char *memheap_format_size(char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
