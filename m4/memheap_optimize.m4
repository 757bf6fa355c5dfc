# OPTIMIZE_CFLAGS, OPTIMIZE_LDFLAGS: let calls within a shared library be bound,
# and inlined, when it is built; programs that put their own routines over the
# public names still see the calls of others.
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

# gcc warns where -flto does not say in how many processes it may link.
AC_DEFUN([MEMHEAP_LTO], [
  memheap_saved_CFLAGS=$CFLAGS
  CFLAGS=`AS_ECHO([" $CFLAGS "]) | sed 's| -flto | -flto=auto |g; s|^ ||; s| $||'`
  AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [], [CFLAGS=$memheap_saved_CFLAGS])
])
