/*
 * Whether this process was forked by a rank of MPI.
 *
 * A forked child has copies of its parent's connections. It must not use them,
 * and is no rank.
 */
#ifndef MEMHEAP_COMM_PARENT_H
#define MEMHEAP_COMM_PARENT_H

/** The rank in MPI_COMM_WORLD of the process that forked this one while MPI was
 *  running in it; -1 if there is none. */
int memheap_parent_rank(void);

#endif
