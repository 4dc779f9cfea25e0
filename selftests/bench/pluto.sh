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
	echo "@gw1.example @gw2.example : PSK \"$PSK\"" >"$dir/ipsec.secrets"
	certutil -N -d "sql:$dir/nss" --empty-password
	echo "[$1] pluto"
	start_in "$1" "$1" "$libreswan/pluto" --nofork --stderrlog \
		--config "$dir/ipsec.conf" --secretsfile "$dir/ipsec.secrets" \
		--nssdir "$dir/nss" --ipsecdir "$dir/ipsec.d" --rundir "$dir/run"
	echo "$started_pid" >"$dir/pid"
	wait_for 30 pluto_answers "$1"
	run_in "$1" "$libreswan/addconn" --ctlsocket "$dir/run/pluto.ctl" \
		--config "$dir/ipsec.conf" gw
	whack "$1" --listen
}

# whack GATEWAY OPTION...: drives its pluto.
whack() {
	local gw=$1
	shift

	run_in "$gw" "$libreswan/whack" --rundir "$work/$gw/run" "$@"
}

pluto_answers() {
	kill -0 "$(<"$work/$1/pid")" && whack "$1" --briefstatus
}
