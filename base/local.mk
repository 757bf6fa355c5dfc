# The framework, and what components may use.
base_sources = base/backing.h base/bias.c base/bias.h base/bitmap.h base/boxes.h \
	base/close.c base/component.h base/framework.h \
	base/hashmap.c base/hashmap.h base/log.c base/log.h base/machine.c \
	base/machine.h base/memory.c base/memory.h base/numa.c base/numa.h \
	base/open.c base/pages.c base/pages.h base/param.c base/param.h \
	base/path.c base/path.h base/process.c base/process.h \
	base/region.c base/region.h base/select.c base/status.c base/status.h \
	base/util.h

# All that a plug-in needs.
nobase_pkginclude_HEADERS += base/backing.h base/bitmap.h base/boxes.h base/component.h base/hashmap.h \
	base/log.h base/memory.h base/param.h base/status.h \
	base/util.h

# Written by configure.
DISTCLEANFILES = base/static-components.h
