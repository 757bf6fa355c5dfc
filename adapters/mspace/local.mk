# adapters/common has the code that several adapters share.
adapter_sources = adapters/common/align.c adapters/common/align.h

# libmemheap_mspace: dlmalloc's mspaces over heaps, for runtimes that embed dlmalloc.
pkginclude_HEADERS += include/memheap/mspace.h
pkgconfig_DATA += memheap-mspace.pc
lib_LTLIBRARIES += libmemheap_mspace.la
libmemheap_mspace_la_SOURCES = $(adapter_sources) adapters/mspace/mspace.c \
	include/memheap/mspace.h
libmemheap_mspace_la_LIBADD = libmemheap.la
libmemheap_mspace_la_LDFLAGS = -version-info 0:0:0 -no-undefined $(OPTIMIZE_LDFLAGS) \
	$(AM_LDFLAGS) $(ORIGIN_LIB_LDFLAGS) \
	-Wl,--version-script=$(srcdir)/adapters/mspace/libmemheap_mspace.map
libmemheap_mspace_la_DEPENDENCIES = libmemheap.la \
	$(srcdir)/adapters/mspace/libmemheap_mspace.map
EXTRA_DIST += adapters/mspace/libmemheap_mspace.map
