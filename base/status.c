/*
 * Descriptions of the codes in status.h.
 */
#include "config.h"

#include <memheap/status.h>

const char *memheap_status_string(memheap_status_t status)
{
    switch (status) {
    case MEMHEAP_OK:
        return "success";
    case MEMHEAP_ERR_NO_MEMORY:
        return "out of memory";
    case MEMHEAP_ERR_BAD_ADDRESS:
        return "no live block starts there";
    case MEMHEAP_ERR_BUSY:
        return "the range is in use";
    case MEMHEAP_ERR_BAD_ARGUMENT:
        return "bad argument";
    case MEMHEAP_ERR_NO_METADATA:
        return "no memory for metadata";
    case MEMHEAP_ERR_CORRUPT:
        return "metadata is corrupt";
    case MEMHEAP_ERR_NO_COMPONENT:
        return "no usable component";
    case MEMHEAP_ERR_BAD_PARAM:
        return "bad parameter";
    case MEMHEAP_ERR_UNSUPPORTED:
        return "not supported";
    case MEMHEAP_ERR_SYSTEM:
        return "error of the operating system";
    case MEMHEAP_ERR_DIVERGED:
        return "processes made different calls";
    case MEMHEAP_ERR_UNREACHABLE:
        return "no memory of that reachability";
    }
    return "unknown status";
}
