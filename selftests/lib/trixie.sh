# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What is Debian 13's in a gateway: strongSwan 6, and ikefpd with its OpenSSL. Its files are in
# /opt/trixie, where its programs see the guest's other folders in their usual places.

trixie_mounts() {
	local dir

	for dir in dev proc sys run tmp ikefp; do
		mkdir -p "/opt/trixie/$dir"
		mountpoint -q "/opt/trixie/$dir" || mount --bind "/$dir" "/opt/trixie/$dir"
	done
}

# trixie_start GATEWAY ikefpd|strongswan: the configuration comes by stdin.
trixie_start() {
	trixie_mounts
	DAEMON_ROOT=/opt/trixie "$2_start" "$1"
}
