#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# strongSwan's VICI clients for Python, Perl and Ruby, unmodified, drive ikefpd, and read of it
# what monitoring reads. $lang is the client's language: py, pl or rb.

. "${0%/*}/lib.sh"
. "${0%/*}/lib/pki.sh"

# ask: the client does what the standard input says, a request a line (lib/vici_client.py); the
# results are in $work/said, a line each.
ask() {
	local requests

	mapfile -t requests
	"$selftests/lib/vici_client.$lang" "$work/gw1/vici" "${requests[@]}" >"$work/said"
	cat "$work/said"
}

# says [FILE]: of the results there, of ask's if no file is named, it is true what the standard
# input says: a result's number and an expression of jq a line.
says() {
	local claims numbers number

	mapfile -t claims
	mapfile -t numbers < <(printf '%s\n' "${claims[@]%% *}")
	{
		cat <<-'JQ'
		def number: type == "string" and test("^[0-9]+$");
		def hex($n): type == "string" and test("^[0-9a-f]{\($n)}$");
		def exception($py; $pl; $rb): .error == { $py, $pl, $rb }[$lang];
		def succeeded: .error == null;
		def failed($why): exception("CommandException"; "errmsg"; "Vici::CommandExecError")
			and (.text | contains($why));
		def unknown_command: exception("SessionException"; "die"; "Vici::CommandUnknownError");
		def unknown_event: exception("EventUnknownException"; "die"; "Vici::EventUnknownError");
		def among($low; $high): number and (tonumber | . >= $low and . <= $high);
		. as $results |
		JQ
		for number in "${!claims[@]}"; do
			printf '(if (try [$results[%d] | %s] catch [false] | length > 0 and all) then empty else $ARGS.positional[%d] end),\n' \
				$((numbers[number] - 1)) "${claims[number]#* }" "$number"
		done
		echo empty
	} >"$work/claims.jq"
	jq -sr -f "$work/claims.jq" --arg lang "$lang" "${1:-$work/said}" --args "${claims[@]}" \
		>"$work/untrue" || return
	[ ! -s "$work/untrue" ] || {
		echo "not so:"
		cat "$work/untrue"
		return 1
	}
}

# Numbers, as a program has them, are among it.
load_all() {
	local secret conn

	secret=$(jq -nc --arg data "$PSK" \
		'{ id: "one", type: "IKE", data: $data, owners: ["gw1.example", "gw2.example"] }')
	conn=$(jq -nc '$ARGS.positional as [$local, $remote, $local_ts, $remote_ts] | { gw: {
		version: 2, local_addrs: [$local], remote_addrs: [$remote],
		rekey_time: 14400, proposals: ["aes256gcm16-prfsha256-x25519"],
		local: { auth: "psk", id: "gw1.example" },
		remote: { auth: "psk", id: "gw2.example" },
		children: { net: { local_ts: [$local_ts], remote_ts: [$remote_ts],
			esp_proposals: ["aes256gcm16"], rekey_bytes: 500000000 } } } }' \
		--args "$gw1_addr" "$gw2_addr" "$lan1_net" "$lan2_net")
	ask <<-DO
	["load_shared", $secret]
	["load_conn", $conn]
	DO
	says <<-SO
	1 succeeded
	2 succeeded
	SO
}

begin() {
	topo_nat
	vici_start gw1
	ikefpd_start gw2 < <(psk_conf gw2)
	load_all
}

look() {
	ask <<-'DO'
	["version"]
	["stats"]
	["get_shared"]
	["get_conns"]
	["list_conns"]
	["list_conns", {"ike": "other"}]
	["get_algorithms"]
	["get_counters"]
	["get_pools", {}]
	["list_sas"]
	["list_authorities"]
	["list_certs"]
	DO
	says <<-SO
	1 .answer | .daemon == "ikefpd" and (.version | test("^[0-9]")) and .sysname == "Linux"
	1 .answer.release == "$(uname -r)" and .answer.machine == "$(uname -m)"
	2 .answer.uptime.running | test("^[0-9]+ [a-z]+$")
	2 .answer.uptime.since | test("^[A-Z][a-z]{2} [0-9]{2} [0-9:]{8} 20[0-9]{2}$")
	2 .answer.workers | [.total, .idle, .active[]] | length == 6 and all(number)
	2 .answer.queues | [.critical, .high, .medium, .low] | all(number)
	2 .answer.scheduled | number
	2 .answer.ikesas == { "total": "0", "half-open": "0" }
	2 .answer.plugins | type == "array" and length > 0
	2 .answer.mallinfo | [.sbrk, .mmap, .used, .free] | all(number)
	3 .answer.keys == ["one"]
	4 .answer.conns == ["gw"]
	5 .events | length == 1
	5 .events[0] | keys == ["gw"]
	5 .events[0].gw | .local_addrs == ["$gw1_addr"] and .remote_addrs == ["$gw2_addr"]
	5 .events[0].gw | .version == "IKEv2" and .rekey_time == "14400" and .reauth_time == "0"
	5 .events[0].gw["local-1"] == { "class": "pre-shared key", "id": "gw1.example" }
	5 .events[0].gw["remote-1"] == { "class": "pre-shared key", "id": "gw2.example" }
	5 .events[0].gw.children | keys == ["net"]
	5 .events[0].gw.children.net | .mode == "TUNNEL" and .rekey_bytes == "500000000"
	5 .events[0].gw.children.net["local-ts"] == ["$lan1_net"]
	5 .events[0].gw.children.net["remote-ts"] == ["$lan2_net"]
	6 .events == []
	7 .answer.aead["AES_GCM_16"], .answer.encryption["AES_CBC"], .answer.ke["CURVE_25519"] | type == "string"
	8 .answer.counters | keys == [""]
	8 .answer.counters[""] | length > 0 and all(number)
	9 .answer == {}
	10 .events == []
	11 .events == []
	12 .events == []
	SO
}

traps() {
	ask <<-'DO'
	["install", {"child": "net", "ike": "gw"}]
	["list_policies", {"trap": "yes", "pass": "yes", "drop": "yes"}]
	["list_policies", {"pass": "yes", "drop": "yes"}]
	["uninstall", {"child": "net", "ike": "gw"}]
	["list_policies", {"trap": "yes"}]
	DO
	says <<-SO
	1 succeeded
	2 .events | length == 1
	2 .events[0] | keys == ["gw/net"]
	2 .events[0]["gw/net"] | .child == "net" and .ike == "gw" and .mode == "TUNNEL"
	2 .events[0]["gw/net"]["local-ts"] == ["$lan1_net"]
	2 .events[0]["gw/net"]["remote-ts"] == ["$lan2_net"]
	3 .events == []
	4 succeeded
	5 .events == []
	SO
}

# up, down: the tunnel. Clients but Perl's are told meanwhile what the log says of it.
up() {
	ask <<-DO
	["initiate", {"child": "net", "ike": "gw", "timeout": $((20000 * ${IKEFP_TIME_SCALE:-1}))}]
	DO
	says <<<"1 succeeded"
	logged 'IKE_SA gw.* established' 'CHILD_SA net.* established'
}

down() {
	ask <<-DO
	["terminate", {"ike": "gw", "timeout": $((20000 * ${IKEFP_TIME_SCALE:-1}))}]
	DO
	says <<<"1 succeeded"
	logged 'deleting IKE_SA gw'
	[ $lang != rb ] || says <<<'1 .answer | .matches == "1" and .terminated == "1"'
}

# logged PATTERN...
logged() {
	[ $lang != pl ] || return 0
	says <<-SO
	1 .events | all(.[]; (.group | length > 0) and (.level | number) and (.msg | length > 0))
	1 .events | any(.[]; .["ikesa-name"] == "gw" and (.["ikesa-uniqueid"] | number))
	$(printf '1 .events | any(.[]; .msg | test("%s"))\n' "$@")
	SO
}

read_sas() {
	ask <<-'DO'
	["list_sas"]
	["stats"]
	["list_sas", {"ike": "gw", "noblock": "yes"}]
	["list_sas", {"ike": "other"}]
	["list_sas", {"child": "net"}]
	["list_sas", {"child": "other"}]
	["get_counters", {"name": "gw"}]
	["get_counters", {"all": "yes"}]
	["reset_counters", {"name": "gw"}]
	["get_counters", {"name": "gw"}]
	DO
	says <<-SO
	1 .events | length == 1
	1 .events[0] | keys == ["gw"]
	1 .events[0].gw | .version == "2" and .state == "ESTABLISHED" and .initiator == "yes"
	1 .events[0].gw | .["local-host"] == "$gw1_addr" and .["local-id"] == "gw1.example"
	1 .events[0].gw | .["remote-host"] == "$gw2_addr" and .["remote-id"] == "gw2.example"
	1 .events[0].gw["local-port", "remote-port"] == "4500"
	1 .events[0].gw["initiator-spi", "responder-spi"] | hex(16)
	1 .events[0].gw["nat-local", "nat-any"] == "yes"
	1 .events[0].gw | .["encr-alg"] == "AES_GCM_16" and .["encr-keysize"] == "256"
	1 .events[0].gw | .["prf-alg"] == "PRF_HMAC_SHA2_256" and .["dh-group"] == "CURVE_25519"
	1 .events[0].gw.uniqueid | among(1; 1000)
	1 .events[0].gw.established | among(0; 600)
	1 .events[0].gw["rekey-time"] | among(10000; 14400)
	1 .events[0].gw["child-sas"] | length == 1
	1 .events[0].gw["child-sas"] | to_entries[0] | .key == "net-\(.value.uniqueid)"
	1 .events[0].gw["child-sas"][] | .name == "net" and .state == "INSTALLED"
	1 .events[0].gw["child-sas"][] | .mode == "TUNNEL" and .protocol == "ESP" and .encap == "yes"
	1 .events[0].gw["child-sas"][] | .["encr-alg"] == "AES_GCM_16" and .["encr-keysize"] == "256"
	1 .events[0].gw["child-sas"][].uniqueid | among(1; 1000)
	1 .events[0].gw["child-sas"][].reqid | among(1; 4294967295)
	1 .events[0].gw["child-sas"][]["spi-in", "spi-out"] | hex(8)
	1 .events[0].gw["child-sas"][]["bytes-in", "bytes-out"] | among(2 * 84; 100000)
	1 .events[0].gw["child-sas"][]["packets-in", "packets-out"] | among(2; 1000)
	1 .events[0].gw["child-sas"][]["use-in", "use-out", "install-time"] | among(0; 600)
	1 .events[0].gw["child-sas"][] | (.["rekey-time"] | tonumber) < (.["life-time"] | tonumber)
	1 .events[0].gw["child-sas"][]["local-ts"] == ["$lan1_net"]
	1 .events[0].gw["child-sas"][]["remote-ts"] == ["$lan2_net"]
	2 .answer.ikesas == { "total": "1", "half-open": "0" }
	3 .events[0].gw["child-sas"] | length == 1
	4 .events == []
	5 .events[0].gw["child-sas"] | length == 1
	6 .events == []
	7 .answer.counters | keys == ["gw"]
	7 .answer.counters.gw["ike-init-out-req", "ike-auth-out-req"] == "1"
	8 .answer.counters.gw["ike-init-out-req"] == "1"
	9 succeeded
	10 .answer.counters.gw | all(. == "0")
	SO
	# What it tells is what the kernel has.
	run_in gw1 ip xfrm state list |
		grep "spi 0x$(jq -r '.events[0].gw["child-sas"][]["spi-in"] | values' "$work/said" | head -n 1)"
}

drives() {
	begin
	look
	traps
	up
	both_answered
	read_sas
	down
	taken_down
	ask <<-'DO'
	["unload_conn", {"name": "gw"}]
	["get_conns"]
	["unload_shared", {"id": "one"}]
	["get_shared"]
	["clear_creds"]
	["reload_settings"]
	DO
	says <<-SO
	1 succeeded
	2 .answer.conns == []
	3 succeeded
	4 .answer.keys == []
	5 succeeded
	6 succeeded
	SO
}

# listen NAME REQUEST...: in a session of its own, all the time; with $at's daemon (gw1).
listen() {
	start "$1" "$selftests/lib/vici_client.$lang" "$work/${at:-gw1}/vici" "${@:2}"
}

# heard: is the listener there by now, for what becomes of a tunnel?
heard() {
	up
	wait_for 1 grep -q ike-updown "$work/listener.log" || :
	down
	grep -q ike-updown "$work/listener.log"
}

# told EVENT...: these were the last ones that the listener got, each with its "up", its IKE SA's
# connection and its Child SAs'.
told() {
	tail -n $# "$work/listener.log" | jq -r '.[1] as $message |
		($message | keys_unsorted - ["up"])[0] as $ike |
		[.[0], ($message.up | values), $ike,
		 ($message[$ike] | .["child-sas"] // {} | keys[] | sub("-[0-9]+$"; ""))] |
		join(" ")' | diff - <(printf '%s\n' "$@")
}

# last NUMBER: says, of so many of the listener's events.
last() {
	tail -n "$1" "$work/listener.log" >"$work/last"
	says "$work/last"
}

# moved: the NAT gives gw1 another port, and gw2's listener has heard of it.
moved() {
	nat_forgets
	answered lan1 "$lan2_addr"
	wait_for 2 grep -q ike-update "$work/mover.log"
}

# alarmed: with another secret nothing is set up, and the listener has heard why.
alarmed() {
	ask <<<'["initiate", {"child": "net", "timeout": "20000"}]'
	wait_for 2 grep -q alert "$work/alarm.log"
}

hears() {
	begin
	listen alarm '["listen", ["alert"], 0]'
	at=gw2 listen mover '["listen", ["ike-update"], 0]'
	listen reader '["listen", ["log"], 0]'
	listen listener '["listen", ["ike-updown", "ike-rekey", "ike-update", "child-updown", "child-rekey"], 0]'
	wait_for 60 heard
	wait_for 10 told 'ike-updown gw' 'child-updown gw net'
	last 2 <<-'SO'
	1 .[1] | has("up") | not
	1 .[1].gw.state == "DELETING"
	SO
	up
	wait_for 10 told 'ike-updown yes gw' 'child-updown yes gw net'
	last 2 <<-'SO'
	1 .[1].gw | .state == "ESTABLISHED" and .["remote-id"] == "gw2.example"
	2 .[1].gw | .state == "ESTABLISHED" and .["remote-id"] == "gw2.example"
	2 .[1].gw["child-sas"][] | .state == "INSTALLED" and (.["spi-in"] | hex(8))
	SO
	ask <<<'["rekey", {"child": "net"}]'
	says <<<'1 succeeded'
	wait_for 10 told 'child-rekey gw net'
	last 1 <<-'SO'
	1 .[1].gw["child-sas"].net | keys == ["new", "old"]
	1 .[1].gw["child-sas"].net | .old["spi-in"] != .new["spi-in"]
	1 .[1].gw["child-sas"].net | .old.uniqueid != .new.uniqueid and .old.name == .new.name
	SO
	ask <<<'["rekey", {"ike": "gw"}]'
	says <<<'1 succeeded'
	wait_for 10 told 'ike-rekey gw'
	last 1 <<-'SO'
	1 .[1].gw | keys == ["new", "old"]
	1 .[1].gw | .old["initiator-spi"] != .new["initiator-spi"]
	1 .[1].gw | .old.uniqueid != .new.uniqueid
	1 .[1].gw[] | (.uniqueid | number) and (has("child-sas") | not)
	SO
	wait_for 30 moved
	says "$work/mover.log" <<-SO
	1 .[0] == "ike-update"
	1 .[1] | .["local-host"] == "$gw2_addr" and .["remote-host"] == "$gw1_seen"
	1 .[1]["local-port", "remote-port"] | among(1; 65535)
	1 .[1]["remote-port"] != .[1].gw["remote-port"]
	1 .[1].gw | .["remote-host"] == "$gw1_seen" and .["remote-id"] == "gw1.example"
	SO
	down
	wait_for 10 told 'ike-updown gw' 'child-updown gw net'
	says "$work/reader.log" <<-'SO'
	1 .[0] == "log" and (.[1] | (.group | length == 3) and (.level, .thread | number))
	1 $results | any(.[1].msg == "vici initiate CHILD_SA 'net'")
	1 $results | any(.[1] | .["ikesa-name"] == "gw" and (.["ikesa-uniqueid"] | number))
	SO
	fails grep -q alert "$work/alarm.log"
	ask <<<'["load_shared", {"id": "one", "type": "IKE", "data": "another one"}]'
	wait_for 30 alarmed
	says "$work/alarm.log" <<-'SO'
	1 .[0] == "alert" and .[1].type == "local-auth-failed"
	1 .[1]["ike-sa"] | keys == ["gw"]
	1 .[1]["ike-sa"].gw | .state == "CONNECTING" and .["local-id"] == "gw1.example"
	1 .[1]["ike-sa"].gw | (.uniqueid | number) and (has("child-sas") | not)
	SO
}

# A session in which was listened for a while is as good as any.
hears_enough() {
	begin
	listen listener '["listen", ["ike-updown"], 1]' '["version"]'
	wait_for 60 heard
	wait_for 10 grep -q '"daemon"' "$work/listener.log"
	[ "$(grep -c ike-updown "$work/listener.log")" = 1 ]
}

# key_id NAME: of a certificate's key, as VICI has it.
key_id() {
	openssl x509 -in "$pki/$1.crt" -noout -ext subjectKeyIdentifier |
		sed -n '2 { s/[ :]//g; p }' | tr A-F a-f
}

# der NAME: a certificate, in base64.
der() {
	openssl x509 -in "$pki/$1.crt" -outform DER | base64 -w 0
}

# pem FILE: as a string of JSON.
pem() {
	jq -Rs . "$pki/$1"
}

holds_credentials() {
	local id

	pki_ca ca p256
	pki_cert gw1 ca p256 'subjectKeyIdentifier = hash'
	id=$(key_id gw1)
	netns gw1
	vici_start gw1
	ask <<-DO
	["load_cert", {"type": "X509", "flag": "CA", "data": $(pem ca.crt)}]
	["load_cert", {"type": "X509", "flag": "NONE", "data": $(pem gw1.crt)}]
	["list_certs", {"subject": "C=CH, O=Example, CN=gw1"}]
	["load_key", {"type": "ecdsa", "data": $(pem gw1.key)}]
	["get_keys"]
	["list_certs"]
	["list_certs", {"type": "X509", "flag": "CA"}]
	["list_certs", {"type": "X509_CRL"}]
	["load_authority", {"here": {"cacert": $(pem ca.crt), "crl_uris": ["http://192.0.2.9/crl"]}}]
	["list_authorities"]
	["list_authorities", {"name": "there"}]
	["get_authorities"]
	["unload_authority", {"name": "here"}]
	["get_authorities"]
	["unload_key", {"id": "$id"}]
	["get_keys"]
	["flush_certs", {"type": "X509_CRL"}]
	["clear_creds"]
	["list_certs"]
	DO
	says <<-SO
	1 succeeded
	2 succeeded
	3 .events | length == 1
	3 .events[0] | .type == "X509" and .flag == "NONE" and (has("has_privkey") | not)
	3 .events[0].data == "$(der gw1)"
	4 .answer.id == "$id"
	5 .answer.keys == ["$id"]
	6 .events | length == 2
	6 .events | map(select(.has_privkey == "yes")) | map(.data) == ["$(der gw1)"]
	7 .events | length == 1
	7 .events[0] | .flag == "CA" and .data == "$(der ca)"
	8 .events == []
	9 succeeded
	10 .events | length == 1
	10 .events[0].here.cacert == "C=CH, O=Example, CN=ca"
	10 .events[0].here | .crl_uris == ["http://192.0.2.9/crl"] and .ocsp_uris == []
	11 .events == []
	12 .answer.authorities == ["here"]
	13 succeeded
	14 .answer.authorities == []
	15 succeeded
	16 .answer.keys == []
	17 succeeded
	18 succeeded
	19 .events == []
	SO
}

# What is wrong is answered as the client expects it, and its session goes on.
is_refused() {
	netns gw1
	vici_start gw1
	ask <<-'DO'
	["request", "no-such-command"]
	["listen", ["no-such-event"], 1]
	["initiate", {"child": "none"}]
	["terminate", {"ike": "none"}]
	["terminate", {}]
	["rekey", {"ike": "none"}]
	["load_conn", {"gw": {"version": 2, "remote_adrs": ["192.0.2.2"]}}]
	["load_conn", {}]
	["unload_conn", {"name": "none"}]
	["load_shared", {"id": "one", "type": "EAP", "data": "secret"}]
	["unload_shared", {"id": "none"}]
	["load_key", {"type": "rsa", "data": "none"}]
	["load_cert", {"type": "X509", "flag": "NONE", "data": "none"}]
	["unload_key", {"id": "00"}]
	["unload_authority", {"name": "none"}]
	["install", {"child": "none"}]
	["uninstall", {"child": "none"}]
	["get_counters", {"name": "none"}]
	["load_pool", {"pool": {"addrs": "10.9.0.0/24"}}]
	["unload_pool", {"name": "pool"}]
	["redirect", {"ike": "none", "gateway": "192.0.2.9"}]
	["get_conns"]
	["version"]
	DO
	says <<-'SO'
	1 unknown_command
	2 unknown_event
	3 failed("CHILD_SA config 'none' not found")
	4 failed("no matching SAs to terminate found")
	5 failed("missing terminate selector")
	6 failed("no matching SAs to rekey found")
	7 failed("remote_adrs: unknown key: did you mean 'remote_addrs'")
	8 failed("expected one section")
	9 failed("connection 'none' not found")
	10 failed("type 'EAP' are not supported yet")
	11 failed("shared key 'none' not found")
	12 failed("the private key: ")
	13 failed("it is no X.509 certificate")
	14 failed("key not found")
	15 failed("authority 'none' not found")
	16 failed("configuration name not found")
	17 failed("policy 'none' not found")
	18 failed("no counters found for this connection")
	19 failed("not supported yet")
	20 failed("pool 'pool' not found")
	21 failed("not supported yet")
	22 .answer.conns == []
	23 .answer.daemon == "ikefpd"
	SO
}

need_module
[ -d /opt/vici ] || ktap_skip_all "there are no VICI clients in /opt/vici (vm/root)"
ktap_plan 15
for client in py:Python pl:Perl rb:Ruby; do
	lang=${client%:*} name=${client#*:}
	testcase "$name drives it all" drives
	testcase "$name hears of what becomes of SAs" hears
	testcase "$name has heard enough" hears_enough
	testcase "$name: certificates and keys" holds_credentials
	testcase "$name is refused, and goes on" is_refused
done
ktap_end
