#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ikefpd and Debian's strongSwan want different things at the same moment (RFC 7296 sections
# 2.8 and 2.25): the way between them is so long that neither has heard of the other's wish when
# it says its own. Whatever comes of it, both ends have the same of it, and of what is to stay
# no packet is lost.
#
# strongSwan answers TEMPORARY_FAILURE then; NO_ADDITIONAL_SAS is no answer of its own, nor of
# Libreswan's and OpenIKED's, which send neither.

. "${0%/*}/lib.sh"

# up INITIATOR RESPONDER: $theirs is strongSwan's gateway, $ours ikefpd's.
up() {
	theirs=gw2 ours=gw1
	[ "$1" = ikefpd ] || theirs=gw1 ours=gw2
	topo_far
	CHILD="}
		more {
			local_ts = 10.8.0.0/16
			remote_ts = 10.8.0.0/16
			esp_proposals = $ESP_PROPOSALS"
	"$2_start" gw2 < <(CHILD=$CHILD conf_both gw2)
	"$1_start" gw1 < <(CHILD=$CHILD conf_both gw1)
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
}

# met NOTIFY: a request has met another one, and was refused for it.
met() {
	grep -hE "$1" "$work"/gw?.log
}

TEMPORARY='TEMP_FAIL|TEMPORARY_FAILURE'

# told: strongSwan has said so to ikefpd.
told() {
	grep 'received TEMPORARY_FAILURE' "$work/$ours.log"
}

# Section 2.25.1: one of them is refused, and is done when the other one is over.
child_and_ike() {
	local ike child

	up "$@"
	ping_start lan1 "$lan2_addr"
	ike=$(ike_spis gw1) child=$(inbound gw1)
	at_both --rekey --child net -- --rekey --ike gw
	wait_for 30 ike_is_other gw1 "$ike"
	wait_for 60 inbound_is_other gw1 "$child"
	ike_settled
	settled
	ping_more 5
	no_ping_lost "$theirs"
	told
}

# ended: neither end has any, nor anything of it.
ended_child() {
	wait_for 30 no_child_sas
	one_ike_sa
	swanctl gw1 --initiate --child net --timeout 20
	settled
	both_answered
}

no_child_sas() {
	[ "$(child_sas gw1)" = 0 ] && [ "$(child_sas gw2)" = 0 ]
}

# Section 2.25.1: what is deleted is not rekeyed.
rekey_and_delete_child() {
	up "$@"
	at_both --rekey --child net -- --terminate --child net --timeout 20
	ended_child
	met "$TEMPORARY|CHILD_SA_NOT_FOUND|CHILD_NOT_FOUND"
	at_both --terminate --child net --timeout 20 -- --rekey --child net
	ended_child
}

delete_child_twice() {
	up "$@"
	at_both --terminate --child net --timeout 20 -- --terminate --child net --timeout 20
	ended_child
}

# Section 2.25.2.
rekey_and_delete_ike() {
	up "$@"
	at_both --rekey --ike gw -- --terminate --ike gw --timeout 20
	taken_down
	swanctl gw1 --initiate --child net --timeout 20
	settled
	at_both --terminate --ike gw --timeout 20 -- --rekey --ike gw
	taken_down
}

delete_ike_twice() {
	up "$@"
	at_both --terminate --ike gw --timeout 20 -- --terminate --ike gw --timeout 20
	taken_down
}

more_is_up() {
	swanctl gw1 --list-sas | grep -q 'more: #.*INSTALLED' &&
		swanctl gw2 --list-sas | grep -q 'more: #.*INSTALLED'
}

# Section 2.25.2: a Child SA that is asked for meanwhile comes later, if ikefpd wants it.
create_and_rekey_ike() {
	local ike

	up "$@"
	ping_start lan1 "$lan2_addr"
	ike=$(ike_spis gw1)
	if [ "$theirs" = gw2 ]; then
		at_both --initiate --child more --timeout 30 -- --rekey --ike gw
	else
		at_both --rekey --ike gw -- --initiate --child more --timeout 30
	fi
	wait_for 30 ike_is_other gw1 "$ike"
	ike_settled
	wait_for 60 more_is_up
	no_ping_lost "$theirs"
	told
}

need_module
ktap_plan 6 6
for what in child_and_ike rekey_and_delete_child delete_child_twice rekey_and_delete_ike \
	delete_ike_twice create_and_rekey_ike; do
	testcase "${what//_/ }, ikefpd began" $what ikefpd strongswan
	again "${what//_/ }, strongSwan began" $what strongswan ikefpd
done
ktap_end
