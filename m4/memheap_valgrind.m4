# The headers of valgrind, by which heaps tell its memcheck of their blocks.
# Nothing is linked, and nothing is needed where the library runs.
AC_DEFUN([MEMHEAP_VALGRIND], [
  memheap_valgrind="no (install the package valgrind)"
  AC_CHECK_HEADERS([valgrind/memcheck.h], [memheap_valgrind=yes])
])
