# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Debian's Libreswan in a gateway. It conflicts with strongSwan's packages, so that it is
# unpacked beside them.

libreswan=/opt/libreswan/usr/libexec/ipsec

# pluto_proposal PROPOSAL: swanctl.conf's way to write it as ipsec.conf's.
pluto_proposal() {
	sed 's/prfsha/sha/; s/sha\([0-9]\)/sha2_\1/g; s/aes\([0-9]*\)gcm16/aes_gcm\1/
		s/chacha20poly1305/chacha20_poly1305/; s/x25519/dh31/; s/ecp256/dh19/
		s/ecp384/dh20/; s/ecp521/dh21/; s/-esn//' <<<"$1"
}

# pluto_conf gw1|gw2: ipsec.conf with what psk_conf has; $PLUTO_CONN are further lines.
pluto_conf() {
	local me=$1 peer remote local_net remote_net addr=${1}_addr pfs=no

	case $me in
	gw1) peer=gw2 remote=$gw2_addr local_net=$lan1_net remote_net=$lan2_net ;;
	gw2) peer=gw1 remote=${PLUTO_RIGHT:-%any} local_net=$lan2_net remote_net=$lan1_net ;;
	esac
	[[ ! ${ESP_PROPOSALS:-} =~ x25519|ecp|modp ]] || pfs=yes
	cat <<-CONF
	config setup

	conn gw
	    ikev2=insist
	    authby=${PLUTO_AUTH:-secret}
	    ike=$(pluto_proposal "${IKE_PROPOSALS:-aes256gcm16-prfsha256-x25519}")
	    pfs=$pfs
	    esp=$(pluto_proposal "${ESP_PROPOSALS:-aes256gcm16}" | sed 's/-dh/;dh/')
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

# pluto_install GATEWAY CA CERTIFICATE: of pki.sh, into its NSS database, beside what is there.
pluto_install() {
	local nss=$work/$1/nss

	mkdir -p "$nss"
	[ -e "$nss/cert9.db" ] || certutil -N -d "sql:$nss" --empty-password
	certutil -A -d "sql:$nss" -n "$2" -t CT,, -a -i "$pki/$2.crt"
	openssl pkcs12 -export -in "$pki/$3.crt" -inkey "$pki/$3.key" -name "$3" \
		-passout pass: -out "$nss/$3.p12"
	pk12util -d "sql:$nss" -i "$nss/$3.p12" -W ''
}

# pluto_revokes GATEWAY CRL: in DER, into its NSS database. (Libreswan's program for that knows one
# place.)
pluto_revokes() {
	mkdir -p /var/lib/ipsec
	ln -sfn "$work/$1/nss" /var/lib/ipsec/nss
	"$libreswan/_import_crl" http://127.0.0.1/crl "$(stat -c %s "$2")" <"$2"
}

# pluto_start GATEWAY: the ipsec.conf comes by stdin.
pluto_start() {
	local dir=$work/$1 before=0

	# It looks for its programs where they are installed.
	[ -e /usr/libexec/ipsec ] || { mkdir -p /usr/libexec; ln -s "$libreswan" /usr/libexec/; }
	[ -e /usr/sbin/ipsec ] || ln -s /opt/libreswan/usr/sbin/ipsec /usr/sbin/ipsec
	mkdir -p "$dir"/{nss,ipsec.d,run}
	cat >"$dir/ipsec.conf"
	printf '%s\n' ": PSK \"$PSK\"" "${PLUTO_SECRETS:-}" >"$dir/ipsec.secrets"
	[ -e "$dir/nss/cert9.db" ] || certutil -N -d "sql:$dir/nss" --empty-password
	[ ! -e "$dir.log" ] || before=$(wc -l <"$dir.log")
	echo "[$1] pluto"
	start_in "$1" "$1" "$libreswan/pluto" --nofork --stderrlog \
		--config "$dir/ipsec.conf" --secretsfile "$dir/ipsec.secrets" \
		--nssdir "$dir/nss" --ipsecdir "$dir/ipsec.d" --rundir "$dir/run"
	echo "$started_pid" >"$dir/pid"
	# It has addconn, a process of its own, give it all connections, and listens then.
	wait_for 60 pluto_listens "$1" $((before + 1))
	pluto_has_all "$1" $((before + 1))
}

# pluto_load GATEWAY: its pluto has the ipsec.conf from stdin instead of what it had.
pluto_load() {
	local before

	whack "$1" --name gw --delete
	cat >"$work/$1/ipsec.conf"
	before=$(wc -l <"$work/$1.log")
	run_in "$1" "$libreswan/addconn" --ctlsocket "$work/$1/run/pluto.ctl" \
		--config "$work/$1/ipsec.conf" --addall
	pluto_has_all "$1" "$before"
}

# pluto_has_all GATEWAY [LINE]: since that line of its log all of its ipsec.conf was taken.
pluto_has_all() {
	[ "$(tail -n "+${2:-1}" "$work/$1.log" | grep -c 'added IKEv2 connection' || :)" -ge \
		"$(grep -c '^conn ' "$work/$1/ipsec.conf")" ]
}

# whack GATEWAY OPTION...: drives its pluto.
whack() {
	local gw=$1
	shift

	run_in "$gw" "$libreswan/whack" --rundir "$work/$gw/run" "$@"
}

# pluto_listens GATEWAY LINE: says its log since then.
pluto_listens() {
	kill -0 "$(<"$work/$1/pid")" &&
		tail -n "+$2" "$work/$1.log" | grep 'listening for IKE messages'
}
