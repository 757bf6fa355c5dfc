/*
 * Memory of the program that is made symmetric.
 */
#ifndef MEMHEAP_SHMEM_USER_MEMORY_H
#define MEMHEAP_SHMEM_USER_MEMORY_H

#include "shmem/runtime.h"

/** Forget all registered memory, after the transport is closed. It keeps its
 *  contents. Local. */
void memheap_user_memory_stop(void);

/** Around a fork, in the parent: the child gets a copy of the memory. */
void memheap_user_memory_before_fork(void);
void memheap_user_memory_after_fork(void);
/** In the child. @return false if there was no memory for the copy */
bool memheap_user_memory_in_child(void);

#endif
