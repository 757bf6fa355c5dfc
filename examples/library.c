/*
 * How a library can manage its own memory: a swarm of particles at the same
 * addresses on all PEs.
 *
 * The library creates its own space, so it neither fills nor fragments the heap
 * of the program. The space is on huge pages if the machine has some; if not,
 * the library says so. A context owns all blocks that the library allocates
 * there, so one call frees them. An object cache packs the particles into
 * slabs. The PEs synchronize once for each slab, not for each particle.
 *
 *     oshcc library.c -lmemheap -o library
 *     oshrun -n 4 ./library
 */
#include <shmem.h>
#include <shmemx.h>
#include <shmemx_pools.h>

#include <memheap/cache.h>
#include <memheap/context.h>

#include <stdio.h>

typedef struct particle {
    double place[3];
    double speed[3];
} particle_t;

typedef struct swarm {
    shmemx_space_t space;
    memheap_context_t *context;
    memheap_cache_t *particles;
    double *energy; /* of the swarm of each PE; complete on PE 0 */
} swarm_t;

/* All functions of the library are collective. */
static void swarm_close(swarm_t *swarm)
{
    memheap_cache_destroy(swarm->particles);
    memheap_context_destroy(swarm->context); /* frees all of its blocks */
    shmem_team_destroy(shmemx_space_get_team(swarm->space));
    shmemx_space_destroy(swarm->space);
}

static int swarm_open(swarm_t *swarm)
{
    shmemx_space_config_t space = {.policy.pages = MEMHEAP_PAGES_2M};
    *swarm = (swarm_t){.space = SHMEMX_SPACE_INVALID};
    if (shmemx_space_create(&space, &swarm->space) != 0)
        return -1;
    memheap_pool_t memory = shmemx_space_pool(swarm->space);
    memheap_context_config_t context = {.name = "swarm", .pool = &memory};
    if (memheap_context_create(&context, &swarm->context) != MEMHEAP_OK)
        goto err;
    memheap_pool_t owned = memheap_context_as_pool(swarm->context);
    memheap_cache_config_t particles = {
        .name = "particles", .item_size = sizeof(particle_t), .pool = &owned};
    void *energy;
    if (memheap_cache_create(&particles, &swarm->particles) != MEMHEAP_OK ||
        memheap_context_alloc(swarm->context,
                              (size_t)shmem_n_pes() * sizeof(*swarm->energy),
                              &energy) != MEMHEAP_OK)
        goto err;
    swarm->energy = energy;
    return 0;

err:
    swarm_close(swarm);
    return -1;
}

int main(void)
{
    enum {
        COUNT = 1000
    };
    static void *particle[COUNT];
    swarm_t swarm;
    shmem_init();
    int me = shmem_my_pe();
    int n = shmem_n_pes();
    if (swarm_open(&swarm) != 0 ||
        memheap_cache_alloc_batch(swarm.particles, COUNT, particle) !=
            MEMHEAP_OK)
        shmem_global_exit(1);

    double energy = 0;
    for (int i = 0; i < COUNT; i++) {
        particle_t *p = particle[i];
        for (int k = 0; k < 3; k++) {
            p->place[k] = i + k;
            p->speed[k] = me + 1;
            energy += p->speed[k] * p->speed[k] / 2;
        }
    }
    shmem_double_p(&swarm.energy[me], energy, 0);
    shmem_barrier_all();

    if (me == 0) {
        double total = 0;
        for (int pe = 0; pe < n; pe++)
            total += swarm.energy[pe];
        memheap_cache_stats_t cache;
        memheap_context_stats_t context;
        memheap_cache_get_stats(swarm.particles, &cache);
        memheap_context_get_stats(swarm.context, &context);
        printf("%zu particles of %zu bytes in %zu slab%s, %zu blocks in all; "
               "energy %.0f\n",
               cache.live, cache.item_size, cache.slabs,
               cache.slabs == 1 ? "" : "s", context.blocks, total);
    }
    swarm_close(&swarm);
    shmem_finalize();
    return 0;
}
