/*
 * Shows the progress of a long run in one line on the terminal.
 */
#ifndef MEMHEAP_TOOLS_REPLAY_PROGRESS_H
#define MEMHEAP_TOOLS_REPLAY_PROGRESS_H

#include <stdbool.h>

/** Enable the line if standard error is a terminal, or always. */
void progress_enable(bool always);

/** Replace the text of the line. */
void progress_show(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/** Clear the line, before other output. */
void progress_clear(void);

#endif
