#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Starts tandem-dataplane as the configuration file says: the dataplane itself takes arguments only
# (docs/adr/0002), the control plane translates. Usage: start-dataplane.sh CONFIG
set -euo pipefail

config=${1:?usage: start-dataplane.sh CONFIG}
listing=$(tandem-controlplane --config "$config" --dataplane-arguments)
mapfile -t arguments <<<"$listing"
exec tandem-dataplane "${arguments[@]}"
