# tools/common has the code that several programs share. Each program's own code is
# in the folder of its name.
cli_sources = tools/common/cli.c tools/common/cli.h
draw_sources = tools/common/draw.c tools/common/draw.h
live_sources = tools/common/live.c tools/common/live.h
listing_sources = tools/common/listing.c tools/common/listing.h \
	tools/common/places.c tools/common/places.h
local_sources = tools/common/local.c tools/common/local.h
trace_sources = base/text.c base/text.h tools/common/reader.c tools/common/reader.h \
	tools/common/trace.c tools/common/trace.h tools/common/trace_count.c

# Prints the components and parameters of the library.
bin_PROGRAMS += tools/memheap-info
tools_memheap_info_SOURCES = $(cli_sources) tools/info/facts.c \
	tools/info/human.c tools/info/info.h tools/info/json.c \
	tools/info/main.c tools/info/parsable.c
tools_memheap_info_LDFLAGS = $(AM_LDFLAGS) $(ORIGIN_LDFLAGS)
tools_memheap_info_LDADD = libmemheap.la
tools_memheap_info_CPPFLAGS = $(AM_CPPFLAGS)
if MPI
tools_memheap_info_CPPFLAGS += -DWITH_SHMEM
endif

# Shows running heaps, from outside the processes.
bin_PROGRAMS += tools/memheap-top
tools_memheap_top_SOURCES = $(cli_sources) $(listing_sources) \
	$(live_sources) tools/top/columns.c tools/top/columns.h \
	tools/top/graph.c tools/top/json.c tools/top/keys.c tools/top/keys.h \
	tools/top/main.c tools/top/page.c tools/top/page.h \
	tools/top/sample.c tools/top/sample.h tools/top/screen.c \
	tools/top/screen.h tools/top/sites.c tools/top/sites.h \
	tools/top/table.c tools/top/top.h
tools_memheap_top_LDFLAGS = $(AM_LDFLAGS) $(ORIGIN_LDFLAGS)
tools_memheap_top_LDADD = libmemheap.la

# Draws maps of running heaps and of traces.
if LZMA
bin_PROGRAMS += tools/memheap-map
tools_memheap_map_SOURCES = $(cli_sources) $(draw_sources) \
	$(listing_sources) $(live_sources) $(local_sources) $(trace_sources) tools/map/cells.c \
	tools/map/html.c tools/map/json.c tools/map/main.c tools/map/map.h \
	tools/map/replay.c tools/map/snapshot.c tools/map/svg.c tools/map/text.c
nodist_tools_memheap_map_SOURCES = tools/map/page.h
BUILT_SOURCES += tools/map/page.h
CLEANFILES += tools/map/page.h
tools_memheap_map_CFLAGS = $(AM_CFLAGS) $(LZMA_CFLAGS)
tools_memheap_map_LDFLAGS = $(AM_LDFLAGS) $(ORIGIN_LDFLAGS)
tools_memheap_map_LDADD = libmemheap.la $(LZMA_LIBS)
endif

EXTRA_DIST += tools/map/page.html tools/map/page.awk
tools/map/page.h: $(srcdir)/tools/map/page.html $(srcdir)/tools/map/page.awk
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	$(AWK) -f $(srcdir)/tools/map/page.awk $(srcdir)/tools/map/page.html >$@

# Shows who allocates, out of reports and traces.
if JANSSON
bin_PROGRAMS += tools/memheap-report
tools_memheap_report_SOURCES = $(cli_sources) $(trace_sources) tools/report/diff.c \
	tools/report/folded.c tools/report/json.c tools/report/load.c tools/report/main.c \
	tools/report/paths.c tools/report/replay.c tools/report/report.c tools/report/report.h \
	tools/report/show.c
tools_memheap_report_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(LZMA_CFLAGS)
tools_memheap_report_LDFLAGS = $(AM_LDFLAGS) $(ORIGIN_LDFLAGS)
tools_memheap_report_LDADD = libmemheap.la $(JANSSON_LIBS) $(LZMA_LIBS)
endif

# Replays recorded traces with OpenSHMEM.
if MPI
if LZMA
bin_PROGRAMS += tools/memheap-replay
tools_memheap_replay_SOURCES = $(cli_sources) $(draw_sources) \
	$(local_sources) $(trace_sources) tools/replay/collective.c \
	tools/replay/collective.h tools/replay/digest.h tools/replay/main.c \
	tools/replay/map.c tools/replay/map.h tools/replay/options.c \
	tools/replay/options.h tools/replay/pattern.h tools/replay/progress.c \
	tools/replay/progress.h tools/replay/report.c tools/replay/report.h \
	tools/replay/setup.c tools/replay/setup.h
tools_memheap_replay_CPPFLAGS = $(AM_CPPFLAGS) -DTRACE_DIR='"$(tracesdir)"' \
	-DTRACES_FROM_BIN='"$(traces_from_bin)"'
tools_memheap_replay_CFLAGS = $(AM_CFLAGS) $(LZMA_CFLAGS)
tools_memheap_replay_LDFLAGS = $(AM_LDFLAGS) $(ORIGIN_LDFLAGS)
tools_memheap_replay_LDADD = libmemheap_shmem.la libmemheap.la $(LZMA_LIBS)

tracesdir = $(pkgdatadir)/traces
dist_traces_DATA = tools/traces/pgas-isx.sht.xz tools/traces/pgas-mixed.sht.xz \
	tools/traces/redis.sht.xz
endif
endif

# The compiler wrappers and the launcher. make generates them, because they contain
# the installed paths. [@] prevents configure from substituting the names here.
if MPI
osh_scripts = tools/osh/oshcc tools/osh/oshc++ tools/osh/oshrun
if FORTRAN
osh_scripts += tools/osh/oshfort
endif
bin_SCRIPTS = $(osh_scripts)
CLEANFILES += $(osh_scripts)
EXTRA_DIST += tools/osh/common.sh tools/osh/oshcc.in tools/osh/oshrun.in

osh_write = $(MKDIR_P) tools/osh && rm -f $@ && \
	$(SED) -e '/^@common@$$/r $(srcdir)/tools/osh/common.sh' \
	    -e '/^@common@$$/d' -e 's|[@]prefix@|$(prefix)|g' \
	    -e 's|[@]bindir@|$(bindir)|g' -e 's|[@]libdir@|$(libdir)|g' \
	    -e 's|[@]pkgincludedir@|$(pkgincludedir)|g' \
	    -e 's|[@]rpath@|$(osh_rpath)|g' \
	    -e 's|[@]version@|$(PACKAGE_VERSION)|g' \
	    -e 's|[@]mpirun@|$(MPIRUN)|g'
osh_c = -e 's|[@]runs@|the compiler wrapper of MPI|g' \
	-e 's|[@]header@|shmem/shmem.h|g' -e 's|[@]library@|memheap_shmem|g' \
	-e 's|[@]more@||g' -e 's|[@]names@||g' -e 's|[@]flags@||g'
osh_finish = chmod a+x,a-w $@.tmp && mv $@.tmp $@
osh_needs = Makefile $(srcdir)/tools/osh/common.sh

tools/osh/oshcc: $(srcdir)/tools/osh/oshcc.in $(osh_needs)
	$(AM_V_GEN)$(osh_write) -e 's|[@]name@|oshcc|g' -e 's|[@]language@|C|g' \
	    -e 's|[@]suffix@|c|g' -e 's|[@]variable@|OSHCC_CC|g' \
	    -e 's|[@]compiler@|$(MPICC)|g' -e 's|[@]compilers@|mpicc|g' $(osh_c) \
	    $(srcdir)/tools/osh/oshcc.in >$@.tmp && $(osh_finish)

tools/osh/oshc++: $(srcdir)/tools/osh/oshcc.in $(osh_needs)
	$(AM_V_GEN)$(osh_write) -e 's|[@]name@|oshc++|g' -e 's|[@]language@|C++|g' \
	    -e 's|[@]suffix@|cpp|g' -e 's|[@]variable@|OSHCXX_CXX|g' \
	    -e 's|[@]compiler@|$(MPICXX)|g' -e 's|[@]compilers@|mpicxx mpic++|g' $(osh_c) \
	    $(srcdir)/tools/osh/oshcc.in >$@.tmp && $(osh_finish)

tools/osh/oshfort: $(srcdir)/tools/osh/oshcc.in $(osh_needs)
	$(AM_V_GEN)$(osh_write) -e 's|[@]name@|oshfort|g' \
	    -e 's|[@]language@|Fortran|g' -e 's|[@]suffix@|f90|g' \
	    -e 's|[@]variable@|OSHFORT_FC|g' \
	    -e "s|[@]compiler@|`command -v $(FC)`|g" \
	    -e 's|[@]compilers@|gfortran|g' \
	    -e 's|[@]runs@|the Fortran compiler|g' \
	    -e 's|[@]header@|fortran/shmem.fh|g' \
	    -e 's|[@]library@|memheap_shmem_fortran|g' \
	    -e 's|[@]more@|-lmemheap_shmem_fortran |g' \
	    -e 's|[@]flags@|-fcray-pointer |g' \
	    -e 's|[@]names@|memheap_shmem_fortran |g' \
	    $(srcdir)/tools/osh/oshcc.in >$@.tmp && $(osh_finish)

tools/osh/oshrun: $(srcdir)/tools/osh/oshrun.in $(osh_needs)
	$(AM_V_GEN)$(osh_write) $(srcdir)/tools/osh/oshrun.in >$@.tmp && \
	    $(osh_finish)
endif

# Completion for bash. bash looks for a file with the program's name.
completionsdir = $(datadir)/bash-completion/completions
dist_completions_DATA = tools/completion/memheap
completed = memheap-info memheap-top
if LZMA
completed += memheap-map
endif
if JANSSON
completed += memheap-report
endif
if MPI
completed += oshcc oshc++ oshrun
if FORTRAN
completed += oshfort
endif
if LZMA
completed += memheap-replay
endif
endif

install-data-local:
	$(MKDIR_P) "$(DESTDIR)$(completionsdir)"
	cd "$(DESTDIR)$(completionsdir)" && for name in $(completed); do \
	  rm -f $$name && $(LN_S) memheap $$name || exit 1; done

uninstall-local:
	cd "$(DESTDIR)$(completionsdir)" 2>/dev/null && rm -f $(completed) || :
