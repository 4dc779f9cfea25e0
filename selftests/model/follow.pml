/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An SA that follows its peer (RFC 7296 section 2.23), whose NAT gives it another port, and
 * then another address, at any moment; over a network that loses and reorders, with an
 * attacker who has recorded everything and sends it again from wherever he likes, also
 * before the peer's own copy arrives, and with a worker that may die and comes back. Every
 * inline is named as the function of kmod/ that it stands for, and does under the SA's lock,
 * in one atomic step, what that does.
 *
 * The SA is established. The peer asks, one request at a time, and our worker or the kernel
 * asks the peer once. What the peer waits for an answer to it sends again, when nothing of
 * it is on its way and nobody has it in his hands, as often as it is lost; what we ask is
 * sent COPIES times and given up, since it may go where the peer is not. What becomes of it
 * then is in message.pml.
 *
 * Every run comes to its end (pan -l: there is no cycle); then, and after each message,
 * what has become of the path is looked at.
 *
 * MUTANT_... puts a bug in that must be found, or what is checked proves nothing.
 */

#ifndef FAULTS
#define FAULTS 2	/* messages lost, and copies of the attacker's, from any place */
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#define COPIES 2	/* of what we ask, retransmissions included */

#define IDS 2		/* of the peer's requests */
#define LIVENESS 1	/* the one that the kernel answers by itself */

/* Where a datagram comes from: two ports of a host, and two of another. */
#define PLACES 4
#define LAST_PLACE 2	/* of the peer; the last of all is the attacker's */
#define host(place) (place / 2)
#define ikefp_path_same_host(a, b) (host(a) == host(b))
#define ikefp_path_same_remote(a, b) (a == b)

mtype:upcall = { REQUEST, RESPONSE, SA_MOVED, ADOPTED };
mtype:verdict = { DONE, NO_WORKER, WORKER_FULL };
mtype:verdict verdict;	/* of an upcall, for its caller */

/* struct ikefp_sa */
byte path;
bool move_untold;
/* answer, of the latest request */
bool known, octets, waits;
byte answer_path;
byte expected, newest_in;
/* exchange, the only one */
bool liveness;		/* the kernel asks; or else the worker does */
bool outstanding, over;
byte tries;
/* worker */
bool owned = true;
bool gone;		/* the worker is, and it is known */

/* No more than a window of one makes each way. */
chan waiting = [2] of { mtype:upcall, byte };
chan socket = [1] of { mtype:upcall, byte };
#define has_room (len(socket) == 0)
#define none_waits (len(waiting) == 0)

/* The worker, and what it knows; the SA's worker may be one that is dead. */
bool alive = true, is_sas = true;
byte deaths = DEATHS;
byte place_known;	/* where it believes the peer to be; also what is in the stash */
byte hands = IDS;	/* the request in its hands, if any */

/* The peer */
byte place;		/* where it is, as we see it */
bool asks, gave_up;
byte asked;		/* its requests so far */
bool answers;		/* ours */

/*
 * On their way: from where, or NOWHERE; to the peer, only where it is. What the one who
 * asked has an outcome of is not: who sends that again is the attacker.
 */
#define NOWHERE PLACES
byte request = NOWHERE, own_response = NOWHERE;
byte response;		/* to the so manieth request, 0 for none */
bool own_request;
byte faults = FAULTS;

/* What is asked about, apart from what the SA thinks: first copies that were received. */
bool received[IDS], own_received;
byte last;		/* where the latest of them came from */

inline was_received(was, from) {
	if
	:: !was -> was = true; last = from
	:: else
	fi
}

/* transmit.c */

inline ikefp_transmit(message, what, to) {
	if
	:: ikefp_path_same_remote(to, place) -> message = what
	:: else
	fi
}

/* upcall.c */

inline ikefp_upcall_flush() {
	waiting?kind, number;
	if
	:: kind == REQUEST -> waits = false
	:: else
	fi;
	socket!kind, number;
	kind = 0; number = 0
}

inline ikefp_upcall(what, value) {
	if
	:: owned && is_sas && has_room && none_waits -> socket!what, value; verdict = DONE
	:: owned && is_sas && !(has_room && none_waits) -> verdict = WORKER_FULL
	:: owned && !is_sas -> verdict = NO_WORKER
	:: !owned -> waiting!what, value; verdict = DONE
	fi
}

/* timers.c */

inline ikefp_timers_moved() {
	if
	:: !owned -> verdict = DONE
	:: owned -> ikefp_upcall(SA_MOVED, path)
	fi;
#ifndef MUTANT_TOLD_ONCE
	move_untold = (verdict == WORKER_FULL)
#endif
}

/* orphan.c */

inline ikefp_orphan_check() {
	if
	:: owned && gone ->
		owned = false;
		gone = false;
		if
		:: known && !octets && !waits -> known = false; expected--
		:: else
		fi
	:: else
	fi
}

inline request_over() {
	outstanding = false; over = true; tries = 0;
	own_request = false; own_response = NOWHERE
}

/* message.c, from the wire */

inline heard(from) {
	if
#ifdef MUTANT_ORPHAN_STAYS
	:: owned && !ikefp_path_same_remote(path, from) ->
#else
	:: !ikefp_path_same_remote(path, from) ->
#endif
		path = from;
		ikefp_timers_moved()
	:: else
	fi
}

inline accepted_request(id, from) {
	was_received(received[id], from);
	known = true;
	octets = false;
	waits = !owned;
	answer_path = from;
	expected++;
	if
#ifdef MUTANT_TAKEN_AGAIN_MOVES
	:: true -> newest_in = id + 1; heard(from)
#else
	:: id >= newest_in -> newest_in = id + 1; heard(from)
	:: else
#endif
	fi
}

inline ikefp_send_answer() {
	octets = true;
	ikefp_transmit(response, expected, answer_path)
}

/* ikefp_path_same_host(): see peer() for what follows of it. */
#define may_answer(from) (ikefp_path_same_host(answer_path, from) || \
			  ikefp_path_same_host(path, from))

inline receive_duplicate(from) {
#ifdef MUTANT_DUPLICATE_MOVES
	heard(from);
#endif
	if
	:: known && octets && may_answer(from) ->
#ifdef MUTANT_ANSWER_TO_PATH
		ikefp_transmit(response, expected, path)
#else
		ikefp_transmit(response, expected, from)
#endif
	:: else		/* DROP_MESSAGE_ID, DROP_SOURCE, DROP_IN_PROGRESS */
	fi
}

inline receive_request(id, from) {
	ikefp_orphan_check();
	if
	:: id + 1 == expected -> receive_duplicate(from)
	:: id == expected && !(known && !octets) ->
#ifdef MUTANT_UPCALL_LAST
		heard(from);
#endif
		if
		:: id == LIVENESS -> accepted_request(id, from); ikefp_send_answer()
		:: else ->
			ikefp_upcall(REQUEST, id);
			if
			:: verdict == DONE -> accepted_request(id, from)
			:: else
			fi
		fi
	:: else		/* DROP_MESSAGE_ID */
	fi;
	verdict = 0
}

inline receive_response(from) {
	ikefp_orphan_check();
	if
	:: outstanding ->
		if
		:: liveness -> verdict = DONE
		:: else -> ikefp_upcall(RESPONSE, 0)
		fi;
		if
		:: verdict == DONE ->
			was_received(own_received, from);
			request_over();
			heard(from)
		:: else
		fi
	:: else
#ifdef MUTANT_STALE_MOVES
		-> heard(from)
#endif
	fi;
	verdict = 0
}

/* send.c */

inline start_exchange() {
	outstanding = true;
	tries = 1;
	ikefp_transmit(own_request, true, path)
}

inline expired_request() {
	if
	:: tries < COPIES -> tries++; ikefp_transmit(own_request, true, path)
	:: else -> request_over()
	fi
}

/* One deadline, whichever; not what would change nothing. */
proctype timers() {
	mtype:upcall kind;
	byte number;
end:	do
	:: atomic { outstanding -> expired_request() }
	:: atomic { owned && is_sas && !none_waits && has_room -> ikefp_upcall_flush() }
	:: atomic { move_untold && (!owned || !is_sas || has_room && none_waits) ->
			ikefp_timers_moved(); verdict = 0 }
	:: atomic { liveness && !outstanding && !over -> start_exchange() }
	:: atomic { owned && gone -> ikefp_orphan_check() }
	od
}

/* The peer's request that is outstanding, or was the latest. */
#define present (asked - 1)
#define in_hands (known && !octets && expected == asked)
#define is_answered (known && octets && expected == asked)

/* What was received first moves the path, and nothing else does. */
#define look assert(ikefp_path_same_remote(path, last))

#define DELIVER(from, receive) \
	:: atomic { from != NOWHERE -> \
		source = from; from = NOWHERE; \
		if \
		:: true -> receive \
		:: faults > 0 -> faults-- \
		fi; \
		source = 0; look }

/* Recorded: all that the peer has sent. */
#define REPLAY(sent, receive) \
	:: atomic { faults > 0 && sent -> \
		faults--; \
		select(source : 0 .. PLACES - 1); \
		receive; \
		source = 0; look }

proctype network() {
	byte source;
end:	do
	DELIVER(request, receive_request(present, source))
	DELIVER(own_response, receive_response(source))
	REPLAY(asked > 0, receive_request(0, source))
	REPLAY(asked > 1, receive_request(1, source))
	REPLAY(answers, receive_response(source))
	:: atomic { own_request ->
			own_request = false;
			if
			:: true -> own_response = place; answers = true
			:: faults > 0 -> faults--
			fi }
	:: atomic { response ->
			if
			:: response == asked -> asks = false; request = NOWHERE
			:: response != asked
			:: faults > 0 -> faults--
			fi;
			response = 0 }
	od
}

/*
 * The peer, and its NAT. A duplicate is answered only where the request came from or the SA
 * is, or who records could have us send to whom he likes. So the peer gives up where it has
 * no answer and its address is another since it asked, or an attacker was faster than its
 * own copy.
 */
proctype peer() {
end:	do
	:: atomic { !asks && asked < IDS && !gave_up -> asks = true; request = place; asked++ }
	:: atomic { asks && request == NOWHERE && !response && !in_hands &&
		    (owned && is_sas && has_room && none_waits || !owned) &&
		    !(is_answered && !may_answer(place)) ->
			request = place }
	:: atomic { asks && request == NOWHERE && !response && is_answered &&
		    !may_answer(place) -> asks = false; gave_up = true }
	:: atomic { place < LAST_PLACE -> place++; response = 0; own_request = false }
	od
}

inline die() {
	deaths--;
	alive = false;
	is_sas = false;
	hands = IDS;
	if
	:: len(socket) > 0 -> socket?_, _
	:: else
	fi
}

/* netlink_worker.c: told of the SA, as it is now, and then of what has waited. */
inline adopt() {
	ikefp_orphan_check();
#ifdef MUTANT_ADOPTED_UNTOLD
	socket!ADOPTED, place_known;
#else
	socket!ADOPTED, path;
#endif
	owned = true;
	is_sas = true
}

proctype helper() {
	mtype:upcall kind;
	byte number;
end:	do
	:: atomic { alive && hands == IDS && len(socket) > 0 ->
			socket?kind, number;
			if
			:: kind == SA_MOVED || kind == ADOPTED -> place_known = number
			:: kind == REQUEST -> hands = number
			:: kind == RESPONSE
			fi;
			kind = 0; number = 0 }
	/* ikefp_send_response() */
	:: atomic { alive && hands < IDS ->
			assert(in_hands && hands == present);
			ikefp_send_answer(); hands = IDS }
	/* ikefp_send_request() */
	:: atomic { alive && is_sas && !liveness && !outstanding && !over -> start_exchange() }
	:: atomic { alive && deaths > 0 -> die() }
	/* ikefp_worker_detach() */
	:: atomic { owned && !is_sas && !gone -> gone = true }
	:: atomic { !alive -> alive = true }
	:: atomic { alive && has_room && (!owned || gone) -> adopt() }
	od
}

proctype monitor() {
end:	timeout -> atomic {
		look;
		/* The worker, whichever it is by now, knows where that is. */
		assert(alive && owned && is_sas && !move_untold && none_waits);
		assert(ikefp_path_same_remote(place_known, path));
		/* All was asked, and has come to its end. */
		assert(!asks && (asked == IDS || gave_up) && over && !outstanding)
	}
}

init {
	atomic {
		if
		:: liveness = true
		:: true
		fi;
		run timers(); run network(); run peer(); run helper(); run monitor()
	}
}
