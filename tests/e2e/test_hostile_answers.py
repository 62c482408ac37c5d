# SPDX-License-Identifier: ISC
"""A provider that means harm: what it puts into its answers, over HTTP, TLS and DNS, leads nowhere and lets nothing out."""
import base64
import glob
import json
import os
import re
import socket
import subprocess
import threading
import urllib.parse

import tap
from common import add, gateway, gateway_of, refused
from hostile_server import KEY, ZONE, Hostile, Others, Roles, bounded, listen, make, update_server, whole, zones
from servers import CA, wait_for

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


if __name__ == "__main__":
    tap.main(globals())
