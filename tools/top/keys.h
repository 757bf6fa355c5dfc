/*
 * Reads keys from the terminal on standard input.
 */
#ifndef MEMHEAP_TOOLS_TOP_KEYS_H
#define MEMHEAP_TOOLS_TOP_KEYS_H

/** Keys that are no character. */
enum {
    KEYS_NONE = 0,
    KEYS_END_OF_INPUT = 256,
    KEYS_UP,
    KEYS_DOWN,
    KEYS_LEFT,
    KEYS_RIGHT,
    KEYS_PAGE_UP,
    KEYS_PAGE_DOWN,
    KEYS_HOME,
    KEYS_END,
    KEYS_ESCAPE,
    KEYS_OTHER
};

/** Get the next key. KEYS_NONE: there is no input. */
int keys_next(void);

#endif
