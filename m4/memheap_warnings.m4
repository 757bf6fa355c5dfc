# WARNING_CFLAGS: the warnings that the compiler supports. The sources compile
# without any of them.
AC_DEFUN([MEMHEAP_WARNINGS], [
  WARNING_CFLAGS=
  memheap_saved_CFLAGS=$CFLAGS
  for memheap_flag in -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion \
      -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
      -Wpointer-arith -Wcast-align -Wcast-qual -Wwrite-strings -Wundef -Wvla \
      -Wformat=2 -Wnull-dereference -Wimplicit-fallthrough; do
    CFLAGS="$memheap_saved_CFLAGS -Werror $memheap_flag"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
      [WARNING_CFLAGS="$WARNING_CFLAGS $memheap_flag"])
  done
  CFLAGS=$memheap_saved_CFLAGS
  AC_SUBST([WARNING_CFLAGS])
])
