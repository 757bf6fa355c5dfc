/*
 * memheap-replay: measures how allocators serve recorded traces on a symmetric
 * heap.
 *
 * A subject is a component, or a component with one value of a parameter. The
 * library is started once for each subject:
 *
 *      shmem_init()  read options and traces, agree that all PEs are ready
 *      shmem_init()  measure subject 0
 *        ...
 *      shmem_init()  measure the last subject, print the results
 *
 * Rules of every collective step:
 * - Only PE 0 prints.
 * - All PEs exit with the same status.
 */
#include "config.h"

#include "tools/common/cli.h"
#include "tools/replay/collective.h"
#include "tools/common/local.h"
#include "tools/replay/map.h"
#include "tools/replay/options.h"
#include "tools/replay/progress.h"
#include "tools/replay/report.h"
#include "tools/replay/setup.h"
#include "base/util.h"

#include <errno.h>
#include <shmem.h>
#include <stdlib.h>
#include <string.h>

typedef struct run {
    options_t options;
    setup_t setup;
    ring_t ring;
    measure_t *measures; /* trace-major: measures[trace][subject] */
    FILE *map;           /* file of the picture on PE 0, or NULL */
} run_t;

/* The state of a PE before the first measurement. */
typedef struct readiness {
    bool ready;
    uint64_t digest;
    char message[SETUP_MESSAGE];
} readiness_t;

static const cli_t cli = {.name = "memheap-replay"};

static bool first_pe(const run_t *run)
{
    return run->ring.me == 0;
}

/* Do all steps before the measurements that can fail on one PE only. */
static bool prepare(run_t *run, char *message)
{
    if (!setup_make(&run->setup, &run->options, message))
        return false;
    size_t count = run->setup.trace_count * run->setup.subject_count;
    run->measures = calloc(count, sizeof(*run->measures));
    if (run->measures == NULL) {
        snprintf(message, SETUP_MESSAGE, "there is no memory for the results");
        return false;
    }
    if (run->options.map == NULL || !first_pe(run))
        return true;
    run->map = fopen(run->options.map, "w");
    if (run->map == NULL)
        snprintf(message, SETUP_MESSAGE, "cannot write the map %s: %s",
                 run->options.map, strerror(errno));
    return run->map != NULL;
}

/* Test whether all PEs are ready and have the same input. If not, PE 0 prints
 * the reason. */
static bool all_ready(const run_t *run, const readiness_t *mine)
{
    size_t count = (size_t)run->ring.count;
    readiness_t *all = calloc(count, sizeof(*all));
    bool good = all != NULL;
    if (collective_worst(!good) != 0 ||
        !collective_gather(mine, sizeof(*mine), all)) {
        if (first_pe(run))
            cli_fail(&cli, "there is no memory to begin with");
        free(all);
        return false;
    }
    for (size_t pe = 0; pe < count && good; pe++) {
        good = all[pe].ready && all[pe].digest == all[0].digest;
        if (good || !first_pe(run))
            continue;
        if (pe == 0)
            cli_fail(&cli, "%s", all[0].message);
        else
            cli_fail(&cli, "PE %zu: %s", pe,
                     all[pe].ready ? "it found other traces or components "
                                     "than PE 0"
                                   : all[pe].message);
    }
    free(all);
    return good;
}

/* Act on the options and prepare the run. Returns true if there is something to
 * measure. Otherwise *status_p is the exit status. */
static bool begin(run_t *run, int *status_p)
{
    const options_t *options = &run->options;
    bool bad = options->problem[0] != '\0';
    *status_p = bad ? CLI_USAGE : CLI_GOOD;
    if (bad || options->help || options->version) {
        if (first_pe(run) && bad) {
            cli_fail(&cli, "%s", options->problem);
            fputs("Try memheap-replay --help.\n", stderr);
        } else if (first_pe(run))
            fputs(options->help ? options_usage
                                : "memheap-replay " PACKAGE_VERSION "\n",
                  stdout);
        return false;
    }
    if (first_pe(run))
        progress_enable(run->options.progress);
    progress_show("reading traces");
    static readiness_t mine; /* zeroed, because PE 0 receives all bytes */
    mine.ready = prepare(run, mine.message);
    mine.digest = run->setup.digest;
    progress_clear();
    *status_p = CLI_USAGE;
    return all_ready(run, &mine);
}

/* The measurements of one PE. */
typedef struct share {
    collective_result_t collective;
    local_result_t local;
} share_t;

/* Combine the measurements of all PEs. */
static void summarise(const run_t *run, const share_t *mine, measure_t *measure)
{
    size_t count = (size_t)run->ring.count;
    share_t *all = calloc(count, sizeof(*all));
    if (all == NULL)
        cli_fail(&cli, "there is no memory for the results of the PEs");
    measure->same = collective_worst(all == NULL) == 0 &&
                    collective_gather(mine, sizeof(*mine), all);
    bool gathered = measure->same;
    for (size_t pe = 0; pe < count && gathered; pe++) {
        const share_t *one = &all[pe];
        if (one->collective.digest != all[0].collective.digest)
            measure->same = false;
        measure->failed = memheap_max(measure->failed, one->collective.failed +
                                                           one->local.failed);
        measure->wrong += one->collective.wrong;
        measure->ns_alone += one->local.ns / (double)count;
        if (one->collective.ns > measure->ns_collective)
            measure->ns_collective = one->collective.ns;
    }
    free(all);
}

/* Measure one trace with the subject of this session. */
static void measure_trace(run_t *run, const subject_t *subject,
                          const trace_t *trace, measure_t *measure)
{
    const char *component = subject->component;
    block_t *blocks = run->setup.blocks;
    share_t mine;
    char label[96];
    snprintf(label, sizeof(label), "%.40s, %.40s", trace->name, subject->name);
    *measure =
        (measure_t){.trace = trace->name,
                    .component = subject->name,
                    .operations = trace->count,
                    .peak = trace->peak,
                    .verified = memheap_min(run->options.verify, trace->count)};
    collective_replay(trace, blocks, label, &mine.collective);
    progress_show("%s: alone", label);
    local_measure(component, trace, blocks,
                  first_pe(run) ? NULL : &local_quiet_log, &mine.local);
    measure->footprint = mine.local.footprint;
    if (first_pe(run)) {
        progress_show("%s: searching for the smallest heap", label);
        measure->smallest =
            local_smallest(component, trace, measure->footprint, blocks);
    }
    shmem_barrier_all();
    collective_verify(trace, measure->verified, blocks, label,
                      &mine.collective);
    summarise(run, &mine, measure);
    progress_clear();
}

/* Draw the first trace with all subjects. Returns false if the file cannot be
 * written. */
static bool draw_map(run_t *run)
{
    const trace_t *trace = &run->setup.traces[0];
    size_t count = run->setup.subject_count;
    map_panel_t *panels = calloc(count, sizeof(*panels));
    size_t scale = trace->peak;
    bool good = panels != NULL;
    for (size_t i = 0; i < count; i++)
        scale = memheap_max(scale, run->measures[i].footprint);
    scale += scale / 20;
    for (size_t i = 0; i < count && good; i++) {
        const subject_t *subject = &run->setup.subjects[i];
        progress_show("drawing %s, %s", trace->name, subject->name);
        setup_choose(&run->setup, subject);
        panels[i].title = subject->name;
        good = map_sample(&panels[i], subject->component, trace,
                          run->measures[i].footprint, scale, run->setup.blocks);
    }
    if (good)
        map_write(run->map, trace, panels, count, scale);
    free(panels);
    progress_clear();
    bool written = fflush(run->map) == 0 && !ferror(run->map);
    written = fclose(run->map) == 0 && written;
    if (!good || !written)
        cli_fail(&cli, "the map %s could not be written (%s)", run->options.map,
                 strerror(good ? errno : ENOMEM));
    return good && written;
}

/* Print the results and return the exit status. Collective. */
static int finish(run_t *run)
{
    size_t count = run->setup.trace_count * run->setup.subject_count;
    int status = CLI_GOOD;
    for (size_t i = 0; i < count; i++) {
        if (!measure_good(&run->measures[i]))
            status = CLI_WRONG;
    }
    if (first_pe(run)) {
        if (run->map != NULL && !draw_map(run))
            status = CLI_WRONG;
        if (run->options.json)
            report_json(run->measures, count, run->ring.count);
        else if (run->options.csv)
            report_csv(run->measures, count, run->ring.count);
        else
            report_table(run->measures, count, run->ring.count);
        if (fflush(stdout) != 0 || ferror(stdout)) {
            cli_fail(&cli, "cannot write the results (%s)", strerror(errno));
            status = CLI_WRONG;
        }
    }
    return collective_worst(status);
}

/* Start the library once for each subject. */
static int measure_all(run_t *run)
{
    setup_t *setup = &run->setup;
    int status = CLI_GOOD;
    for (size_t s = 0; s < setup->subject_count; s++) {
        setup_choose(setup, &setup->subjects[s]);
        shmem_init();
        for (size_t t = 0; t < setup->trace_count; t++)
            measure_trace(run, &setup->subjects[s], &setup->traces[t],
                          &run->measures[t * setup->subject_count + s]);
        if (s + 1 == setup->subject_count)
            status = finish(run);
        shmem_finalize();
    }
    return status;
}

int main(int argc, char **argv)
{
    static run_t run;
    int status;
    options_parse(&run.options, argc, argv);
    shmem_init();
    run.ring = ring_get();
    bool ready = begin(&run, &status);
    shmem_finalize();
    if (ready)
        status = measure_all(&run);
    setup_free(&run.setup);
    free(run.measures);
    return status;
}
