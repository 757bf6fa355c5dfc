/*
 * Reads a file of either kind.
 */
#include "config.h"

#include "tools/report/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool report_load(report_t *report, const char *file)
{
    *report = (report_t){.file = file};
    FILE *stream = fopen(file, "rb");
    int first = stream == NULL ? EOF : getc(stream);
    if (stream == NULL || ferror(stream)) {
        cli_fail(&report_cli, "cannot read %s: %s", file, strerror(errno));
        if (stream != NULL)
            fclose(stream);
        return false;
    }
    /* The first byte of a trace, plain or compressed. */
    bool good;
    if (first == 'S' || first == 0xfd) {
        good = report_load_trace(report);
    } else {
        ungetc(first, stream);
        report->kind = "report";
        good = report_load_json(report, stream);
    }
    fclose(stream);
    return good;
}
