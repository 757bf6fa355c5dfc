# libmemheap_shmem_fortran: the Fortran interface of OpenSHMEM. fortran/generate.awk
# writes the routines and what declares them out of one table.
fortran_table = include/memheap/version.h include/shmem/shmem.h \
	fortran/routines.tsv
EXTRA_DIST += fortran/generate.awk fortran/routines.tsv \
	fortran/libmemheap_shmem_fortran.map
if FORTRAN
built_fc = $(FC)
lib_LTLIBRARIES += libmemheap_shmem_fortran.la
libmemheap_shmem_fortran_la_SOURCES = fortran/fortran.h fortran/lock.c \
	fortran/memory.c fortran/real16.c
nodist_libmemheap_shmem_fortran_la_SOURCES = fortran/routines.c
libmemheap_shmem_fortran_la_LIBADD = libmemheap_shmem.la
libmemheap_shmem_fortran_la_LDFLAGS = -version-info 0:0:0 -no-undefined \
	$(OPTIMIZE_LDFLAGS) $(AM_LDFLAGS) $(ORIGIN_LIB_LDFLAGS) \
	-Wl,--version-script=$(srcdir)/fortran/libmemheap_shmem_fortran.map
libmemheap_shmem_fortran_la_DEPENDENCIES = libmemheap_shmem.la \
	$(srcdir)/fortran/libmemheap_shmem_fortran.map

# What programs include, and the module, which is of one compiler.
fortranincludedir = $(pkgincludedir)/fortran
nodist_fortraninclude_DATA = fortran/shmem.fh fortran/shmem_functions.fh \
	fortran/shmem.mod
fortranmppdir = $(fortranincludedir)/mpp
nodist_fortranmpp_DATA = fortran/mpp/shmem.fh
fortran_generated = fortran/routines.c fortran/shmem.fh \
	fortran/mpp/shmem.fh fortran/shmem_functions.fh fortran/shmem.f90
CLEANFILES += $(fortran_generated) fortran/shmem.mod fortran/shmem_module.o

fortran/routines.c: form = c
fortran/shmem.fh fortran/mpp/shmem.fh: form = include
fortran/shmem_functions.fh: form = functions
fortran/shmem.f90: form = module
$(fortran_generated): $(srcdir)/fortran/generate.awk \
		$(addprefix $(srcdir)/,$(fortran_table))
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(AWK) -v form=$(form) \
	    -f $(srcdir)/fortran/generate.awk \
	    $(addprefix $(srcdir)/,$(fortran_table)) >$@.tmp && mv $@.tmp $@
# It has declarations alone, so programs do not need its object.
fortran/shmem.mod: fortran/shmem.f90
	$(AM_V_GEN)$(FC) $(FCFLAGS) -Jfortran -c $< -o fortran/shmem_module.o && \
	    touch $@
endif
