/*
 * The version of the headers, and that of the library.
 *
 * configure takes the version of the package from here. While the major version
 * is 0, a new minor version may change the interface; NEWS says how.
 */
#ifndef MEMHEAP_MEMHEAP_VERSION_H
#define MEMHEAP_MEMHEAP_VERSION_H

#define MEMHEAP_VERSION_MAJOR 0
#define MEMHEAP_VERSION_MINOR 1
#define MEMHEAP_VERSION_PATCH 0

/** MAJOR * 10000 + MINOR * 100 + PATCH. */
#define MEMHEAP_VERSION                                                        \
    (MEMHEAP_VERSION_MAJOR * 10000 + MEMHEAP_VERSION_MINOR * 100 +             \
     MEMHEAP_VERSION_PATCH)

#define MEMHEAP_VERSION_TEXT_(number) #number
#define MEMHEAP_VERSION_JOIN_(major, minor, patch)                             \
    MEMHEAP_VERSION_TEXT_(major)                                               \
    "." MEMHEAP_VERSION_TEXT_(minor) "." MEMHEAP_VERSION_TEXT_(patch)

/** "MAJOR.MINOR.PATCH". */
#define MEMHEAP_VERSION_STRING                                                 \
    MEMHEAP_VERSION_JOIN_(MEMHEAP_VERSION_MAJOR, MEMHEAP_VERSION_MINOR,        \
                          MEMHEAP_VERSION_PATCH)

#ifdef __cplusplus
extern "C" {
#endif

/** MEMHEAP_VERSION_STRING of the library that the program runs with. The text
 *  is static. Local; safe among threads. */
const char *memheap_version(void);

#ifdef __cplusplus
}
#endif

#endif
