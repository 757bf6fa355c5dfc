/*
 * What happens to this process outside of calls: it loads the library, and it
 * forks.
 */
#ifndef MEMHEAP_SHMEM_PROCESS_H
#define MEMHEAP_SHMEM_PROCESS_H

#include <memheap/status.h>

/** Move the program's variables into a memory file, unless that is done, or
 *  there are other threads. Local.
 *  @return MEMHEAP_ERR_SYSTEM, logged */
memheap_status_t memheap_move_data(void);

#endif
