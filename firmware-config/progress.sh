# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# How shell scripts talk to whoever runs them: one line per step, with the time it took. Sourced;
# needs TANDEM_STATE. Everything goes to stderr, so that stdout carries results only.

say() {
	printf 'tandem: %s\n' "$*" >&2
}

die() {
	printf 'tandem: %s\n' "$*" >&2
	exit 1
}

# step "what is done" command…: runs the command with its output in a log file. Whatever takes
# longer than two seconds is told while it lasts; a failure shows the end of the log.
step() {
	local what=$1 log started status=0 ticker=
	shift
	mkdir -p "$TANDEM_STATE/log"
	log="$TANDEM_STATE/log/$(tr -cs 'a-z0-9\n' - <<<"${what,,}").log"
	started=$EPOCHREALTIME
	tick "$what" &
	ticker=$!
	"$@" >"$log" 2>&1 </dev/null || status=$?
	kill "$ticker" 2>/dev/null || true
	wait "$ticker" 2>/dev/null || true
	if [ "$status" -ne 0 ]; then
		say "$what: FAILED after $(seconds_since "$started") s; the end of $log:"
		tail -n 25 "$log" | sed 's/^/    /' >&2
		return "$status"
	fi
	say "$what: done in $(seconds_since "$started") s"
}

# Tells every few seconds that a step is still going on.
tick() {
	local seconds=2
	while sleep "$seconds"; do
		say "$1 … ($SECONDS s since the start)"
		seconds=10
	done
}

seconds_since() {
	awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'
}
