/*
 * Composes the full screen, and changes it by keys.
 */
#include "config.h"

#include "tools/top/page.h"
#include "base/util.h"
#include "tools/top/keys.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char help[] =
    "memheap-top: the heaps of running processes\n"
    "\n"
    "  s > right   sort by the next column\n"
    "  < left      sort by the column before\n"
    "  r           reverse the order\n"
    "  c           show the call sites, or hide them; they need "
    "MEMHEAP_RECORDS=1\n"
    "  p space     pause, or continue\n"
    "  + -         a longer or shorter interval\n"
    "  up down k j page-up page-down home end\n"
    "              scroll\n"
    "  h ?         this help, or leave it\n"
    "  q ctrl-C    end\n"
    "\n"
    "  [##--      ]  used bytes, their peak, and the size of the heap\n"
    "  LAST MINUTE   used bytes, from zero to the most of the minute\n"
    "  RES           bytes that take memory\n"
    "  FRAG          free space outside of the largest free block\n"
    "  WAITS IN      the call in which the PE has waited for more than a "
    "second\n";

static const char keys[] = "h help  q end  s sort  r reverse  c sites  p pause";

static size_t count_processes(const sample_t *sample)
{
    size_t processes = 0;
    for (size_t i = 0; i < sample->count; i++) {
        size_t k = 0;
        while (sample->lines[k].pid != sample->lines[i].pid)
            k++;
        processes += k == i;
    }
    return processes;
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void write_state(FILE *file, const page_t *page, const top_face_t *face,
                        const sample_t *sample)
{
    char clock[16];
    time_t seconds = time(NULL);
    struct tm local;
    size_t processes = count_processes(sample);
    size_t waits = 0;
    for (size_t i = 0; i < sample->count; i++)
        waits += sample->lines[i].wait_s > 0;
    localtime_r(&seconds, &local);
    strftime(clock, sizeof(clock), "%H:%M:%S", &local);
    fprintf(file, "%s  %zu heap%s of %zu process%s, every %g s, by %s%s", clock,
            sample->count, plural(sample->count), processes,
            processes == 1 ? "" : "es", page->interval, top_title(page->sort),
            page->reversed ? " reversed" : "");
    if (sample->gone > 0)
        fprintf(file, ", %s%zu gone%s", top_style(face, TOP_DIM), sample->gone,
                top_style(face, TOP_PLAIN));
    if (waits > 0)
        fprintf(file, ", %s%zu waiting%s", top_style(face, TOP_WARNING), waits,
                top_style(face, TOP_PLAIN));
    if (page->paused)
        fprintf(file, ", %spaused%s", top_style(face, TOP_MARK),
                top_style(face, TOP_PLAIN));
    putc('\n', file);
}

/* Write the sums of all heaps: a bar, and the last minute. */
static void write_sums(FILE *file, const top_face_t *face,
                       const sample_t *sample, size_t width)
{
    enum {
        LABELS = 50, /* width of a line without its graphs */
        LEAST = 8,
        MOST = 64
    };
    top_line_t total = top_total(sample->lines, sample->count);
    char used[TOP_CELL];
    char size[TOP_CELL];
    char peak[TOP_CELL];
    char allocations[TOP_CELL];
    char frees[TOP_CELL];
    size_t room =
        memheap_min(memheap_max(width, LABELS + LEAST) - LABELS, MOST);
    top_bytes(used, (double)total.stats.used);
    top_bytes(size, (double)total.stats.size);
    top_bytes(peak, (double)total.stats.peak);
    top_count(allocations, total.allocations);
    top_count(frees, total.frees);
    fputs("used  ", file);
    top_bar(file, face, &total.stats, room);
    fprintf(file, " %s of %s, peak %s\n", used, size, peak);
    size_t each = memheap_max(room / 2, LEAST);
    fputs("minute ", file);
    top_spark(file, face, sample->history.used, each);
    fprintf(file, " %5s used   ", used);
    top_spark(file, face, sample->history.allocations, each);
    fprintf(file, " %5s alloc/s, %s free/s\n", allocations, frees);
}

/* Write the last line: a problem, or the keys and what of the table is shown.
 */
static void write_last(char *text, size_t size, const page_t *page)
{
    const screen_view_t *view = &page->view;
    char place[64] = "";
    if (view->lines > view->page)
        snprintf(place, sizeof(place), "  lines %zu to %zu of %zu",
                 view->top + 1,
                 memheap_min(view->top + view->page, view->lines), view->lines);
    size_t room = view->width - memheap_min(view->width, strlen(place));
    snprintf(text, size, "%.*s%s", (int)memheap_min(room, size - sizeof(place)),
             page->problem[0] != '\0' ? page->problem : keys, place);
}

bool page_draw(page_t *page, const top_face_t *face, const sample_t *sample,
               const top_sites_t *sites)
{
    enum {
        FIXED = 5 /* the summary and the titles of the table */
    };
    char *text = NULL;
    size_t length = 0;
    char last[512];
    FILE *file = open_memstream(&text, &length);
    if (file == NULL)
        return false;
    screen_measure(&page->view);
    if (page->help) {
        fputs(help, file);
    } else {
        size_t width = page->view.width;
        write_state(file, page, face, sample);
        write_sums(file, face, sample, width);
        putc('\n', file);
        top_table(file, face, sample->lines, sample->count, width);
        if (page->sites)
            top_sites_table(file, face, sites, width);
    }
    bool good = fclose(file) == 0;
    if (good) {
        page->view.fixed = page->help ? 0 : FIXED;
        screen_fit(&page->view, text);
        write_last(last, sizeof(last), page);
        screen_draw(&page->view, text, last);
    }
    free(text);
    return good;
}

/* The next longer or shorter interval. */
static double next_interval(double interval, bool longer)
{
    static const double steps[] = {0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60};
    enum {
        STEPS = sizeof(steps) / sizeof(steps[0])
    };
    for (int i = 0; i < STEPS && longer; i++) {
        if (steps[i] > interval)
            return steps[i];
    }
    for (int i = STEPS; i-- > 0 && !longer;) {
        if (steps[i] < interval)
            return steps[i];
    }
    return interval;
}

/* Scroll by a key. The view is limited when it is drawn. */
static void scroll(screen_view_t *view, int key)
{
    size_t page = memheap_max(view->page, 1);
    switch (key) {
    case KEYS_UP:
    case 'k':
        view->top -= view->top > 0;
        break;
    case KEYS_DOWN:
    case 'j':
        view->top++;
        break;
    case KEYS_PAGE_UP:
        view->top -= memheap_min(view->top, page);
        break;
    case KEYS_PAGE_DOWN:
        view->top += page;
        break;
    case KEYS_HOME:
        view->top = 0;
        break;
    case KEYS_END:
        view->top = view->lines;
        break;
    default:
        break;
    }
}

bool page_key(page_t *page, int key)
{
    page->problem[0] = '\0';
    switch (key) {
    case 'q':
    case 'Q':
    case KEYS_END_OF_INPUT:
        return false;
    case 'h':
    case '?':
        page->help = !page->help;
        page->view.top = 0;
        break;
    case KEYS_ESCAPE:
        page->help = false;
        break;
    case 's':
    case '>':
    case KEYS_RIGHT:
        page->sort = top_next_column(page->sort, true);
        break;
    case '<':
    case KEYS_LEFT:
        page->sort = top_next_column(page->sort, false);
        break;
    case 'r':
        page->reversed = !page->reversed;
        break;
    case 'c':
        page->sites = !page->sites;
        break;
    case 'p':
    case ' ':
        page->paused = !page->paused;
        break;
    case '+':
    case '-':
        page->interval = next_interval(page->interval, key == '+');
        break;
    default:
        scroll(&page->view, key);
        break;
    }
    return true;
}
