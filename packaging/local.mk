# Packages: debian/ for Debian, packaging/ for others.
EXTRA_DIST += packaging/deb packaging/memheap.spec packaging/modulefile.lua.in \
	packaging/modulefile.tcl.in packaging/spack/package.py packaging/spdx \
	debian/changelog debian/control debian/copyright \
	debian/libmemheap-dev.install debian/libmemheap-mpi-dev.install \
	debian/libmemheap-mpi0.install debian/libmemheap-mpi0.symbols \
	debian/libmemheap-mspace0.install debian/libmemheap-mspace0.symbols \
	debian/libmemheap-openmpi.README.Debian debian/libmemheap-openmpi.install \
	debian/libmemheap-shmem-dev.README.Debian debian/libmemheap-shmem-dev.install \
	debian/libmemheap-shmem-dev.links debian/libmemheap-shmem-fortran-dev.install \
	debian/libmemheap-shmem-fortran-dev.links \
	debian/libmemheap-shmem-fortran0.install \
	debian/libmemheap-shmem-fortran0.symbols debian/libmemheap-shmem0.install \
	debian/libmemheap-shmem0.symbols debian/libmemheap0.install \
	debian/libmemheap0.symbols debian/memheap-doc.install \
	debian/memheap-tools.install debian/memheap-tools.links debian/rules \
	debian/source/format debian/source/lintian-overrides debian/tests/control \
	debian/tests/fortran debian/tests/memheap debian/tests/openmpi debian/tests/shmem

# The files of modules, for Lmod and for Environment Modules.
if MPI
modulesdir = $(pkgdatadir)/modulefiles/memheap
nodist_modules_DATA = packaging/$(PACKAGE_VERSION).lua packaging/$(PACKAGE_VERSION)
CLEANFILES += $(nodist_modules_DATA)
modulefile_write = $(AM_V_GEN)$(MKDIR_P) packaging && lib='$(libdir)' && \
	$(SED) -e 's|[@]prefix@|$(prefix)|g' -e "s|[@]lib@|$${lib\#'$(prefix)/'}|g" \
	  -e 's|[@]version@|$(PACKAGE_VERSION)|g'
packaging/$(PACKAGE_VERSION).lua: packaging/modulefile.lua.in Makefile
	$(modulefile_write) $(srcdir)/packaging/modulefile.lua.in >$@
packaging/$(PACKAGE_VERSION): packaging/modulefile.tcl.in Makefile
	$(modulefile_write) $(srcdir)/packaging/modulefile.tcl.in >$@
endif

# The tarball depends on the files alone, and on SOURCE_DATE_EPOCH: by default the time
# of the commit, or that of the files in a tarball.
am__tar = time=$${SOURCE_DATE_EPOCH:-`{ test -e $(srcdir)/.git && \
	  git -C $(srcdir) log -1 --format=%ct; } 2>/dev/null || stat -c %Y $(srcdir)/NEWS`}; \
	LC_ALL=C tar --format=posix --sort=name --mtime=@$$time --owner=0 --group=0 \
	  --numeric-owner --mode=u+rw,go+r,go-w,a+X \
	  --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime -chf - "$$tardir"

# Without MPI, liblzma or jansson, automake does not see all files.
release_lacks =
if !MPI
release_lacks += MPI
endif
if !LZMA
release_lacks += liblzma
endif
if !JANSSON
release_lacks += jansson
endif
.PHONY: dist-needs
dist-needs:
	@test -z '$(strip $(release_lacks))' || { \
	  echo "make dist needs a build with $(strip $(release_lacks))" >&2; exit 1; }
dist-hook: dist-needs

# What is published: the tarball, what it contains, a recipe for Spack, and checksums.
release_files = $(distdir).tar.xz $(distdir).spdx package.py
.PHONY: release
release: dist
	$(srcdir)/packaging/spdx $(distdir).tar.xz >$(distdir).spdx
	sum=`sha256sum <$(distdir).tar.xz` && \
	  $(SED) "s/[@]sha256[@]/$${sum%% *}/" $(srcdir)/packaging/spack/package.py >package.py
	sha256sum $(release_files) >SHA256SUMS
	@cat SHA256SUMS
CLEANFILES += $(release_files) SHA256SUMS
