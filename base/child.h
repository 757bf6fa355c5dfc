/*
 * Programs that are run for their output, such as addr2line(1).
 *
 * They get no environment, so that they behave alike for all users, and their
 * messages are dropped.
 */
#ifndef MEMHEAP_BASE_CHILD_H
#define MEMHEAP_BASE_CHILD_H

#include <sys/types.h>

/**
 * Start a program.
 *
 * @param argv     its path and its arguments, and NULL
 * @param child_p  takes its process ID, for memheap_child_wait()
 * @return the end of a pipe that its output can be read from; -1: it did not
 *         start
 */
int memheap_child_start(char *const argv[], pid_t *child_p);

/** Wait until a child has ended. */
void memheap_child_wait(pid_t child);

#endif
