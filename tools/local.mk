# Programs for users.
bin_PROGRAMS += tools/memheap-info
tools_memheap_info_SOURCES = tools/info/facts.c tools/info/human.c \
	tools/info/info.h tools/info/main.c tools/info/parsable.c
tools_memheap_info_LDADD = libmemheap.la
if MPI
tools_memheap_info_SOURCES += shmem/params.c shmem/params.h
tools_memheap_info_CPPFLAGS = $(AM_CPPFLAGS) -DWITH_SHMEM
endif

# Recorded traces, replayed over OpenSHMEM.
if MPI
if LZMA
bin_PROGRAMS += tools/memheap-replay
tools_memheap_replay_SOURCES = tools/replay/collective.c \
	tools/replay/collective.h tools/replay/digest.h \
	tools/replay/local.c tools/replay/local.h \
	tools/replay/main.c tools/replay/map.c tools/replay/map.h \
	tools/replay/options.c tools/replay/options.h tools/replay/pattern.h \
	tools/replay/progress.c tools/replay/progress.h tools/replay/reader.c \
	tools/replay/reader.h tools/replay/report.c tools/replay/report.h \
	tools/replay/setup.c tools/replay/setup.h tools/replay/trace.c \
	tools/replay/trace.h
tools_memheap_replay_CPPFLAGS = $(AM_CPPFLAGS) -DTRACE_DIR='"$(tracesdir)"'
tools_memheap_replay_CFLAGS = $(AM_CFLAGS) $(LZMA_CFLAGS)
tools_memheap_replay_LDADD = libshmem.la libmemheap.la $(LZMA_LIBS)

tracesdir = $(pkgdatadir)/traces
dist_traces_DATA = tools/traces/pgas-isx.sht.xz tools/traces/pgas-mixed.sht.xz \
	tools/traces/redis.sht.xz
endif
endif
