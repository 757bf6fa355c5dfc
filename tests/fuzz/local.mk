# Fuzz targets. They need clang with libFuzzer, so only `make fuzz` and
# tests/fuzz.sh build them. The library and the tools are compiled into each,
# with what finds mistakes and guides the search; the target itself does not
# guide it.
FUZZ_CC = clang
FUZZ_SECONDS = 60
fuzz_flags = -g -O2 -DMEMHEAP_DEBUG -fno-omit-frame-pointer \
	-fsanitize=address,undefined,float-cast-overflow \
	-fno-sanitize-recover=all
fuzz_compile = $(AM_V_CC)$(MKDIR_P) $(@D) && $(FUZZ_CC) $(DEFS) \
	$(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(CPPFLAGS) -std=gnu11 $(fuzz_flags) \
	-MMD -MP -MF $@.d -c -o $@ $<
fuzz_objects_of = $(patsubst %.c,tests/fuzz/objects/%.o,$(filter %.c,$(1)))

fuzz_targets = heap params pools
if LZMA
fuzz_targets += stats_page trace
endif
if JANSSON
fuzz_targets += report
endif
fuzz_library = $(call fuzz_objects_of,tests/fuzz/fuzz.c $(libmemheap_la_SOURCES))
fuzz_map = $(call fuzz_objects_of,tools/common/cli.c $(draw_sources) \
	$(listing_sources) $(live_sources) $(local_sources) tools/common/reader.c \
	tools/common/trace.c tools/common/trace_count.c tools/map/cells.c tools/map/json.c \
	tools/map/replay.c tools/map/snapshot.c tools/map/svg.c tools/map/text.c)
fuzz_top = $(call fuzz_objects_of,tools/top/columns.c tools/top/graph.c \
	tools/top/json.c tools/top/sample.c tools/top/sites.c \
	tools/top/table.c)
fuzz_report = $(call fuzz_objects_of,tools/common/reader.c tools/common/trace.c \
	tools/common/trace_count.c \
	tools/report/diff.c tools/report/folded.c tools/report/json.c tools/report/load.c \
	tools/report/paths.c tools/report/replay.c tools/report/report.c \
	tools/report/show.c)
tests/fuzz/stats_page.fuzz: $(fuzz_map) $(fuzz_top)
tests/fuzz/trace.fuzz: $(fuzz_map)
tests/fuzz/report.fuzz: $(fuzz_report)
tests/fuzz/stats_page.fuzz tests/fuzz/trace.fuzz: fuzz_libs = $(LZMA_LIBS)
tests/fuzz/report.fuzz: fuzz_libs = $(LZMA_LIBS) $(JANSSON_LIBS)

tests/fuzz/objects/tests/fuzz/%.o: tests/fuzz/%.c
	$(fuzz_compile)
tests/fuzz/objects/%.o: %.c
	$(fuzz_compile) $(LZMA_CFLAGS) $(JANSSON_CFLAGS) -fsanitize=fuzzer-no-link \
	    -fno-sanitize-coverage=trace-cmp
tests/fuzz/%.fuzz: tests/fuzz/objects/tests/fuzz/fuzz_%.o $(fuzz_library)
	$(AM_V_CCLD)$(FUZZ_CC) $(fuzz_flags) -fsanitize=fuzzer -o $@ $^ \
	    $(fuzz_libs) -ldl -lpthread -lm
-include $(wildcard tests/fuzz/objects/*/*.d tests/fuzz/objects/*/*/*.d)
.SECONDARY: $(fuzz_library) $(fuzz_map) $(fuzz_report) $(fuzz_top) \
	$(fuzz_targets:%=tests/fuzz/objects/tests/fuzz/fuzz_%.o)

fuzz-targets: $(fuzz_targets:%=tests/fuzz/%.fuzz)
fuzz:
	@$(AM_TESTS_ENVIRONMENT) FUZZ_CC='$(FUZZ_CC)' \
	    FUZZ_SECONDS='$(FUZZ_SECONDS)' $(SHELL) $(top_srcdir)/tests/fuzz.sh | \
	    $(AWK) '{ print; fflush() } /^not ok/ { bad = 1 } END { exit bad }'
.PHONY: fuzz fuzz-targets

TESTS += tests/fuzz.sh
EXTRA_DIST += tests/fuzz.sh tests/fuzz/fuzz.c tests/fuzz/fuzz.h \
	tests/fuzz/fuzz_heap.c tests/fuzz/fuzz_params.c \
	tests/fuzz/fuzz_pools.c tests/fuzz/fuzz_report.c tests/fuzz/report.dict \
	tests/fuzz/fuzz_stats_page.c tests/fuzz/fuzz_trace.c \
	tests/fuzz/heap.dict tests/fuzz/params.dict tests/fuzz/pools.dict tests/fuzz/stats_page.dict \
	tests/fuzz/trace.dict tests/fuzz/seeds
