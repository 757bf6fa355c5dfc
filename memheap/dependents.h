/*
 * Which contexts, caches and proximities stand on a heap or a pool.
 *
 * Each object that others can stand on has a list; each object that stands on a
 * pool is a member of the pool's list from its creation to its destruction. An
 * object with members is not destroyed. One lock covers all lists: creating and
 * destroying is rare.
 */
#ifndef MEMHEAP_MEMHEAP_DEPENDENTS_H
#define MEMHEAP_MEMHEAP_DEPENDENTS_H

#include <memheap/log.h>
#include <memheap/pool.h>

/** A member: an object that stands on another one. */
typedef struct memheap_dependent {
    const char *kind; /* "cache" */
    const char *name;
    memheap_dependents_t *list; /* NULL: in none */
    struct memheap_dependent *next, *previous;
} memheap_dependent_t;

/** All zero is an empty list. */
struct memheap_dependents {
    memheap_dependent_t *first;
};

/** Add a member to the list of a pool; nothing for a pool without one. The
 *  member and both texts must stay until memheap_dependents_remove(). */
void memheap_dependents_add(const memheap_pool_t *pool,
                            memheap_dependent_t *dependent, const char *kind,
                            const char *name);

/** Remove a member from its list, if it is in one. */
void memheap_dependents_remove(memheap_dependent_t *dependent);

/**
 * See whether an object may be destroyed.
 * @return MEMHEAP_ERR_BUSY, logged with the name of a member, if it has any
 */
memheap_status_t memheap_dependents_check(const memheap_dependents_t *list,
                                          const char *kind, const char *name,
                                          const memheap_log_t *log);

#endif
