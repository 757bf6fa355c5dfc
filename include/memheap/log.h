/*
 * Messages to users.
 *
 * The function that detects an error reports it once, through the log it was
 * given. A log is an object, so that a runtime can collect the messages of a
 * collective operation and print one of them for the whole job.
 */
#ifndef MEMHEAP_LOG_H
#define MEMHEAP_LOG_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Importance of a message. */
typedef enum memheap_log_level {
    /** A line of a report that the user requested. Always passed on. */
    MEMHEAP_LOG_REPORT = -1,
    /** An operation failed. */
    MEMHEAP_LOG_ERROR,
    /** An operation succeeded otherwise than requested. */
    MEMHEAP_LOG_WARNING,
    /** What the library decides. */
    MEMHEAP_LOG_DEBUG
} memheap_log_level_t;

/** Destination of messages. A message is one line without prefix and newline.
 */
typedef struct memheap_log {
    /** Receives one message. May be called by several threads at once. */
    void (*sink)(void *context, memheap_log_level_t level, const char *message);
    /** First argument of the sink. */
    void *context;
    /** The least important level that is passed to the sink. */
    memheap_log_level_t level;
} memheap_log_t;

/** Writes errors and warnings to standard error, as "memheap: MESSAGE". */
extern const memheap_log_t memheap_log_stderr;

/** Format a message and pass it to the log, truncated to 1023 bytes.
 *  Thread-safe if the sink is. */
void memheap_log_write(const memheap_log_t *log, memheap_log_level_t level,
                       const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/** Bytes of the text that memheap_format_size() writes, at most. */
#define MEMHEAP_SIZE_TEXT 40

/**
 * Format a number of bytes for people: "64 bytes", "3.10 MiB", "4 GiB".
 *
 * @param text  at least MEMHEAP_SIZE_TEXT bytes
 * @return text
 */
char *memheap_format_size(char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
