#!/bin/sh
# Runs one unit test, which prints its results as TAP on standard output.
#
# The exit status is that of the program: the TAP driver counts a status other than
# 0, as after a crash, as a failure.
#
# Usage: run-unit.sh PROGRAM
CK_TAP_LOG_FILE_NAME=-
CK_VERBOSITY=silent
export CK_TAP_LOG_FILE_NAME CK_VERBOSITY
exec "$@"
