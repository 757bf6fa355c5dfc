/*
 * What lies at an address of this process.
 */
#ifndef MEMHEAP_BASE_ADDRESS_H
#define MEMHEAP_BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Enough for most descriptions, in bytes. */
enum {
    MEMHEAP_ADDRESS_TEXT = 128
};

/** A mapping of this process. */
typedef struct memheap_mapping {
    uintptr_t low, high;
    char protection[5]; /* "rwxp", as the kernel prints it */
    bool shared;
    bool is_stack;  /* of the calling thread */
    off_t position; /* in the file */
    ino_t inode;    /* of the file; 0: none */
    char name[256]; /* "": anonymous */
} memheap_mapping_t;

/** Find the mapping of an address. Reads /proc/self/maps.
 *  @return false if nothing is mapped there */
bool memheap_address_find_mapping(const void *address,
                                  memheap_mapping_t *mapping);

/** Describe in words what lies at an address, as the end of a sentence that
 *  begins with "it is": "on the stack", for example. Reads /proc/self/maps.
 *  A longer description is cut to room bytes. @return text */
char *memheap_address_describe(const void *address, char *text, size_t room);

#endif
