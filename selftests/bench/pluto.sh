# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Debian's Libreswan in a gateway. It conflicts with strongSwan's packages, so that it is
# unpacked beside them.

libreswan=/opt/libreswan/usr/libexec/ipsec

# pluto_conf gw1|gw2: ipsec.conf with what psk_conf has; $PLUTO_CONN are further lines.
pluto_conf() {
	local me=$1 peer remote local_net remote_net addr=${1}_addr

	case $me in
	gw1) peer=gw2 remote=$gw2_addr local_net=$lan1_net remote_net=$lan2_net ;;
	gw2) peer=gw1 remote=%any local_net=$lan2_net remote_net=$lan1_net ;;
	esac
	cat <<-CONF
	config setup

	conn gw
	    ikev2=insist
	    authby=secret
	    ike=aes_gcm128-sha2_256-dh31
	    esp=aes_gcm128
	    left=${!addr}
	    leftid=@$me.example
	    leftsubnet=$local_net
	    right=$remote
	    rightid=@$peer.example
	    rightsubnet=$remote_net
	    auto=add
	${PLUTO_CONN:-}
	CONF
}

# pluto_start GATEWAY: the ipsec.conf comes by stdin.
pluto_start() {
	local dir=$work/$1

	# It looks for its programs where they are installed.
	[ -e /usr/libexec/ipsec ] || { mkdir -p /usr/libexec; ln -s "$libreswan" /usr/libexec/; }
	[ -e /usr/sbin/ipsec ] || ln -s /opt/libreswan/usr/sbin/ipsec /usr/sbin/ipsec
	mkdir -p "$dir"/{nss,ipsec.d,run}
	cat >"$dir/ipsec.conf"
	echo ": PSK \"$PSK\"" >"$dir/ipsec.secrets"
	certutil -N -d "sql:$dir/nss" --empty-password
	echo "[$1] pluto"
	start_in "$1" "$1" "$libreswan/pluto" --nofork --stderrlog \
		--config "$dir/ipsec.conf" --secretsfile "$dir/ipsec.secrets" \
		--nssdir "$dir/nss" --ipsecdir "$dir/ipsec.d" --rundir "$dir/run"
	echo "$started_pid" >"$dir/pid"
	# It has addconn, a process of its own, give it all connections, and listens then.
	wait_for 60 pluto_listens "$1"
	[ "$(grep -c 'added IKEv2 connection' "$work/$1.log")" -eq \
		"$(grep -c '^conn ' "$dir/ipsec.conf")" ]
}

# whack GATEWAY OPTION...: drives its pluto.
whack() {
	local gw=$1
	shift

	run_in "$gw" "$libreswan/whack" --rundir "$work/$gw/run" "$@"
}

pluto_listens() {
	kill -0 "$(<"$work/$1/pid")" && grep -q 'listening for IKE messages' "$work/$1.log"
}
