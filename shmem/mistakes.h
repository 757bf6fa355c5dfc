/*
 * Mistakes of the program: messages and the end of the job.
 *
 * Programs make most mistakes on all PEs at once. Of the PEs of a node, only
 * the first that comes here prints. PEs of other nodes than the first let the
 * first node print and end the job.
 */
#ifndef MEMHEAP_SHMEM_MISTAKES_H
#define MEMHEAP_SHMEM_MISTAKES_H

#include "memheap/debug/stack_depot.h"

#include <shmem.h>

#include <stdbool.h>

/** Print a mistake with its place in the program, once for a node, and end the
 *  job. The library is running. */
_Noreturn void memheap_mistake(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/** Mistakes that a call survives. */
typedef enum memheap_survived {
    MEMHEAP_DESTROYS_DEFAULT_CTX = 1,
    MEMHEAP_DESTROYS_PREDEFINED_TEAM,
    MEMHEAP_DESTROYS_DEFAULT_SPACE,
    MEMHEAP_WRONG_THREAD_LEVEL,
    MEMHEAP_USES_NO_TEAM,
    MEMHEAP_TRIMS_PINNED_PAGES
} memheap_survived_t;

/** Print a mistake with its place in the program: the first one of its kind on
 *  each node, while the library runs. Before that, PE 0 prints. */
void memheap_mistake_survived(memheap_survived_t kind, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Refuse a collective call of a team that this PE is not in: print it as
 * above.
 *  @return -1 */
int memheap_refuse_team(const char *call);

/** End the job: a team was destroyed. */
_Noreturn void memheap_team_was_destroyed(const char *call);

/** Describe the place in the program from which the current call comes.
 *  @return text */
char *memheap_call_place(char text[MEMHEAP_CALL_SITE_TEXT]);

#endif
