# SPDX-License-Identifier: ISC
"""A provider that means harm: it costs bounded time, memory and connections, ends no process, and the others' requests go on."""
import gzip
import json
import re
import socket
import threading
import time
import urllib.parse

import tap
from common import added, gateway, gateway_of, integrate, refused, together
from hostile_server import (KEY, MIB, P, ZONE, Hostile, Others, Roles, bounded, head, listen, make, sanitized, update_server,
                            whole, zones)
from servers import wait_for

LARGE = 4 * MIB - 100  # as much as an answer may have, but for its head
CALL_SECONDS = 30

# ---- bombs ----

def fill(piece, around=b"[]"):
    """A JSON text of nearly LARGE bytes. PIECE, with its comma; %d in it counts."""
    if b"%d" not in piece:
        body = piece * (LARGE // len(piece))
    else:
        body = b"".join(piece % i for i in range(LARGE // (len(piece) + 6)))
    return around[:1] + body[:-1] + around[1:]


BOMBS = {
    "objects": fill(b"{},"), "arrays": fill(b"[],"), "nested pairs": fill(b'{"":{}},'), "numbers": fill(b"1,"),
    "texts": fill(b'"",'), "keys": fill(b'"%d":1,', b"{}"), "keys of objects": fill(b'"%d":{},', b"{}"),
    "depth": b"[" * LARGE, "depth of objects": b'{"":' * (LARGE // 4), "33 deep": b"[" * 33 + b"]" * 33,
    "a huge number": b"[" + b"9" * LARGE + b"]", "a huge exponent": b"[1e999999999]", "a long fraction": b"[0." + b"1" * LARGE + b"]",
    "a long text": b'["' + b"a" * LARGE + b'"]', "escapes": b'["' + b"\\u0041" * (LARGE // 6) + b'"]',
    "the same key": fill(b'"a":1,', b"{}"), "NUL": b'[{"id":"a\0b"}]', "an escaped NUL": b'[{"id":"\\u0000","name":"a."}]',
    "not UTF-8": b'[{"name":"\xff\xfe"}]', "half a pair": b'[{"name":"\\ud800"}]', "blanks": b" " * LARGE, "nothing": b"",
    "not closed": b'[{"name":"' + b"a" * LARGE, "secrets": (b'"' + KEY.encode()[:-1] + b'",') * (LARGE // 35),
    "escapes of escapes": b'["' + b"\\\\u0043%2541&amp;#x4e;" * (LARGE // 22) + b'"]',
}


def test_bombs():
    with gateway() as g, Hostile() as up:
        handle, roles = make(g, up), Roles(g)
        with Others(g) as others:
            for name, body in BOMBS.items():
                up.say = whole(body)
                began = time.monotonic()
                status, answer = zones(g, handle)
                took = time.monotonic() - began
                assert took < 5 or sanitized(g), (name, took)
                assert status in (200, 422, 502), (name, status, answer)
                assert status != 200 or answer["zones"] == [], (name, answer)
        others.served(5)
        bounded(g, roles)


def test_compressed():
    """Not asked for, and not undone: a thousandfold stays what it is."""
    with gateway() as g, Hostile() as up:
        handle, roles = make(g, up), Roles(g)
        bomb = gzip.compress(b"[" + b" " * (256 * MIB) + b"]", 1)
        assert len(bomb) < 2 * MIB
        for headers in ({"Content_Encoding": "gzip"}, {"Content_Encoding": "gzip, gzip"}, {"Content_Encoding": "deflate"},
                        {"Content_Encoding": "br"}, {"Transfer_Encoding": "gzip"}):
            up.say = whole(bomb, **headers)
            refused(zones(g, handle), 502, "provider_unavailable")
        bounded(g, roles)


def test_many_large_answers_at_once():
    """A planner that reads one after the other was once taken for one that does not read, and ended: with it everybody's calls."""
    for piece in (b"{},", b'"abcdefghijklmnopqrs",', KEY.encode()[:-1] + b","):
        crowd = 48
        body, together_now = fill(piece), threading.Barrier(crowd)

        def say(socket, request):
            try:
                together_now.wait(20)
            except threading.BrokenBarrierError:
                pass
            whole(body)(socket, request)

        with gateway() as g, Hostile(say) as up:
            handle, roles = make(g, up), Roles(g)
            with Others(g) as others:
                answers = together(lambda _: zones(g, handle), range(crowd))
            others.served(10)
            for answer in answers:
                assert answer[0] in (200, 422, 502, 503), answer
                assert answer[0] != 503 or answer[1]["code"] == "overloaded", answer
            bounded(g, roles)
            added(g, integrate(g, P), "_acme-challenge.after." + ZONE, "v")


def test_many_zones():
    """More than 10,000 are refused; so many, with the longest ids, come through."""
    name = b'{"id":"%d.' + b"a" * 50 + b'.example.","name":"%d.' + b"a" * 50 + b'.example.","kind":"Native"},'

    def listed(n):
        return b"[" + b"".join(name % (i, i) for i in range(n))[:-1] + b"]"

    with gateway() as g, Hostile() as up:
        handle, roles = make(g, up), Roles(g)
        up.say = whole(listed(10000))
        with Others(g) as others:
            for status, answer in together(lambda _: zones(g, handle), range(16)):
                assert status == 503 or len(answer["zones"]) == 10000, (status, str(answer)[:200])
            up.say = whole(listed(10001))
            refused(zones(g, handle), 422, "provider_rejected")
        others.served(10)
        bounded(g, roles)


# ---- time ----

def again(first, piece, pause):
    def say(socket, request):
        socket.sendall(first)
        while piece or socket.recv(1):
            socket.sendall(piece)
            time.sleep(pause)
    return say


CHUNKED = head(Transfer_Encoding="chunked")
# Each goes on for ever.
SLOW = {
    "a byte of the head at a time": again(b"HTTP/1.1 200 OK\r\nX: ", b"a", 0.2),
    "a byte of the body at a time": again(head(length=1000000), b"1", 0.2),
    "a chunk at a time": again(CHUNKED, b"1\r\n1\r\n", 0.2),
    "interim answers": again(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", 0.2),
    "100 Continue": again(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.2),
    "a chunk's extension": again(CHUNKED + b"1;a=", b"a" * 65536, 0.001),
    "nothing": again(b"", b"", 0.2),
    "nothing more": again(head(length=100) + b"[", b"", 0.2),
}


def test_slow():
    """Each call ends in its 30 seconds, and nothing stays open behind it."""
    with gateway() as g, Hostile() as up, listen() as silent:
        ways = list(SLOW)

        def say(socket, request):
            name = ways[int(re.search(r"/way-(\d+)/", request.path)[1])]
            SLOW[name](socket, request)

        up.say = say
        handles = {}
        for i, name in enumerate(ways):
            status, answer = g.post("/make_integration", {"provider": "powerdns", "verify": False, "credentials": {
                "url": "%s/way-%d" % (up.url, i), "api_key": KEY}})
            assert status == 200, answer
            handles[name] = answer["integration_handle"]
        status, answer = g.post("/make_integration", {"provider": "powerdns", "verify": False, "credentials": {
            "url": "https://127.0.0.1:%d" % silent.getsockname()[1], "api_key": KEY}})
        handles["a handshake"] = answer["integration_handle"]
        handles["no message"] = update_server(g, silent.getsockname()[1])[1]["integration_handle"]
        roles, took = Roles(g), {}

        def ask(name):
            began = time.monotonic()
            answer = zones(g, handles[name])
            took[name] = time.monotonic() - began
            return name, answer

        with Others(g) as others:
            # Several of each at once.
            results = together(ask, list(handles) * 4)
        for name, (status, answer) in results:
            # A handshake is a part of connecting, which has 5 seconds. The 64 KiB of heads, of which a chunk's extension is one, are full earlier or later.
            want = {(502, "provider_unavailable")} if name in ("a handshake", "a chunk's extension") else {(504, "provider_timeout")}
            assert (status, answer["code"]) in want, (name, status, answer)
        assert max(took.values()) < CALL_SECONDS + 5, took
        others.served(5)
        wait_for(lambda: up.open == 0)
        bounded(g, roles)
        if roles.fds["postern-courier-self"] is not None:
            pid = roles.pids["postern-courier-self"]
            # The honest one's connection is kept.
            wait_for(lambda: roles.count_fds(pid) <= roles.fds["postern-courier-self"] + 1)


RETRIES = {"1000000000000000000": 86400, "18446744073709551615": 86400, "86400": 86400, "17": 17, "0": None,
           "18446744073709551616": None, "1e18": None, "-1": None, "1.5": None, "9" * 5000: None, "inf": None, "NaN": None,
           "Fri, 31 Dec 9999 23:59:59 GMT": 86400, "Thu, 01 Jan 1970 00:00:00 GMT": None, "17, 18": None, "0x7fffffff": None}


def test_retry_after():
    """Passed on, a day at most; nobody here waits for it."""
    with gateway() as g, Hostile() as up:
        handle = make(g, up)
        for text, want in RETRIES.items():
            for status, code in (("429 Slow", "provider_rate_limited"), ("503 No", "provider_unavailable")):
                up.say = whole(b"{}", status, Retry_After=text)
                began = time.monotonic()
                got, answer = zones(g, handle)
                assert answer["code"] == code and time.monotonic() - began < 2, (text, got, answer)
                assert answer.get("retry_after") == want, (text, answer)


# ---- lists without end ----

CLOUD_TOKEN = "cloudflare-" + KEY
PAGES_MAX = 200


def test_endless_pages():
    """200 of them, and no more; within the call's time."""
    def say(socket, request):
        page = int(urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query)["page"][0])
        result = [{"id": "%032x" % (page * 100 + i), "status": "active", "type": "full",
                   "name": "z%d.example" % (page * 100 + i)} for i in range(40)]
        body = json.dumps({"success": True, "errors": [], "messages": [], "result": result, "result_info": {
            "page": page, "per_page": 50, "count": 40, "total_count": 10 ** 18, "total_pages": 10 ** 18}}).encode()
        whole(body)(socket, request)

    with Hostile(say) as up, gateway_of('provider "cloudflare" { base = "%s/client/v4" }' % up.url) as g:
        status, answer = g.post("/make_integration", {"provider": "cloudflare", "credentials": {"api_token": CLOUD_TOKEN},
                                                      "verify": False})
        assert status == 200, answer
        roles, began = Roles(g), time.monotonic()
        answer = refused(zones(g, answer["integration_handle"]), 422, "provider_rejected")
        assert "pages" in answer["detail"], answer
        assert len(up.requests) == PAGES_MAX and time.monotonic() - began < CALL_SECONDS, len(up.requests)
        bounded(g, roles)


# ---- connections ----

def test_hoarded_connections():
    """Servers that keep every connection open: so many are kept, and no more. Each call is to another one."""
    many, kept_max = 400, 256
    open_now, closed = [], threading.Event()

    def serve(listener):
        while not closed.is_set():
            try:
                s, _ = listener.accept()
            except OSError:
                return
            open_now.append(s)
            s.recv(65536)
            s.sendall(head(length=2, Content_Type="application/json") + b"[]")

    hosts = ["127.1.%d.%d" % (i // 200, i % 200 + 1) for i in range(many)]
    with gateway() as g, socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen(512)
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        port, roles = listener.getsockname()[1], Roles(g)
        before = roles.fds["postern-courier-self"]
        if before is None:
            raise tap.Skip("needs root to count another process's descriptors")
        pid = roles.pids["postern-courier-self"]
        for host in hosts:
            status, answer = g.post("/make_integration", {"provider": "powerdns", "credentials": {
                "url": "http://%s:%d" % (host, port), "api_key": KEY}})
            assert (status, answer["zones"]) == (200, []), (host, status, answer)
        assert len(open_now) >= many
        kept = roles.count_fds(pid) - before
        assert kept <= kept_max, kept
        tap.comment("%d connections are kept of %d" % (kept, many))
        added(g, integrate(g, P), "_acme-challenge.hoard." + ZONE, "v")
        bounded(g, roles)
        closed.set()
        listener.shutdown(socket.SHUT_RDWR)
        for s in open_now:
            s.close()


if __name__ == "__main__":
    tap.main(globals())
