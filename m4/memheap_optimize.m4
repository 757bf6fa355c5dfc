# OPTIMIZE_CFLAGS, OPTIMIZE_LDFLAGS: bind and inline calls within a shared library
# at build time. Programs can still interpose routines on the public names; calls
# from outside the library then reach these routines.
AC_DEFUN([MEMHEAP_OPTIMIZE], [
  OPTIMIZE_CFLAGS=
  OPTIMIZE_LDFLAGS=
  memheap_saved_CFLAGS=$CFLAGS
  memheap_saved_LDFLAGS=$LDFLAGS
  CFLAGS="$memheap_saved_CFLAGS -Werror -fno-semantic-interposition"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
    [OPTIMIZE_CFLAGS=-fno-semantic-interposition])
  CFLAGS=$memheap_saved_CFLAGS
  LDFLAGS="$memheap_saved_LDFLAGS -Wl,-Bsymbolic-functions"
  AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
    [OPTIMIZE_LDFLAGS=-Wl,-Bsymbolic-functions])
  LDFLAGS=$memheap_saved_LDFLAGS
  AC_SUBST([OPTIMIZE_CFLAGS])
  AC_SUBST([OPTIMIZE_LDFLAGS])
])

# Replace -flto by -flto=auto: gcc warns if the number of link jobs is not given.
AC_DEFUN([MEMHEAP_LTO], [
  memheap_saved_CFLAGS=$CFLAGS
  CFLAGS=`AS_ECHO([" $CFLAGS "]) | sed 's| -flto | -flto=auto |g; s|^ ||; s| $||'`
  AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [], [CFLAGS=$memheap_saved_CFLAGS])
])
