/*
 * Spaces that only some PEs have, and wrong calls, chosen by the argument; for
 * spaces.sh.
 */
#include <shmem.h>
#include <shmemx.h>
#include <shmemx_pools.h>

#include <memheap/cache.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int me, n;

static void say(const char *text)
{
    shmem_barrier_all();
    if (me == 0)
        printf("%s\n", text);
    fflush(stdout);
}

static shmemx_space_t create(int device, size_t size)
{
    shmemx_space_config_t config = {.device = device, .size = size};
    shmemx_space_t space;
    if (shmemx_space_create(&config, &space) != 0)
        say("refused");
    return space;
}

/* The PEs with the device use the space; the others continue without it. */
static bool use_part(void)
{
    shmemx_space_t space = create(SHMEMX_DEVICE_FOLDER, 1 << 20);
    shmem_team_t team = shmemx_space_get_team(space);
    long caps;
    int have = space != SHMEMX_SPACE_INVALID;
    printf("PE %d %s the space\n", me, have ? "has" : "lacks");
    fflush(stdout);
    if (!have) {
        say("made");
        bool nothing = team == SHMEM_TEAM_INVALID &&
                       shmemx_space_malloc(space, 100) == NULL &&
                       shmemx_space_get_caps(space, &caps) != 0 &&
                       shmemx_space_destroy(space) == 0;
        say("ended");
        return nothing;
    }
    say("made");
    int size = shmem_team_n_pes(team);
    int rank = shmem_team_my_pe(team);
    int *block = shmemx_space_calloc(space, 1000, sizeof(*block));
    bool good = block != NULL && shmemx_space_get_caps(space, &caps) == 0 &&
                ((caps & SHMEMX_CAP_WORLD_ACCESS) != 0) == (size == n);
    int next =
        shmem_team_translate_pe(team, (rank + 1) % size, SHMEM_TEAM_WORLD);
    shmem_int_p(&block[1], rank + 1, next);
    shmem_quiet();
    shmem_team_sync(team);
    good = good && block[1] == (rank + size - 1) % size + 1;
    shmem_int_atomic_add(&block[2], 5, next);
    shmem_quiet();
    shmem_team_sync(team);
    good = good && block[2] == 5;
    good = good && shmem_int_sum_reduce(team, block, block + 1, 1) == 0 &&
           block[0] == size * (size + 1) / 2;
    for (int i = 0; i < 5; i++) {
        char *more = shmemx_space_malloc(space, 100000);
        good = good && more != NULL;
        memset(more, 1, 100000);
    }
    shmem_team_destroy(team);
    good = shmemx_space_destroy(space) == 0 && good;
    say("ended");
    return good;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "part";
    bool good = true;
    shmem_init();
    me = shmem_my_pe();
    n = shmem_n_pes();
    if (strcmp(what, "part") == 0) {
        good = use_part();
    } else if (strcmp(what, "nobody") == 0) {
        good = create(4711, 0) == SHMEMX_SPACE_INVALID;
    } else if (strcmp(what, "stranger") == 0) {
        shmemx_space_t space = create(SHMEMX_DEVICE_FOLDER, 1 << 20);
        int *block = shmemx_space_malloc(space, 100);
        say("made");
        if (space != SHMEMX_SPACE_INVALID)
            shmem_int_p(block, 1, 1);
        say("survived");
    } else if (strcmp(what, "differ") == 0) {
        create(SHMEMX_DEVICE_HOST, me == n - 1 ? 8192 : 4096);
    } else if (strcmp(what, "large") == 0) {
        good = create(SHMEMX_DEVICE_HOST, (size_t)900 << 40) ==
               SHMEMX_SPACE_INVALID;
    } else if (strcmp(what, "backed") == 0) {
        shmemx_space_config_t config = {.size = (size_t)8 << 40,
                                        .flags = SHMEMX_SPACE_BACKED};
        shmemx_space_t space;
        good = shmemx_space_create(&config, &space) != 0;
    } else if (strcmp(what, "huge") == 0) {
        shmemx_space_config_t config = {
            .size = 1 << 20,
            .policy = {.pages = MEMHEAP_PAGES_1G,
                       .pages_mode = MEMHEAP_MANDATORY}};
        shmemx_space_t space;
        good = shmemx_space_create(&config, &space) != 0;
        config.policy.pages_mode = MEMHEAP_PREFERRED;
        good = good && shmemx_space_create(&config, &space) == 0;
    } else if (strcmp(what, "team") == 0) {
        shmemx_space_t space = create(SHMEMX_DEVICE_HOST, 0);
        shmem_team_t part;
        shmem_team_t team = shmemx_space_get_team(space);
        shmem_team_split_strided(team, 0, 1, 1, NULL, 0, &part);
        good = shmemx_space_destroy(space) != 0;
        say("refused");
        shmem_team_destroy(team);
        good = good && shmemx_space_get_team(space) == SHMEM_TEAM_INVALID &&
               shmemx_space_malloc(space, 100) != NULL &&
               shmemx_space_destroy(space) != 0;
        say("refused again");
        shmem_team_destroy(part);
        good = good && shmemx_space_destroy(space) == 0;
        say("ended");
        space = create(SHMEMX_DEVICE_HOST, 0);
        team = shmemx_space_get_team(space);
        shmem_ctx_t ctx;
        good = good && shmem_team_create_ctx(team, 0, &ctx) == 0 &&
               shmemx_space_destroy(space) == 0;
        say("one call");
    } else if (strcmp(what, "cache") == 0) {
        shmemx_space_config_t named = {.name = "graph"};
        shmemx_space_t space;
        memheap_cache_t *cache;
        shmemx_space_create(&named, &space);
        memheap_pool_t pool = shmemx_space_pool(space);
        memheap_cache_config_t config = {
            .name = "nodes", .item_size = 64, .pool = &pool};
        memheap_cache_create(&config, &cache);
        good = shmemx_space_destroy(space) != 0;
        say("refused");
        memheap_cache_destroy(cache);
        good = good && shmemx_space_destroy(space) == 0;
        say("ended");
    } else if (strcmp(what, "default") == 0) {
        good = shmemx_space_destroy(SHMEMX_SPACE_DEFAULT) != 0;
    } else if (strcmp(what, "free") == 0) {
        shmemx_space_t one = create(SHMEMX_DEVICE_HOST, 0);
        shmemx_space_t two = create(SHMEMX_DEVICE_HOST, 0);
        char *block = shmemx_space_malloc(one, 100);
        shmemx_space_free(two, block);
        shmem_free(block);
        shmemx_space_free(one, block + 16);
        shmemx_space_free(one, block);
        shmemx_space_free(one, block);
    } else if (strcmp(what, "leak") == 0) {
        shmemx_space_t space = create(SHMEMX_DEVICE_HOST, 0);
        shmemx_space_malloc(space, 1000);
        shmem_team_destroy(shmemx_space_get_team(space));
        shmemx_space_destroy(space);
        space = create(SHMEMX_DEVICE_HOST, 0);
        shmemx_space_malloc(space, 2000);
    } else if (strcmp(what, "many") == 0) {
        shmemx_space_t space = SHMEMX_SPACE_DEFAULT;
        int count = 0;
        while (space != SHMEMX_SPACE_INVALID) {
            space = create(SHMEMX_DEVICE_HOST, 1 << 20);
            count += space != SHMEMX_SPACE_INVALID;
        }
        if (me == 0)
            printf("%d spaces\n", count);
    }
    if (!good)
        printf("PE %d: wrong\n", me);
    shmem_finalize();
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
