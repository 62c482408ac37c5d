# SPDX-License-Identifier: ISC
"""A provider that means harm: it costs bounded time, memory and connections, ends no process, and the others' requests go on."""
import base64
import glob
import gzip
import json
import os
import re
import socket
import subprocess
import threading
import time
import urllib.parse

import tap
from common import add, added, gateway, gateway_of, integrate, pdns, refused, together
from hostile_server import MIB, Hostile, Roles, head, whole
from servers import CA, wait_for

ZONE = "hostile.example"
KEY = "CANARYq7Zk2Vb9Xw4Lt8Rm1Ns5Hd3Gf6"
P = pdns(ZONE)
LARGE = 4 * MIB - 100  # as much as an answer may have, but for its head
CALL_SECONDS = 30

# MiB that the worst of it may ever take; about twice what was measured.
PEAK = {"postern-planner-self": 120, "postern-courier-self": 300, "postern-vault": 80, "postern-front": 80, "postern-scribe": 20,
        "postern-planner": 20, "postern-courier": 40}


def sanitized(g):
    """With a sanitizer, whose shadow memory is huge, memory and time are not what they are."""
    with open("/proc/%d/maps" % g.pid) as f:
        spans = [line.split()[0].split("-") for line in f]
    return any(int(end, 16) - int(begin, 16) > 1 << 36 for begin, end in spans)


def make(g, up, key=KEY, **kw):
    status, answer = g.post("/make_integration", {"provider": "powerdns", "credentials": {"url": up.url, "api_key": key},
                                                  "verify": False, **kw})
    assert status == 200, answer
    return answer["integration_handle"]


def zones(g, handle):
    return g.post("/get_zones", {"integration_handle": handle}, timeout=90)


class Others:
    """Somebody with an honest provider, who asks all the time."""

    def __init__(self, g):
        self.g, self.handle, self.worst, self.count, self.over = g, integrate(g, P), 0, 0, False
        self.failed = None
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over and not self.failed:
            began = time.monotonic()
            status, answer = zones(self.g, self.handle)
            self.worst, self.count = max(self.worst, time.monotonic() - began), self.count + 1
            if status != 200:
                self.failed = status, answer

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.over = True
        self.thread.join()

    def served(self, seconds):
        """All of them, and none waited longer."""
        assert not self.failed, self.failed
        assert self.count > 0 and self.worst < seconds, (self.count, self.worst)


def bounded(g, roles):
    roles.all_alive()
    tap.comment("peaks in MiB: %s" % roles.peaks())
    if not sanitized(g):
        for name, most in PEAK.items():
            assert roles.peak(name) < most, (name, roles.peaks())


# ---- bombs ----

def fill(piece, around=b"[]"):
    """A JSON text of nearly LARGE bytes. PIECE, with its comma; %d in it counts."""
    if b"%d" not in piece:
        body = piece * (LARGE // len(piece))
    else:
        body = b"".join(piece % i for i in range(LARGE // (len(piece) + 6)))
    return around[:1] + body[:-1] + around[1:]


ZONE_JSON = b'{"id":"%d.example.","name":"%d.example.","kind":"Native"},'
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


def listen():
    """Something that takes connections and never speaks: for TLS, a handshake that does not end; for DNS, no answer."""
    return socket.create_server(("127.0.0.1", 0), backlog=64)


def update_server(g, port):
    """The answer to an integration of an RFC 2136 server there, not verified."""
    return g.post("/make_integration", {"provider": "rfc2136", "verify": False, "credentials": {
        "server": "127.0.0.1:%d" % port, "zones": ZONE, "tsig_name": "k", "tsig_algorithm": "hmac-sha256",
        "tsig_secret": base64.b64encode(KEY.encode()).decode()}})


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
            # A handshake is a part of connecting, which has 5 seconds; the 64 KiB of heads are full earlier or later.
            want = {(502, "provider_unavailable")} if name == "a handshake" else {(504, "provider_timeout")}
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


# ---- TLS ----

def test_renegotiation():
    """A server that wants new keys on a connection is told no, which ends it. The key was sent by then, over TLS as it should be."""
    ca = CA()
    certificate, key = ca.issue("127.0.0.1")
    with open(ca.file) as f:
        pem = f.read()
    server = subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", certificate, "-key", key, "-tls1_2"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
    try:
        port = int(next(line for line in server.stdout if line.startswith("ACCEPT")).rpartition(":")[2])
        with gateway_of('ca_file = "{d}/ca"\nself_hosted { allow = {"127.0.0.1"} }', ca=pem) as g:
            result = []
            asking = threading.Thread(target=lambda: result.append(g.post("/make_integration", {
                "provider": "powerdns", "credentials": {"url": "https://127.0.0.1:%d" % port, "api_key": KEY}})))
            asking.start()
            assert any(line.startswith("GET ") for line in server.stdout)
            server.stdin.write("r\n")
            assert any("no renegotiation" in line for line in server.stdout)
            asking.join()
            refused(result[0], 502, "provider_unavailable")
    finally:
        server.kill()
        server.communicate()
        ca.close()


# ---- DNS servers ----

def messages(question):
    """What a server might say to QUESTION, a signed message without its length; whether it is refused as no answer, or as not signed."""
    head = question[:2] + b"\x84\0" + question[4:6] + b"\0\0\0\0\0\0"
    qname = question[12:]
    yield from (b"", b"\0", b"\xff\xff", b"\0\0", b"\0\x0b" + b"x" * 11, b"\0\x0c" + b"\0" * 12, b"\xff\xff" + b"\xff" * 65535,
                b"\xff\xff" + b"\0" * 65535, b"\xff\xff" + head + b"\xc0\x0c" * 32761 + b"\0", b"HTTP/1.1 200 OK\r\n\r\n" * 100)
    for message in (question, head + qname, question[:2] + b"\x84\x05" + question[4:], question[:2] + b"\x84" + question[3:],
                    question[:2] + b"\xac" + question[3:], question[:2] + b"\x84\0\xff\xff\xff\xff\xff\xff\xff\xff" + qname,
                    head + b"\xc0\x0c", head + b"\xff" * 100, bytes(reversed(question)), question[:12] + b"\x3f" * 2000,
                    question + question, question[:-1]):
        yield len(message).to_bytes(2, "big") + message


def test_update_servers():
    """Echoes, noise, and messages as long as can be: nothing of them is believed, nothing of the key comes out."""
    with gateway() as g, listen() as listener:
        turn, asked = [0], []

        def serve():
            while True:
                try:
                    s, _ = listener.accept()
                except OSError:
                    return
                with s, s.makefile("rb") as stream:
                    question = stream.read(int.from_bytes(stream.read(2), "big"))
                    if not question:
                        continue
                    asked.append(question)
                    try:
                        s.sendall(list(messages(question))[turn[0]])
                    except OSError:
                        pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        status, answer = update_server(g, listener.getsockname()[1])
        handle, roles, answers = answer["integration_handle"], Roles(g), []
        with Others(g) as others:
            for turn[0] in range(len(list(messages(b"\0" * 40)))):
                answers += [zones(g, handle), add(g, handle, "_acme-challenge." + ZONE, "v")]
        for status, answer in answers:
            # Of what is not signed a plain refusal may be taken over: then there is no zone.
            assert (status, answer.get("zones")) == (200, []) or answer["code"] in (
                "provider_unavailable", "provider_rejected", "provider_auth_failed", "zone_not_found"), (status, answer)
        assert len(asked) >= len(answers) and not any(KEY.encode() in q for q in asked)
        text = json.dumps(answers).encode() + g.stderr_text().encode()
        assert not [n for n in spellings(KEY) if n in text]
        others.served(5)
        bounded(g, roles)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


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


# ---- names and ids ----

NASTY = ["../../x", "..", ".", "%2e%2e%2f", "..%2f..%2fx", "..\\x", "a?b=c", "a#b", "a&b", "a;b", "/etc/passwd", "//evil.example/",
         "http://evil.example/", "a\r\nX-Evil: 1", "a\nb", "a\tb", "\x00", "\x1b[2J", "\x7f", "a b", "\u202egnp.exe", "\uff0e\uff0e\uff0f",
         "{zone}", "{=api_key}", "$(id)", "`id`", "<b>", "\"", "'", "\\", "%00", "%0d%0aX: y", "\ud83d\ude00", "a" * 1024, "a" * 1025,
         "a" * 70000, "", " ", "@evil", "*", "*.hostile.example", "hostile..example", ".hostile.example", "-", "\u00e9.example"]


def lines_are_clean(g):
    """One JSON object a line, in printable ASCII."""
    for path in glob.glob(os.path.join(g.audit_dir, "*.jsonl")):
        with open(path, "rb") as f:
            for line in f.read().splitlines():
                assert re.fullmatch(rb"[ -~]+", line), line
                json.loads(line)


def record_set(name, text):
    return {"name": name, "type": "TXT", "ttl": 60, "records": [{"content": text, "disabled": False}], "comments": []}


def test_names_and_ids():
    """Whatever stands for a zone's name or id: what is asked next stays on the table's paths."""
    allowed = re.compile(r"/api/v1/servers/localhost/zones(/hostile\.example\.)?(\?[A-Za-z0-9_.=&%-]*)?")
    with gateway() as g, Hostile() as up:
        handle = make(g, up)
        for text in NASTY:
            pairs = [(text, text), (text, ZONE + "."), (ZONE + ".", text), (ZONE + ".", ZONE + ".")]
            for pair in pairs:
                body = json.dumps([dict(zip(("id", "name"), pair), kind="Native")]).encode()
                rrsets = [record_set(text, text), record_set("_acme-challenge.%s." % ZONE, text)]
                inside = json.dumps({"id": text, "name": text, "rrsets": rrsets, "error": text}).encode()

                def say(socket, request):
                    known = body if request.path.split("?")[0].endswith("/zones") else inside
                    whole(known, "200 OK" if request.method == "GET" else "409 No")(socket, request)

                up.say = say
                status, answer = zones(g, handle)
                assert status in (200, 422, 502), (text, status, answer)
                for z in answer.get("zones", []):
                    assert re.fullmatch(r"[a-z0-9_.-]+", z["name"]) and re.fullmatch(r"[ -~]{1,1024}", z["id"]), z
                status, answer = add(g, handle, "_acme-challenge." + ZONE, "v", mode="replace")
                assert status in (200, 409, 422, 502), (text, status, answer)
                assert re.fullmatch(r"[ -~]{0,400}", answer.get("detail", "")), answer
        for request in up.requests:
            assert allowed.fullmatch(request.path), request.path
            assert request.headers.get("X-Evil") is None and request.headers["Host"] == up.url[7:]
        wait_for(lambda: g.audit()[-1]["event"].endswith("outcome"))
        lines_are_clean(g)
        assert all(c.isprintable() or c == "\n" for c in g.stderr_text())


# ---- heads ----

def test_heads():
    """Answers that are none, or more than one; what they carry in headers goes nowhere."""
    raw = [b"", b"\0" * 1000, b"\r\n\r\n", b"HTTP/0.9 200 OK\r\n\r\n[]", b"[]", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 200\r\nA\0b: c\r\n\r\n[]",
           b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n[]", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n[]",
           b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n[]", b"HTTP/1.1 101 Switch\r\nUpgrade: h2c\r\n\r\n[]",
           b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
           b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n[]", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20000,
           b"HTTP/1.1 200 OK\r\nA: " + b"b" * 200000, b"HTTP/1.1 200 OK\r\n" + b"Set-Cookie: a=b\r\n" * 3000 + b"\r\n[]",
           b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 5000, b"\x16\x03\x03\x00\x7a\x02\x00\x00", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
           b"HTTP/1.1 999999 OK\r\n\r\n[]", b"HTTP/1.1 " + b"9" * 100000]
    with gateway() as g, Hostile() as up:
        handle, roles = make(g, up), Roles(g)
        for bytes_ in raw:
            up.say = lambda socket, request: socket.sendall(bytes_)
            # Of a length that cannot be, or is said twice, there is a whole list until the end.
            answer = zones(g, handle)
            assert answer == (200, {"zones": []}) if b"[]" in bytes_ and answer[0] == 200 else answer[0] == 502, (bytes_[:99], answer)
        for status in ("301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent", "300 Choices", "305 Proxy"):
            for target in ("http://127.0.0.1:1/", "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "//[::1]/", "/api/v1",
                           up.url + "/elsewhere", "gopher://x"):
                up.say = whole(b"[]", status, Location=target, Refresh="0; url=" + target, Set_Cookie="a=b")
                asked = len(up.requests)
                assert zones(g, handle)[0] in (422, 502), (status, target)
                assert len(up.requests) == asked + 1
        up.say = whole(b"[]", "401 No", WWW_Authenticate="Negotiate, NTLM, Digest realm=\"x\", nonce=\"y\", Basic")
        asked = len(up.requests)
        refused(zones(g, handle), 422, "provider_auth_failed")
        assert len(up.requests) == asked + 1
        assert not any(r.headers.get("Cookie") or "elsewhere" in r.path for r in up.requests)
        bounded(g, roles)


# ---- echoes ----

def spellings(secret):
    raw = secret.encode()
    return [raw, raw.hex().encode(), raw.hex().upper().encode(), base64.b64encode(raw).rstrip(b"="),
            base64.urlsafe_b64encode(raw).rstrip(b"="), urllib.parse.quote(secret, safe="").encode()]


def echo_texts(request):
    """All that was sent, as one text and in parts."""
    said = "%s %s HTTP/1.1\r\n%s\r\n%s" % (request.method, request.path, request.headers, request.body.decode("latin-1"))
    return [said] + [v for v in request.headers.values()] + ["%s: %s" % h for h in request.headers.items()]


def as_error(request, text, status):
    return json.dumps({"error": text, "errors": [{"code": 1, "message": text}], "message": text, "success": False, "detail": text}), {}


def as_key(request, text, status):
    return json.dumps({text: text, "error": {text: 1}}), {}


def as_zones(request, text, status):
    return json.dumps([{"name": name, "id": id, "kind": "Native"} for name, id in (
        (text, text), (ZONE + ".", text), (text[-60:] + ".example.", "1"))]), {}


def as_records(request, text, status):
    return json.dumps({"rrsets": [record_set("_acme-challenge.%s." % ZONE, '"%s"' % text), record_set(text, text)]}), {}


def as_page(request, text, status):
    return "<html><body>%s</body></html>" % text, {"Content_Type": "text/html"}


def as_broken(request, text, status):
    return "{\"error\": \"%s" % text, {}


def as_headers(request, text, status):
    flat = re.sub(r"[^ -~]+", " ", text)
    return "{}", {k: flat for k in ("Location", "Link", "ETag", "Retry_After", "X_RateLimit_Reset", "X_Key", "Set_Cookie", "WWW_Authenticate")}


def test_echo():
    """Every header and body of the request, as whatever part of the answer: nothing of the credential comes out anywhere."""
    ways = (as_error, as_key, as_zones, as_records, as_page, as_broken, as_headers)
    needles = spellings(KEY) + [KEY[:12].encode(), KEY[:12].encode().hex().encode()]
    with gateway() as g, Hostile() as up:
        handle, answers = make(g, up), []
        for status in ("200 OK", "201 Created", "400 Bad", "401 No", "403 No", "404 No", "409 No", "422 No", "429 No", "500 No", "302 No"):
            for way in ways:
                for part in range(8):
                    def say(socket, request):
                        texts = echo_texts(request)
                        text = texts[part % len(texts)]
                        body, headers = way(request, text, status)
                        reason = re.sub(r"[^ -~]+", " ", text) if part % 2 else "x"
                        whole(body.encode(), status.split()[0] + " " + reason, **headers)(socket, request)

                    up.say = say
                    answers.append(zones(g, handle))
                    if part < 3:
                        answers.append(add(g, handle, "_acme-challenge." + ZONE, "v", mode="replace"))
        status, answer = g.post("/make_integration", {"provider": "powerdns", "credentials": {"url": up.url, "api_key": KEY}})
        answers.append((status, answer))
        sent = [r.headers["X-API-Key"] for r in up.requests]
        assert len(sent) >= len(answers) and set(sent) == {KEY}, "the test echoes nothing"
        text = json.dumps(answers).encode() + repr(answers).encode() + g.stderr_text().encode()
        for path in glob.glob(os.path.join(g.audit_dir, "*")):
            with open(path, "rb") as f:
                text += f.read()
        assert not [n for n in needles if n in text]
        lines_are_clean(g)


if __name__ == "__main__":
    tap.main(globals())
