# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Debian's OpenIKED in a gateway. Its control socket has one place in the file system, so
# that there is one at a time.

# iked_transforms PROPOSAL: swanctl.conf's way to write it as iked.conf's.
iked_transforms() {
	local part words=()

	for part in ${1//-/ }; do
		case $part in
		aes*gcm16) part=${part%gcm16} words+=(enc "aes-${part#aes}-gcm") ;;
		chacha20poly1305) words+=(enc chacha20-poly1305) ;;
		aes*) words+=(enc "aes-${part#aes}") ;;
		prfsha*) words+=(prf "hmac-sha2-${part#prfsha}") ;;
		sha1) words+=(auth hmac-sha1) ;;
		sha*) words+=(auth "hmac-sha2-${part#sha}") ;;
		x25519) words+=(group curve25519) ;;
		ecp* | modp*) words+=(group "$part") ;;
		esac
	done
	echo "${words[*]}"
}

# iked_conf gw1|gw2: iked.conf with what psk_conf has. gw1 is the one to begin.
iked_conf() {
	local me=$1 peer mode remote local_net remote_net addr=${1}_addr
	local auth=${IKED_AUTH:-"psk \"$PSK\""}

	case $me in
	gw1) peer=gw2 mode=active remote=$gw2_addr local_net=$lan1_net remote_net=$lan2_net ;;
	gw2) peer=gw1 mode=passive remote=any local_net=$lan2_net remote_net=$lan1_net ;;
	esac
	cat <<-CONF
	ikev2 "gw" $mode esp from $local_net to $remote_net local ${!addr} peer $remote \\
		ikesa $(iked_transforms "${IKE_PROPOSALS:-aes256gcm16-prfsha256-x25519}") \\
		childsa $(iked_transforms "${ESP_PROPOSALS:-aes256gcm16}") \\
		srcid $me.example dstid $peer.example $auth
	CONF
}

# openiked_start GATEWAY: the iked.conf comes by stdin.
openiked_start() {
	local dir=$work/$1

	mkdir -p "$dir"
	(umask 077 && cat >"$dir/iked.conf")
	modprobe af_key
	echo "[$1] iked"
	start_in "$1" "$1" iked -d -v -f "$dir/iked.conf"
	echo "$started_pid" >"$dir/pid"
	wait_for 30 iked_listens "$1"
}

iked_listens() {
	run_in "$1" ss -Hlun 'sport = 500' | grep -q . && run_in "$1" ikectl show sa
}
