# libmemheap: heaps without MPI.
lib_LTLIBRARIES += libmemheap.la
libmemheap_la_SOURCES = $(base_sources) $(component_sources) \
	memheap/heap.c memheap/heap.h memheap/memheap.h \
	memheap/pool.c memheap/pool.h
libmemheap_la_LDFLAGS = -version-info 0:0:0 -no-undefined $(OPTIMIZE_LDFLAGS) \
	-export-symbols-regex '^memheap_'
pkginclude_HEADERS = memheap/memheap.h memheap/pool.h
