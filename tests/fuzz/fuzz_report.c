/*
 * Fuzzes the readers of memheap-report, and its commands.
 *
 * The first byte chooses what counts; the rest is the file, a report or a
 * trace. A file that is read differs from itself in nothing; one that is
 * refused has one message.
 */
#include "config.h"

#include "tests/fuzz/fuzz.h"
#include "tools/report/report.h"

#include <stdio.h>
#include <stdlib.h>

const cli_t report_cli = {.name = "fuzz"};

static unsigned messages;

bool cli_fail(const cli_t *cli, const char *format, ...)
{
    fuzz_require(cli == &report_cli && format[0] != '\0');
    messages++;
    return false;
}

/* Print a report in all ways, and compare it with a second copy. */
static void use(report_t *reports, count_t by)
{
    for (int paths = 0; paths < 2; paths++) {
        for (int i = 0; i < 2; i++) {
            for (size_t j = 0; j < reports[i].heap_count; j++)
                report_sort_texts(reports[i].heaps[j].sites,
                                  reports[i].heaps[j].site_count);
        }
        fuzz_require(!report_diff(&reports[0], &reports[1], by, false));
        fuzz_require(!report_diff(&reports[0], &reports[1], by, true));
        report_sort(&reports[0], by);
        report_show(&reports[0]);
        report_show_json(&reports[0]);
        report_by_path(&reports[0]);
        report_by_path(&reports[1]);
        report_folded(&reports[0], by);
    }
    for (size_t i = 0; i < reports[0].heap_count; i++) {
        const heap_t *heap = &reports[0].heaps[i];
        for (size_t j = 0; j < heap->site_count; j++)
            free(report_inside_out(heap->sites[j].text));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    fuzz_input_t input = {data, size};
    count_t by = fuzz_byte(&input) % BLOCKS;
    const char *path = fuzz_file(input.next, input.left);
    report_t reports[2];
    if (nowhere == NULL)
        nowhere = freopen("/dev/null", "w", stdout);
    messages = 0;
    bool good = report_load(&reports[0], path);
    fuzz_require(messages == !good);
    fuzz_require(report_load(&reports[1], path) == good);
    if (good)
        use(reports, by);
    report_free(&reports[0]);
    report_free(&reports[1]);
    return 0;
}
