# --without-mpi: build libmemheap only. Otherwise, set MPI_CFLAGS and MPI_LIBS
# from the flags that mpicc reports, or from pkg-config. MPICXX and MPIRUN are
# those beside MPICC, with the same suffix: mpicxx.mpich for mpicc.mpich.
AC_DEFUN([MEMHEAP_MPI], [
  AC_ARG_WITH([mpi],
    [AS_HELP_STRING([--without-mpi],
       [build the MPI-free library libmemheap alone])],
    [], [with_mpi=yes])
  AC_ARG_VAR([MPICC], [MPI compiler wrapper])
  AC_ARG_VAR([MPICXX], [MPI compiler wrapper for C++, for oshc++])
  AC_ARG_VAR([MPIRUN], [program that starts MPI jobs, for the tests])
  memheap_mpi=no
  AS_IF([test "x$with_mpi" != xno], [
    AS_IF([test -z "$MPICC"], [AC_PATH_PROGS([MPICC], [mpicc])], [
      AC_MSG_CHECKING([for the MPI compiler wrapper $MPICC])
      memheap_mpicc=`command -v "$MPICC" 2>/dev/null`
      AC_MSG_RESULT([${memheap_mpicc:-no}])
      AS_IF([test -z "$memheap_mpicc"],
        [AC_MSG_ERROR([MPICC=$MPICC is no program])])
      MPICC=$memheap_mpicc
    ])
    memheap_mpi_path=`AS_DIRNAME(["$MPICC"])`$PATH_SEPARATOR$PATH
    memheap_mpi_suffix=`AS_ECHO(["$MPICC"]) | sed 's|.*/mpicc||; t; s/.*//'`
    AC_PATH_PROGS([MPICXX],
      [mpicxx$memheap_mpi_suffix mpic++$memheap_mpi_suffix], [],
      [$memheap_mpi_path])
    AC_PATH_PROGS([MPIRUN],
      [mpirun$memheap_mpi_suffix mpiexec$memheap_mpi_suffix], [],
      [$memheap_mpi_path])
    AS_IF([test -n "$MPICC"], [
      AS_IF([$MPICC --showme:compile >/dev/null 2>&1], [
        MPI_CFLAGS=`$MPICC --showme:compile`
        MPI_LIBS=`$MPICC --showme:link`
      ], [
        MPI_CFLAGS=`$MPICC -compile-info | tr ' ' '\n' | grep '^-[[ID]]' | tr '\n' ' '`
        MPI_LIBS=`$MPICC -link-info | tr ' ' '\n' | grep '^-[[LlW]]' | tr '\n' ' '`
      ])
    ], [PKG_CHECK_MODULES([MPI], [ompi], [], [:])])
    memheap_saved_CFLAGS=$CFLAGS
    memheap_saved_LIBS=$LIBS
    CFLAGS="$CFLAGS $MPI_CFLAGS"
    LIBS="$MPI_LIBS $LIBS"
    AC_MSG_CHECKING([for MPI 3])
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[
        #include <mpi.h>
        #if MPI_VERSION < 3
        # error "MPI 3 is needed"
        #endif
      ]], [[
        MPI_Comm node;
        return MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0,
                                   MPI_INFO_NULL, &node);
      ]])], [memheap_mpi=yes])
    AC_MSG_RESULT([$memheap_mpi])
    CFLAGS=$memheap_saved_CFLAGS
    LIBS=$memheap_saved_LIBS
    AS_IF([test $memheap_mpi = no], [AC_MSG_ERROR([
MPI 3 is needed for libmemheap_shmem: install libopenmpi-dev and openmpi-bin, or name
the wrapper with MPICC=..., or build libmemheap alone with --without-mpi.])])
  ])
  AC_SUBST([MPI_CFLAGS])
  AC_SUBST([MPI_LIBS])
  AM_CONDITIONAL([MPI], [test $memheap_mpi = yes])
])
