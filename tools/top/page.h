/*
 * The full screen: a summary, the table, and the call sites; or the help.
 */
#ifndef MEMHEAP_TOOLS_TOP_PAGE_H
#define MEMHEAP_TOOLS_TOP_PAGE_H

#include "tools/top/screen.h"
#include "tools/top/sites.h"

/** What the user has chosen. */
typedef struct page {
    double interval; /* seconds between two samples */
    int sort;        /* column */
    bool reversed;
    bool sites; /* call sites are shown */
    bool help;  /* the help is shown */
    bool paused;
    char problem[256]; /* shown in the last line; "" if there is none */
    screen_view_t view;
} page_t;

/** Draw the page. Returns false if memory is short. */
bool page_draw(page_t *page, const top_face_t *face, const sample_t *sample,
               const top_sites_t *sites);

/** Change the page by a key. Returns false for keys that end the program. */
bool page_key(page_t *page, int key);

#endif
