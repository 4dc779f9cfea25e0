/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The message layer between two ends, 0 the initiator and 1 the responder, over a
 * network that loses, duplicates and reorders, under workers that die and come back.
 * Every inline is named as the function of kmod/ that it stands for, and does under
 * the SA's lock, in one atomic step, what that does.
 *
 * One IKE SA lives its life: IKE_SA_INIT, IKE_AUTH (0's request 1), DELETE (2), and a
 * liveness check from the other side (1's request 0), which the kernel there asks and the
 * kernel here answers by itself. A worker may delete the SA at any moment. When it dies,
 * the SA is an orphan, which may expire, until the next worker adopts it: that goes on with
 * an established SA, and deletes a half-open one, whose secrets are lost.
 *
 * Time is not in it: whatever may expire may do so at any moment. Bounded are the
 * copies of a request, the network's duplicates, the deaths, and the room in a
 * worker's socket, so that every run comes to an end; that it does is checked (pan -l:
 * there is no cycle), as is what has become of everything then (final).
 *
 * MUTANT_... puts a bug in that must be found, or what is checked proves nothing.
 */

#ifndef COPIES
#define COPIES 2	/* of a request, retransmissions included */
#endif
#ifndef DUPLICATES
#define DUPLICATES 1	/* that the network makes, of all messages */
#endif
#ifndef FLIGHT
#define FLIGHT 1	/* copies of one message on their way at a time; more are lost */
#endif

#define AUTH 1
#define DELETE 2
#define LIVENESS 0
#define IDS 3

mtype:state = { NONE, HALF_OPEN, ESTABLISHED, LINGERING, DEAD };
mtype:upcall = { INIT, INIT_RESPONSE, REQUEST, RESPONSE, TIMEOUT, EXPIRED, SA_DEAD };
mtype:verdict = { DONE, NO_WORKER, WORKER_FULL, WAITING_LIMIT };

/* struct ikefp_sa, of each end */
typedef sa_t {
	mtype:state state;
	bool crypto;
	byte next_in, next_out;
	/* exchange */
	bool outstanding, raw, liveness, over;
	byte id, tries;
	/* answer */
	bool known, octets;
	/* init */
	bool hashed, response;
	bool response_seen;
	bool owned,		/* it has a worker */
		request_waits
};
sa_t sa[2];

/* Upcalls that wait for adoption: no more than a window of one makes each way. */
#define MAX_WAITING 2
chan waiting0 = [MAX_WAITING] of { mtype:upcall, byte };
chan waiting1 = [MAX_WAITING] of { mtype:upcall, byte };
chan waiting[2];
#define none_waits(e) (len(waiting[e]) == 0)
#define may_wait(e) (len(waiting[e]) < MAX_WAITING)

/* The worker's socket, and what the worker is doing */
#define ROOM 1
chan socket0 = [ROOM] of { mtype:upcall, byte };
chan socket1 = [ROOM] of { mtype:upcall, byte };
chan socket[2];
#define has_room(e) (len(socket[e]) < ROOM)

typedef worker_t {
	bool alive, busy, has_sa;
	bool waits;		/* for the outcome of its request */
	bool bereft;		/* this worker, or one before it, died with a request out */
	bool deleted;		/* the SA, of its own accord */
	byte request;
	mtype:upcall doing
};
worker_t worker[2];

/* Copies on their way to an end */
typedef network_t {
	byte raw_request, raw_response;
	byte request[IDS], response[IDS]
};
network_t to[2];
byte duplicates = DUPLICATES;

/* One worker dies, or deletes the SA, or none does: which, is chosen first. */
#define NOBODY 2
byte mortal, deleter;
/* Whose orphan expires before a worker adopts it. */
byte expiring;

/* What is asked about: of the requests of end e, in [e] */
typedef fate_t {
	byte handled[IDS];	/* by the other end */
	byte outcomes[IDS];
	bool welcome[IDS]	/* a copy came while it could be handled, which it was not yet */
};
fate_t requests[2];

/* What end e has got into its worker's socket, apart from what its SA thinks */
typedef got_t {
	byte next;
	bool pending		/* the last of it is not answered */
};
got_t got[2];

#define other(e) (1 - (e))

inline send(e, count) {
	if
	:: sa[e].state != DEAD && count < FLIGHT -> count++
	:: else
	fi
}

/* upcall.c */

/* One at a time is what there is room for. */
inline ikefp_upcall_flush(e) {
	if
	:: sa[e].owned && !none_waits(e) && has_room(e) ->
#ifdef MUTANT_WAITS_ON
		waiting[e]?<kind, number>;
#else
		waiting[e]?kind, number;
#endif
		if
		:: kind == REQUEST -> sa[e].request_waits = false
		:: else
		fi;
		socket[e]!kind, number;
		kind = 0; number = 0
	:: else
	fi
}

inline ikefp_upcall(e, what, id_, verdict) {
	if
	:: sa[e].owned && has_room(e) && none_waits(e) -> socket[e]!what, id_; verdict = DONE
	:: sa[e].owned && !(has_room(e) && none_waits(e)) -> verdict = WORKER_FULL
	:: !sa[e].owned && sa[e].state != ESTABLISHED -> verdict = NO_WORKER
	:: !sa[e].owned && sa[e].state == ESTABLISHED && !may_wait(e) ->
		verdict = WAITING_LIMIT
	:: !sa[e].owned && sa[e].state == ESTABLISHED && may_wait(e) ->
		waiting[e]!what, id_;
		if
		:: what == REQUEST -> sa[e].request_waits = true
		:: else
		fi;
		verdict = DONE
	fi
}

/* sa.c */

inline ikefp_sa_forget_exchange(e) {
	sa[e].outstanding = false; sa[e].raw = false; sa[e].liveness = false;
	sa[e].over = false;
	sa[e].id = 0; sa[e].tries = 0
}

inline ikefp_sa_forget_init(e) { sa[e].hashed = false; sa[e].response = false }

inline ikefp_sa_forget_worker(e) {
	sa[e].owned = false; sa[e].request_waits = false;
	do
	:: !none_waits(e) ->
		waiting[e]?kind, number;
		if
		:: kind == REQUEST -> requests[other(e)].welcome[number] = false
		:: else
		fi
	:: none_waits(e) -> break
	od;
	kind = 0; number = 0
}

inline ikefp_sa_bury(e) {
	ikefp_sa_forget_worker(e);
	ikefp_sa_forget_exchange(e);
	ikefp_sa_forget_init(e);
	sa[e].known = false; sa[e].octets = false; sa[e].crypto = false;
	sa[e].response_seen = false;
	sa[e].state = DEAD;
	/* What is still on its way is dropped when it comes. */
	to[e].raw_request = 0; to[e].raw_response = 0;
	i = 0;
	do
	:: i < IDS -> to[e].request[i] = 0; to[e].response[i] = 0; i++
	:: i == IDS -> break
	od;
	i = 0
}

/* message.c, from the wire */

inline count_handled(e, number) {
	requests[other(e)].welcome[number] = false;
	requests[other(e)].handled[number]++;
	assert(requests[other(e)].handled[number] == 1)
}

inline answered(e, number) {
	sa[e].octets = true;
	got[e].pending = false;
	send(other(e), to[other(e)].response[number])
}

inline accepted_request(e) {
	sa[e].known = true;
	sa[e].octets = false;
	sa[e].next_in++
}

inline receive_duplicate(e, number, authentic) {
	if
	:: !sa[e].known
#ifndef MUTANT_NO_DIGEST
	:: sa[e].known && !authentic	/* its octets are others: DROP_DIGEST */
	:: sa[e].known && authentic && !sa[e].octets	/* DROP_IN_PROGRESS */
	:: sa[e].known && authentic && sa[e].octets -> send(other(e), to[other(e)].response[number])
#else
	:: sa[e].known && !sa[e].octets
	:: sa[e].known && sa[e].octets ->
		assert(authentic);
		send(other(e), to[other(e)].response[number])
#endif
	fi
}

inline answer_liveness(e, number) {
	accepted_request(e);
	got[e].next++;
	count_handled(e, number);
	answered(e, number)
}

#define can_go_up(e) (sa[e].owned && has_room(e) && none_waits(e) || \
	!sa[e].owned && sa[e].state == ESTABLISHED && may_wait(e))
#define welcome(e, number, authentic) (authentic && number == got[e].next && \
	!got[e].pending && sa[e].crypto && can_go_up(e) && \
	(sa[e].state == HALF_OPEN || sa[e].state == ESTABLISHED))

inline receive_request(e, number, authentic) {
	if
	:: welcome(e, number, authentic) -> requests[other(e)].welcome[number] = true
	:: else
	fi;
	if
	:: sa[e].state == NONE || sa[e].state == DEAD	/* DROP_UNKNOWN_SPI */
	:: else ->
		if
		:: sa[e].next_in > 0 && number == sa[e].next_in - 1 ->
			receive_duplicate(e, number, authentic)
		:: number == sa[e].next_in && sa[e].state != LINGERING && sa[e].crypto &&
		   (!sa[e].known || sa[e].octets) && authentic ->
			if
			:: number == LIVENESS && sa[e].state == ESTABLISHED ->
				answer_liveness(e, number)
			:: else ->
				ikefp_upcall(e, REQUEST, number, verdict);
				if
				:: verdict == DONE ->
					got[e].next++;
					got[e].pending = true;
#ifndef MUTANT_NO_WINDOW
					accepted_request(e)
#endif
				:: else ->
#ifdef MUTANT_WINDOW_FIRST
					accepted_request(e)
#else
					skip
#endif
				fi
			fi
		:: else
		fi
	fi
}

inline receive_response(e, number) {
	if
	:: sa[e].state != DEAD && sa[e].outstanding && !sa[e].over && !sa[e].raw &&
	   sa[e].id == number ->
		if
		:: sa[e].liveness -> verdict = DONE
		:: !sa[e].liveness -> ikefp_upcall(e, RESPONSE, number, verdict)
		fi;
		if
		:: verdict == DONE -> ikefp_sa_forget_exchange(e)
		:: else ->
#ifdef MUTANT_TIMER_FIRST
			ikefp_sa_forget_exchange(e)
#else
			skip
#endif
		fi
	:: else	/* DROP_STALE_RESPONSE */
	fi
}

inline receive_raw_response(e) {
	if
	:: sa[e].outstanding && !sa[e].over && sa[e].raw && !sa[e].response_seen ->
		ikefp_upcall(e, INIT_RESPONSE, 0, verdict);
		if
		:: verdict == DONE -> sa[e].response_seen = true
		:: else
		fi
	:: else
	fi
}

/* A first request after the SA that it made is gone makes another: not in this model. */
inline receive_init(e) {
	if
	:: sa[e].hashed && sa[e].response -> send(other(e), to[other(e)].raw_response)
	:: sa[e].state == NONE && worker[e].alive ->
		sa[e].owned = true;
		ikefp_upcall(e, INIT, 0, verdict);
		if
		:: verdict == DONE ->
			sa[e].state = HALF_OPEN;
			sa[e].hashed = true;
			sa[e].next_in = 1
		:: else	-> sa[e].owned = false	/* ikefp_sa_bury: as if it had not come */
		fi
	:: else
	fi
}

/* message.c, for the helper */

inline start_exchange(e, is_raw, number) {
	ikefp_sa_forget_exchange(e);
	sa[e].outstanding = true;
	sa[e].raw = is_raw;
	sa[e].id = number;
	sa[e].tries = 1;
	if
	:: is_raw -> send(other(e), to[other(e)].raw_request)
	:: else -> send(other(e), to[other(e)].request[number])
	fi
}

/* Once, so that every run comes to an end; what would wait for its end is not here. */
inline ikefp_message_ask_liveness(e) {
	start_exchange(e, false, sa[e].next_out);
	sa[e].liveness = true;
	sa[e].next_out++
}

/* -ENOKEY, -EBUSY, -ENOENT: nothing happens. */
inline ikefp_message_send_request(e) {
	if
	:: sa[e].crypto && !sa[e].outstanding && sa[e].state != LINGERING ->
		worker[e].waits = true;
		start_exchange(e, false, sa[e].next_out);
		sa[e].next_out++
	:: else
	fi
}

inline ikefp_message_send_response(e, number) {
	if
	:: sa[e].known && !sa[e].octets && sa[e].next_in == number + 1 &&
	   sa[e].state != LINGERING && sa[e].state != DEAD -> answered(e, number)
	:: else		/* -EINVAL, -ENOENT */
	fi
}

inline send_raw_response(e) {
	if
	:: sa[e].hashed && !sa[e].response && sa[e].state != LINGERING ->
		sa[e].response = true;
		send(other(e), to[other(e)].raw_response)
	:: else
	fi
}

/* netlink_sa.c */

inline take_keys(e) {
	if
	:: sa[e].state == HALF_OPEN && !sa[e].crypto ->
		sa[e].crypto = true;
		ikefp_sa_forget_exchange(e);
		if
		:: e == 0 -> sa[e].next_out = 1
		:: else
		fi
	:: else
	fi
}

inline apply_change(e) {
	if
	:: sa[e].state == HALF_OPEN && sa[e].crypto -> sa[e].state = ESTABLISHED
	:: else
	fi
}

inline ikefp_nl_sa_del_doit(e) {
	if
	:: sa[e].state == HALF_OPEN || sa[e].state == ESTABLISHED ->
		sa[e].crypto = false;
		ikefp_sa_forget_exchange(e);
		if
		:: sa[e].octets -> ikefp_sa_forget_worker(e); sa[e].state = LINGERING
		:: else -> ikefp_sa_bury(e)
		fi
	:: else
	fi
}

/* orphan.c */

/* What the dead worker had in its hands or its socket is as if lost on the way. */
inline ikefp_orphan_check(e) {
	if
	:: sa[e].owned ->
		sa[e].owned = false;
		if
#ifndef MUTANT_NOT_HANDED_BACK
		:: sa[e].known && !sa[e].octets && !sa[e].request_waits ->
			sa[e].known = false;
			sa[e].next_in--
#endif
		:: else
		fi
	:: else
	fi
}

inline ikefp_orphan_adopted(e) {
	sa[e].owned = true;
	ikefp_upcall_flush(e)
}

/* timers.c */

inline expired_request(e) {
	if
	:: !sa[e].over && sa[e].tries < COPIES ->
#ifndef MUTANT_NO_GIVING_UP
		sa[e].tries++;
#endif
		if
		:: sa[e].raw -> send(other(e), to[other(e)].raw_request)
		:: else -> send(other(e), to[other(e)].request[sa[e].id])
		fi
	:: else ->
		sa[e].over = true;
		if
		:: sa[e].liveness && sa[e].owned -> ikefp_upcall(e, SA_DEAD, sa[e].id, verdict)
		:: sa[e].liveness && !sa[e].owned -> verdict = NO_WORKER
		:: !sa[e].liveness -> ikefp_upcall(e, TIMEOUT, sa[e].id, verdict)
		fi;
		if
		:: verdict == DONE || verdict == NO_WORKER -> ikefp_sa_forget_exchange(e)
		:: else ->
#ifdef MUTANT_TIMEOUT_UNTOLD
			ikefp_sa_forget_exchange(e)
#else
			skip	/* again, UPCALL_RETRY later */
#endif
		fi
	fi
}

inline expired_half_open(e) {
	ikefp_upcall(e, EXPIRED, 0, verdict);
	if
	:: verdict != WORKER_FULL -> ikefp_sa_bury(e)
	:: else ->
#ifdef MUTANT_EXPIRY_UNTOLD
		ikefp_sa_bury(e)
#else
		skip
#endif
	fi
}

/* ikefp_timers_expired(): one deadline, whichever; not what would change nothing. */
#define upcall_fits(e) (can_go_up(e) || !sa[e].owned && sa[e].state != ESTABLISHED)
#define is_orphan(e) (!sa[e].owned && (sa[e].state == HALF_OPEN || sa[e].state == ESTABLISHED))
#ifdef MUTANT_TIMEOUT_UNTOLD
#define may_end(e) true
#else
#define may_end(e) (!sa[e].over || upcall_fits(e))
#endif
#ifdef MUTANT_EXPIRY_UNTOLD
#define may_expire(e) true
#else
#define may_expire(e) upcall_fits(e)
#endif

proctype timers(bit e) {
	mtype:verdict verdict;
	mtype:upcall kind;
	byte number, i;
end:	do
	:: atomic { sa[e].outstanding && may_end(e) -> expired_request(e); verdict = 0 }
	:: atomic { e == 1 && sa[e].state == HALF_OPEN && may_expire(e) ->
			expired_half_open(e); verdict = 0 }
	:: atomic { sa[e].state == ESTABLISHED && sa[e].hashed -> ikefp_sa_forget_init(e) }
	:: atomic { sa[e].state == LINGERING -> ikefp_sa_bury(e) }
	:: atomic { is_orphan(e) && expiring == e -> expiring = NOBODY; ikefp_sa_bury(e) }
	:: atomic { sa[e].owned && !none_waits(e) && has_room(e) -> ikefp_upcall_flush(e) }
	:: atomic { e == 1 && sa[e].state == ESTABLISHED && !sa[e].outstanding &&
		    sa[e].next_out == LIVENESS -> ikefp_message_ask_liveness(e) }
	od
}

/*
 * A copy arrives, or with another one behind it, or is lost; or what arrives is an
 * attacker's, who has changed it.
 */
#define DELIVER(copies, receive, changed) \
	:: atomic { copies > 0 -> \
		copies--; \
		if \
		:: true -> receive \
		:: duplicates > 0 -> duplicates--; copies++; receive \
		:: true -> changed \
		fi; \
		verdict = 0 }
#define DELIVER_NUMBER(i) \
	DELIVER(to[e].request[i], receive_request(e, i, true), receive_request(e, i, false)) \
	DELIVER(to[e].response[i], receive_response(e, i), skip)

proctype network(bit e) {
	mtype:verdict verdict;
	mtype:upcall kind;
	byte number;
end:	do
	DELIVER(to[e].raw_request, receive_init(e), skip)
	DELIVER(to[e].raw_response, receive_raw_response(e), skip)
	DELIVER_NUMBER(0)
	DELIVER_NUMBER(1)
	DELIVER_NUMBER(2)
	od
}

/* The helper: as far as it matters here */

inline flush(e) {
	do
	:: nempty(socket[e]) -> socket[e]?_, _
	:: empty(socket[e]) -> break
	od
}

/* A request that it had will be handled as if for the first time, if it comes again. */
inline die(e) {
	mortal = NOBODY;
	worker[e].bereft = worker[e].bereft || worker[e].waits;
	if
	:: got[e].pending && !sa[e].request_waits ->
		got[e].pending = false;
		got[e].next--;
		requests[other(e)].welcome[got[e].next] = false;
		requests[other(e)].handled[got[e].next] = 0
	:: else
	fi;
	flush(e);
	worker[e].alive = false; worker[e].busy = false; worker[e].has_sa = false;
	worker[e].waits = false; worker[e].request = 0; worker[e].doing = 0;
	ikefp_orphan_check(e)
}

/* It takes a message out of its socket; what it does about it comes later. */
inline take(e) {
	socket[e]?kind, number;
	if
	:: kind == INIT -> worker[e].has_sa = true
	:: kind == REQUEST -> count_handled(e, number)
	:: kind == RESPONSE ->
		requests[e].outcomes[number]++;
		assert(requests[e].outcomes[number] == 1);
		worker[e].waits = false
	:: kind == TIMEOUT && number > 0 ->
		requests[e].outcomes[number]++;
		assert(requests[e].outcomes[number] == 1);
		worker[e].waits = false
	:: kind == SA_DEAD ->
		requests[e].outcomes[number]++;
		assert(requests[e].outcomes[number] == 1)
	:: kind == EXPIRED -> worker[e].has_sa = false
	:: else
	fi;
	worker[e].busy = true;
	worker[e].doing = kind;
	worker[e].request = number
}

inline delete(e) {
	ikefp_nl_sa_del_doit(e);
	worker[e].has_sa = false;
	worker[e].waits = false;
	worker[e].deleted = true
}

/* What the next one makes of an orphan. What the worker before asked it waits for. */
inline adopt(e) {
	ikefp_orphan_adopted(e);
	worker[e].has_sa = true;
	if
	:: sa[e].state == HALF_OPEN -> delete(e)
	:: else -> worker[e].waits = sa[e].outstanding && !sa[e].liveness
	fi
}

inline act(e) {
	if
	:: !worker[e].has_sa	/* a message for an SA that is gone */
	:: worker[e].has_sa && worker[e].doing == INIT ->
		take_keys(e);
		send_raw_response(e)
	:: worker[e].has_sa && worker[e].doing == INIT_RESPONSE && sa[e].outstanding &&
	   sa[e].raw ->
		take_keys(e);
		ikefp_message_send_request(e)
	:: worker[e].has_sa && worker[e].doing == REQUEST ->
		if
		:: worker[e].request == AUTH -> apply_change(e)
		:: else
		fi;
		ikefp_message_send_response(e, worker[e].request);
		if
		:: worker[e].request == DELETE -> delete(e)
		:: else
		fi
	:: worker[e].has_sa && worker[e].doing == RESPONSE ->
		if
		:: e == 0 && worker[e].request == AUTH -> apply_change(e)
		:: e == 0 && worker[e].request == DELETE -> delete(e)
		:: else
		fi
	:: worker[e].has_sa && (worker[e].doing == TIMEOUT || worker[e].doing == SA_DEAD) ->
		delete(e)
	:: else
	fi;
	worker[e].busy = false; worker[e].doing = 0; worker[e].request = 0
}

/* The next request, when the one before has its outcome. */
#define may_request(e) (e == 0 && worker[e].alive && !worker[e].busy && worker[e].has_sa && \
	!worker[e].waits && sa[e].state == ESTABLISHED && sa[e].next_out <= DELETE && \
	!sa[e].outstanding)

proctype helper(bit e) {
	mtype:upcall kind;
	byte number, i;
end:	do
	:: atomic { worker[e].alive && !worker[e].busy && nempty(socket[e]) ->
			take(e); kind = 0; number = 0 }
	:: atomic { worker[e].busy -> act(e) }
	:: atomic { may_request(e) -> ikefp_message_send_request(e) }
	:: atomic { worker[e].has_sa && !worker[e].busy && deleter == e -> delete(e) }
	:: atomic { worker[e].alive && mortal == e -> die(e) }
	:: atomic { !worker[e].alive -> worker[e].alive = true }
	:: atomic { worker[e].alive && !worker[e].busy && is_orphan(e) -> adopt(e) }
	od
}

/* When nothing more can happen: what has become of it all. */
inline final(e) {
	assert(!sa[e].outstanding && empty(socket[e]) && !worker[e].busy);
	/* Nothing waits, and nobody is an orphan, once there is a worker. */
	assert(none_waits(e) && !is_orphan(e));
	/* Whoever asked and lives has learnt how it ended. */
	assert(worker[e].bereft || worker[e].deleted || !worker[e].waits);
	/* An SA that the worker believes in is there. */
	assert(!worker[e].has_sa || sa[e].state == HALF_OPEN || sa[e].state == ESTABLISHED);
	i = 0;
	do
	:: i < IDS ->
		/* Once, if a copy came when it could be, and not to a worker that died. */
		assert(!requests[e].welcome[i]);
		assert(i < sa[e].next_out || !requests[e].handled[i] && !requests[e].outcomes[i]);
		i++
	:: i == IDS -> break
	od
}

proctype monitor() {
	byte i;
end:	timeout -> atomic { final(0); final(1) }
}

init {
	atomic {
		mortal = NOBODY;
		deleter = NOBODY;
		expiring = NOBODY;
		if
		:: true
		:: mortal = 0
		:: mortal = 1
		:: mortal = 0; expiring = 0
		:: mortal = 1; expiring = 1
		:: deleter = 0
		:: deleter = 1
		fi;
		socket[0] = socket0; socket[1] = socket1;
		waiting[0] = waiting0; waiting[1] = waiting1;
		worker[0].alive = true; worker[1].alive = true;
		/* ikefp_nl_sa_new_doit(), send_raw_request() */
		sa[0].state = HALF_OPEN;
		sa[0].owned = true;
		sa[1].state = NONE;
		got[1].next = AUTH;
		worker[0].has_sa = true;
		start_exchange(0, true, 0);
		run timers(0); run timers(1);
		run network(0); run network(1);
		run helper(0); run helper(1);
		run monitor()
	}
}
