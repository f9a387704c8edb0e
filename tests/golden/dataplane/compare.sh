#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a golden program on its file; its output must be the file itself.
exec diff -u --label expected --label now "$2" - <<OUTPUT
$("$1" "$2")
OUTPUT
