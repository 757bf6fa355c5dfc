/*
 * The header's place of old: the same as <shmemx.h>.
 */
#include <shmemx.h>
