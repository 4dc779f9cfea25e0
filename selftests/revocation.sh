#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Certificates that are revoked: CRLs that are fetched, OCSP, from where the certificates or
# the configuration say, and nobody waits for another's. gw1 is ikefpd, gw2 strongSwan.

. "${0%/*}/lib.sh"
. "$selftests/lib/pki.sh"

AUTH=pubkey

# daemons REVOCATION [AUTHORITY]: and a web server on gw1 for what is in $work/www.
daemons() {
	topo_direct
	strongswan_start gw2 </dev/null
	ikefpd_start gw1 </dev/null
	pki_install gw1 ca -- gw1
	conf_load gw1 < <(REMOTE="revocation = $1" psk_conf gw1; printf '%s\n' "${2:-}")
	mkdir "$work/www"
	start_in gw1 www python3 -u -m http.server --bind 127.0.0.1 --directory "$work/www" 8080
	wait_for 20 tcp_listens gw1 8080
}

# peer CERT: gw2 has this one from now on.
peer() {
	pki_install gw2 ca -- "$1"
	conf_load gw2 < <(conf_both gw2)
}

publish() {
	openssl crl -in "$pki/ca.crl" -outform DER -out "$work/www/ca.crl"
}

# accepted, refused REASON: by gw1, whoever begins. What was learnt is forgotten before.
accepted() {
	local gw

	for gw in gw1 gw2; do
		swanctl gw1 --flush-certs >/dev/null
		swanctl $gw --initiate --child net --timeout 30
		swanctl $gw --terminate --ike gw --timeout 20
		taken_down
	done
}

refused() {
	local gw before

	for gw in gw1 gw2; do
		swanctl gw1 --flush-certs >/dev/null
		before=$(grep -c "$1" "$work/gw1.log" || :)
		fails swanctl $gw --initiate --child net --timeout 30
		wait_for 10 said_more "$1" "$before"
		wait_for 10 none_left gw2
	done
}

none_left() {
	[ "$(swanctl "$1" --list-sas --raw | grep -c 'list-sa event')" = 0 ]
}

said_more() {
	[ "$(grep -c "$1" "$work/gw1.log")" -gt "$2" ]
}

crl_fetched() {
	daemons strict
	publish
	peer gw2-cdp
	accepted
	grep -q "fetched the CRL of .*CN=ca.* from http://127.0.0.1:8080/ca.crl" "$work/gw1.log"
	swanctl gw1 --initiate --child net --timeout 20
	swanctl gw1 --list-certs --type x509_crl | grep -q 'issuer:.*CN=ca'
	# It is kept: another handshake fetches nothing.
	swanctl gw1 --terminate --ike gw --timeout 20
	grep -c 'GET /ca.crl' "$work/www.log" >"$work/gets"
	swanctl gw1 --initiate --child net --timeout 20
	[ "$(grep -c 'GET /ca.crl' "$work/www.log")" = "$(<"$work/gets")" ]
	swanctl gw1 --terminate --ike gw --timeout 20
	peer gw2-revoked
	refused 'CN=gw2-revoked": certificate revoked'
}

# Where there is no answer, or a wrong one, it depends on what the connection asks.
no_answer() {
	daemons "$1"
	peer gw2-cdp
	"$2" 'CN=gw2-cdp": unable to get certificate CRL'
	grep -q 'a CRL from http://127.0.0.1:8080/ca.crl: ' "$work/gw1.log"
	# Somebody else's CRL under that address.
	openssl crl -in "$pki/other.crl" -outform DER -out "$work/www/ca.crl"
	"$2" 'CN=gw2-cdp": unable to get certificate CRL'
	grep -q 'ca.crl: it is not signed by the CA whose certificates it is about' "$work/gw1.log"
}

# ocsp_responder CA [SIGNER]
ocsp_responder() {
	start_in gw1 ocsp openssl ocsp -port 8888 -index "$pki/$1.index" -CA "$pki/$1.crt" \
		-rsigner "$pki/${2:-$1}.crt" -rkey "$pki/${2:-$1}.key" -nmin 5
	ocsp_pid=$started_pid
	wait_for 20 tcp_listens gw1 8888
}

ocsp() {
	daemons strict
	ocsp_responder ca responder
	peer gw2-ocsp
	accepted
	grep -q 'OCSP from http://127.0.0.1:8888/: certificate .*CN=gw2-ocsp" is good' "$work/gw1.log"
	peer gw2-ocsp-revoked
	refused 'CN=gw2-ocsp-revoked": certificate revoked'
	end_process "$ocsp_pid"
	# One who may not say so.
	ocsp_responder ca gw1
	peer gw2-ocsp
	refused 'CN=gw2-ocsp": unable to get certificate CRL'
	grep -q 'the answer is not signed by who may' "$work/gw1.log"
}

authorities() {
	daemons strict "authorities {
		ours {
			cacert = ca.crt
			crl_uris = http://127.0.0.1:8080/ca.crl
			ocsp_uris = http://127.0.0.1:9/
		}
	}"
	has_authority http://127.0.0.1:8080/ca.crl
	publish
	peer gw2-plain
	accepted
	# It is taken away; then the file has another one.
	conf_load gw1 < <(REMOTE='revocation = strict' psk_conf gw1)
	has_no_authority
	cat >>"$work/gw1/swanctl.conf" <<-CONF
	authorities {
		ours {
			cacert = ca.crt
			crl_uris = http://127.0.0.1:8080/other.crl
		}
	}
	CONF
	kill -HUP "$(<"$work/gw1/pid")"
	wait_for 10 has_authority http://127.0.0.1:8080/other.crl
}

# One that is brought by other means, in whatever form. Who reads it has no rights.
file_of_crl() {
	chmod 711 "$work"
	daemons strict "authorities {
		ours {
			cacert = ca.crt
			crl_uris = file://$work/ours.crl
		}
	}"
	has_authority "file://$work/ours.crl"
	peer gw2-plain
	refused 'CN=gw2-plain": unable to get certificate CRL'
	grep -q 'a CRL from file:///.*/ours.crl: No such file or directory' "$work/gw1.log"
	cp "$pki/other.crl" "$work/ours.crl"
	refused 'CN=gw2-plain": unable to get certificate CRL'
	grep -q 'ours.crl: it is not signed by the CA whose certificates it is about' "$work/gw1.log"
	cp "$pki/ca.crl" "$work/ours.crl"
	chmod 600 "$work/ours.crl"
	refused 'CN=gw2-plain": unable to get certificate CRL'
	grep -q 'ours.crl: permission denied: anybody has to be able to read it' "$work/gw1.log"
	chmod 644 "$work/ours.crl"
	accepted
	grep -q 'fetched the CRL of .* from file:///.*/ours.crl' "$work/gw1.log"
	peer gw2-revoked
	refused 'CN=gw2-revoked": certificate revoked'
}

# has_authority URI: gw1 has "ours", whose CRL is there; or has_no_authority at all.
has_authority() {
	swanctl gw1 --list-authorities >"$work/list"
	cat "$work/list"
	grep -q 'ours:' "$work/list" && grep -qF "$1" "$work/list"
}

has_no_authority() {
	swanctl gw1 --list-authorities >"$work/list"
	fails grep -q 'ours:' "$work/list"
}

# other_conf GATEWAY: another connection, with a secret.
other_conf() {
	AUTH=psk conf_both "$1" | sed 's/gw1.example/third.example/; s/gw2.example/fourth.example/
		s/\<gw {/other {/; s/\<net {/more {/; s/\<ike {/ike-other {/'
}

# A CRL that does not come costs who waits for it, and nobody else.
slow() {
	local slow

	daemons strict
	mkfifo "$work/fifo"
	start_in gw1 slow socat TCP-LISTEN:8081,reuseaddr SYSTEM:"cat $work/fifo"
	wait_for 10 tcp_listens gw1 8081
	publish
	conf_load gw1 < <(REMOTE='revocation = strict' psk_conf gw1; other_conf gw1)
	pki_install gw2 ca -- gw2-slow
	conf_load gw2 < <(conf_both gw2; other_conf gw2)
	swanctl gw2 --initiate --child net --timeout 60 >"$work/initiate" &
	slow=$!
	wait_for 10 grep -q 'waiting to learn if the peer' "$work/gw1.log"
	swanctl gw1 --initiate --child more --timeout 20
	[ "$(child_sas gw1)" = 1 ]
	{
		printf 'HTTP/1.0 200 OK\r\nContent-Type: application/pkix-crl\r\n\r\n'
		cat "$work/www/ca.crl"
	} >"$work/fifo"
	wait $slow || {
		cat "$work/initiate"
		return 1
	}
	grep -q 'fetched the CRL of .* from http://127.0.0.1:8081/' "$work/gw1.log"
}

need_module
pki_ca ca p256
pki_ca other p256
pki_cert gw1 ca p256
pki_cert responder ca p256 'extendedKeyUsage = OCSPSigning'
cdp='crlDistributionPoints = URI:http://127.0.0.1:8080/ca.crl'
aia='authorityInfoAccess = OCSP;URI:http://127.0.0.1:8888/'
pki_cert gw2-cdp ca p256 "$cdp"
pki_cert gw2-revoked ca p256 "$cdp"
pki_cert gw2-slow ca p256 'crlDistributionPoints = URI:http://127.0.0.1:8081/'
pki_cert gw2-ocsp ca p256 "$aia"
pki_cert gw2-ocsp-revoked ca p256 "$aia"
pki_cert gw2-plain ca p256
pki_ca_command ca -valid "$pki/gw2-ocsp.crt"
pki_revoke ca gw2-revoked gw2-ocsp-revoked
pki_revoke other
ktap_plan 8
testcase "a CRL is fetched" crl_fetched
testcase "no CRL, and it is to be known" no_answer strict refused
testcase "no CRL, and there is an address" no_answer ifuri refused
testcase "no CRL, and it does not matter" no_answer relaxed accepted
testcase "OCSP" ocsp
testcase "the configuration says where" authorities
testcase "a file of the configuration's" file_of_crl
testcase "one that does not come" slow
ktap_end
