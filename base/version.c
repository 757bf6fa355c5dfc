/*
 * The version of the library.
 */
#include "config.h"

#include <memheap/version.h>

const char *memheap_version(void)
{
    return MEMHEAP_VERSION_STRING;
}
