# Check, for the unit tests. Without it they are left out, with a message.
AC_DEFUN([MEMHEAP_CHECK], [
  MEMHEAP_LIBRARY([CHECK], [check >= 0.12], [#include <check.h>],
    [return suite_create("") == NULL;], [check])
  memheap_check=$memheap_found
  AM_CONDITIONAL([UNIT_TESTS], [test "x$memheap_check" = xyes])
])
