/*
 * Teams.
 *
 * A team is an arithmetic progression of the job's PEs, and so is a team that
 * is split from it: no list of members is stored. The PEs of the parent agree
 * on a group number for the new team, by an AND over the sets of free numbers,
 * and take it. The teams of one row or column of a grid have no common PE, and
 * share a number. A number is free again after the team was destroyed on all
 * members.
 *
 * A destroyed team is kept for a while, with no PEs: so a call on it is found.
 */
#include "config.h"

#include "shmem/team.h"
#include "shmem/access.h"
#include "shmem/ctx.h"
#include "shmem/mistakes.h"
#include "shmem/call_description.h"

#include <pshmem.h>

#include <stdlib.h>
#include <string.h>

struct shmemx_team shmemx_team_world;
struct shmemx_team shmemx_team_shared;

/* A team that was split from another. */
typedef struct split_team {
    struct shmemx_team team; /* first: the team is freed by its address */
    memheap_agree_t agree;
} split_team_t;

/* Keep a destroyed team. The caller holds lists_lock, or is the only thread. */
static void keep_ended(struct shmemx_team *team)
{
    memheap_runtime_t *rt = &memheap_runtime;
    *team = (struct shmemx_team){.rank = -1};
    if (rt->ended_team_count++ == 0)
        rt->first_ended_team = team;
    else
        rt->last_ended_team->next = team;
    rt->last_ended_team = team;
}

/* Memory for a team: that of the oldest destroyed one, if there are many. */
static split_team_t *new_team(void)
{
    memheap_runtime_t *rt = &memheap_runtime;
    split_team_t *team = NULL;
    pthread_mutex_lock(&rt->lists_lock);
    if (rt->ended_team_count >= MEMHEAP_ENDED_KEPT) {
        team = (split_team_t *)(void *)rt->first_ended_team;
        rt->first_ended_team = rt->first_ended_team->next;
        rt->ended_team_count--;
    }
    pthread_mutex_unlock(&rt->lists_lock);
    if (team == NULL)
        return calloc(1, sizeof(*team));
    memset(team, 0, sizeof(*team));
    return team;
}

void memheap_team_start(void)
{
    memheap_runtime_t *rt = &memheap_runtime;
    shmemx_team_world = (struct shmemx_team){.stride = 1,
                                             .size = rt->job.size,
                                             .rank = rt->job.rank,
                                             .agree = &rt->agree};
    /* All nodes share one group number, because they have no common PE. It
     * differs from the world's, even if the PEs are the same: two threads may
     * be in barriers of both teams at once. */
    const memheap_node_t *node = &rt->job.nodes[rt->job.node_number];
    shmemx_team_shared = (struct shmemx_team){.start = node->start,
                                              .stride = node->stride,
                                              .size = node->size,
                                              .rank = rt->job.node_rank,
                                              .group = MEMHEAP_GROUP_SHARED,
                                              .agree = &rt->shared_agree};
    memheap_agree_split(&rt->agree, MEMHEAP_GROUP_SHARED, 0, node->start,
                        node->stride, node->size, rt->job.node_rank,
                        &rt->shared_agree);
}

void memheap_team_stop(void)
{
    while (shmemx_team_world.next != NULL) {
        struct shmemx_team *team = shmemx_team_world.next;
        shmemx_team_world.next = team->next;
        memheap_ctx_end_all(team, true);
        keep_ended(team);
    }
    memheap_ctx_end_all(&shmemx_team_world, true);
    memheap_ctx_end_all(&shmemx_team_shared, true);
    shmemx_team_world.size = 0;
    shmemx_team_shared.size = 0;
}

/* The team of this PE with the lowest group number >= group; NULL if none. */
static struct shmemx_team *team_from(int group)
{
    struct shmemx_team *team = &shmemx_team_shared;
    struct shmemx_team *found = team->group >= group ? team : NULL;
    for (team = shmemx_team_world.next; team != NULL; team = team->next) {
        if (team->group >= group &&
            (found == NULL || team->group < found->group))
            found = team;
    }
    return found;
}

/* In the order of group numbers, which is the same on all PEs. */
void memheap_team_final_sync(void)
{
    memheap_call_t call = {.kind = MEMHEAP_CALL_FINALIZE};
    struct shmemx_team *team;
    for (int group = 0; (team = team_from(group)) != NULL;
         group = team->group + 1) {
        if (memheap_agree_is_one_node(team->agree))
            memheap_runtime_barrier(team->agree, &call);
    }
}

static uint64_t reduce_and(uint64_t a, uint64_t b)
{
    return a & b;
}

/* Take a group number on this PE. False if another thread has taken it. */
static bool group_take(int group)
{
    memheap_runtime_t *rt = &memheap_runtime;
    uint64_t bit = (uint64_t)1 << group % 64;
    pthread_mutex_lock(&rt->lists_lock);
    bool taken = (rt->free_groups[group / 64] & bit) != 0;
    rt->free_groups[group / 64] &= ~bit;
    pthread_mutex_unlock(&rt->lists_lock);
    return taken;
}

static void group_release(int group)
{
    pthread_mutex_lock(&memheap_runtime.lists_lock);
    memheap_runtime.free_groups[group / 64] |= (uint64_t)1 << group % 64;
    pthread_mutex_unlock(&memheap_runtime.lists_lock);
}

static uint64_t free_groups_of_word(int word)
{
    pthread_mutex_lock(&memheap_runtime.lists_lock);
    uint64_t groups = memheap_runtime.free_groups[word];
    pthread_mutex_unlock(&memheap_runtime.lists_lock);
    return groups;
}

/* Find a group number that is free on all PEs of the parent, and take it on all
 * of them. *number_p takes the argument of memheap_agree_split(). Collective
 * over the parent. Returns 0 if there is none.
 *
 * Other threads may split other teams at the same time, and take a number
 * between the two reductions. Each parent starts its search at another number
 * and never tries a number twice, so parents rarely collide, and the search
 * ends. */
static int agree_on_group(struct shmemx_team *parent,
                          const memheap_call_t *call, uint64_t *number_p)
{
    const int turn = parent->group / MEMHEAP_GROUP_WORDS % 64;
    for (int i = 0; i < MEMHEAP_GROUP_WORDS; i++) {
        int word = (parent->group + i) % MEMHEAP_GROUP_WORDS;
        uint64_t common = memheap_runtime_reduce(
            parent->agree, call, free_groups_of_word(word), reduce_and);
        for (int k = 0; k < 64; k++) {
            int bit = (turn + k) % 64;
            if ((common >> bit & 1) == 0)
                continue;
            int group = word * 64 + bit;
            bool taken = group_take(group);
            uint64_t last =
                taken ? memheap_agree_last(&memheap_runtime.agree, group)
                      : UINT64_MAX;
            *number_p = memheap_runtime_reduce(parent->agree, call, last,
                                               memheap_agree_max);
            if (*number_p != UINT64_MAX)
                return group;
            if (taken)
                group_release(group);
        }
    }
    return 0;
}

/* Create this PE's part of a team: the PEs start + i * stride of the parent.
 * NULL if there is no memory. */
static struct shmemx_team *team_new(const struct shmemx_team *parent, int group,
                                    uint64_t number, int start, int stride,
                                    int size, int rank)
{
    memheap_runtime_t *rt = &memheap_runtime;
    split_team_t *made = new_team();
    if (made == NULL)
        return NULL;
    struct shmemx_team *team = &made->team;
    team->start = parent->start + start * parent->stride;
    team->stride = stride * parent->stride;
    team->size = size;
    team->rank = rank;
    team->group = group;
    team->agree = &made->agree;
    memheap_agree_split(&rt->agree, group, number, team->start, team->stride,
                        size, rank, &made->agree);
    pthread_mutex_lock(&memheap_runtime.lists_lock);
    team->next = shmemx_team_world.next;
    shmemx_team_world.next = team;
    team->space = parent->space;
    if (team->space != NULL)
        team->space->teams++;
    pthread_mutex_unlock(&memheap_runtime.lists_lock);
    return team;
}

static void team_free(struct shmemx_team *team)
{
    if (team == NULL)
        return;
    pthread_mutex_lock(&memheap_runtime.lists_lock);
    struct shmemx_team **link = &shmemx_team_world.next;
    while (*link != team)
        link = &(*link)->next;
    *link = team->next;
    if (team->space != NULL)
        team->space->teams--;
    memheap_ctx_end_all(team, false);
    int group = team->group;
    keep_ended(team);
    pthread_mutex_unlock(&memheap_runtime.lists_lock);
    group_release(group);
}

/* The team that a PE joins in a split; none if size is 0. */
typedef struct part {
    int start, stride, size, rank;
} membership_t;

/* Split a team, and agree on the status. Collective over the parent. */
static int split(struct shmemx_team *parent, const memheap_call_t *call,
                 membership_t part, const shmem_team_config_t *config,
                 long mask, shmem_team_t *team_p)
{
    struct shmemx_team *team = NULL;
    uint64_t failed = 0;
    uint64_t number;
    int group = agree_on_group(parent, call, &number);
    *team_p = SHMEM_TEAM_INVALID;
    if (group == 0)
        return -1; /* the same on all PEs */
    if (part.size > 0) {
        team = team_new(parent, group, number, part.start, part.stride,
                        part.size, part.rank);
        failed = team == NULL;
        if (team == NULL)
            memheap_runtime_error("there is no memory for a team");
        if (team != NULL && config != NULL &&
            (mask & SHMEM_TEAM_NUM_CONTEXTS) != 0)
            team->config.num_contexts = config->num_contexts;
    }
    if (team == NULL)
        group_release(group);
    if (memheap_runtime_reduce(parent->agree, call, failed,
                               memheap_agree_max) != 0) {
        team_free(team);
        return -1;
    }
    *team_p = team;
    return 0;
}

int memheap_team_make(shmem_team_t parent, const memheap_call_t *call,
                      int start, int stride, int size, int rank,
                      shmem_team_t *team_p)
{
    membership_t part = {start, stride, size, rank};
    return split(parent, call, part, NULL, 0, team_p);
}

void memheap_team_end(shmem_team_t team)
{
    memheap_agree_end(team->agree);
    team_free(team);
}

/* The program destroys a space's own team; the space keeps using it. */
static void detach_space_team(struct shmemx_team *team)
{
    pthread_mutex_lock(&memheap_runtime.lists_lock);
    memheap_ctx_end_all(team, false);
    team->space->teams--;
    team->space->team_ended = true;
    team->space = NULL;
    pthread_mutex_unlock(&memheap_runtime.lists_lock);
}

int pshmem_team_split_strided(shmem_team_t parent_team, int start, int stride,
                              int size, const shmem_team_config_t *config,
                              long config_mask, shmem_team_t *new_team)
{
    memheap_runtime_begin("shmem_team_split_strided");
    *new_team = SHMEM_TEAM_INVALID;
    if (parent_team == SHMEM_TEAM_INVALID)
        return -1;
    if (parent_team->size == 0)
        memheap_team_was_destroyed("shmem_team_split_strided");
    long last = (long)start + (long)stride * (size - 1);
    memheap_call_t call = {
        .kind = MEMHEAP_CALL_SPLIT_STRIDED,
        .argument = {(uint64_t)start, (uint64_t)stride, (uint64_t)size}};
    memheap_runtime_barrier(parent_team->agree, &call);
    if (size < 1 || start < 0 || start >= parent_team->size || last < 0 ||
        last >= parent_team->size || (stride == 0 && size > 1))
        return -1;
    membership_t part = {.size = 0};
    for (int i = 0; i < size; i++) {
        if (start + i * stride == parent_team->rank)
            part = (membership_t){start, stride, size, i};
    }
    return split(parent_team, &call, part, config, config_mask, new_team);
}
MEMHEAP_PROFILED(shmem_team_split_strided)

int pshmem_team_split_2d(shmem_team_t parent_team, int xrange,
                         const shmem_team_config_t *xaxis_config,
                         long xaxis_mask, shmem_team_t *xaxis_team,
                         const shmem_team_config_t *yaxis_config,
                         long yaxis_mask, shmem_team_t *yaxis_team)
{
    memheap_runtime_begin("shmem_team_split_2d");
    *xaxis_team = *yaxis_team = SHMEM_TEAM_INVALID;
    if (parent_team == SHMEM_TEAM_INVALID)
        return -1;
    if (parent_team->size == 0)
        memheap_team_was_destroyed("shmem_team_split_2d");
    memheap_call_t call = {.kind = MEMHEAP_CALL_SPLIT_2D,
                           .argument = {(uint64_t)xrange, 0, 0}};
    memheap_runtime_barrier(parent_team->agree, &call);
    if (xrange < 1)
        return -1;
    int n = parent_team->size;
    xrange = xrange > n ? n : xrange;
    int x = parent_team->rank % xrange;
    int y = parent_team->rank / xrange;
    int row = n - y * xrange < xrange ? n - y * xrange : xrange;
    int column = (n - x + xrange - 1) / xrange;
    int status =
        split(parent_team, &call, (membership_t){y * xrange, 1, row, x},
              xaxis_config, xaxis_mask, xaxis_team);
    if (status != 0)
        return status;
    status = split(parent_team, &call, (membership_t){x, xrange, column, y},
                   yaxis_config, yaxis_mask, yaxis_team);
    if (status != 0) {
        team_free(*xaxis_team);
        *xaxis_team = SHMEM_TEAM_INVALID;
    }
    return status;
}
MEMHEAP_PROFILED(shmem_team_split_2d)

void pshmem_team_destroy(shmem_team_t team)
{
    memheap_call_t call = {.kind = MEMHEAP_CALL_TEAM_DESTROY,
                           .argument = {0, 0, 0}};
    if (memheap_runtime_has_ended("shmem_team_destroy"))
        return;
    memheap_runtime_begin("shmem_team_destroy");
    if (team == SHMEM_TEAM_INVALID)
        return;
    if (team == SHMEM_TEAM_WORLD || team == SHMEM_TEAM_SHARED) {
        memheap_mistake_survived(
            MEMHEAP_DESTROYS_PREDEFINED_TEAM,
            "shmem_team_destroy: predefined teams cannot be destroyed");
        return;
    }
    if (team->size == 0)
        memheap_team_was_destroyed("shmem_team_destroy");
    memheap_ctx_quiet_all(team);
    memheap_runtime_barrier(team->agree, &call);
    if (team->space != NULL && team->space->team == team)
        detach_space_team(team);
    else
        memheap_team_end(team);
}
MEMHEAP_PROFILED(shmem_team_destroy)

int pshmem_team_my_pe(shmem_team_t team)
{
    memheap_runtime_has_ended("shmem_team_my_pe");
    return team == SHMEM_TEAM_INVALID ? -1 : team->rank;
}
MEMHEAP_PROFILED(shmem_team_my_pe)

int pshmem_team_n_pes(shmem_team_t team)
{
    memheap_runtime_has_ended("shmem_team_n_pes");
    return team == SHMEM_TEAM_INVALID || team->size == 0 ? -1 : team->size;
}
MEMHEAP_PROFILED(shmem_team_n_pes)

int pshmem_team_get_config(shmem_team_t team, long config_mask,
                           shmem_team_config_t *config)
{
    if (team == SHMEM_TEAM_INVALID)
        return -1;
    if ((config_mask & SHMEM_TEAM_NUM_CONTEXTS) != 0)
        config->num_contexts = team->config.num_contexts;
    return 0;
}
MEMHEAP_PROFILED(shmem_team_get_config)

int pshmem_team_translate_pe(shmem_team_t src_team, int src_pe,
                             shmem_team_t dest_team)
{
    if (src_team == SHMEM_TEAM_INVALID || dest_team == SHMEM_TEAM_INVALID ||
        src_pe < 0 || src_pe >= src_team->size)
        return -1;
    int distance =
        src_team->start + src_pe * src_team->stride - dest_team->start;
    if (dest_team->stride == 0)
        return distance == 0 ? 0 : -1;
    int pe = distance / dest_team->stride;
    return distance % dest_team->stride == 0 && pe >= 0 && pe < dest_team->size
               ? pe
               : -1;
}
MEMHEAP_PROFILED(shmem_team_translate_pe)

void *pshmem_team_ptr(shmem_team_t team, const void *dest, int pe)
{
    return pshmem_ptr(dest,
                      pshmem_team_translate_pe(team, pe, SHMEM_TEAM_WORLD));
}
MEMHEAP_PROFILED(shmem_team_ptr)

int pshmem_team_sync(shmem_team_t team)
{
    memheap_call_t call = {.kind = MEMHEAP_CALL_TEAM_SYNC,
                           .argument = {0, 0, 0}};
    memheap_runtime_begin("shmem_team_sync");
    if (MEMHEAP_UNLIKELY(team == SHMEM_TEAM_INVALID))
        return memheap_refuse_team("shmem_team_sync");
    if (MEMHEAP_UNLIKELY(team->size == 0))
        memheap_team_was_destroyed("shmem_team_sync");
    memheap_runtime_barrier(team->agree, &call);
    return 0;
}
MEMHEAP_PROFILED(shmem_team_sync)
