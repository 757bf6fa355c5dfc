# libshmem: OpenSHMEM over MPI.
lib_LTLIBRARIES += libshmem.la
libshmem_la_SOURCES = $(comm_sources) shmem/calls.c shmem/calls.h \
	shmem/memory.c shmem/mpi.c shmem/order.c shmem/params.c \
	shmem/params.h shmem/pshmem.h shmem/rma.c shmem/runtime.c \
	shmem/runtime.h shmem/setup.c shmem/shmem.h shmem/shmemx.h
libshmem_la_CFLAGS = $(AM_CFLAGS) $(MPI_CFLAGS)
libshmem_la_LIBADD = libmemheap.la $(MPI_LIBS)
libshmem_la_LDFLAGS = -version-info 0:0:0 -no-undefined $(OPTIMIZE_LDFLAGS) -export-symbols-regex \
	'^(p?shmemx?_|p?shmalloc$$|p?shfree$$|p?shrealloc$$|p?shmemalign$$|p?start_pes$$|MPI_)'
pkginclude_HEADERS += shmem/shmem.h shmem/shmemx.h shmem/pshmem.h
mppdir = $(pkgincludedir)/mpp
mpp_HEADERS = shmem/mpp/shmem.h shmem/mpp/shmemx.h
