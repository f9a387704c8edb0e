# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What turns a fresh Debian 12 into a machine that can build and run Tandem: packages, hugepages,
# the build itself. Sourced by ./tandem after progress.sh; needs TANDEM_ROOT and TANDEM_BUILD. Each
# function is quick and silent when there is nothing to do, so that a warm run needs no network.

# 128 pages of 2 MB hold the packet buffers and tables of the test world with room to spare, and
# are little enough for a laptop.
HUGEPAGES_WANTED=128

require_root() {
	[ "$(id -u)" -eq 0 ] ||
		die "'$1' makes network namespaces and needs root: sudo $TANDEM_ROOT/tandem $1"
}

require_tun() {
	[ -c /dev/net/tun ] || modprobe tun 2>/dev/null || true
	[ -c /dev/net/tun ] || die "/dev/net/tun is missing: load the kernel module 'tun' (modprobe tun)," \
		"or give a container the device (--device /dev/net/tun --cap-add NET_ADMIN)"
}

# The packages of the list that some of the given users ("build", "world", "test") need.
packages_for() {
	awk -v wanted=" $* " '!/^#/ && NF && index(wanted, " " $2 " ") { print $1 }' \
		"$TANDEM_ROOT/firmware-config/packages.txt"
}

packages_missing() {
	local package
	while read -r package; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
			printf '%s\n' "$package"
	done < <(packages_for "$@")
}

ensure_packages() {
	local missing
	command -v dpkg-query >/dev/null ||
		die "this is not a Debian system; install by hand what firmware-config/packages.txt lists"
	mapfile -t missing < <(packages_missing "$@")
	[ "${#missing[@]}" -gt 0 ] || return 0
	check_distribution
	[ "$(id -u)" -eq 0 ] || die "missing packages: ${missing[*]}; install them, or run this as root"
	step "installing ${#missing[@]} packages" install_packages "${missing[@]}" ||
		die "could not install: ${missing[*]}. Is there a network? Then: apt-get install ${missing[*]}"
}

check_distribution() {
	local id=
	# shellcheck source=/dev/null
	id=$(. /etc/os-release && printf '%s %s' "${ID:-?}" "${VERSION_ID:-?}")
	[ "$id" = "debian 12" ] ||
		say "made for Debian 12, this is '$id': going on, but package names or versions may not fit"
}

# Packages must not start daemons of their own (Kamailio would take port 5060), so services are
# refused while they are installed, unless the machine has a policy of its own.
install_packages() {
	local policy=/usr/sbin/policy-rc.d status=0 is_ours=no
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
		is_ours=yes
	fi
	{ apt-get update &&
		DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } || status=$?
	[ "$is_ours" = no ] || rm -f "$policy"
	return "$status"
}

# Hugepages make the dataplane faster, not more correct: without them it runs on ordinary pages.
reserve_hugepages() {
	local knob=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages have=0
	[ -r "$knob" ] && have=$(cat "$knob")
	if [ "$have" -lt "$HUGEPAGES_WANTED" ]; then
		{ echo "$HUGEPAGES_WANTED" >"$knob"; } 2>/dev/null || true
		[ -r "$knob" ] && have=$(cat "$knob")
	fi
	if [ "$have" -ge "$HUGEPAGES_WANTED" ]; then
		export TANDEM_HUGEPAGES=yes
	else
		export TANDEM_HUGEPAGES=no
		say "no 2 MB hugepages to be had: the dataplane runs on ordinary pages (slower, same behaviour)"
	fi
}

build_programs() {
	configure_build || die "meson could not configure the build"
	# ninja, not meson compile: it takes up changed build files before it looks for its targets.
	step "building the programs" ninja -C "$TANDEM_BUILD" dataplane/tandem-dataplane \
		controlplane/tandem-controlplane controlplane/ctl/tandemctl ||
		die "the build failed; rerun: ninja -C $TANDEM_BUILD"
}

configure_build() {
	[ -e "$TANDEM_BUILD/build.ninja" ] ||
		step "configuring the build" meson setup "$TANDEM_BUILD" "$TANDEM_ROOT"
}
