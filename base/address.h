/*
 * What lies at an address of this process.
 */
#ifndef MEMHEAP_BASE_ADDRESS_H
#define MEMHEAP_BASE_ADDRESS_H

#include <stddef.h>

/** Enough for most descriptions, in bytes. */
enum {
    MEMHEAP_ADDRESS_TEXT = 128
};

/** Describe in words what lies at an address, as the end of a sentence that
 *  begins with "it is": "on the stack", for example. Reads /proc/self/maps.
 *  A longer description is cut to room bytes. @return text */
char *memheap_address_describe(const void *address, char *text, size_t room);

#endif
