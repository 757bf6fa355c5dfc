/*
 * Teams: their members and numbers, errors, their maximum number, and their
 * independence of each other.
 */
#include "tests/mpi/tap.h"

enum {
    ALIVE = 200, /* live teams */
    MANY =
        3000, /* teams one after the other: more than there are group numbers */
    RACES = 20000, /* rounds in which a group number changes its team; a quarter
                      over a network */
    LIMIT = 5000   /* more teams than any library supports */
};

static int me, n;

static shmem_team_t split(shmem_team_t parent, int start, int stride, int size)
{
    shmem_team_t team;
    int status =
        shmem_team_split_strided(parent, start, stride, size, NULL, 0, &team);
    return status == 0 ? team : SHMEM_TEAM_INVALID;
}

/* The sum of the world PE numbers of a team, by a reduction. */
static int members_sum(shmem_team_t team)
{
    static int *word;
    if (word == NULL)
        word = shmem_malloc(2 * sizeof(*word));
    if (team == SHMEM_TEAM_INVALID)
        return -1;
    word[0] = me;
    shmem_int_sum_reduce(team, &word[1], &word[0], 1);
    return word[1];
}

/* Whether a team consists of the PEs start + i * stride of the world in that
 * order, and is SHMEM_TEAM_INVALID on other PEs. Destroys it. */
static bool is_made(shmem_team_t team, int start, int stride, int size)
{
    int mine = -1;
    int sum = 0;
    bool good = true;
    for (int i = 0; i < size; i++) {
        int pe = start + i * stride;
        sum += pe;
        if (pe == me)
            mine = i;
    }
    good = shmem_team_my_pe(team) == mine;
    good = good && shmem_team_n_pes(team) == (mine < 0 ? -1 : size);
    good = good && (team == SHMEM_TEAM_INVALID) == (mine < 0);
    for (int i = -1; i <= size; i++) {
        int pe = mine >= 0 && i >= 0 && i < size ? start + i * stride : -1;
        good = good && shmem_team_translate_pe(team, i, SHMEM_TEAM_WORLD) == pe;
        if (pe >= 0)
            good = good &&
                   shmem_team_translate_pe(SHMEM_TEAM_WORLD, pe, team) == i;
    }
    for (int pe = 0; mine >= 0 && pe < n; pe++) {
        int i = shmem_team_translate_pe(SHMEM_TEAM_WORLD, pe, team);
        good = good && (i < 0 ? (pe - start) % stride != 0 ||
                                    (pe - start) / stride < 0 ||
                                    (pe - start) / stride >= size
                              : start + i * stride == pe);
    }
    good = good && members_sum(team) == (mine < 0 ? -1 : sum);
    good = good && (mine < 0) == (shmem_team_sync(team) != 0);
    shmem_team_destroy(team);
    return good;
}

/* All valid starts, strides and sizes. */
static bool strides_make_teams(void)
{
    bool good = true;
    for (int stride = -3; stride <= 3; stride++) {
        for (int start = 0; stride != 0 && start < n; start++) {
            for (int size = 1; start + (size - 1) * stride >= 0 &&
                               start + (size - 1) * stride < n;
                 size++)
                good = is_made(split(SHMEM_TEAM_WORLD, start, stride, size),
                               start, stride, size) &&
                       good;
        }
    }
    return good;
}

static bool is_refused(shmem_team_t parent, int start, int stride, int size)
{
    shmem_team_t team = SHMEM_TEAM_WORLD;
    return shmem_team_split_strided(parent, start, stride, size, NULL, 0,
                                    &team) != 0 &&
           team == SHMEM_TEAM_INVALID;
}

static bool grids_have_rows(void)
{
    bool good = true;
    for (int xrange = 1; xrange <= n + 2; xrange++) {
        shmem_team_t row;
        shmem_team_t column;
        int width = xrange > n ? n : xrange;
        int x = me % width;
        int y = me / width;
        good = shmem_team_split_2d(SHMEM_TEAM_WORLD, xrange, NULL, 0, &row,
                                   NULL, 0, &column) == 0 &&
               good;
        int rest = n - y * width;
        good =
            shmem_team_my_pe(row) == x && shmem_team_my_pe(column) == y && good;
        good = is_made(row, y * width, 1, rest < width ? rest : width) && good;
        good = is_made(column, x, width, (n - x + width - 1) / width) && good;
    }
    shmem_team_t a = SHMEM_TEAM_WORLD;
    shmem_team_t b = SHMEM_TEAM_WORLD;
    good = shmem_team_split_2d(SHMEM_TEAM_WORLD, 0, NULL, 0, &a, NULL, 0, &b) !=
               0 &&
           a == SHMEM_TEAM_INVALID && b == SHMEM_TEAM_INVALID && good;
    return good;
}

/* A team of a team of a team, in reverse order and with strides. */
static bool teams_nest(void)
{
    shmem_team_t reverse = split(SHMEM_TEAM_WORLD, n - 1, -1, n);
    shmem_team_t second = split(reverse, 0, 2, (n + 1) / 2);
    bool good = shmem_team_my_pe(reverse) == n - 1 - me;
    if (second != SHMEM_TEAM_INVALID) {
        int size = shmem_team_n_pes(second);
        shmem_team_t again = split(second, size - 1, -1, size);
        int i = shmem_team_my_pe(again);
        good = good && i == size - 1 - shmem_team_my_pe(second);
        good = good && n - 1 - 2 * (size - 1 - i) == me;
        for (int k = 0; k < size; k++) {
            good = good &&
                   shmem_team_translate_pe(again, k, second) == size - 1 - k;
            good = good && shmem_team_translate_pe(second, k, reverse) == 2 * k;
            good = good && shmem_team_translate_pe(reverse, 2 * k, second) == k;
            good = good &&
                   shmem_team_translate_pe(reverse, 2 * k + 1, second) == -1;
        }
        good = members_sum(again) == members_sum(second) && good;
        shmem_team_destroy(again);
    } else {
        good = good && (n - 1 - me) % 2 == 1;
    }
    shmem_team_destroy(second);
    shmem_team_destroy(reverse);
    return good;
}

static bool predefined_teams_are(void)
{
    shmem_team_config_t config = {.num_contexts = 77};
    int *word = shmem_calloc(1, sizeof(*word));
    int mine;
    int near = tap_node(&mine);
    bool good = shmem_team_my_pe(SHMEM_TEAM_WORLD) == me &&
                shmem_team_n_pes(SHMEM_TEAM_WORLD) == n &&
                shmem_team_n_pes(SHMEM_TEAM_SHARED) == near &&
                shmem_team_my_pe(SHMEM_TEAM_SHARED) == mine &&
                shmem_team_sync(SHMEM_TEAM_SHARED) == 0 &&
                shmem_team_get_config(SHMEM_TEAM_INVALID, 1, &config) != 0 &&
                shmem_team_get_config(SHMEM_TEAM_WORLD, 0, &config) == 0 &&
                config.num_contexts == 77;
    int next = (mine + 1) % near;
    *(volatile int *)shmem_team_ptr(SHMEM_TEAM_SHARED, word, next) = mine + 1;
    shmem_barrier_all();
    good = good && *word == (mine + near - 1) % near + 1;
    good = good && shmem_team_ptr(SHMEM_TEAM_WORLD, word, n) == NULL &&
           shmem_team_ptr(SHMEM_TEAM_WORLD, word, -1) == NULL &&
           shmem_team_ptr(SHMEM_TEAM_INVALID, word, 0) == NULL &&
           shmem_team_ptr(SHMEM_TEAM_WORLD, &config, me) == NULL;
    shmem_team_t reverse = split(SHMEM_TEAM_WORLD, n - 1, -1, n);
    good = good && shmem_team_ptr(reverse, word, n - 1 - me) == word;
    shmem_team_destroy(reverse);
    shmem_team_destroy(SHMEM_TEAM_INVALID);
    shmem_free(word);
    return good;
}

static bool configurations_are_kept(void)
{
    shmem_team_config_t config = {.num_contexts = 5};
    shmem_team_t team;
    bool good = shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 1, n, &config,
                                         SHMEM_TEAM_NUM_CONTEXTS, &team) == 0;
    config.num_contexts = 0;
    good = good &&
           shmem_team_get_config(team, SHMEM_TEAM_NUM_CONTEXTS, &config) == 0;
    good = good && config.num_contexts == 5;
    shmem_team_destroy(team);
    return good;
}

static bool numbers_are_given_back(void)
{
    bool good = true;
    for (int i = 0; i < MANY; i++) {
        shmem_team_t team = split(SHMEM_TEAM_WORLD, i % n, 1, n - i % n);
        good = good && (team == SHMEM_TEAM_INVALID) == (me < i % n);
        if (i % 50 == 0 && team != SHMEM_TEAM_INVALID)
            good = shmem_team_sync(team) == 0 && good;
        shmem_team_destroy(team);
    }
    return good;
}

/* Split until no group number is free: all PEs get the error. All numbers are
 * free again after the teams are destroyed. */
static bool numbers_end(void)
{
    static shmem_team_t teams[LIMIT];
    bool good = true;
    int most[2];
    for (int round = 0; round < 2; round++) {
        int count = 0;
        while (count < LIMIT &&
               shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 1, n, NULL, 0,
                                        &teams[count]) == 0)
            count++;
        good = good && count >= ALIVE && count < LIMIT;
        most[round] = count;
        for (int i = 0; i < count; i++)
            shmem_team_destroy(teams[i]);
    }
    return tap_same((uint64_t)most[0]) && most[0] == most[1] && good;
}

static bool many_are_alive(void)
{
    static shmem_team_t teams[ALIVE];
    bool good = true;
    for (int i = 0; i < ALIVE; i++)
        teams[i] = split(SHMEM_TEAM_WORLD, i % n, 1, n - i % n);
    for (int i = ALIVE - 1; i >= 0; i--) {
        int sum = 0;
        for (int pe = i % n; pe < n; pe++)
            sum += pe;
        good = members_sum(teams[i]) == (me < i % n ? -1 : sum) && good;
    }
    for (int i = 0; i < ALIVE; i++)
        shmem_team_destroy(teams[(i * 7) % ALIVE]);
    return good;
}

/* The PEs of a team may call collectives any number of times, while others do
 * not call, or call those of their own team. */
static bool teams_are_apart(void)
{
    shmem_team_t even = split(SHMEM_TEAM_WORLD, 0, 2, (n + 1) / 2);
    shmem_team_t odd =
        n > 1 ? split(SHMEM_TEAM_WORLD, 1, 2, n / 2) : SHMEM_TEAM_INVALID;
    int wanted[2] = {0, 0};
    bool good = true;
    for (int pe = 0; pe < n; pe++)
        wanted[pe % 2] += pe;
    for (int i = 0; i < 500 + me % 2 * 300; i++) {
        good = members_sum(me % 2 == 0 ? even : odd) == wanted[me % 2] && good;
        if (me % 2 == 0 && i % 10 == 0)
            good = shmem_team_sync(even) == 0 && good;
    }
    shmem_team_destroy(even);
    shmem_team_destroy(odd);
    return good;
}

/* A group number that PE 0 has freed from a team with PE 1 goes to a team with
 * PE 2, while PE 1 may still be waiting in the last barrier of the first team.
 */
static bool numbers_change_hands(void)
{
    bool good = true;
    shmem_team_t a = SHMEM_TEAM_INVALID;
    shmem_team_t b = SHMEM_TEAM_INVALID;
    if (n < 3)
        return true;
    a = split(SHMEM_TEAM_WORLD, 0, 1, 2);
    b = split(SHMEM_TEAM_WORLD, 0, 2, 2);
    int races = shmem_team_n_pes(SHMEM_TEAM_SHARED) == n ? RACES : RACES / 4;
    for (int i = 0; i < races; i++) {
        if (a != SHMEM_TEAM_INVALID) {
            shmem_team_t team = split(a, 0, 1, 2);
            good = shmem_team_sync(team) == 0 && good;
            shmem_team_destroy(team);
        }
        if (b != SHMEM_TEAM_INVALID) {
            shmem_team_t team = split(b, 0, 1, 2);
            for (int k = 0; k < 3; k++)
                good = shmem_team_sync(team) == 0 && good;
            shmem_team_destroy(team);
        }
    }
    shmem_team_destroy(a);
    shmem_team_destroy(b);
    return good;
}

int main(void)
{
    shmem_init();
    tap_plan(12);
    me = shmem_my_pe();
    n = shmem_n_pes();
    members_sum(SHMEM_TEAM_WORLD); /* allocates its flag lines on all PEs */
    tap_ok(strides_make_teams(), "split_strided makes teams of every shape");
    tap_ok(is_refused(SHMEM_TEAM_WORLD, 0, 1, n + 1) &&
               is_refused(SHMEM_TEAM_WORLD, 0, 1, 0) &&
               is_refused(SHMEM_TEAM_WORLD, 0, 1, -1) &&
               is_refused(SHMEM_TEAM_WORLD, -1, 1, 1) &&
               is_refused(SHMEM_TEAM_WORLD, n, 1, 1) &&
               is_refused(SHMEM_TEAM_WORLD, 0, -1, 2) &&
               is_refused(SHMEM_TEAM_WORLD, 0, 0, 2) &&
               is_refused(SHMEM_TEAM_WORLD, 0, INT32_MAX, 2) &&
               is_refused(SHMEM_TEAM_WORLD, 0, 1, INT32_MAX) &&
               is_refused(SHMEM_TEAM_INVALID, 0, 1, 1),
           "invalid PEs and an invalid parent are errors");
    tap_ok(grids_have_rows(),
           "split_2d makes rows and columns, also incomplete ones");
    tap_ok(teams_nest(), "teams are split from teams");
    tap_ok(predefined_teams_are(), "the world and the shared team exist");
    tap_ok(configurations_are_kept(), "get_config returns the configuration");
    tap_ok(numbers_are_given_back(), "teams can be made again and again");
    tap_ok(many_are_alive(), "many teams are alive at a time");
    tap_ok(numbers_end(), "too many teams are an error on all PEs");
    tap_ok(teams_are_apart(), "a team does not wait for other teams");
    tap_ok(numbers_change_hands(),
           "a PE changes teams without waiting for slow PEs");
    shmem_team_t all = split(SHMEM_TEAM_WORLD, 0, 1, n);
    tap_ok(shmem_team_sync(all) == 0 && members_sum(all) == n * (n - 1) / 2,
           "and a later team works as the first");
    shmem_finalize(); /* destroys the remaining team */
    return 0;
}
