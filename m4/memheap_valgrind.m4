# The headers of valgrind, with which heaps describe their blocks to memcheck.
# No library is linked, and valgrind is not needed at run time.
AC_DEFUN([MEMHEAP_VALGRIND], [
  memheap_valgrind="no (install the package valgrind)"
  AC_CHECK_HEADERS([valgrind/memcheck.h], [memheap_valgrind=yes])
])
