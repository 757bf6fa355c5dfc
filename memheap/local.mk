# libmemheap: heaps without MPI.
lib_LTLIBRARIES += libmemheap.la
libmemheap_la_SOURCES = $(base_sources) $(component_sources) \
	memheap/batch.c memheap/blocks.c memheap/cache.c memheap/cache.h \
	memheap/checker.c memheap/checker.h memheap/context.c \
	memheap/context.h memheap/gauge.c memheap/gauge.h memheap/guard.c \
	memheap/guard.h memheap/heap.c memheap/heap.h memheap/heap_inside.c \
	memheap/heap_inside.h memheap/leaks.c memheap/look.c \
	memheap/memheap.h memheap/notes.c memheap/notes.h memheap/page_pool.c \
	memheap/page_pool.h memheap/placement.c memheap/placement.h \
	memheap/places.c memheap/pool.c memheap/pool.h memheap/range_pool.c \
	memheap/range_pool.h memheap/records.c memheap/records.h \
	memheap/refusals.h memheap/report.c memheap/report.h memheap/resize.c \
	memheap/site.c memheap/site.h memheap/trace.c memheap/trace.h \
	memheap/trim.c
libmemheap_la_LDFLAGS = -version-info 0:0:0 -no-undefined $(OPTIMIZE_LDFLAGS) \
	-export-symbols-regex '^memheap_'
pkginclude_HEADERS = memheap/cache.h memheap/context.h memheap/memheap.h \
	memheap/page_pool.h memheap/placement.h memheap/pool.h \
	memheap/range_pool.h memheap/sites.h
