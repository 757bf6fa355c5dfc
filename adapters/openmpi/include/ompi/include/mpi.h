/*
 * Headers of Open MPI include its mpi.h by the path in its source tree, which
 * an installation does not have.
 */
#include <mpi.h>
