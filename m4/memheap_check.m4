# Check, for the unit tests; without it they are left out, with a word.
AC_DEFUN([MEMHEAP_CHECK], [
  PKG_CHECK_MODULES([CHECK], [check >= 0.12], [memheap_check=yes],
    [memheap_check="no (install the package check)"])
  AM_CONDITIONAL([UNIT_TESTS], [test "x$memheap_check" = xyes])
])
