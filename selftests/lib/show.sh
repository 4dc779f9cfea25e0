# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the module says of itself in a namespace (ikefp show), and what others count there.
# Tests ask for it again and again until something is so: it is read by what starts quickly.
# Where nothing is shown, nothing is said that could pass for a zero.

# shown NAMESPACE
shown() {
	run_in "$1" "$(program ikefp)" show
}

# counter NAMESPACE NAME: one of the module's counters, as a number.
counter() {
	shown "$1" | awk -v name="$2" '
		/^summary: / { shown = 1 }
		NF > 1 && $(NF - 1) == name { value = $NF }
		END { if (shown) print value + 0 }'
}

counter_is() {
	[ "$(counter "$1" "$2")" -eq "$3" ]
}

counter_at_least() {
	[ "$(counter "$1" "$2")" -ge "$3" ]
}

# kernel_sas NAMESPACE: "SPI PEER-SPI STATE" of each but those that are gone and only answer
# late copies yet.
kernel_sas() {
	shown "$1" | awk '
		function told() { if (spi && state != "lingering") print spi, peer, state }
		/^summary: / { shown = 1 }
		/^sa: / { told(); spi = $2; peer = "-" }
		/^  state: / { state = $2; sub(",", "", state) }
		/^  peer spi: / { peer = $3 }
		END { told(); if (!shown) print "- - unknown" }'
}

# kernel_sas_in NAMESPACE STATE: how many are.
kernel_sas_in() {
	kernel_sas "$1" | awk -v state="$2" '
		$3 == state { n++ }
		$3 == "unknown" { unknown = 1 }
		END { if (!unknown) print n + 0 }'
}

no_kernel_sas() {
	[ -z "$(kernel_sas "$1")" ]
}

# remote_of NAMESPACE: the address and port that its established SA sends to.
remote_of() {
	shown "$1" | awk '
		/^  state: / { is = $2 == "established," }
		/^  endpoints: / && is { port = $NF; sub(/.*:/, "", port); sub(/:[0-9]*$/, "", $NF)
			gsub(/[][]/, "", $NF); print $NF, port }'
}

# remote_is NAMESPACE ADDRESS: where its one established SA sends.
remote_is() {
	[ "$(remote_of "$1" | cut -d' ' -f1)" = "$2" ]
}

# tries NAMESPACE: how often its outstanding requests were sent.
tries() {
	shown "$1" | awk '
		/^summary: / { shown = 1 }
		/^  outstanding: .* sent / { n += $(NF - 1) }
		END { if (shown) print n + 0 }'
}

tried_more_than() {
	[ "$(tries "$1")" -gt "$2" ]
}

# wait_tried NAMESPACE: until it has sent a request that is outstanding once more.
wait_tried() {
	wait_for 20 tried_more_than "$1" "$(tries "$1")"
}

# nft_packets NAMESPACE TABLE COUNTER: what a counter of nftables has seen.
nft_packets() {
	run_in "$1" nft list counter inet "$2" "$3" | awk '$1 == "packets" { print $2 }'
}

# device_packets NAMESPACE DEVICE in|out
device_packets() {
	local field=3

	[ "$3" = in ] || field=11
	run_in "$1" awk -v device="$2:" -v field=$field '$1 == device { print $field }' /proc/net/dev
}
