#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Says what a server lacks before the appliance is started on it, and what to do. Changes nothing.
# Usage: preflight.sh CONFIG. Exit status 0 only if nothing is missing.
set -euo pipefail

config=${1:?usage: preflight.sh CONFIG}
missing=0

good() { printf 'good     %s\n' "$1"; }
bad() {
	printf 'MISSING  %s\n         %s\n' "$1" "$2"
	missing=$((missing + 1))
}

# The values of one option among the dataplane's arguments.
values_of() {
	awk -v option="$1" 'previous == option { print } { previous = $0 }' <<<"$arguments"
}

check_config() {
	if arguments=$(tandem-controlplane --config "$config" --dataplane-arguments); then
		good "$config is a configuration"
	else
		bad "$config has errors" "mend what is said above"
		exit 1
	fi
}

check_memory() {
	local wanted_mb have_mb
	if grep -qx -- '--no-huge' <<<"$arguments"; then
		good "no hugepages wanted"
		return
	fi
	wanted_mb=$(values_of --memory-mb)
	have_mb=$(awk '/^HugePages_Free/ { pages = $2 } /^Hugepagesize/ { print pages * $2 / 1024 }' /proc/meminfo)
	if [ "${have_mb%.*}" -ge "${wanted_mb:-0}" ]; then
		good "$have_mb MB of free hugepages"
	else
		bad "$wanted_mb MB of hugepages wanted, $have_mb MB free" \
			"kernel command line: hugepagesz=2M hugepages=$((wanted_mb / 2 + 16)), or dataplane.hugepages: false"
	fi
}

check_cores() {
	local cpu isolated
	isolated=$(cat /sys/devices/system/cpu/isolated 2>/dev/null || true)
	for cpu in $(values_of --worker); do
		if [ ! -d "/sys/devices/system/cpu/cpu$cpu" ]; then
			bad "CPU $cpu doesn't exist" "choose dataplane.workers among 0-$(($(nproc --all) - 1))"
		elif [ "$(values_of --poll)" = busy ] && [ -z "$isolated" ]; then
			bad "CPU $cpu isn't isolated" "kernel command line: isolcpus=managed_irq,domain,$cpu nohz_full=$cpu rcu_nocbs=$cpu"
		else
			good "CPU $cpu"
		fi
	done
}

check_devices() {
	local device address driver
	while read -r device; do
		device=${device#*device=}
		address=${device%%,*}
		case "$address" in
		????:??:??.?) ;;
		*)
			good "virtual device $device"
			continue
			;;
		esac
		driver=$(basename "$(readlink "/sys/bus/pci/devices/$address/driver" 2>/dev/null)" 2>/dev/null || true)
		case "$driver" in
		vfio-pci | uio_pci_generic | igb_uio | mlx4_core | mlx5_core) good "$address is bound to $driver" ;;
		*) bad "$address is bound to '${driver:-nothing}'" "dpdk-devbind.py --bind=vfio-pci $address" ;;
		esac
	done < <(values_of --port)
}

check_taps() {
	local options tap
	while read -r options; do
		tap=$(sed -n 's/.*tap=\([^,]*\).*/\1/p' <<<"$options")
		[ -n "$tap" ] || continue
		if ip -o address show dev "$tap" scope global 2>/dev/null | grep -q .; then
			good "$tap has addresses"
		else
			bad "$tap is missing or has no address" "docs/operations.md, Addresses: a persistent TAP with SIP's and media's addresses"
		fi
	done < <(values_of --port-option)
}

if [ -c /dev/net/tun ]; then good "/dev/net/tun"; else bad "/dev/net/tun" "modprobe tun"; fi
check_config
check_memory
check_cores
check_devices
check_taps
[ "$missing" -eq 0 ]
