#!/bin/sh
# Run one unit test, its results in TAP on standard output.
#
# The program's status is handed on: the TAP driver counts one that is not 0,
# as a crash leaves it, as a failure.
#
# Usage: run-unit.sh PROGRAM
CK_TAP_LOG_FILE_NAME=-
CK_VERBOSITY=silent
export CK_TAP_LOG_FILE_NAME CK_VERBOSITY
exec "$@"
