# --with-openmpi-component: build the component for the OpenSHMEM of Open MPI 4.1. It
# needs Open MPI's internal headers, which Debian's libopenmpi-dev has. Sets
# OPENMPI_COMPONENT_CPPFLAGS and OPENMPI_COMPONENT_LIBS.
AC_DEFUN([MEMHEAP_OPENMPI_COMPONENT], [
  AC_ARG_WITH([openmpi-component],
    [AS_HELP_STRING([--with-openmpi-component],
       [build the component for Open MPI's OpenSHMEM, or fail (default: if possible)])],
    [], [with_openmpi_component=auto])
  OPENMPI_COMPONENT_CPPFLAGS=
  OPENMPI_COMPONENT_LIBS=
  memheap_openmpi="no (--without-openmpi-component)"
  AS_IF([test "x$with_openmpi_component" = xno], [],
        [test "$memheap_mpi" != yes],
        [memheap_openmpi="no (without MPI)"], [
    memheap_openmpi="no (no internal headers of Open MPI)"
    for memheap_folder in `$MPICC --showme:incdirs 2>/dev/null`; do
      AS_IF([test -f "$memheap_folder/openmpi/oshmem/mca/memheap/memheap.h"], [
        OPENMPI_COMPONENT_CPPFLAGS="-isystem $memheap_folder/openmpi -isystem $memheap_folder/openshmem -isystem $memheap_folder"
        for memheap_library in `$MPICC --showme:libdirs 2>/dev/null`; do
          OPENMPI_COMPONENT_LIBS="$OPENMPI_COMPONENT_LIBS -L$memheap_library"
        done
        OPENMPI_COMPONENT_LIBS="$OPENMPI_COMPONENT_LIBS -loshmem -lopen-pal"
        break
      ])
    done
    AS_IF([test -n "$OPENMPI_COMPONENT_CPPFLAGS"], [
      AC_MSG_CHECKING([for the component interface of Open MPI 4.1])
      memheap_saved_CPPFLAGS=$CPPFLAGS
      memheap_saved_LIBS=$LIBS
      CPPFLAGS="-I$memheap_source/adapters/openmpi/include $OPENMPI_COMPONENT_CPPFLAGS"
      LIBS="$OPENMPI_COMPONENT_LIBS $LIBS"
      AC_LINK_IFELSE([AC_LANG_SOURCE([[
          #include "oshmem_config.h"
          #include "oshmem/mca/memheap/memheap.h"
          #include "oshmem/mca/memheap/base/base.h"
          #if OPAL_MAJOR_VERSION != 4 || OPAL_MINOR_VERSION != 1
          # error "not Open MPI 4.1"
          #endif
          static int init(memheap_context_t *ranges)
          {
              return ranges->user_base_addr == 0 ||
                     ranges->private_base_addr == 0;
          }
          mca_memheap_base_component_t component = {
              .memheap_version = {MCA_MEMHEAP_BASE_VERSION_2_0_0},
              .memheap_init = init};
          int main(void)
          {
              return mca_memheap_base_is_symmetric_addr(&component) +
                     oshmem_version_string[0];
          }
        ]])], [memheap_openmpi=yes],
              [memheap_openmpi="no (not the interface of Open MPI 4.1)"])
      CPPFLAGS=$memheap_saved_CPPFLAGS
      LIBS=$memheap_saved_LIBS
      AC_MSG_RESULT([$memheap_openmpi])
    ])
  ])
  AS_IF([test "x$with_openmpi_component" = xyes && test "$memheap_openmpi" != yes],
    [AC_MSG_ERROR([
the component for Open MPI cannot be built: $memheap_openmpi.
Install libopenmpi-dev 4.1 (or an Open MPI 4.1 that was configured with
--with-devel-headers), and name its wrapper with MPICC=...; or leave
--with-openmpi-component out.])])
  AC_SUBST([OPENMPI_COMPONENT_CPPFLAGS])
  AC_SUBST([OPENMPI_COMPONENT_LIBS])
  AM_CONDITIONAL([OPENMPI_COMPONENT], [test "$memheap_openmpi" = yes])
])
