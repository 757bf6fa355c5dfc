# A Fortran compiler, for the Fortran interface of OpenSHMEM. It has to know the
# directive by which an argument is of any type and rank, and to call C by a name in
# lower case with an underscore.
AC_DEFUN([MEMHEAP_FORTRAN], [
  AC_ARG_WITH([fortran],
    [AS_HELP_STRING([--with-fortran],
       [build the Fortran interface, or fail (default: if possible)])],
    [], [with_fortran=auto])
  AC_ARG_VAR([FC], [Fortran compiler])
  AC_ARG_VAR([FCFLAGS], [flags of the Fortran compiler])
  : ${FCFLAGS="-g -O2"}
  memheap_fortran="no (--without-fortran)"
  AS_IF([test "x$with_fortran" = xno], [],
        [test "$memheap_mpi" != yes], [memheap_fortran="no (without MPI)"], [
    AC_CHECK_TOOLS([FC], [gfortran])
    AC_MSG_CHECKING([whether ${FC:-a Fortran compiler} can call OpenSHMEM])
    cat >conftest.f90 <<'END'
module conftest_shmem
interface
subroutine conftest_call(data, n)
type(*), dimension(*), target :: data
!GCC$ attributes NO_ARG_CHECK :: data
integer, intent(in) :: n
end subroutine
end interface
end module
program conftest
use conftest_shmem
integer :: scalar, array(2, 2)
call conftest_call(scalar, 1)
call conftest_call(array, 4)
end program
END
    AC_LANG_CONFTEST([AC_LANG_SOURCE([[
      void conftest_call_(void *data, const int *n);
      void conftest_call_(void *data, const int *n)
      {
          (void)data;
          (void)n;
      }
    ]])])
    memheap_sanitizer=
    for memheap_flag in $CFLAGS; do
      case $memheap_flag in
        -fsanitize*) memheap_sanitizer="$memheap_sanitizer $memheap_flag" ;;
      esac
    done
    AS_IF([test -n "$FC" && $CC -c $CFLAGS conftest.c -o conftest_call.$OBJEXT >&AS_MESSAGE_LOG_FD 2>&1 &&
           $FC $FCFLAGS $memheap_sanitizer conftest.f90 conftest_call.$OBJEXT -o conftest$EXEEXT >&AS_MESSAGE_LOG_FD 2>&1],
          [memheap_fortran="yes ($FC)"],
          [memheap_fortran="no (no gfortran)"])
    rm -f conftest.f90 conftest.c conftest_call.* conftest_shmem.mod conftest$EXEEXT
    AC_MSG_RESULT([$memheap_fortran])
  ])
  AS_IF([test "x$with_fortran" = xyes && test -n "${memheap_fortran##yes*}"],
    [AC_MSG_ERROR([
the Fortran interface cannot be built: $memheap_fortran.
Install gfortran, or name it with FC=...; or leave --with-fortran out.])])
  AM_CONDITIONAL([FORTRAN], [test -z "${memheap_fortran##yes*}"])
])
