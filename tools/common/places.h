/*
 * Finds the source lines of call sites in other processes.
 *
 * A call site in a list has return addresses. The first one in the program is
 * its place: not in a library of memheap, MPI or UCX. /proc/PID/maps has the
 * object file of an address, and addr2line(1) finds the line. The places of an
 * object file are described together, and once for all processes of a job.
 *
 * addr2line is run only for processes of this user, since it reads a file that
 * the process has chosen.
 */
#ifndef MEMHEAP_TOOLS_COMMON_PLACES_H
#define MEMHEAP_TOOLS_COMMON_PLACES_H

#include "memheap/debug/stats_page.h"

#include <sys/types.h>

/** All texts found so far. Call sites with equal texts have equal numbers.
 *  Zero-initialized, it is empty. */
typedef struct places {
    char **text; /* by number; without control characters */
    size_t count, room;
    void *by_text;    /* tree of place_t */
    void *by_address; /* tree of place_t */
} places_t;

/** The number of a text, which is added if it is new. SIZE_MAX if memory is
 *  short. */
size_t places_number(places_t *places, const char *text);

/**
 * Find the texts of the call sites of a process.
 *
 * @param number  takes the number of the text of each site
 * @return false if memory is short: *places can only be freed then
 */
bool places_find(places_t *places, pid_t pid, const memheap_stats_site_t *sites,
                 size_t count, size_t *number);

void places_free(places_t *places);

#endif
