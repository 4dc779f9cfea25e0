#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Private keys and certificates in a TPM, with strongSwan at the other end, in both roles: loaded by ikefpd and
# by swanctl; a wrong PIN; a TPM that is slow, goes, and comes back. gw1 is ikefpd, and its TPM
# swtpm behind the kernel's driver.

. "${0%/*}/lib.sh"
. "$selftests/lib/pki.sh"
. "$selftests/lib/tpm.sh"

AUTH=pubkey
PIN='a PIN of the tests'

# token NAME SETTING...: a section of secrets with these.
token() {
	printf 'secrets {\n%s {\n' "$1"
	printf '%s\n' "${@:2}"
	printf '}\n}\n'
}

# gw1_conf NAME SETTING...: gw1's configuration with that token.
gw1_conf() {
	conf_both gw1
	token "$@"
}

ecdsa=(token-ecdsa 'uri = "handle:0x81000001"' "pin = \"$PIN\"")
rsa=(token-rsa 'handle = 81000002')

# plugged_in: the TPM, and the network that configurations are made for.
plugged_in() {
	tpm_start
	topo_direct
}

# gateways CERT [OPTION...]: strongSwan, and ikefpd with this certificate of its TPM's, and the
# configuration from stdin.
gateways() {
	strongswan_start gw2 </dev/null
	pki_install gw2 ca -- gw2-p256
	conf_load gw2 < <(conf_both gw2)
	ikefpd_with "$@"
}

ikefpd_with() {
	gateway_dir gw1
	cp "$pki/ca.crt" "$work/gw1/x509ca/"
	cp "$pki/$1.crt" "$work/gw1/x509/"
	ikefpd_start gw1 "${@:2}"
}

from_either() {
	up_and_down gw1
	up_and_down gw2
}

mark() {
	mark=$(($(wc -l <"$work/gw1.log") + 1))
}

# said TEXT: gw1's log has it since the mark.
said() {
	tail -n "+$mark" "$work/gw1.log" | grep -e "$1"
}

# has_key KIND: swanctl says so of its certificate.
has_key() {
	swanctl gw1 --list-certs --type x509 >"$work/certs"
	grep "pubkey: *$1 .*, has private key" "$work/certs"
}

keys() {
	plugged_in
	gateways gw1-ecdsa < <(gw1_conf "${ecdsa[@]}")
	grep "token 'token-ecdsa' (handle:0x81000001): its private key is there, keyid" "$work/gw1.log"
	has_key ECDSA
	mark
	from_either
	[ "$(said "(myself) with ECDSA_WITH_SHA256_DER" | wc -l)" = 2 ]
	ikefpd_kill gw1
	ikefpd_with gw1-rsa < <(gw1_conf "${rsa[@]}")
	has_key RSA
	mark
	from_either
	[ "$(said "(myself) with RSA_EMSA_PKCS1_SHA2_256" | wc -l)" = 2 ]
	# Another signature of the same key.
	{
		AUTH=ike:rsa/pss-sha256 REMOTE_AUTH=pubkey conf_both gw1
		token "${rsa[@]}"
	} >"$work/gw1/swanctl.conf"
	swanctl gw1 --reload-settings
	mark
	from_either
	[ "$(said "(myself) with RSA_EMSA_PSS_SHA2_256" | wc -l)" = 2 ]
	# No PIN in the log.
	fails grep -F "$PIN" "$work/gw1.log"
}

# As with strongSwan: swanctl has the token loaded, by the settings that strongSwan has.
by_swanctl() {
	local id

	plugged_in
	gateways gw1-ecdsa </dev/null
	{
		conf_both gw1
		token token-ecdsa 'handle = 81000001' "pin = \"$PIN\""
	} >"$work/gw1/swanctl.conf"
	swanctl gw1 --load-all --noprompt | tee "$work/said"
	id=$(sed -n 's/.*token-ecdsa.*\[keyid: \([0-9a-f]*\)\].*/\1/p' "$work/said")
	[ ${#id} = 40 ]
	has_key ECDSA
	from_either
	# By a URI, too.
	gw1_conf "${ecdsa[@]}" >"$work/gw1/swanctl.conf"
	swanctl gw1 --load-creds --noprompt
	has_key ECDSA
	# Once more: what is there stays, what is not configured any more goes.
	swanctl gw1 --load-creds --noprompt
	up_and_down gw2
	conf_both gw1 >"$work/gw1/swanctl.conf"
	swanctl gw1 --load-creds --noprompt
	fails has_key ECDSA
	# What is refused, and how.
	{
		conf_both gw1
		token token-card 'handle = 0102' 'slot = 3' 'module = card' 'pin = 1'
	} >"$work/gw1/swanctl.conf"
	swanctl gw1 --load-creds --noprompt 2>&1 | tee "$work/said"
	grep 'uri = "pkcs11:id=%01%02;slot-id=3"' "$work/said"
	{
		conf_both gw1
		token token-ecdsa 'handle = 81000009'
	} >"$work/gw1/swanctl.conf"
	swanctl gw1 --load-creds --noprompt 2>&1 | tee "$work/said"
	grep "the token's private key: there is no private key: .*handle" "$work/said"
}

# no_files: neither certificates nor CAs for gw1 but those of its TPM.
no_files() {
	rm -f "$work/gw1"/x509/* "$work/gw1"/x509ca/*
}

# in_nv NAME INDEX [FORM]: a certificate, in DER unless in PEM.
in_nv() {
	openssl x509 -in "$pki/$1.crt" -outform "${3:-DER}" -out "$work/nv"
	tpm_nv "$2" "$work/nv"
}

# Ours, and the CA that the peer has to be of.
in_tpm=(LOCAL='cert1 {
	handle = 01800001
}' REMOTE='cacert1 {
	uri = "handle:0x01800002"
}')

certificates() {
	plugged_in
	in_nv gw1-ecdsa 0x01800001
	in_nv ca 0x01800002 PEM
	gateways gw1-ecdsa </dev/null
	no_files
	env_conf "${in_tpm[@]}" >"$work/gw1/swanctl.conf"
	mark
	swanctl gw1 --reload-settings
	said "token handle:0x01800001: the certificate of gw.local.cert1 is there, \".*CN=gw1-ecdsa\""
	said "token handle:0x01800002: the certificate of gw.remote.cacert1 is there, \".*CN=ca\""
	has_key ECDSA
	swanctl gw1 --list-conns | tee "$work/said"
	grep -c 'CN=gw1-ecdsa\|CN=ca' "$work/said" | grep -x 2
	from_either
	[ "$(said "(myself) with ECDSA_WITH_SHA256_DER" | wc -l)" = 2 ]
	# What was read serves while the TPM is away, but for what the key signs.
	tpm_stop
	swanctl gw1 --list-certs | grep 'CN=gw1-ecdsa'
	let_go
	# Another one of the same key, once it is loaded.
	mark
	tpm_start
	wait_for 30 said "token 'token-ecdsa' (handle:0x81000001): its private key is there"
	tpm_cert gw1-ecdsa ca /C=CH/O=Example/OU=new/CN=gw1-ecdsa
	in_nv gw1-ecdsa 0x01800001
	from_either
	swanctl gw1 --reload-settings
	swanctl gw1 --list-certs | grep 'OU=new'
	from_either
	swanctl gw1 --initiate --child net --timeout 30
	# A CA that is not the peer's.
	pki_ca stranger p256
	in_nv stranger 0x01800002
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
	swanctl gw1 --reload-settings
	mark
	fails swanctl gw1 --initiate --child net --timeout 30
	fails swanctl gw2 --initiate --child net --timeout 30
	said 'CN=gw2-p256'
}

# let_go: the TPM is away, and who signs with it finds out: its device has its number again.
let_go() {
	fails swanctl gw1 --initiate --child net --timeout 30
	fails swanctl gw2 --initiate --child net --timeout 30
	taken_down
}

# env_conf NAME=VALUE...: gw1's configuration with the key of the TPM, with these for psk_conf.
env_conf() {
	(
		local "$@"
		gw1_conf "${ecdsa[@]}"
	)
}

certificates_by_swanctl() {
	plugged_in
	in_nv gw1-ecdsa 0x01800001
	in_nv ca 0x01800002
	gateways gw1-ecdsa </dev/null
	no_files
	env_conf "${in_tpm[@]}" >"$work/gw1/swanctl.conf"
	swanctl gw1 --load-all --noprompt
	has_key ECDSA
	from_either
	# What is not there, or not what it is to be, is not loaded; what was stays.
	env_conf LOCAL='cert1 {
		handle = 01800009
	}' >"$work/gw1/swanctl.conf"
	fails swanctl gw1 --load-conns 2>&1 | tee "$work/said"
	grep "gw.local.cert1: the certificate of token handle:0x01800009: there is no certificate: .*handle" "$work/said"
	env_conf REMOTE='cacert-a {
		handle = 01800001
	}' >"$work/gw1/swanctl.conf"
	fails swanctl gw1 --load-conns 2>&1 | tee "$work/said"
	grep "gw.remote.cacert-a: the certificate of token handle:0x01800001: the certificate is not one of a CA" "$work/said"
	echo nonsense >"$work/nv"
	tpm_nv 0x01800003 "$work/nv"
	env_conf LOCAL='cert {
		handle = 01800003
	}' >"$work/gw1/swanctl.conf"
	fails swanctl gw1 --load-conns 2>&1 | tee "$work/said"
	grep "gw.local.cert: the certificate of token handle:0x01800003: there is no certificate" "$work/said"
	# While the TPM is away what was read serves, and what was not says so.
	tpm_stop
	let_go
	mark
	env_conf "${in_tpm[@]}" >"$work/gw1/swanctl.conf"
	swanctl gw1 --load-conns
	said "token handle:0x01800001: .* cannot be read: .*; what was read before serves"
	conf_both gw1 | sed 's/\bgw {/psk {/; s/= pubkey/= psk/' >"$work/gw1/swanctl.conf"
	swanctl gw1 --load-conns
	env_conf "${in_tpm[@]}" >"$work/gw1/swanctl.conf"
	fails swanctl gw1 --load-conns 2>&1 | tee "$work/said"
	grep "gw.local.cert1: the certificate of token handle:0x01800001: OpenSSL's provider 'tpm2' cannot be loaded" "$work/said"
	mark
	tpm_start
	wait_for 30 said "token handle:0x81000001: its private key is there"
	swanctl gw1 --load-conns
	from_either
}

# with_authority HANDLE: gw1's configuration, with a CA of its TPM's.
with_authority() {
	gw1_conf "${ecdsa[@]}"
	printf 'authorities {\nours {\nhandle = %s\n}\n}\n' "$1"
}

# knows_ca: swanctl says that there is the CA.
knows_ca() {
	swanctl gw1 --list-authorities >"$work/said"
	grep 'CN=ca' "$work/said"
}

# Whom the gateway trusts is in its TPM, too.
authority() {
	plugged_in
	in_nv ca 0x01800002
	gateways gw1-ecdsa </dev/null
	rm -f "$work/gw1"/x509ca/*
	with_authority 01800002 >"$work/gw1/swanctl.conf"
	mark
	swanctl gw1 --reload-settings
	said "token handle:0x01800002: the certificate of authorities.ours is there, \".*CN=ca\""
	knows_ca
	from_either
	# What was read serves while the TPM is away, be the file read again.
	tpm_stop
	mark
	swanctl gw1 --reload-settings
	said "token handle:0x01800002: .* cannot be read: .*; what was read before serves"
	knows_ca
	# Without it nobody is trusted.
	ikefpd_kill gw1
	ikefpd_start gw1 < <(with_authority 01800002)
	fails knows_ca
	tpm_start
	wait_for 60 knows_ca
	wait_for 30 has_key ECDSA
	from_either
}

authority_by_swanctl() {
	plugged_in
	in_nv ca 0x01800002
	in_nv gw1-ecdsa 0x01800001
	gateways gw1-ecdsa </dev/null
	rm -f "$work/gw1"/x509ca/*
	swanctl gw1 --reload-settings
	with_authority 01800002 >"$work/gw1/swanctl.conf"
	swanctl gw1 --load-all --noprompt
	knows_ca
	from_either
	# What is not there, or no CA's, is not loaded; what was stays.
	with_authority 01800009 >"$work/gw1/swanctl.conf"
	fails swanctl gw1 --load-authorities 2>&1 | tee "$work/said"
	grep "authorities.ours: the certificate of token handle:0x01800009: there is no certificate: .*handle" "$work/said"
	with_authority 01800001 >"$work/gw1/swanctl.conf"
	fails swanctl gw1 --load-authorities 2>&1 | tee "$work/said"
	grep "authorities.ours: the certificate of token handle:0x01800001: the certificate is not one of a CA" "$work/said"
	knows_ca
	up_and_down gw2
	# What is not configured any more is trusted no more.
	gw1_conf "${ecdsa[@]}" >"$work/gw1/swanctl.conf"
	swanctl gw1 --load-authorities
	fails knows_ca
	fails swanctl gw1 --initiate --child net --timeout 30
	taken_down
}

# A gateway that is started without its TPM, and all that it has is there.
certificates_away() {
	plugged_in
	in_nv gw1-ecdsa 0x01800001
	in_nv ca 0x01800002
	tpm_stop
	gateways gw1-ecdsa </dev/null
	no_files
	ikefpd_kill gw1
	ikefpd_start gw1 < <(CHILD='start_action = start' env_conf "${in_tpm[@]}")
	grep "token handle:0x01800001: the certificate of gw.local.cert1 cannot be read: OpenSSL's provider 'tpm2' cannot be loaded" "$work/gw1.log"
	# Nobody is trusted for want of the CA that would say whom to trust.
	fails swanctl gw2 --initiate --child net --timeout 30
	taken_down
	tpm_start
	wait_for 60 one_child_sa_each
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
	up_and_down gw2
}

wrong_pin() {
	local before

	plugged_in
	before=$(tpm_wrong_pins)
	gateways gw1-ecdsa < <(gw1_conf token-ecdsa 'uri = "handle:0x81000001"' 'pin = wrong')
	grep "token 'token-ecdsa' (handle:0x81000001): its private key cannot be used: .*is the PIN right?; it is not tried again" "$work/gw1.log"
	fails has_key ECDSA
	for try in 1 2 3; do
		fails swanctl gw1 --initiate --child net --timeout 20
	done
	grep "no private key found for 'gw1.example'" "$work/gw1.log"
	fails swanctl gw2 --initiate --child net --timeout 20
	# The TPM has been asked once.
	[ "$(tpm_wrong_pins)" = $((before + 1)) ]
	gw1_conf "${ecdsa[@]}" >"$work/gw1/swanctl.conf"
	kill -HUP "$(<"$work/gw1/pid")"
	wait_for 20 has_key ECDSA
	taken_down
	from_either
	# A PIN that is not there.
	gw1_conf token-ecdsa 'uri = "handle:0x81000001"' >"$work/gw1/swanctl.conf"
	swanctl gw1 --reload-settings
	grep "cannot be used: .*does it need 'pin = ...'?" "$work/gw1.log"
}

away() {
	plugged_in
	gateways gw1-ecdsa < <(gw1_conf "${ecdsa[@]}")
	swanctl gw2 --initiate --child net --timeout 30
	both_answered
	tpm_stop
	# What is up stays up. What is to be signed fails, and says of which key.
	mark
	swanctl gw1 --rekey --child net
	wait_for 20 one_child_sa_each
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
	fails swanctl gw1 --initiate --child net --timeout 30 >"$work/said"
	grep "the private key of token 'token-ecdsa' (handle:0x81000001): " "$work/said"
	said "the private key of token 'token-ecdsa' (handle:0x81000001): "
	fails swanctl gw2 --initiate --child net --timeout 30
	said "token 'token-ecdsa' (handle:0x81000001): its private key cannot be used: OpenSSL's provider 'tpm2' cannot be loaded .*; it is looked for again until it is there"
	taken_down
	mark
	tpm_start
	wait_for 30 said "token 'token-ecdsa' (handle:0x81000001): its private key is there"
	from_either
	# One that was away when ikefpd was started: what is to be up is, as soon as it is there.
	tpm_stop
	ikefpd_kill gw1
	ikefpd_with gw1-ecdsa < <(CHILD='start_action = start' gw1_conf "${ecdsa[@]}")
	grep "its private key cannot be used: OpenSSL's provider 'tpm2' cannot be loaded" "$work/gw1.log"
	wait_for 20 grep "no private key found for 'gw1.example'" "$work/gw1.log"
	mark
	tpm_start
	wait_for 30 said "token 'token-ecdsa' (handle:0x81000001): its private key is there"
	wait_for 30 one_child_sa_each
	both_answered
	# And so it is when it goes in between.
	tpm_stop
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
	fails swanctl gw1 --initiate --child net --timeout 30
	tpm_start
	wait_for 30 one_child_sa_each
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
	up_and_down gw2
}

# The tunnels of the daemon that was killed go on, and new ones are signed for as before.
restart() {
	plugged_in
	gateways gw1-ecdsa < <(gw1_conf "${ecdsa[@]}")
	swanctl gw1 --initiate --child net --timeout 30
	both_answered
	ikefpd_kill gw1
	wait_for 10 no_token_processes
	ikefpd_with gw1-ecdsa < <(gw1_conf "${ecdsa[@]}")
	one_child_sa_each
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
	from_either
}

no_token_processes() {
	! pgrep -x 'ikefpd: token' && ! pgrep -x 'ikefpd: tokens'
}

# two_conns GATEWAY: "gw" with certificates, and "plain", whose child is "psk".
two_conns() {
	conf_both "$1" | sed '/^secrets/,$d'
	AUTH=psk LOCAL_ID=$1.plain REMOTE_ID=$([ "$1" = gw1 ] && echo gw2 || echo gw1).plain conf_both "$1" |
		sed 's/\bgw {/plain {/; s/\bnet {/psk {/; s/id-\([12]\) = .*/id-\1 = gw\1.plain/'
}

# A TPM that takes its time holds up nothing but what it is to sign.
slow() {
	local pid

	plugged_in
	gateways gw1-ecdsa < <(two_conns gw1; token "${ecdsa[@]}")
	conf_load gw2 < <(two_conns gw2)
	kill -STOP "$tpm_pid"
	swanctl gw1 --initiate --child net --timeout 30 >"$work/said" &
	pid=$!
	wait_for 10 being_signed
	swanctl gw1 --initiate --child psk --timeout 5
	one_child_sa_each
	being_signed
	kill -CONT "$tpm_pid"
	wait "$pid"
	swanctl gw1 --terminate --ike plain --timeout 20
	one_child_sa_each
}

# being_signed: the IKE SA of gw1 waits for its signature.
being_signed() {
	swanctl gw1 --list-sas --ike gw --raw | grep 'state=CONNECTING'
}

# A user that is no more than a member of the group that the device belongs to.
unprivileged() {
	local pid field

	getent group tss || groupadd --system tss
	usermod -a -G tss nobody
	plugged_in
	chgrp tss /dev/tpmrm0
	chmod 660 /dev/tpmrm0
	gateways gw1-ecdsa -U nobody < <(gw1_conf "${ecdsa[@]}")
	from_either
	pid=$(pgrep -x 'ikefpd: token')
	for field in CapInh CapPrm CapEff CapBnd CapAmb; do
		grep "^$field:.0000000000000000$" "/proc/$pid/status"
	done
	grep '^NoNewPrivs:.1$' "/proc/$pid/status"
	grep '^Seccomp:.2$' "/proc/$pid/status"
	grep "^Uid:.$(id -u nobody).$(id -u nobody)" "/proc/$pid/status"
	[ "$(stat -c %u "/proc/$pid/mem")" = 0 ]
	# Nobody else has the device open, nor what opens it loaded.
	for pid in $(pgrep ikefpd); do
		case $(<"/proc/$pid/comm") in
		'ikefpd: token')
			[ "$(find "/proc/$pid/fd" -lname /dev/tpmrm0 | wc -l)" = 1 ]
			grep -q ossl-modules/tpm2.so "/proc/$pid/maps"
			;;
		*)
			[ "$(find "/proc/$pid/fd" -lname '/dev/tpm*' | wc -l)" = 0 ]
			fails grep tpm2 "/proc/$pid/maps"
			;;
		esac
	done
}

make_keys() {
	pki_ca ca p256
	pki_cert gw2-p256 ca p256
	tpm_start
	tpm_key gw1-ecdsa 0x81000001 ecc256 "$PIN"
	tpm_key gw1-rsa 0x81000002 rsa2048
	tpm_cert gw1-ecdsa ca
	tpm_cert gw1-rsa ca
	tpm_stop
}

need_module
need_tpm
make_keys >"$pki/log" 2>&1 || { cat "$pki/log"; exit 1; }
ktap_plan 12
testcase "ECDSA and RSA keys, in both roles" keys
testcase "loaded by swanctl" by_swanctl
testcase "certificates, in both roles" certificates
testcase "certificates, loaded by swanctl" certificates_by_swanctl
testcase "a CA by its authorities section" authority
testcase "a CA by its authorities section, loaded by swanctl" authority_by_swanctl
testcase "certificates that are not there yet" certificates_away
testcase "a wrong PIN" wrong_pin
testcase "a TPM that goes and comes back" away
testcase "ikefpd is started anew" restart
testcase "a TPM that is slow" slow
testcase "an unprivileged user" unprivileged
ktap_end
