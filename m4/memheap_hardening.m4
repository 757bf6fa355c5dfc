# HARDENING_CFLAGS, HARDENING_LDFLAGS: what makes a memory error of the library or of
# its programs end the process rather than obey an attacker. --disable-hardening
# leaves them out, and so do sanitizers, which find such errors themselves.
AC_DEFUN([MEMHEAP_HARDENING], [
  AC_ARG_ENABLE([hardening],
    [AS_HELP_STRING([--disable-hardening],
       [leave out stack protector, _FORTIFY_SOURCE and the like])],
    [], [enable_hardening=yes])
  AS_CASE([" $CFLAGS"], [*" -fsanitize"*],
    [enable_hardening="no (a sanitizer is in CFLAGS)"])
  HARDENING_CFLAGS=
  HARDENING_LDFLAGS=
  memheap_saved_CFLAGS=$CFLAGS
  memheap_saved_LDFLAGS=$LDFLAGS
  AS_IF([test "x$enable_hardening" = xyes], [
    # -fstack-protector-strong guards all functions that pass the address of a
    # variable too: memheap_malloc() is one.
    for memheap_flag in -fstack-protector -fstack-clash-protection; do
      CFLAGS="$memheap_saved_CFLAGS -Werror $memheap_flag"
      AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
        [HARDENING_CFLAGS="$HARDENING_CFLAGS $memheap_flag"])
    done
    # The C library refuses it without optimization, and older ones refuse 3.
    for memheap_level in 3 2; do
      CFLAGS="$memheap_saved_CFLAGS -Werror -D_FORTIFY_SOURCE=$memheap_level"
      AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <string.h>]], [])],
        [HARDENING_CFLAGS="$HARDENING_CFLAGS -D_FORTIFY_SOURCE=$memheap_level"
         break])
    done
    # Without start files of the C library that have the landing pads too, the
    # linker drops the note, and the processor checks nothing.
    CFLAGS="$memheap_saved_CFLAGS -Werror -fcf-protection"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
      [AS_IF([readelf -n conftest$EXEEXT 2>/dev/null | grep IBT >/dev/null],
        [HARDENING_CFLAGS="$HARDENING_CFLAGS -fcf-protection"])])
    CFLAGS=$memheap_saved_CFLAGS
    for memheap_flag in -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack; do
      LDFLAGS="$memheap_saved_LDFLAGS $memheap_flag"
      AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
        [HARDENING_LDFLAGS="$HARDENING_LDFLAGS $memheap_flag"])
    done
    LDFLAGS=$memheap_saved_LDFLAGS
  ])
  CFLAGS=$memheap_saved_CFLAGS
  AC_SUBST([HARDENING_CFLAGS])
  AC_SUBST([HARDENING_LDFLAGS])
])
