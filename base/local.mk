# The framework, and what components may use.
base_sources = base/array.c base/array.h base/biased_lock.c base/biased_lock.h \
	base/bitmap.h base/fork_guard.c base/fork_guard.h base/framework.c \
	base/framework.h base/hashmap.c base/hashmap.h base/json.c base/json.h base/log.c \
	base/magazines.h base/memory.c base/numa.c base/numa.h base/pages.c \
	base/pages.h base/param_parse.c base/param_parse.h base/param_table.c \
	base/param_table.h base/params.c base/params.h base/path.c base/path.h \
	base/region.c base/region.h base/registry.c base/registry.h \
	base/status.c base/sysinfo.c base/sysinfo.h base/util.h base/version.c

# Written by configure.
DISTCLEANFILES = base/static-components.h
