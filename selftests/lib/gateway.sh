# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# IKE daemons in the gateways: ikefpd and strongSwan, started and driven alike.
# Each has a folder $work/GATEWAY with its swanctl.conf and its VICI socket. $DAEMON_ROOT is where
# a daemon is started that is another system's (trixie.sh).

PSK=${PSK:-'a secret of the tests, 32 octets'}

# program NAME: one that the project builds, or an installed one.
program() {
	local file

	for file in "$selftests/../user/build/sbin/$1" "$selftests/../.build/selftests/$1" \
		"$selftests/$1"; do
		if [ -f "$file" ] && [ -x "$file" ]; then
			echo "$file"
			return
		fi
	done
	command -v "$1" || { echo "there is no $1 (make user selftests)" >&2; return 1; }
}

# psk_conf gw1|gw2
#
# Writes a gateway's swanctl.conf: the connection "gw" with a pre-shared key and
# the child "net" between the networks of the topology at hand. gw2 answers
# whoever comes. $IKE_PROPOSALS, $ESP_PROPOSALS, $CONN, $LOCAL, $REMOTE and $CHILD
# (further settings, each with its newline) change it, and so do $AUTH (psk) and
# $REMOTE_AUTH (the same).
psk_conf() {
	local me=$1 peer remote local_net remote_net

	case $me in
	gw1) peer=gw2 remote=$gw2_addr local_net=$lan1_net remote_net=$lan2_net ;;
	gw2) peer=gw1 remote=%any local_net=$lan2_net remote_net=$lan1_net ;;
	esac
	local addr=${me}_addr
	cat <<-CONF
	connections {
		gw {
			version = 2
			local_addrs = ${!addr}
			remote_addrs = $remote
			proposals = ${IKE_PROPOSALS:-aes256gcm16-prfsha256-x25519}
			${CONN:-}
			local {
				auth = ${AUTH:-psk}
				id = ${LOCAL_ID:-$me.example}
				${LOCAL:-}
			}
			remote {
				auth = ${REMOTE_AUTH:-${AUTH:-psk}}
				id = ${REMOTE_ID:-$peer.example}
				${REMOTE:-}
			}
			children {
				net {
					local_ts = $local_net
					remote_ts = $remote_net
					esp_proposals = ${ESP_PROPOSALS:-aes256gcm16}
					${CHILD:-}
				}
			}
		}
	}
	secrets {
		ike {
			id-1 = gw1.example
			id-2 = gw2.example
			secret = "$PSK"
		}
	}
	CONF
}

# With all its plugins, swanctl would have the kernel load every cipher it has
# before anything else: many seconds.
swanctl_settings() {
	cat <<-'CONF'
	swanctl {
		load = random openssl pem pkcs1 pkcs8 x509 pubkey
	}
	CONF
}

# gateway_dir GATEWAY: its folder, with what swanctl wants to find there.
gateway_dir() {
	mkdir -p "$work/$1"/{x509{,ca,ocsp,aa,ac,crl},pubkey,private,rsa,ecdsa,bliss,pkcs8,pkcs12}
	swanctl_settings >"$work/$1/strongswan.conf"
}

# ikefpd_start GATEWAY [OPTION...]: the configuration comes by stdin.
ikefpd_start() {
	local gw=$1
	shift

	gateway_dir "$gw"
	cat >"$work/$gw/swanctl.conf"
	echo "[$gw] ikefpd -f swanctl.conf $*"
	start_in "$gw" "$gw" ${DAEMON_ROOT:+chroot "$DAEMON_ROOT"} "$(program ikefpd)" -f "$work/$gw/swanctl.conf" \
		-u "$work/$gw/vici" "$@"
	echo "$started_pid" >"$work/$gw/pid"
	gateway_ready "$gw"
}

# vici_start GATEWAY: ikefpd without a configuration of its own, which VICI gives it.
vici_start() {
	gateway_dir "$1"
	start_in "$1" "$1" "$(program ikefpd)" -u "$work/$1/vici"
	gateway_ready "$1"
}

# ikefpd_kill GATEWAY: its daemon is gone, without having had a chance to say goodbye.
ikefpd_kill() {
	local pid

	pid=$(<"$work/$1/pid")
	echo "[$1] kill -9 $pid"
	kill -9 "$pid"
	wait_for 10 process_gone "$pid"
}

# strongswan_start GATEWAY: the swanctl.conf comes by stdin; $CHARON are further
# settings of charon.
strongswan_start() {
	local gw=$1

	gateway_dir "$gw"
	cat >"$work/$gw/swanctl.conf"
	cat >"$work/$gw/strongswan.conf" <<-CONF
	charon-systemd {
		load = random nonce pem pkcs1 x509 pubkey openssl revocation constraints chapoly curve25519 gcm hmac kdf kernel-netlink socket-default updown vici
		install_routes = no
		plugins {
			vici {
				socket = unix://$work/$gw/vici
			}
		}
		journal {
			default = -1
		}
		filelog {
			stderr {
				default = ${CHARON_LOG:-1}
				flush_line = yes
			}
		}
		${CHARON:-}
	}
	CONF
	swanctl_settings >>"$work/$gw/strongswan.conf"
	echo "[$gw] charon-systemd"
	start_in "$gw" "$gw" ${DAEMON_ROOT:+chroot "$DAEMON_ROOT"} \
		env STRONGSWAN_CONF="$work/$gw/strongswan.conf" charon-systemd
	gateway_ready "$gw"
	swanctl "$gw" --load-all
}

# gateway_ready GATEWAY: until its daemon, started last, answers by VICI.
gateway_ready() {
	wait_for 30 vici_answers "$1" "$started_pid"
	kill -0 "$started_pid"
}

vici_answers() {
	kill -0 "$2" || return 0
	[ -S "$work/$1/vici" ] && swanctl "$1" --stats
}

# swanctl GATEWAY ARGUMENT...: drives the gateway's daemon. A --timeout is for a
# usual machine ($IKEFP_TIME_SCALE).
swanctl() {
	local args=("${@:2}") i

	for ((i = 1; i < ${#args[@]}; i++)); do
		[ "${args[i - 1]}" != --timeout ] || args[i]=$((args[i] * ${IKEFP_TIME_SCALE:-1}))
	done
	echo "[$1] swanctl ${args[*]}"
	STRONGSWAN_CONF="$work/$1/strongswan.conf" SWANCTL_DIR="$work/$1" \
		command swanctl "${args[@]}" --uri "unix://$work/$1/vici"
}

# conf_load GATEWAY: its daemon has what is in its folders, and the swanctl.conf from stdin.
conf_load() {
	cat >"$work/$1/swanctl.conf"
	swanctl "$1" --load-all --clear --noprompt >"$work/load" || {
		cat "$work/load"
		return 1
	}
}

# child_sas GATEWAY: how many Child SAs are installed there.
child_sas() {
	swanctl "$1" --list-sas --raw | grep -o 'state=INSTALLED' | wc -l
}

# ping_start FROM ADDRESS: a hundred pings a second from now on.
ping_start() {
	echo "[$1] ping -i 0.01 $2"
	: >"$work/ping.log"
	start_in "$1" ping ping -n -i 0.01 "$2"
	ping_pid=$started_pid ping_from=$1
}

# ping_more NUMBER: waits until so many more were answered.
ping_more() {
	wait_for 30 pings_answered $(($(pings_received) + $1))
}

pings_answered() {
	[ "$(pings_received)" -ge "$1" ]
}

pings_received() {
	device_packets "$ping_from" eth0 in
}

# ping_stop: ends that, and $pings_lost is how many were not answered of those before the
# last one that was: others are still on their way.
ping_stop() {
	kill -INT "$ping_pid"
	wait "$ping_pid"
	tail -n 3 "$work/ping.log"
	pings_lost=$(sed -n '/DUP!/d; s/.* icmp_seq=\([0-9]*\) .*/\1/p' "$work/ping.log" |
		awk '$1 > last { last = $1 } END { print last - NR }')
}

# answered FROM ADDRESS: a ping goes through, in ten tries at most (they may be
# lost where the way loses packets).
answered() {
	local try

	for try in {1..10}; do
		run_in "$1" ping -n -q -c 1 -W 1 "$2" >/dev/null || continue
		echo "[$1] ping $2: answered at try $try"
		return
	done
	echo "[$1] ping $2: no answer in 10 tries"
	return 1
}
