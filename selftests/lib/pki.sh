# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Certificates, made with openssl in $pki, where they stay from one test case to the
# next: NAME.key and NAME.crt of each.

pki=$work/.pki	# hidden from what empties $work
mkdir -p "$pki"

# pki_key NAME rsa[:BITS]|p256|p384|p521|ed25519: a private key.
pki_key() {
	local args

	case $2 in
	rsa) args=(RSA -pkeyopt rsa_keygen_bits:2048) ;;
	rsa:*) args=(RSA -pkeyopt "rsa_keygen_bits:${2#rsa:}") ;;
	p256) args=(EC -pkeyopt ec_paramgen_curve:P-256) ;;
	p384) args=(EC -pkeyopt ec_paramgen_curve:P-384) ;;
	p521) args=(EC -pkeyopt ec_paramgen_curve:P-521) ;;
	ed25519) args=(ED25519) ;;
	esac
	[ -e "$pki/$1.key" ] || openssl genpkey -quiet -algorithm "${args[@]}" -out "$pki/$1.key"
}

# pki_sign NAME ISSUER SUBJECT EXTENSIONS [ARGUMENT...]: a certificate for NAME's key.
# ISSUER signs it, itself where it is NAME.
pki_sign() {
	local name=$1 issuer=$2 subject=$3 extensions=$4 from
	shift 4

	pki_serial=$((${pki_serial:-0} + 1))
	from=(-CA "$pki/$issuer.crt" -CAkey "$pki/$issuer.key")
	[ "$issuer" != "$name" ] || from=(-signkey "$pki/$name.key")
	openssl req -new -key "$pki/$name.key" -subj "$subject" -out "$pki/$name.csr" 2>&1
	openssl x509 -req -in "$pki/$name.csr" "${from[@]}" -set_serial "$pki_serial" \
		-days 30 "$@" -extfile <(printf '%s\n' "$extensions") -out "$pki/$name.crt" 2>&1
}

# pki_ca NAME KIND [ISSUER]: a CA, of itself unless an issuer is named.
pki_ca() {
	pki_key "$1" "$2"
	pki_sign "$1" "${3:-$1}" "/C=CH/O=Example/CN=$1" "basicConstraints = critical, CA:TRUE
		keyUsage = critical, keyCertSign, cRLSign
		subjectKeyIdentifier = hash"
}

# pki_cert NAME ISSUER KIND [EXTENSIONS [ARGUMENT...]]: an end entity's, for the DNS name
# NAME's part before the first dash and ".example", unless the extensions say otherwise.
pki_cert() {
	local san="subjectAltName = DNS:${1%%-*}.example"

	pki_key "$1" "$3"
	[[ ${4:-} != *subjectAltName* ]] || san=''
	pki_sign "$1" "$2" "/C=CH/O=Example/CN=$1" "$san
		${4:-}" "${@:5}"
}

# pki_ca_command CA ARGUMENT...: openssl ca, which keeps a register.
pki_ca_command() {
	local ca=$1
	shift

	touch "$pki/$ca.index"
	openssl ca -batch -notext -config <(cat <<-CONF
	[ca]
	default_ca = register
	[register]
	database = $pki/$ca.index
	new_certs_dir = $pki
	certificate = $pki/$ca.crt
	private_key = $pki/$ca.key
	default_md = sha256
	default_crl_days = 30
	unique_subject = no
	policy = any
	rand_serial = yes
	[any]
	countryName = optional
	organizationName = optional
	commonName = supplied
	CONF
	) "$@" 2>&1
}

# pki_revoke CA NAME...: the CA's CRL with these.
pki_revoke() {
	local ca=$1 name
	shift

	for name; do
		pki_ca_command "$ca" -revoke "$pki/$name.crt"
	done
	pki_ca_command "$ca" -gencrl -out "$pki/$ca.crl"
}

# pki_not_yet NAME CA: NAME's certificate once more, good from tomorrow on.
pki_not_yet() {
	pki_ca_command "$2" -in "$pki/$1.csr" -out "$pki/$1.crt" -extfile \
		<(echo "subjectAltName = DNS:${1%%-*}.example") \
		-startdate "$(date -u -d tomorrow +%Y%m%d%H%M%SZ)" \
		-enddate "$(date -u -d '3 days' +%Y%m%d%H%M%SZ)"
}

# pki_install GATEWAY CA... -- CERT...: in its folders, once it has some.
pki_install() {
	local gw=$1 kind=x509ca name
	shift

	gateway_dir "$gw"
	rm -f "$work/$gw"/{x509,x509ca,x509crl,private,pubkey}/*
	for name; do
		if [ "$name" = -- ]; then
			kind=x509
			continue
		fi
		cp "$pki/$name.crt" "$work/$gw/$kind/"
		[ $kind = x509ca ] || cp "$pki/$name.key" "$work/$gw/private/"
	done
}

# mark: what gw1's log, and gw2's, has from now on is looked at.
mark() {
	mark=$(($(wc -l <"$work/gw1.log") + 1))
	mark2=$(($(wc -l <"$work/gw2.log") + 1))
}

# signed_with OURS [THEIRS [TIMES]]: each has signed so since then, so many times where that is
# said; gw1 is ikefpd.
signed_with() {
	tail -n "+$mark" "$work/gw1.log" >"$work/lines"
	signatures "authentication of 'gw1.example' (myself) with $1" "${3:-}"
	signatures "authentication of 'gw2.example' with ${2:-$1}" "${3:-}"
}

signatures() {
	grep "$1" "$work/lines"
	[ -z "$2" ] || [ "$(grep -c "$1" "$work/lines")" = "$2" ]
}
