# libshmem: OpenSHMEM over MPI.
lib_LTLIBRARIES += libshmem.la
libshmem_la_SOURCES = $(comm_sources) shmem/access.c shmem/access.h \
	shmem/amo.c shmem/calls.c shmem/calls.h shmem/collective.c \
	shmem/copy.c shmem/copy.h shmem/group.c shmem/group.h shmem/lock.c \
	shmem/memory.c shmem/mpi.c \
	shmem/old.c shmem/order.c shmem/params.c shmem/params.h \
	shmem/point.c shmem/pshmem.h shmem/reduce.c shmem/rma.c \
	shmem/reach.c shmem/reach.h shmem/runtime.c shmem/runtime.h \
	shmem/setup.c shmem/space.c shmem/space.h shmem/start.c shmem/shmem.h \
	shmem/shmem_generic.h shmem/shmem_typed.h shmem/shmem_types.h \
	shmem/shmemx.h shmem/shmemx_pools.h shmem/shmemx_sites.h shmem/team.c shmem/team.h
libshmem_la_CFLAGS = $(AM_CFLAGS) $(MPI_CFLAGS) $(UCX_CFLAGS)
libshmem_la_LIBADD = libmemheap.la $(MPI_LIBS) $(UCX_LIBS)
libshmem_la_LDFLAGS = -version-info 0:0:0 -no-undefined $(OPTIMIZE_LDFLAGS) -export-symbols-regex \
	'^(memheap_mpi_(create|destroy|alloc|free|resize|ptr|heap|pool)|p?shmemx?_|p?shmalloc$$|p?shfree$$|p?shrealloc$$|p?shmemalign$$|p?start_pes$$|p?_my_pe$$|p?_num_pes$$|MPI_)'
pkginclude_HEADERS += comm/memheap_mpi.h shmem/shmem.h shmem/shmemx.h shmem/shmemx_pools.h shmem/shmemx_sites.h shmem/pshmem.h \
	shmem/shmem_generic.h shmem/shmem_typed.h shmem/shmem_types.h
mppdir = $(pkgincludedir)/mpp
mpp_HEADERS = shmem/mpp/shmem.h shmem/mpp/shmemx.h
