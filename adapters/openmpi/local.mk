# The component for Open MPI's OpenSHMEM. Open MPI opens it, and no program links it.
openmpi_sources = adapters/openmpi/component.c \
	adapters/openmpi/include/ompi/include/mpi.h \
	adapters/openmpi/include/oshmem/include/shmem.h
if OPENMPI_COMPONENT
openmpicomponentdir = $(pkglibdir)/openmpi
openmpicomponent_LTLIBRARIES = mca_memheap_memheap.la
mca_memheap_memheap_la_SOURCES = $(adapter_sources) $(openmpi_sources)
# Open MPI has a shmem.h too, so memheap's own folder is not in the path.
mca_memheap_memheap_la_CPPFLAGS = -I$(srcdir)/adapters/openmpi/include \
	-I$(srcdir) -I$(srcdir)/include $(OPENMPI_COMPONENT_CPPFLAGS)
mca_memheap_memheap_la_LIBADD = libmemheap.la $(OPENMPI_COMPONENT_LIBS)
# Open MPI unloads components before the process ends, but libmemheap has fork
# handlers: nodelete keeps both.
mca_memheap_memheap_la_LDFLAGS = -module -avoid-version -shared $(OPTIMIZE_LDFLAGS) \
	$(AM_LDFLAGS) -Wl,-rpath,'$$ORIGIN/../..' -Wl,-z,nodelete \
	-export-symbols-regex '^mca_memheap_memheap_component$$'
endif
EXTRA_DIST += $(openmpi_sources)
