#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: vici_client.py SOCKET REQUEST...

Drives an IKE daemon by strongSwan's VICI client for Python, in one session. Each REQUEST is, in
JSON:

    ["METHOD", {REQUEST}]          a method of the client's session, with or without a request
    ["request", "COMMAND"]         a command that it has no method for
    ["listen", ["EVENT"...], N]    until there were N events; 0: for good

and gets a line of output: {"events": [...], "answer": {...}} or {"error": "TYPE", "text": "..."}. While
it listens, each event is a line, ["EVENT", {MESSAGE}]. Octets that are no text are in base64.
vici_client.pl and vici_client.rb are the same for Perl and Ruby.
"""
import base64
import json
import socket
import sys
import types

sys.path.insert(0, "/opt/vici/python")
import vici  # noqa: E402
import vici.exception  # noqa: E402


def plain(value):
    """What the client made of a message, as JSON has it."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if value is None:
        return None
    if not isinstance(value, bytes):
        raise TypeError(f"{value!r} is of type {type(value).__name__}")
    try:
        return value.decode("ascii")
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


def listen(session, events, count):
    for event, message in session.listen(events):
        print(json.dumps([event.decode(), plain(message)]), flush=True)
        count -= 1
        if not count:
            break


def run(session, method, *args):
    if method == "listen":
        return {"answer": listen(session, *args)}
    result = getattr(session, method)(*args)
    if isinstance(result, types.GeneratorType):
        return {"events": [plain(event) for event in result]}
    return {"answer": plain(result)}


def main():
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(sys.argv[1])
    session = vici.Session(sock)
    for request in sys.argv[2:]:
        try:
            result = run(session, *json.loads(request))
        except (vici.exception.CommandException, vici.exception.SessionException,
                vici.exception.EventUnknownException) as error:
            result = {"error": type(error).__name__, "text": str(error)}
        print(json.dumps(result), flush=True)


main()
