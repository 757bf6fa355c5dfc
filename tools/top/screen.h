/*
 * A full screen on a terminal.
 */
#ifndef MEMHEAP_TOOLS_TOP_SCREEN_H
#define MEMHEAP_TOOLS_TOP_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

/** Handle signals: all are blocked, and are delivered while screen_wait()
 * waits.
 */
void screen_handle_signals(void);

/** Switch to the alternate screen, and read single keys. The shell's screen
 *  comes back by screen_close(), and at exit. */
void screen_open(void);
void screen_close(void);

/** What ended a wait. */
typedef enum screen_event {
    SCREEN_TIME,    /* nothing: the time is over */
    SCREEN_KEY,     /* there is input */
    SCREEN_RESIZED, /* or the program was stopped, and continues */
    SCREEN_QUIT     /* a signal ends the program */
} screen_event_t;

/** Wait, at most until a time of cli_now(); negative: without a limit. */
screen_event_t screen_wait(double end);

/** The part of a text that is shown. */
typedef struct screen_view {
    size_t width, height;
    size_t fixed; /* lines at the top that do not scroll */
    size_t top;   /* the first line below them; it is limited here */
    size_t lines; /* takes the number of lines that scroll */
    size_t page;  /* takes the number of them that are shown */
} screen_view_t;

/** Get the size of the terminal. */
void screen_measure(screen_view_t *view);

/** Find out which lines fit. The last line of the screen stays free. */
void screen_fit(screen_view_t *view, const char *text);

/** Draw the lines of a text, and a last line. */
void screen_draw(const screen_view_t *view, const char *text,
                 const char *last_line);

#endif
