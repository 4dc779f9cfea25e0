/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A window of two (RFC 7296 section 2.3), one way: the end that asks, and the end that
 * answers, over a network that loses, duplicates and reorders, with a worker that answers
 * in any order, may die once, and comes back. Both windows begin as one and grow at any
 * moment, that of the answering end first, as it must. Every inline is named as the
 * function of kmod/ that it stands for, and does in one atomic step what that does.
 *
 * What waits for an answer is sent again when no copy of it, nor of its answer, is on its
 * way, nobody has it in his hands, and the worker can take it: as often as it is lost. So every request
 * comes to its end, whatever happens, and every run too (pan -l: there is no cycle).
 *
 * One request is for a sign of life, which the kernel answers by itself.
 *
 * MUTANT_... puts a bug in that must be found, or what is checked proves nothing.
 */

#ifndef LOSSES
#define LOSSES 2	/* of the network */
#endif
#ifndef DUPLICATES
#define DUPLICATES 2
#endif
#define FLIGHT 1	/* copies of one message on their way at a time */

#define WINDOW 2
#define IDS 4
#define LIVENESS 1
#define NOBODY 9

/* struct ikefp_exchange */
typedef exchange_t {
	bool octets, waits;
	byte id
};

/* struct ikefp_answer */
typedef answer_t {
	bool known, octets, waits;
	byte id
};

/* The end that asks */
exchange_t exchanges[WINDOW];
byte window_out = 1, next_out;
byte outcomes[IDS];

/* The end that answers; ahead: the one after the expected was received */
answer_t answers[WINDOW];
byte window_in = 1, expected;
bool ahead;
bool owned = true;
chan waiting = [2 * WINDOW] of { byte };

/* Its worker */
chan socket = [1] of { byte };
bool alive = true, mortal = true;
bool hands[IDS];	/* what is in its socket or in its hands */
byte handled[IDS];

byte request[IDS], response[IDS];	/* on their way */
byte losses = LOSSES, duplicates = DUPLICATES;

inline send(count) {
	if
	:: count < FLIGHT -> count++
	:: else
	fi
}

/* exchange.c, timers.c */

#define of_helper (exchanges[0].octets + exchanges[1].octets)
#define first_is(i) (exchanges[i].octets && \
	(!exchanges[1 - i].octets || exchanges[i].id < exchanges[1 - i].id))
#define first_id(otherwise) (first_is(0) -> exchanges[0].id : \
	(first_is(1) -> exchanges[1].id : otherwise))
#ifdef MUTANT_WINDOW_BY_COUNT
#define may_start(number) true
#else
#define may_start(number) (number - first_id(number) < window_out)
#endif

/* The first that has no outcome: what the peer may count on. */
#define unanswered (!outcomes[0] -> 0 : (!outcomes[1] -> 1 : (!outcomes[2] -> 2 : 3)))

inline request_starts(i) {
	exchanges[i].waits = false;
	assert(exchanges[i].id < unanswered + window_out);
	assert(exchanges[i].id < unanswered + window_in);
	send(request[exchanges[i].id])
}

/* With a window of one there is one place. */
inline ikefp_send_request() {
	i = (exchanges[0].octets -> 1 : 0);
	exchanges[i].id = next_out;
	exchanges[i].waits = true;
	if
	:: may_start(next_out) -> exchanges[i].octets = true; request_starts(i)
	:: else -> exchanges[i].octets = true
	fi;
	next_out++;
	i = 0
}

#define to_start(i) (exchanges[i].octets && exchanges[i].waits && may_start(exchanges[i].id))

inline ikefp_timers_window_opened() {
	if
	:: to_start(0) -> request_starts(0)
	:: else
	fi;
	if
	:: to_start(1) -> request_starts(1)
	:: else
	fi
}

inline receive_response(number) {
	if
	:: exchanges[0].octets && !exchanges[0].waits && exchanges[0].id == number -> i = 0
	:: exchanges[1].octets && !exchanges[1].waits && exchanges[1].id == number -> i = 1
	:: else -> i = WINDOW
	fi;
	if
	:: i < WINDOW ->
		outcomes[number]++;
		assert(outcomes[number] == 1);
		exchanges[i].octets = false; exchanges[i].waits = false; exchanges[i].id = 0;
		ikefp_timers_window_opened()
	:: else	/* DROP_STALE_RESPONSE */
	fi;
	i = 0
}

/* window.c */

#define after_all (ahead -> expected + 2 : expected)
#define is_new(number) (number == expected || \
	number == expected + 1 && window_in == WINDOW && !ahead)
#define is_duplicate(number) (number < expected && after_all - number <= window_in || \
	number == expected + 1 && ahead)

inline ikefp_window_take(number) {
	if
	:: number == expected && ahead -> expected = expected + 2; ahead = false
	:: number == expected && !ahead -> expected++
#ifndef MUTANT_IN_ORDER
	:: else -> ahead = true
#else
	:: else -> expected = number + 1
#endif
	fi
}

/* No more than one behind what is expected: that is answered, or the window is full. */
inline ikefp_window_give_back(number) {
	if
	:: number > expected -> ahead = false
	:: else ->
		ahead = (expected - number == 2);
		assert(expected - number <= 2);
		expected = number
	fi
}

/* answer.c */

#define place(number) (number % window_in)
#define found(number) (answers[place(number)].known && answers[place(number)].id == number)
#define late(i, number) (answers[i].known && !answers[i].octets && answers[i].id < number && \
	number - answers[i].id >= window_in)
#define in_turn(number) (!late(0, number) && !late(1, number))

inline forget(i) {
	answers[i].known = false; answers[i].octets = false; answers[i].waits = false;
	answers[i].id = 0
}

inline give_back(i) {
	if
#ifdef MUTANT_GIVE_BACK_ALL
	:: answers[i].known && !answers[i].waits && is_duplicate(answers[i].id) ->
#else
	:: answers[i].known && !answers[i].octets && !answers[i].waits ->
#endif
		ikefp_window_give_back(answers[i].id);
		forget(i)
	:: else
	fi
}

/* The one request that there is moves to its place. */
inline ikefp_answer_widen() {
	window_in = WINDOW;
#ifndef MUTANT_NOT_MOVED
	if
	:: answers[0].known && answers[0].id % WINDOW == 1 ->
		answers[1].known = true;
		answers[1].octets = answers[0].octets;
		answers[1].waits = answers[0].waits;
		answers[1].id = answers[0].id;
		forget(0)
	:: else
	fi
#endif
}

/* message.c */

inline accepted_request(number) {
	i = place(number);
	/* What it takes the place of, nobody can ask for any more. */
	assert(!answers[i].known || outcomes[answers[i].id]);
	answers[i].known = true;
	answers[i].octets = false;
	answers[i].waits = !owned;
	answers[i].id = number;
	ikefp_window_take(number);
	i = 0
}

/* To the worker, or to where it waits for one; else it is as if lost on the way. */
inline ikefp_upcall_message(number) {
	if
	:: owned && len(socket) == 0 && len(waiting) == 0 ->
		socket!number;
		hands[number] = true;
		accepted_request(number)
	:: !owned -> waiting!number; accepted_request(number)
	:: else
	fi
}

inline receive_request(number) {
	/* Who asks in good faith, and has no answer, is never turned away. */
	assert(outcomes[number] || is_new(number) && in_turn(number) ||
	       is_duplicate(number) && found(number));
	if
	:: is_duplicate(number) ->
		if
		:: found(number) && answers[place(number)].octets ->
			assert(answers[place(number)].id == number);
			send(response[number])
		:: else	/* DROP_IN_PROGRESS, DROP_MESSAGE_ID */
		fi
	:: is_new(number) && in_turn(number) && number == LIVENESS ->
		accepted_request(number);
		handled[number]++;
		assert(handled[number] == 1);
		answers[place(number)].octets = true;
		answers[place(number)].waits = false;
		send(response[number])
	:: is_new(number) && in_turn(number) && number != LIVENESS ->
		ikefp_upcall_message(number)
	:: else	/* DROP_MESSAGE_ID */
	fi
}

inline ikefp_send_response(number) {
	assert(found(number) && !answers[place(number)].octets);
	answers[place(number)].octets = true;
	send(response[number])
}

/* upcall.c */

inline ikefp_upcall_flush() {
	waiting?number;
	if
	:: found(number) -> answers[place(number)].waits = false
	:: else
	fi;
	socket!number;
	hands[number] = true;
	number = 0
}

/* The end that asks: its helper has as many to ask as the window lets it, and no more. */
proctype asking() {
	byte i;
end:	do
	:: atomic { next_out < IDS && of_helper < window_out -> ikefp_send_request() }
	:: atomic { window_out < window_in ->
			window_out = window_in; ikefp_timers_window_opened() }
	od
}

/* Time passes until nothing else happens to the request, and the worker has time for it. */
#define AGAIN(i) \
	:: atomic { exchanges[i].octets && !exchanges[i].waits && \
		    !request[exchanges[i].id] && !response[exchanges[i].id] && \
		    !hands[exchanges[i].id] && alive && owned && len(waiting) == 0 && \
		    len(socket) == 0 -> \
			send(request[exchanges[i].id]) }

proctype timers() {
	byte number;
end:	do
	AGAIN(0)
	AGAIN(1)
	:: atomic { owned && len(waiting) > 0 && len(socket) == 0 -> ikefp_upcall_flush() }
	od
}

#define DELIVER(copies, receive) \
	:: atomic { copies > 0 -> \
		copies--; \
		if \
		:: true -> receive \
		:: duplicates > 0 -> duplicates--; copies++; receive \
		:: losses > 0 -> losses-- \
		fi }
#define DELIVER_NUMBER(number) \
	DELIVER(request[number], receive_request(number)) \
	DELIVER(response[number], receive_response(number))

proctype network() {
	byte i;
end:	do
	DELIVER_NUMBER(0)
	DELIVER_NUMBER(1)
	DELIVER_NUMBER(2)
	DELIVER_NUMBER(3)
	od
}

/* A request that it had will be handled as if for the first time, if it comes again. */
inline lose(number) {
	if
	:: hands[number] -> hands[number] = false; handled[number] = 0
	:: else
	fi
}

inline die() {
	mortal = false;
	alive = false;
	owned = false;
	do
	:: len(socket) > 0 -> socket?_
	:: len(socket) == 0 -> break
	od;
	lose(0); lose(1); lose(2); lose(3);
#ifndef MUTANT_NOT_GIVEN_BACK
	/* In any order. */
	if
	:: true -> give_back(0); give_back(1)
	:: true -> give_back(1); give_back(0)
	fi
#endif
}

#define ANSWER(number) \
	:: atomic { alive && hands[number] && handled[number] -> \
			ikefp_send_response(number); hands[number] = false }

proctype helper() {
	byte number;
end:	do
	:: atomic { alive && len(socket) > 0 ->
			socket?number;
			handled[number]++;
			assert(handled[number] == 1);
			number = 0 }
	ANSWER(0)
	ANSWER(1)
	ANSWER(2)
	ANSWER(3)
	:: atomic { alive && mortal -> die() }
	:: atomic { !alive -> alive = true; owned = true }
	:: atomic { window_in == 1 -> ikefp_answer_widen() }
	od
}

proctype monitor() {
	byte i;
end:	timeout -> atomic {
		assert(next_out == IDS && !of_helper && window_out == WINDOW);
		do
		:: i < IDS -> assert(outcomes[i] == 1 && handled[i] == 1); i++
		:: i == IDS -> break
		od
	}
}

init {
	atomic {
		run asking(); run timers(); run network(); run helper(); run monitor()
	}
}
