# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A TPM 2.0 in software (swtpm), behind the kernel's driver (tpm_vtpm_proxy) as a chip is:
# /dev/tpmrm0. What it keeps is in $tpm, from one test case to the next.

tpm=$work/.tpm	# hidden from what empties $work
mkdir -p "$tpm"

# Tools that are to speak with it.
export TPM2TOOLS_TCTI=device:/dev/tpmrm0

# need_tpm: for scripts that are about nothing else.
need_tpm() {
	modprobe tpm_vtpm_proxy && command -v swtpm tpm2_createprimary >/dev/null ||
		ktap_skip_all "there is no swtpm, tpm2-tools or tpm_vtpm_proxy"
	[ ! -e /dev/tpm0 ] || ktap_skip_all "there is a TPM already: it is not to be touched"
}

tpm_there() {
	[ -c /dev/tpmrm0 ]
}

tpm_gone() {
	! [ -e /dev/tpmrm0 ]
}

# tpm_start: it is plugged in, and switched on. It takes it for an attack that it was switched
# off so often.
tpm_start() {
	echo "[TPM] on"
	start tpm swtpm chardev --tpm2 --vtpm-proxy --tpmstate "dir=$tpm"
	tpm_pid=$started_pid
	wait_for 30 tpm_there
	tpm2_dictionarylockout --clear-lockout
}

# tpm_stop: it is away, and so is its device.
tpm_stop() {
	echo "[TPM] away"
	kill "$tpm_pid"
	wait_for 30 process_gone "$tpm_pid"
	wait_for 30 tpm_gone
}

# tpm_key NAME HANDLE ecc256|rsa2048 [PIN]: a key that is made there and cannot leave it. Its
# public part is in $pki/NAME.pub.
tpm_key() {
	[ -e "$tpm/primary" ] || tpm2_createprimary -Q -C o -G ecc256 -c "$tpm/primary"
	tpm2_create -Q -C "$tpm/primary" -G "$3" -u "$tpm/$1.pub" -r "$tpm/$1.priv" ${4:+-p "$4"} \
		-a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign'
	tpm2_load -Q -C "$tpm/primary" -u "$tpm/$1.pub" -r "$tpm/$1.priv" -c "$tpm/$1.ctx"
	tpm2_evictcontrol -Q -C o -c "$tpm/$1.ctx" "$2"
	tpm2_readpublic -Q -c "$2" -f pem -o "$pki/$1.pub"
}

# tpm_cert NAME ISSUER [SUBJECT]: for that key, as pki_cert makes them.
tpm_cert() {
	pki_serial=$((${pki_serial:-0} + 1))
	openssl x509 -new -force_pubkey "$pki/$1.pub" -subj "${3:-/C=CH/O=Example/CN=$1}" \
		-CA "$pki/$2.crt" -CAkey "$pki/$2.key" -set_serial "$pki_serial" -days 30 \
		-extfile <(echo "subjectAltName = DNS:${1%%-*}.example") -out "$pki/$1.crt" 2>&1
}

# tpm_wrong_pins: how many it has counted; some more, and it locks itself.
tpm_wrong_pins() {
	echo $(($(tpm2_getcap properties-variable | sed -n 's/^TPM2_PT_LOCKOUT_COUNTER: *//p')))
}

# tpm_nv INDEX FILE: an NV index with what the file holds, in the place of what was there.
tpm_nv() {
	tpm2_nvundefine -C o "$1" 2>/dev/null || :
	tpm2_nvdefine -Q -C o -s "$(stat -c %s "$2")" -a 'ownerread|ownerwrite|authread' "$1"
	tpm2_nvwrite -Q -C o -i "$2" "$1"
}
