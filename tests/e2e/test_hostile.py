# SPDX-License-Identifier: ISC
"""What the network may throw at the front. After each of it, a good client is served."""
import base64
import glob
import json
import os
import resource
import socket
import time

import tap
from common import gateway
from servers import wait_for

VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vectors")


def load(name):
    with open(os.path.join(VECTORS, "http", name)) as f:
        return json.load(f)["cases"]


def connect(g):
    s = socket.create_connection((g.host, g.port), timeout=5)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def exchange(g, raw, timeout=5):
    """Send the bytes and close our side; all that comes back."""
    with connect(g) as s:
        s.settimeout(timeout)
        try:
            s.sendall(raw)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        got = b""
        try:
            while True:
                chunk = s.recv(65536)
                if not chunk:
                    return got
                got += chunk
        except OSError:
            return got


def statuses(answer):
    """The status of every response in the bytes."""
    found, rest = [], answer
    while rest.startswith(b"HTTP/1.1 "):
        head, _, rest = rest.partition(b"\r\n\r\n")
        found.append(int(head[9:12]))
        lengths = [int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length:")]
        rest = rest[lengths[0]:] if lengths else rest
    return found


def good(g):
    assert g.get("/healthz")[0] == 200


def post(g, body, content_type="application/json", extra=b"", token=True, path="/get_zones"):
    auth = b"Authorization: Bearer " + g.token.encode() + b"\r\n" if token else b""
    raw = b"POST " + path.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Type: " + content_type.encode() + \
        b"\r\nContent-Length: %d\r\n" % len(body) + auth + extra + b"\r\n" + body
    answer = exchange(g, raw)
    return statuses(answer), answer


def test_smuggling_vectors():
    """Each of them holds one request at most: never two answers, and none of those that name Transfer-Encoding gets a 2xx."""
    with gateway() as g:
        for case in load("smuggler_mutations.json"):
            raw = base64.b64decode(case["request_b64"])
            got = statuses(exchange(g, raw))
            assert len(got) <= 1, (case["id"], got)
            assert not got or got[0] >= 400, (case["id"], got)
        good(g)


def test_desync_vectors():
    with gateway() as g:
        for case in load("http_desync_guardian.json"):
            if case["tier"] not in ("Ambiguous", "Severe"):
                continue
            got = statuses(exchange(g, base64.b64decode(case["request_head_b64"])))
            assert len(got) <= 1 and (not got or got[0] >= 400), (case["id"], got)
        good(g)


def test_other_http_vectors():
    with gateway() as g:
        for name, key in (("http11probe.json", "requests_b64"), ("gunicorn_requests.json", "request_b64"),
                          ("llhttp.json", None)):
            for case in load(name):
                raws = case.get(key) if key else [case.get(k) for k in case if k.endswith("_b64")]
                for raw in raws if isinstance(raws, list) else [raws]:
                    if isinstance(raw, str):
                        exchange(g, base64.b64decode(raw))
        good(g)


def test_json_vectors():
    with gateway() as g:
        for path in sorted(glob.glob(os.path.join(VECTORS, "json", "test_parsing", "*.json"))):
            with open(path, "rb") as f:
                body = f.read()
            if len(body) > 65536:
                continue
            got, answer = post(g, body)
            assert got == [400], (os.path.basename(path), got, answer)
            problem = json.loads(answer.split(b"\r\n\r\n", 1)[1])
            assert problem["code"] == "invalid_request", problem
        good(g)


def test_bodies():
    with gateway() as g:
        assert post(g, b"[" * 1000)[0] == [400]
        assert post(g, b"{}" + b" " * 65534)[0] == [400], "64 KiB is still read"
        got = statuses(exchange(g, b"POST /get_zones HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                                   b"Authorization: Bearer " + g.token.encode() +
                                   b"\r\nContent-Length: 1000000\r\n\r\n" + b"[" * 1000000))
        assert got == [413], got
        good(g)


def test_framing_and_media():
    with gateway() as g:
        body = b'{"integration_handle":"x"}'
        assert post(g, body, content_type="text/plain")[0] == [415]
        assert post(g, body, content_type="application/json; charset=utf-8")[0] == [422]
        assert post(g, body, content_type="application/json; charset=latin1")[0] == [415]
        assert post(g, body, token=False)[0] == [401]
        assert post(g, body, path="/nowhere")[0] == [404]
        for raw, want in [
            (b"GET /get_zones HTTP/1.1\r\nHost: x\r\n\r\n", [405]),
            (b"DELETE /healthz HTTP/1.1\r\nHost: x\r\n\r\n", [405]),
            (b"BREW /healthz HTTP/1.1\r\nHost: x\r\n\r\n", [501]),
            (b"GET /healthz HTTP/1.0\r\nHost: x\r\n\r\n", [505]),
            (b"GET /healthz HTTP/1.1\r\n\r\n", [400]),
            (b"GET /healthz HTTP/1.1\nHost: x\n\n", [400]),
            (b"POST /get_zones HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\r\n", [411]),
            (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20000 + b"\r\n\r\n", [431]),
            (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", [200, 200]),
        ]:
            assert statuses(exchange(g, raw)) == want, (raw[:60], statuses(exchange(g, raw)))
        assert post(g, body, extra=b"Content-Encoding: gzip\r\n")[0] == [415]
        assert b"\r\nAllow: POST\r\n" in exchange(g, b"GET /get_zones HTTP/1.1\r\nHost: x\r\n\r\n")
        for te in (b"chunked", b"identity", b"gzip, chunked", b"x"):
            got, answer = post(g, body, extra=b"Transfer-Encoding: " + te + b"\r\n")
            assert len(got) == 1 and got[0] in (400, 501), (te, got)
            assert b"connection: close" in answer.lower()
        good(g)


def test_strict_fields():
    with gateway() as g:
        def field(path, body):
            status, answer = g.post(path, body)
            assert status == 400 and answer["code"] == "invalid_request", (status, answer)
            return answer.get("field")

        record = {"fqdn": "_acme-challenge.example.com", "type": "TXT", "value": "v"}
        assert field("/add_record", {"integration_handle": "x", "record": record, "colour": 1}) == "colour"
        assert field("/add_record", {"integration_handle": 7, "record": record}) == "integration_handle"
        assert field("/add_record", {"record": record}) == "integration_handle"
        assert field("/add_record", {"integration_handle": "x"}) == "record"
        assert field("/add_record", {"integration_handle": "x", "record": []}) == "record"
        for key, value in (("fqdn", 1), ("type", None), ("value", []), ("mode", "both"), ("ttl", "60"), ("ttl", 0),
                           ("ttl", -1), ("ttl", 90000), ("ttl", 1.5), ("type", "txt"), ("colour", 1)):
            assert field("/add_record", {"integration_handle": "x", "record": dict(record, **{key: value})}) == "record." + key
        make = {"provider": "powerdns", "credentials": {"url": "http://127.0.0.1", "api_key": "k"}}
        for key, value in (("provider", "nobody"), ("credentials", "x"), ("zones", "x"), ("zones", [1]), ("zones", ["a..b"]),
                           ("policy", "lax"), ("expires_at", 5), ("expires_at", "tomorrow"), ("verify", "yes"),
                           ("customer", "c" * 129), ("zones", ["a.example"] * 65)):
            assert field("/make_integration", dict(make, **{key: value})) == key, key
        assert field("/make_integration", dict(make, credentials={"url": "http://127.0.0.1"})) == "credentials.api_key"
        assert field("/make_integration", dict(make, credentials=dict(make["credentials"], extra="s3cr3t"))) == "credentials.extra"
        assert field("/make_integration", dict(make, credentials=dict(make["credentials"], api_key=5))) == "credentials.api_key"


def test_empty_is_not_everything():
    """An empty customer or list of zones is a mistake, and must not mean "anybody" and "all"."""
    with gateway() as g:
        make = {"provider": "powerdns", "credentials": {"url": "http://127.0.0.1", "api_key": "k"}, "verify": False}
        for key, value in (("customer", ""), ("zones", [])):
            status, answer = g.post("/make_integration", dict(make, **{key: value}))
            assert status == 400 and answer["field"] == key, (status, answer)


def test_every_refusal_is_on_record():
    with gateway() as g:
        record = {"fqdn": "_acme-challenge.example.com", "type": "TXT", "value": "v", "ttl": 0}
        bad = [("/add_record", {"integration_handle": "x", "customer": "c1", "record": record}),
               ("/add_record", {"integration_handle": "x" * 30000, "record": dict(record, ttl=1)}),
               ("/make_integration", {"provider": "nobody", "credentials": {}}),
               ("/make_integration", {"provider": "powerdns", "credentials": {"url": 1}}),
               ("/get_zones", {"handle": "x"}), ("/get_zones", {"integration_handle": "x"})]
        for path, body in bad * 5:
            assert g.post(path, body)[0] >= 400
        refused = [l for l in g.audit() if l["event"].endswith(".refused")]
        assert len(refused) == len(bad) * 5, len(refused)
        assert (refused[0]["customer"], refused[0]["fqdn"], refused[0]["type"]) == ("c1", record["fqdn"], "TXT")


def test_answers_never_echo_values():
    with gateway() as g:
        secret = "s3cr3t-value-that-must-not-come-back"
        for body in ({"provider": "powerdns", "credentials": {"url": secret, "api_key": secret}},
                     {"provider": secret[:32], "credentials": {}},
                     {"provider": "powerdns", "credentials": {secret + "!": secret}},
                     {"provider": "powerdns", "credentials": [secret]}):
            status, answer = g.post("/make_integration", body)
            assert status == 400 and secret not in json.dumps(answer), answer
        got, answer = post(g, b'{"integration_handle": "' + secret.encode() + b'"', path="/get_zones")
        assert got == [400] and secret.encode() not in answer


def test_idle_connections():
    """Ten thousand that say nothing, and some that speak a byte a second: a good client does not notice."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    want = min(10000, hard - 200)
    with gateway() as g:
        idle = []
        try:
            for i in range(want):
                s = socket.socket()
                s.connect((g.host, g.port))
                idle.append(s)
                if i % 100 == 0:
                    s.send(b"POST /add_re")
            slow = idle[::100]
            for _ in range(5):
                started = time.monotonic()
                good(g)
                assert time.monotonic() - started < 1
                for s in slow:
                    try:
                        s.send(b"x")
                    except OSError:
                        pass
        finally:
            for s in idle:
                s.close()
        wait_for(lambda: g.get("/healthz")[0] == 200, 5)


def test_slow_head_is_cut_off():
    with gateway() as g, connect(g) as s:
        s.settimeout(20)
        s.sendall(b"GET /healthz HTT")
        started = time.monotonic()
        answer = s.recv(65536)
        assert answer.startswith(b"HTTP/1.1 408"), answer
        assert 8 < time.monotonic() - started < 15


def test_many_requests_on_one_connection():
    with gateway() as g, connect(g) as s:
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 2000)
        got = b""
        while got.count(b"HTTP/1.1 200") < 2000:
            chunk = s.recv(65536)
            assert chunk
            got += chunk


def test_byte_by_byte():
    with gateway() as g, connect(g) as s:
        for c in b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":
            s.sendall(bytes([c]))
        assert s.recv(65536).startswith(b"HTTP/1.1 200")


if __name__ == "__main__":
    tap.main(globals())
