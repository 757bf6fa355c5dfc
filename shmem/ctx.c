/*
 * Contexts.
 *
 * Each team has a list of its contexts, protected by lists_lock. A context
 * counts the operations that it has issued through the transport, and those
 * that are known to be complete; ordering.c waits for the difference.
 *
 * A destroyed context is kept for a while, with a team of no PEs: so the check
 * of the PE, which each call makes, finds a call on it.
 */
#include "config.h"

#include "shmem/ctx.h"
#include "shmem/access.h"
#include "shmem/mistakes.h"
#include "shmem/runtime.h"

#include <pshmem.h>

#include <stdlib.h>

struct shmemx_ctx shmemx_ctx_default = {.team = &shmemx_team_world};

/* The team of destroyed contexts. */
static struct shmemx_team no_team;

/* Keep a destroyed context. The caller holds lists_lock, or is the only thread.
 */
static void keep_ended(struct shmemx_ctx *ctx)
{
    memheap_runtime_t *rt = &memheap_runtime;
    *ctx = (struct shmemx_ctx){.team = &no_team};
    if (rt->ended_ctx_count++ == 0)
        rt->first_ended_ctx = ctx;
    else
        rt->last_ended_ctx->next = ctx;
    rt->last_ended_ctx = ctx;
}

/* Memory for a context: that of the oldest destroyed one, if there are many.
 * The caller holds lists_lock. */
static struct shmemx_ctx *new_ctx(void)
{
    memheap_runtime_t *rt = &memheap_runtime;
    struct shmemx_ctx *ctx = rt->first_ended_ctx;
    if (rt->ended_ctx_count < MEMHEAP_ENDED_KEPT)
        return malloc(sizeof(*ctx));
    rt->first_ended_ctx = ctx->next;
    rt->ended_ctx_count--;
    return ctx;
}

void memheap_ctx_quiet_all(struct shmemx_team *team)
{
    bool quiet = true;
    pthread_mutex_lock(&memheap_runtime.lists_lock);
    for (shmem_ctx_t ctx = team->contexts; ctx != NULL; ctx = ctx->next)
        quiet = quiet && memheap_ctx_is_quiet(ctx);
    pthread_mutex_unlock(&memheap_runtime.lists_lock);
    if (!quiet)
        memheap_transport_quiet(memheap_runtime.transport);
}

void memheap_ctx_end_all(struct shmemx_team *team, bool with_private)
{
    while (team->contexts != NULL) {
        struct shmemx_ctx *ctx = team->contexts;
        team->contexts = ctx->next;
        if (with_private || (ctx->options & SHMEM_CTX_PRIVATE) == 0) {
            keep_ended(ctx);
        } else {
            ctx->team = SHMEM_TEAM_WORLD;
            ctx->next = NULL;
        }
    }
}

static int create_ctx(const char *call, shmem_team_t team, long options,
                      shmem_ctx_t *ctx)
{
    memheap_runtime_begin(call);
    *ctx = SHMEM_CTX_INVALID;
    if (team == SHMEM_TEAM_INVALID)
        return -1;
    if (team->size == 0)
        memheap_team_was_destroyed(call);
    pthread_mutex_lock(&memheap_runtime.lists_lock);
    struct shmemx_ctx *made = new_ctx();
    if (made != NULL) {
        *made = (struct shmemx_ctx){
            .team = team, .options = options, .next = team->contexts};
        team->contexts = made;
    }
    pthread_mutex_unlock(&memheap_runtime.lists_lock);
    *ctx = made;
    if (made == NULL)
        memheap_runtime_error("there is no memory for a context");
    return made == NULL ? -1 : 0;
}

int pshmem_team_create_ctx(shmem_team_t team, long options, shmem_ctx_t *ctx)
{
    return create_ctx("shmem_team_create_ctx", team, options, ctx);
}
MEMHEAP_PROFILED(shmem_team_create_ctx)

int pshmem_ctx_create(long options, shmem_ctx_t *ctx)
{
    return create_ctx("shmem_ctx_create", SHMEM_TEAM_WORLD, options, ctx);
}
MEMHEAP_PROFILED(shmem_ctx_create)

void pshmem_ctx_destroy(shmem_ctx_t ctx)
{
    if (ctx == SHMEM_CTX_INVALID ||
        memheap_runtime_has_ended("shmem_ctx_destroy"))
        return;
    if (ctx == SHMEM_CTX_DEFAULT) {
        memheap_mistake_survived(
            MEMHEAP_DESTROYS_DEFAULT_CTX,
            "shmem_ctx_destroy: SHMEM_CTX_DEFAULT cannot be destroyed");
        return;
    }
    if (ctx->team == &no_team)
        memheap_mistake("shmem_ctx_destroy: the context was destroyed before");
    pshmem_ctx_quiet(ctx);
    pthread_mutex_lock(&memheap_runtime.lists_lock);
    struct shmemx_ctx **link = &ctx->team->contexts;
    while (*link != NULL && *link != ctx)
        link = &(*link)->next;
    if (*link != NULL)
        *link = ctx->next;
    keep_ended(ctx);
    pthread_mutex_unlock(&memheap_runtime.lists_lock);
}
MEMHEAP_PROFILED(shmem_ctx_destroy)

int pshmem_ctx_get_team(shmem_ctx_t ctx, shmem_team_t *team)
{
    if (ctx != SHMEM_CTX_INVALID && ctx->team->size == 0)
        memheap_wrong_pe("shmem_ctx_get_team", ctx, 0);
    *team = ctx == SHMEM_CTX_INVALID ? SHMEM_TEAM_INVALID : ctx->team;
    return ctx == SHMEM_CTX_INVALID ? -1 : 0;
}
MEMHEAP_PROFILED(shmem_ctx_get_team)

void pshmem_ctx_session_start(shmem_ctx_t ctx, long options,
                              const shmem_ctx_session_config_t *config,
                              long config_mask)
{
    (void)ctx;
    (void)options;
    (void)config;
    (void)config_mask;
}
MEMHEAP_PROFILED(shmem_ctx_session_start)

void pshmem_ctx_session_stop(shmem_ctx_t ctx)
{
    (void)ctx;
}
MEMHEAP_PROFILED(shmem_ctx_session_stop)
