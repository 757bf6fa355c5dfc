/*
 * Text of unknown origin, such as the name of a heap of another process. A
 * control character in it could change the terminal that shows it.
 */
#ifndef MEMHEAP_BASE_TEXT_H
#define MEMHEAP_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/** Bytes of the UTF-8 character that text begins with. 0 if it is none. */
size_t memheap_text_char(const char *text);

/** Whether the character that text begins with is a control character. */
bool memheap_text_is_control(const char *text);

/** The bytes of a text that fit into `room` bytes, less one for the end,
 * without a part of a character. */
size_t memheap_text_fit(const char *text, size_t room);

/** Copy a text. It is cut between characters if it does not fit. */
void memheap_text_copy(char *to, size_t room, const char *text);

/** Replace control characters, and bytes that are not UTF-8, by '?'. Returns
 *  text. */
char *memheap_text_clean(char *text);

#endif
