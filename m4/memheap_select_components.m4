# --enable-components=LIST: select the built-in components among the arguments.
# Writes base/static-components.h, with one line per component.
AC_DEFUN([MEMHEAP_SELECT_COMPONENTS], [
  AC_ARG_ENABLE([components],
    [AS_HELP_STRING([--enable-components=LIST],
       [build these allocators alone, split by commas, out of: $*])],
    [], [enable_components=yes])
  AS_CASE(["$enable_components"],
    [yes], [memheap_wanted=`echo "$*" | tr -d ' '`],
    [no], [AC_MSG_ERROR([a heap needs a component: choose from $*])],
    [memheap_wanted=$enable_components])
  for memheap_name in `echo "$memheap_wanted" | tr , ' '`; do
    AS_CASE([",`echo "$*" | tr -d ' '`,"], [*,$memheap_name,*], [],
      [AC_MSG_ERROR([no component has the name "$memheap_name"; there are: $*])])
  done
  memheap_components=
  m4_foreach([memheap_one], [$@], [
    AS_CASE([",$memheap_wanted,"], [*,memheap_one,*],
      [memheap_components="$memheap_components${memheap_components:+,}memheap_one"
       memheap_use=yes], [memheap_use=no])
    AM_CONDITIONAL([COMPONENT_]m4_toupper(memheap_one),
      [test "x$memheap_use" = xyes])
  ])
  AC_SUBST([memheap_components])
  AC_CONFIG_COMMANDS([base/static-components.h], [
    AS_MKDIR_P([base])
    for name in `echo "$memheap_components" | tr , ' '`; do
      AS_ECHO(["MEMHEAP_STATIC_COMPONENT($name)"])
    done > base/static-components.h.new
    AS_IF([cmp -s base/static-components.h.new base/static-components.h],
      [rm base/static-components.h.new],
      [mv base/static-components.h.new base/static-components.h])
  ], [memheap_components=$memheap_components])
])
