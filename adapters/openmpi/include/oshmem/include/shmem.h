/*
 * Headers of Open MPI include its shmem.h by the path in its source tree, which
 * an installation does not have.
 */
#include <shmem.h>
