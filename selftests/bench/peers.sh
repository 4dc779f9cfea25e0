# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the cases share in which a gateway has many peers (peers.c).

# A host that is not there: what is sent to it comes as far as to this host's device.
nobody=192.0.2.9

# peers_conf: gw2's swanctl.conf, for whoever knows the secret; $CONN are further settings.
peers_conf() {
	cat <<-CONF
	connections {
		gw {
			version = 2
			local_addrs = $gw2_addr
			remote_addrs = %any
			proposals = $IKE_PROPOSALS
			${CONN:-}
			local {
				auth = psk
				id = gw2.example
			}
			remote {
				auth = psk
				id = %any
			}
			children {
				net {
					local_ts = 10.2.0.1/32
					remote_ts = 10.64.0.0/10
					esp_proposals = $ESP_PROPOSALS
				}
			}
		}
	}
	secrets {
		ike {
			secret = "$PSK"
		}
	}
	CONF
}

# start_told NETNS NAME COMMAND...: a program that takes commands from the FIFO
# $work/NAME.fifo, and answers each with a line. It says "ready" first.
declare -A told=()
start_told() {
	local fd

	mkfifo "$work/$2.fifo" "$work/$2.log"
	exec {fd}<>"$work/$2.log"
	told[$2]=$fd
	start_in "$@"
	told "$2"
	[ "$answer" = ready ] || { echo "$2: $answer"; return 1; }
}

# told NAME: its next line is in $answer. Nothing else runs until it is there.
told() {
	IFS= read -r -t 3000 -u "${told[$1]}" answer
}

# tell NAME COMMAND...: $answer is the answer, without the command's name.
tell() {
	local name=$1
	shift

	echo "$name: $*"
	echo "$*" >"$work/$name.fifo"
	told "$name"
	[[ $answer = "$1 "* ]] || { echo "$name: $answer"; return 1; }
	answer=${answer#* }
}

# gateway_begin ikefpd|strongswan|sas KIND: what keeps gw2's IKE SAs, and their peers (peers.c)
# at gw1. As many may come at once as want to. $idle_rate is how many instructions the machine
# runs in a second as long as there are none.
#
# charon keeps its IKE SAs in a list by default; many are to be in a table
# (ikesa_table_size). sas is the module without a daemon: sas.c.
gateway_begin() {
	local kind=$2

	case $1 in
	sas)
		kind=static
		module_load
		start_told gw2 sas "$bench/sas" "$gw2_addr" "$gw1_addr" \
			"$([ "$2" = nat ] && echo 1 || echo 0)" "$work/sas.fifo"
		;;
	*)
		# Another turn's end may have unloaded it.
		[ "$1" != ikefpd ] || module_load
		CHARON='ikesa_table_size = 16384' "$1_start" gw2 < <(peers_conf)
		;;
	esac
	gateway_pid=$started_pid
	[ "$1" != ikefpd ] || gw2 "$(program ikefp)" policy source-rate=1000000 \
		cookie-rate=1000000 init-rate=1000000
	gw2 ip neighbour replace "$nobody" lladdr 02:00:00:00:00:09 dev wan nud permanent
	PSK=$PSK TS_REMOTE=10.2.0.1/32 start_told gw1 peers "$bench/peers" "$kind" "$gw1_addr" \
		"$gw2_addr" 9 "/run/netns/$netns_gw2" "$nobody" "$work/peers.fifo"
	idle_rate=$(($("$bench/idle" 20) / 20))
	note idle-rate $idle_rate
}

# gateway_end ikefpd|strongswan|sas: it is no more, nor are its IKE SAs.
gateway_end() {
	gateway_kill
	[ "$1" = strongswan ] || module_unload
}

# gateway_kill: what it leaves in the kernel stays.
gateway_kill() {
	kill -9 "$gateway_pid"
	wait_for 30 nobody_in gw2
}

# nobody_in NETNS: no process, that is.
nobody_in() {
	local ns=netns_$1

	[ -z "$(ip netns pids "${!ns}")" ]
}

# peers_make COUNT: until there are so many that a daemon has set up.
peers_make() {
	local n

	for ((n = peers_made + 1000; n < $1; n += 1000)); do
		tell peers make $n
		progress "$who: $n peers"
	done
	tell peers make "$1"
	progress "$who: $1 peers"
	peers_made=$1
}
peers_made=0
