/*
 * Opening files that parameters name for output.
 */
#ifndef MEMHEAP_BASE_OUTPUT_H
#define MEMHEAP_BASE_OUTPUT_H

/**
 * Open a file for writing, and create it if there is none. Its contents stay.
 *
 * In a folder that others may write to, such as /tmp, the file must be new, or
 * a regular file of this user with one name: another user could have put a link
 * there that leads to a file of this user. Does not wait for the reader of a
 * pipe.
 *
 * @param flags      O_WRONLY or O_RDWR
 * @param problem_p  receives the reason of a failure
 * @return the descriptor, or -1
 */
int memheap_output_open(const char *path, int flags, const char **problem_p);

#endif
