# --disable-plugins: build without support for MEMHEAP_PLUGIN_PATH.
AC_DEFUN([MEMHEAP_ENABLE_PLUGINS], [
  AC_ARG_ENABLE([plugins],
    [AS_HELP_STRING([--disable-plugins],
       [do not open the components on MEMHEAP_PLUGIN_PATH])],
    [], [enable_plugins=yes])
  AC_SEARCH_LIBS([dlopen], [dl])
  AS_IF([test "x$enable_plugins" = xyes],
    [AC_DEFINE([MEMHEAP_PLUGINS], [1], [Define to open plug-ins.])])
  AM_CONDITIONAL([PLUGINS], [test "x$enable_plugins" = xyes])
])
