/*
 * The header's place of old: the same as <shmem.h>.
 */
#include <shmem.h>
