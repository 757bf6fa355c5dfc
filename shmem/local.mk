# libmemheap_shmem: OpenSHMEM over MPI and UCX.
shmem_headers = include/shmem/pshmem.h include/shmem/shmem.h \
	include/shmem/shmem_generic.h include/shmem/shmem_overloads.h \
	include/shmem/shmem_typed.h \
	include/shmem/shmem_types.h include/shmem/shmemx.h \
	include/shmem/shmemx_pools.h include/shmem/shmemx_sites.h
# The headers have a folder of their own beside <memheap/...>, because other
# OpenSHMEM libraries have a shmem.h too.
shmemincludedir = $(pkgincludedir)/shmem
shmeminclude_HEADERS = $(shmem_headers)
mppdir = $(shmemincludedir)/mpp
mpp_HEADERS = include/shmem/mpp/shmem.h include/shmem/mpp/shmemx.h

lib_LTLIBRARIES += libmemheap_shmem.la
libmemheap_shmem_la_SOURCES = $(comm_sources) $(shmem_headers) \
	shmem/access.c shmem/access.h shmem/amo.c shmem/bootstrap.c \
	shmem/bootstrap.h shmem/call_description.c shmem/call_description.h \
	shmem/collective.c shmem/copy.c shmem/copy.h shmem/ctx.c shmem/ctx.h \
	shmem/deprecated.c shmem/global_exit.c shmem/global_exit.h \
	shmem/group.c shmem/group.h shmem/init.c shmem/lock.c \
	shmem/long_waits.c shmem/long_waits.h shmem/memory.c shmem/memory.h \
	shmem/mistakes.c shmem/mistakes.h shmem/mpi_wrappers.c shmem/ordering.c shmem/p2p_sync.c \
	shmem/process.c shmem/process.h shmem/reduce.c shmem/release.c \
	shmem/remote_registration.c \
	shmem/remote_registration.h shmem/rma.c shmem/runtime.c \
	shmem/runtime.h shmem/save.c shmem/space.c shmem/space.h shmem/team.c shmem/team.h \
	shmem/user_memory.c shmem/user_memory.h
# The wrappers of _FORTIFY_SOURCE use up what the compiler may inline: puts and
# reductions would get longer, and they copy to addresses of unknown length.
libmemheap_shmem_la_CFLAGS = $(AM_CFLAGS) -U_FORTIFY_SOURCE $(MPI_CFLAGS) \
	$(UCX_CFLAGS)
libmemheap_shmem_la_LIBADD = libmemheap_mpi.la libmemheap.la $(MPI_LIBS) $(UCX_LIBS)
libmemheap_shmem_la_LDFLAGS = -version-info 0:0:0 -no-undefined $(OPTIMIZE_LDFLAGS) $(AM_LDFLAGS) \
	$(ORIGIN_LIB_LDFLAGS) -Wl,-z,nodelete \
	-Wl,--version-script=$(srcdir)/shmem/libmemheap_shmem.map
libmemheap_shmem_la_DEPENDENCIES = libmemheap_mpi.la libmemheap.la \
	$(srcdir)/shmem/libmemheap_shmem.map
EXTRA_DIST += shmem/libmemheap_shmem.map
