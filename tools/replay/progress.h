/*
 * One line on the terminal that says how far a long run has come.
 */
#ifndef MEMHEAP_TOOLS_REPLAY_PROGRESS_H
#define MEMHEAP_TOOLS_REPLAY_PROGRESS_H

#include <stdbool.h>

/** Show the line from now on, if standard error is a terminal or always is set.
 */
void progress_enable(bool always);

/** Overwrite the line. */
void progress_show(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/** Take the line away, before anything else is written. */
void progress_clear(void);

#endif
