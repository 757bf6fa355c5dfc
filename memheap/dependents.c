/*
 * Lists of dependents; dependents.h has the rules.
 */
#include "config.h"

#include "memheap/dependents.h"

#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void memheap_dependents_add(const memheap_pool_t *pool,
                            memheap_dependent_t *dependent, const char *kind,
                            const char *name)
{
    memheap_dependents_t *list = pool->dependents;
    if (list == NULL)
        return;
    *dependent =
        (memheap_dependent_t){.kind = kind, .name = name, .list = list};
    pthread_mutex_lock(&lock);
    dependent->next = list->first;
    if (list->first != NULL)
        list->first->previous = dependent;
    list->first = dependent;
    pthread_mutex_unlock(&lock);
}

void memheap_dependents_remove(memheap_dependent_t *dependent)
{
    if (dependent->list == NULL)
        return;
    pthread_mutex_lock(&lock);
    if (dependent->previous != NULL)
        dependent->previous->next = dependent->next;
    else
        dependent->list->first = dependent->next;
    if (dependent->next != NULL)
        dependent->next->previous = dependent->previous;
    pthread_mutex_unlock(&lock);
    dependent->list = NULL;
}

memheap_status_t memheap_dependents_check(const memheap_dependents_t *list,
                                          const char *kind, const char *name,
                                          const memheap_log_t *log)
{
    char text[192] = "";
    size_t count = 0;
    pthread_mutex_lock(&lock);
    const memheap_dependent_t *first = list->first;
    if (first != NULL)
        snprintf(text, sizeof(text), "%s \"%s\"", first->kind, first->name);
    for (const memheap_dependent_t *d = first; d != NULL; d = d->next)
        count++;
    pthread_mutex_unlock(&lock);
    if (count == 0)
        return MEMHEAP_OK;
    if (count > 1)
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "%s \"%s\" is in use by %s and %zu more; destroy "
                          "them first",
                          kind, name, text, count - 1);
    else
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "%s \"%s\" is in use by %s; destroy that first", kind,
                          name, text);
    return MEMHEAP_ERR_BUSY;
}
