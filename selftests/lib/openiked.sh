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

# iked_flows NETWORKS NETWORKS: each of the first with each of the second, as psk_conf has them.
iked_flows() {
	local from to

	for from in ${1//,/ }; do
		for to in ${2//,/ }; do
			echo "from $from to $to"
		done
	done | paste -sd ' '
}

# iked_conf gw1|gw2: iked.conf with what psk_conf has. Whose peer's address is known can begin
# (gw2's is $IKED_PEER). $IKED_SET are lines of their own, $IKED_POLICY further words of the
# policy.
iked_conf() {
	local me=$1 peer mode=active remote local_net remote_net addr=${1}_addr
	local auth=${IKED_AUTH-"psk \"$PSK\""}

	case $me in
	gw1) peer=gw2 remote=$gw2_addr local_net=$lan1_net remote_net=$lan2_net ;;
	gw2) peer=gw1 remote=${IKED_PEER:-any} local_net=$lan2_net remote_net=$lan1_net ;;
	esac
	[ "$remote" != any ] || mode=passive
	cat <<-CONF
	${IKED_SET:-}
	ikev2 "gw" $mode esp $(iked_flows "$local_net" "$remote_net") local ${!addr} peer $remote \\
		ikesa $(iked_transforms "${IKE_PROPOSALS:-aes256gcm16-prfsha256-x25519}") \\
		childsa $(iked_transforms "${ESP_PROPOSALS:-aes256gcm16}") \\
		srcid $me.example dstid $peer.example ${IKED_POLICY:-} $auth
	CONF
}

# Said by the process that has them. What it is asked before, it never answers, and its other end
# takes each message that is sent again for one that is being worked on.
iked_has_keys='^ca_reload: local cert type'

# openiked_start GATEWAY: the iked.conf comes by stdin.
openiked_start() {
	local before

	openiked_conf "$1"
	openiked_folders
	modprobe af_key
	echo "[$1] iked"
	before=$(said "$1" "$iked_has_keys" 2>/dev/null)
	start_in "$1" "$1" iked -d -vv -f "$work/$1/iked.conf"
	echo "$started_pid" >"$work/$1/pid"
	wait_for 30 said_more_than "$1" "$iked_has_keys" "${before:-0}"
	wait_for 30 iked_listens "$1"
}

# openiked_conf GATEWAY: its iked.conf, from stdin.
openiked_conf() {
	mkdir -p "$work/$1"
	(umask 077 && cat >"$work/$1/iked.conf")
}

# openiked_load GATEWAY: as conf_load. That it has been told so does not mean that it has done so.
openiked_load() {
	local before keys_before

	before=$(said "$1" '^config_getstatic: nattport')
	keys_before=$(said "$1" "$iked_has_keys")
	openiked_conf "$1"
	run_in "$1" ikectl load "$work/$1/iked.conf"
	wait_for 20 said_more_than "$1" "$iked_has_keys" "$keys_before"
	wait_for 20 said_more_than "$1" '^config_getstatic: nattport' "$before"
}

# openiked_folders: /etc/iked, which is the only place where it looks for keys and certificates.
openiked_folders() {
	local dir

	for dir in ca certs crls private pubkeys/fqdn; do
		mkdir -p "/etc/iked/$dir"
	done
	# It does not start without a key of its own.
	[ -e /etc/iked/private/local.key ] ||
		openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
			-out /etc/iked/private/local.key
}

# openiked_install CA... -- CERT: of pki.sh, in place of what it has had. (The key comes with the
# certificate.)
openiked_install() {
	local name dir=ca

	openiked_folders
	rm -f /etc/iked/{ca,certs,crls,pubkeys/fqdn}/*
	for name; do
		if [ "$name" = -- ]; then
			dir=certs
			continue
		fi
		cp "$pki/$name.crt" "/etc/iked/$dir/"
		[ $dir = ca ] || cp "$pki/$name.key" /etc/iked/private/local.key
	done
}

iked_listens() {
	run_in "$1" ss -Hlun 'sport = 500' | grep -q . && run_in "$1" ikectl show sa
}
